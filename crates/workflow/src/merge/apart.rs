//! Steps that two people added under one key, which both drafts took from the name of the same agent: two steps, so mine gets another key.
//! Must never give a key that anything names, or a reference that leads nowhere would come alive.

use std::collections::BTreeSet;

use super::walk::means_the_same;
use crate::{
    definition::Definition,
    document::Document,
    id::StepKey,
    references::{named_steps, rename_step},
};

/// Of a key, before the number that tells it from the other.
const MAX_CHARS: usize = 57;

/// Mine with keys of its own for such steps; nothing where there are none.
pub(super) fn apart(base: &Definition, mine: &Document, theirs: &Definition) -> Option<Document> {
    let added = mine.definition.steps.iter().filter(|(key, _)| !base.steps.contains_key(*key));
    let twice = added.filter(|(key, step)| theirs.steps.get(*key).is_some_and(|other| !means_the_same(step, other)));
    let twice: Vec<&StepKey> = twice.map(|(key, _)| key).collect();
    if twice.is_empty() {
        return None;
    }
    let mut taken: BTreeSet<StepKey> = BTreeSet::new();
    for definition in [base, &mine.definition, theirs] {
        taken.extend(definition.steps.keys().chain(definition.steps.values().flat_map(named_steps)).cloned());
    }
    let mut apart = mine.clone();
    for key in twice {
        let stem: String = key.as_str().chars().take(MAX_CHARS).collect();
        let free = (2_u32..).map(|n| StepKey::new(format!("{stem}_{n}"))).find(|free| !taken.contains(free));
        if let Some(free) = free {
            rename_step(&mut apart.definition, key, &free);
            taken.insert(free);
        }
    }
    Some(apart)
}
