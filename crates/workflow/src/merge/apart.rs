//! Steps that two people added under one key, which both drafts took from the name of the same agent: two steps, so mine gets another key.
//! So do notes and groups, whose ids are counted. Must never give a key that anything names, or a reference that leads nowhere would
//! come alive.

use std::collections::{BTreeMap, BTreeSet};

use super::walk::means_the_same;
use crate::{
    definition::{Definition, Note, Step},
    document::Document,
    id::StepKey,
    references::{named_steps, rename_steps},
};

/// Of a key, before the number that tells it from the other.
const MAX_CHARS: usize = 57;

/// Mine with keys of its own for such steps.
pub(super) struct Apart {
    pub(super) mine: Document,
    /// From which key to which, for whoever stands on such a step.
    pub(super) renamed: Vec<(StepKey, StepKey)>,
}

/// Nothing where there are no such steps, notes or groups.
pub(super) fn apart(base: &Definition, mine: &Document, theirs: &Definition) -> Option<Apart> {
    let added = mine.definition.steps.iter().filter(|(key, _)| !base.steps.contains_key(*key));
    let twice = added.filter(|(key, step)| theirs.steps.get(*key).is_some_and(|other| !means_the_same(step, other)));
    let twice: Vec<&StepKey> = twice.map(|(key, _)| key).collect();
    let notes = notes_apart(base, &mine.definition, theirs);
    let groups = groups_apart(base, &mine.definition, theirs, &twice);
    if twice.is_empty() && notes.is_empty() && groups.is_empty() {
        return None;
    }
    let mut taken: BTreeSet<StepKey> = BTreeSet::new();
    for definition in [base, &mine.definition, theirs] {
        taken.extend(definition.steps.keys().chain(definition.steps.values().flat_map(named_steps)).cloned());
    }
    let mut apart = mine.clone();
    let mut keys = BTreeMap::new();
    // The number from which keys of one beginning may be free: thousands of long ones may have the same.
    let mut counted: BTreeMap<String, u32> = BTreeMap::new();
    for key in twice {
        let stem: String = key.as_str().chars().take(MAX_CHARS).collect();
        let first = counted.get(&stem).copied().unwrap_or(2);
        let mut frees = (first..=u32::MAX).map(|n| (n, StepKey::new(format!("{stem}_{n}"))));
        if let Some((n, free)) = frees.find(|(_, free)| !taken.contains(free)) {
            taken.insert(free.clone());
            keys.insert(key.clone(), free);
            counted.insert(stem, n.saturating_add(1));
        }
    }
    rename_steps(&mut apart.definition, &keys);
    for note in &mut apart.definition.notes {
        if let Some(id) = notes.get(&note.id) {
            note.id.clone_from(id);
        }
    }
    for (id, other) in &groups {
        if let Some(group) = apart.definition.groups.remove(id) {
            apart.definition.groups.insert(other.clone(), group);
        }
        let is_in = |_: &StepKey, step: &Step| step.group.as_ref() == Some(id);
        apart.definition.steps.change_where(is_in, |_, step| step.group = Some(other.clone()));
    }
    Some(Apart { mine: apart, renamed: keys.into_iter().collect() })
}

/// Each id of mine that became another one.
type Renamed = BTreeMap<String, String>;

fn notes_apart(base: &Definition, mine: &Definition, theirs: &Definition) -> Renamed {
    let is_known = |note: &Note| base.notes.iter().any(|known| known.id == note.id);
    let added = mine.notes.iter().filter(|note| !is_known(note));
    let twice = added.filter(|note| theirs.notes.iter().any(|other| other.id == note.id && other != *note));
    // Also those that are gone: under the id of one of the base, a new note would be taken for it.
    let taken = [base, mine, theirs].into_iter().flat_map(|definition| &definition.notes).map(|note| note.id.clone());
    renamed(twice.map(|note| &note.id), taken.collect())
}

/// Two are one only if they are drawn around the same steps as well: many are called alike, and their ids are counted.
fn groups_apart(base: &Definition, mine: &Definition, theirs: &Definition, twice: &[&StepKey]) -> Renamed {
    let is_around_same = |id: &String| {
        let around = members(mine, id);
        around == members(theirs, id) && twice.iter().all(|step| !around.contains(step))
    };
    let added = mine.groups.iter().filter(|(id, _)| !base.groups.contains_key(*id));
    let twice =
        added.filter(|(id, group)| theirs.groups.get(*id).is_some_and(|other| other != *group || !is_around_same(id)));
    let named = |definition: &'_ Definition| -> Vec<String> {
        let members = definition.steps.values().filter_map(|step| step.group.as_ref());
        definition.groups.keys().chain(members).cloned().collect()
    };
    renamed(twice.map(|(id, _)| id), [base, mine, theirs].into_iter().flat_map(named).collect())
}

fn members<'d>(definition: &'d Definition, group: &str) -> BTreeSet<&'d StepKey> {
    let steps = definition.steps.iter().filter(|(_, step)| step.group.as_deref() == Some(group));
    steps.map(|(key, _)| key).collect()
}

fn renamed<'a>(twice: impl Iterator<Item = &'a String>, mut taken: BTreeSet<String>) -> Renamed {
    let mut renamed = Renamed::new();
    for id in twice {
        let free = (2..=u32::MAX).map(|n| format!("m{n}")).find(|free| !taken.contains(free));
        if let Some(free) = free {
            taken.insert(free.clone());
            renamed.insert(id.clone(), free);
        }
    }
    renamed
}
