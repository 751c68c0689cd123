//! What copied steps become in a workflow: steps with keys and titles of their own, joined among each other as they were.
//! Nothing here knows a place: where they stand is for the board to say.

use std::collections::BTreeMap;

use workflow::{
    Definition, Step, StepKey,
    definition::{Group, Note, RunInput},
    references::each_source,
    source::Source,
};

use super::Clip;
use crate::edit::{FreeKeys, FreeTitles, fresh_id};

/// What becomes of that which the steps read of steps that were not copied along.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outside {
    /// Read as before, where the step is still there: within one workflow.
    Keep,
    /// Let go: in another workflow the same key is another step.
    Drop,
}

/// Steps as they can be added to a definition.
#[derive(Clone, PartialEq, Debug)]
pub struct Pasted {
    /// By the key that each had.
    pub steps: Vec<(StepKey, (StepKey, Step))>,
    /// Run inputs that they read and that the definition does not have.
    pub inputs: Vec<(String, RunInput)>,
    /// With ids of their own.
    pub groups: Vec<(String, Group)>,
    pub notes: Vec<Note>,
    /// Connections to steps outside that were let go.
    pub n_let_go: usize,
}

impl Clip {
    /// The steps as they are to be added to the definition.
    pub fn pasted(&self, definition: &Definition, outside: Outside) -> Pasted {
        let (mut keys, mut titles) = (FreeKeys::of(definition), FreeTitles::of(definition));
        let mut renamed = BTreeMap::new();
        let mut named = Vec::with_capacity(self.definition.steps.len());
        for (key, step) in &self.definition.steps {
            // A step without a title is known by its key, which is another one now.
            let title = if step.title.is_empty() { String::new() } else { titles.take(&step.title) };
            let new = keys.take(if title.is_empty() { key.as_str() } else { &title });
            renamed.insert(key.clone(), new.clone());
            named.push((key, step, new, title));
        }
        let mut naming = Naming { definition, outside, renamed, keys, absent: BTreeMap::new() };
        let groups = self.groups_for(definition);
        let mut n_let_go = 0;
        let steps = named.into_iter().map(|(key, step, new, title)| {
            // A group of which only a part was copied takes the copies in, at home.
            let stays = |id: &String| outside == Outside::Keep && definition.groups.contains_key(id);
            let group = step.group.as_ref();
            let group = group.and_then(|id| groups.get(id).cloned().or_else(|| stays(id).then(|| id.clone())));
            let (step, n) = naming.joined(Step { title, group, ..step.clone() });
            n_let_go += n;
            (key.clone(), (new, step))
        });
        let steps = steps.collect();
        let inputs = self.definition.inputs.iter().filter(|(key, _)| !definition.inputs.contains_key(*key));
        let last = definition.inputs.values().map(|input| input.order).max();
        let inputs = inputs.map(|(key, input)| {
            // After those that are there.
            let order = last.map_or(input.order, |last| last.saturating_add(1).saturating_add(input.order.max(0)));
            (key.clone(), RunInput { order, ..input.clone() })
        });
        let named =
            self.definition.groups.iter().filter_map(|(id, group)| Some((groups.get(id)?.clone(), group.clone())));
        Pasted { steps, inputs: inputs.collect(), groups: named.collect(), notes: self.notes_for(definition), n_let_go }
    }

    /// By the id that each group had, the one that it gets.
    fn groups_for(&self, definition: &Definition) -> BTreeMap<String, String> {
        let mut given: BTreeMap<String, String> = BTreeMap::new();
        for id in self.definition.groups.keys() {
            let is_named = |id: &str| definition.steps.values().any(|step| step.group.as_deref() == Some(id));
            let new = fresh_id('g', |id| {
                definition.groups.contains_key(id) || given.values().any(|known| known == id) || is_named(id)
            });
            given.insert(id.clone(), new);
        }
        given
    }

    fn notes_for(&self, definition: &Definition) -> Vec<Note> {
        let mut notes: Vec<Note> = Vec::with_capacity(self.definition.notes.len());
        for note in &self.definition.notes {
            let id = fresh_id('n', |id| definition.notes.iter().chain(&notes).any(|known| known.id == id));
            notes.push(Note { id, ..note.clone() });
        }
        notes
    }
}

struct Naming<'a> {
    definition: &'a Definition,
    outside: Outside,
    renamed: BTreeMap<StepKey, StepKey>,
    keys: FreeKeys,
    /// By its key there, the key that nobody has here.
    absent: BTreeMap<StepKey, StepKey>,
}

impl Naming<'_> {
    /// The step with the new keys of what it reads, and how much of it was let go.
    fn joined(&mut self, mut step: Step) -> (Step, usize) {
        let before = step.direct_dependencies().len();
        let depends_on = std::mem::take(&mut step.depends_on);
        step.depends_on = depends_on.into_iter().filter_map(|key| self.kept(&key)).collect();
        step.inputs.retain(|_, source| match source {
            Source::Step { step, .. } => self.kept(step).is_some(),
            Source::Const(_) | Source::Run { .. } | Source::Item { .. } => true,
        });
        let n_kept = step.direct_dependencies().len();
        // What is left reads something that is there; but for conditions and lists, of which dropping a part would lose an author's
        // work. Those go on naming what is not there, under a key that nobody has, so that the validator says so.
        each_source(&mut step, &mut |source| {
            if let Source::Step { step: key, .. } = source {
                *key = self.kept(key).unwrap_or_else(|| self.absent(key));
            }
        });
        (step, before.saturating_sub(n_kept))
    }

    fn absent(&mut self, key: &StepKey) -> StepKey {
        let keys = &mut self.keys;
        self.absent.entry(key.clone()).or_insert_with(|| keys.take(key.as_str())).clone()
    }

    fn kept(&self, key: &StepKey) -> Option<StepKey> {
        let is_there = self.outside == Outside::Keep && self.definition.steps.contains_key(key);
        self.renamed.get(key).cloned().or_else(|| is_there.then(|| key.clone()))
    }
}
