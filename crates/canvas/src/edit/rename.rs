//! Gives a step or a run input another key in place, with every reference to it.
//! Nothing may go on naming the old key, and nothing that dangled may come alive: a key that is still named is not given.

use workflow::{
    Definition, Step, StepKey,
    references::{self, each_source, named_steps},
    source::Source,
};

use super::refused::Refused;

/// Renames in place. The shape of the key is not judged: undoing must be able to bring back one that was loaded.
pub(super) fn step(definition: &mut Definition, from: &StepKey, to: &StepKey) -> Result<(), Refused> {
    if from != to && definition.steps.contains_key(to) {
        return Err(Refused::StepExists(to.clone()));
    }
    if from != to && is_step_named(definition, to) {
        return Err(Refused::StillNamed(to.to_string()));
    }
    if references::rename_step(definition, from, to) { Ok(()) } else { Err(Refused::UnknownStep(from.clone())) }
}

/// The same of a run input.
pub(super) fn run_input(definition: &mut Definition, from: &str, to: &str) -> Result<(), Refused> {
    if from != to && definition.inputs.contains_key(to) {
        return Err(Refused::InputExists(to.to_owned()));
    }
    if from != to && reads_run_input(definition, to) {
        return Err(Refused::StillNamed(to.to_owned()));
    }
    let input = definition.inputs.remove(from).ok_or_else(|| Refused::UnknownRunInput(from.to_owned()))?;
    definition.inputs.insert(to.to_owned(), input);
    definition.steps.change_where(
        |_, step| step_reads_run_input(step, from),
        |_, step| {
            each_source(step, &mut |source| {
                if let Source::Run { key, .. } = source
                    && key == from
                {
                    to.clone_into(key);
                }
            });
        },
    );
    Ok(())
}

/// Whether anything waits for a step of this key, or reads it.
pub(super) fn is_step_named(definition: &Definition, key: &StepKey) -> bool {
    definition.steps.values().any(|step| named_steps(step).any(|named| named == key))
}

/// Whether any step reads a run input of this key.
pub fn reads_run_input(definition: &Definition, key: &str) -> bool {
    definition.steps.values().any(|step| step_reads_run_input(step, key))
}

fn step_reads_run_input(step: &Step, key: &str) -> bool {
    let reads = |source: &Source| matches!(source, Source::Run { key: read, .. } if read == key);
    step.sources().any(reads) || step.concurrency.as_ref().is_some_and(|shared| reads(&shared.key))
}
