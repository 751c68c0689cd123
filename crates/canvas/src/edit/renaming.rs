//! The edits that give a step or a run input another key, and why a key cannot be given.
//! What is judged here is what a person typed; the model judges again, by itself.

use workflow::{Definition, StepKey};

use super::{
    Edit,
    key::free_slug,
    rename::{is_step_named, reads_run_input},
};

/// Why a key cannot be given, in words for the person who typed it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyFault {
    #[error("Give it a key")]
    Empty,
    #[error(
        "`{key}` is no key: use at most 64 lower-case letters, digits and `_`, beginning with a letter, such as `{such_as}`"
    )]
    Malformed { key: String, such_as: String },
    #[error("There is a step `{0}` already")]
    StepTaken(String),
    #[error("There is an input `{0}` already")]
    InputTaken(String),
    #[error("Something still reads `{0}`, which is not there: put that right first, or choose another key")]
    StillNamed(String),
    #[error("`{0}` is not there any more")]
    Gone(String),
}

/// The edit that gives a step another key.
pub fn rename_step(definition: &Definition, old: &StepKey, new: &str) -> Result<Edit, KeyFault> {
    well_formed(new, |key| definition.steps.contains_key(key))?;
    let to = StepKey::new(new);
    if !definition.steps.contains_key(old) {
        return Err(KeyFault::Gone(old.to_string()));
    }
    if *old != to && definition.steps.contains_key(&to) {
        return Err(KeyFault::StepTaken(new.to_owned()));
    }
    if *old != to && is_step_named(definition, &to) {
        return Err(KeyFault::StillNamed(new.to_owned()));
    }
    Ok(Edit::RenameStep { from: old.clone(), to })
}

/// The edit that gives a run input another key.
pub fn rename_run_input(definition: &Definition, old: &str, new: &str) -> Result<Edit, KeyFault> {
    well_formed(new, |key| definition.inputs.contains_key(key))?;
    if !definition.inputs.contains_key(old) {
        return Err(KeyFault::Gone(old.to_owned()));
    }
    if old != new && definition.inputs.contains_key(new) {
        return Err(KeyFault::InputTaken(new.to_owned()));
    }
    if old != new && reads_run_input(definition, new) {
        return Err(KeyFault::StillNamed(new.to_owned()));
    }
    Ok(Edit::RenameRunInput { from: old.to_owned(), to: new.to_owned() })
}

fn well_formed(key: &str, is_taken: impl Fn(&str) -> bool) -> Result<(), KeyFault> {
    if key.is_empty() {
        return Err(KeyFault::Empty);
    }
    if StepKey::new(key).is_well_formed() {
        return Ok(());
    }
    Err(KeyFault::Malformed { key: key.to_owned(), such_as: free_slug(key, is_taken) })
}

#[cfg(test)]
mod tests;
