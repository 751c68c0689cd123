//! Edits of what is only drawn: colours, notes and groups, each with its exact inverse.
//! What could not be stored is refused here already, before it cannot be saved.

use workflow::{
    Definition, StepKey,
    definition::{Colour, DrawingFault, Group, Note},
    limits::{MAX_GROUPS, MAX_NOTES},
};

use super::{Edit, refused::Refused};

/// Gives each step what `set` does with it; answers with what each had, in the order that takes it back.
fn each_step<T: Clone>(
    definition: &mut Definition,
    values: &[(StepKey, T)],
    set: impl Fn(&mut workflow::Step, T) -> T,
) -> Result<Vec<(StepKey, T)>, Refused> {
    if let Some((key, _)) = values.iter().find(|(key, _)| !definition.steps.contains_key(key)) {
        return Err(Refused::UnknownStep(key.clone()));
    }
    let mut before = Vec::with_capacity(values.len());
    for (key, value) in values {
        if let Some(step) = definition.steps.get_mut(key) {
            before.push((key.clone(), set(step, value.clone())));
        }
    }
    // A key may be named twice; backwards, its first value is restored last.
    before.reverse();
    Ok(before)
}

pub(super) fn colour_steps(
    definition: &mut Definition,
    colours: &[(StepKey, Option<Colour>)],
) -> Result<Edit, Refused> {
    let set = |step: &mut workflow::Step, colour| std::mem::replace(&mut step.colour, colour);
    each_step(definition, colours, set).map(Edit::ColourSteps)
}

pub(super) fn group_steps(definition: &mut Definition, groups: &[(StepKey, Option<String>)]) -> Result<Edit, Refused> {
    let set = |step: &mut workflow::Step, group| std::mem::replace(&mut step.group, group);
    each_step(definition, groups, set).map(Edit::GroupSteps)
}

pub(super) fn set_group(definition: &mut Definition, id: &str, group: Option<&Group>) -> Result<Edit, Refused> {
    if let Some(fault) = group.and_then(|group| group.fault(id)) {
        return Err(Refused::Drawing(fault));
    }
    let before = match group {
        Some(group) => {
            let n = definition.groups.len() + 1;
            if n > MAX_GROUPS && !definition.groups.contains_key(id) {
                return Err(Refused::Drawing(DrawingFault::TooManyGroups { n }));
            }
            definition.groups.insert(id.to_owned(), group.clone())
        }
        None => Some(definition.groups.remove(id).ok_or_else(|| Refused::UnknownGroup(id.to_owned()))?),
    };
    Ok(Edit::SetGroup { id: id.to_owned(), group: before })
}

pub(super) fn set_note(definition: &mut Definition, id: &str, note: Option<&Note>) -> Result<Edit, Refused> {
    if let Some(note) = note {
        if note.id != id {
            return Err(Refused::NoteExists(note.id.clone()));
        }
        check(note)?;
    }
    let at = definition.notes.iter().position(|known| known.id == id);
    Ok(match (at, note) {
        (Some(at), Some(note)) => {
            let before = std::mem::replace(&mut definition.notes[at], note.clone());
            Edit::SetNote { id: id.to_owned(), note: Some(before) }
        }
        (Some(at), None) => Edit::InsertNote { at, note: definition.notes.remove(at) },
        (None, Some(note)) => return insert_note(definition, usize::MAX, note),
        (None, None) => return Err(Refused::UnknownNote(id.to_owned())),
    })
}

pub(super) fn insert_note(definition: &mut Definition, at: usize, note: &Note) -> Result<Edit, Refused> {
    if definition.notes.iter().any(|known| known.id == note.id) {
        return Err(Refused::NoteExists(note.id.clone()));
    }
    check(note)?;
    let n = definition.notes.len() + 1;
    if n > MAX_NOTES {
        return Err(Refused::Drawing(DrawingFault::TooManyNotes { n }));
    }
    definition.notes.insert(at.min(definition.notes.len()), note.clone());
    Ok(Edit::SetNote { id: note.id.clone(), note: None })
}

fn check(note: &Note) -> Result<(), Refused> {
    match note.fault() {
        Some(fault) => Err(Refused::Drawing(fault)),
        None => Ok(()),
    }
}

/// An id that nothing drawn has yet: a letter and a number.
pub(crate) fn fresh_id(letter: char, is_taken: impl Fn(&str) -> bool) -> String {
    let mut ids = (1..=u32::MAX).map(|n| format!("{letter}{n}"));
    ids.find(|id| !is_taken(id)).unwrap_or_default()
}

/// Those of these groups in which no step would be left without these steps.
pub(crate) fn emptied<'a>(definition: &'a Definition, steps: &[StepKey]) -> Vec<&'a String> {
    let gone: std::collections::BTreeSet<&StepKey> = steps.iter().collect();
    let stays = definition.steps.iter().filter(|(key, _)| !gone.contains(key));
    let kept: std::collections::BTreeSet<&str> = stays.filter_map(|(_, step)| step.group.as_deref()).collect();
    let of = |key: &StepKey| definition.steps.get(key)?.group.as_deref();
    let left: std::collections::BTreeSet<&str> = steps.iter().filter_map(of).collect();
    let ids = definition.groups.keys();
    ids.filter(|id| left.contains(id.as_str()) && !kept.contains(id.as_str())).collect()
}
