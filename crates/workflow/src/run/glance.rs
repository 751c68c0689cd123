//! What is seen at first of a large run: its head, the first steps of the list, the step that is looked at and the first of its items, and
//! how many there are of everything. A page comes with that alone, and reads the whole run when it is there (`pieces`).
//! It is a run of its own that folds like any other, but no event may be folded into it: what it leaves out would be missed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Snapshot,
    event::{Effects, Started},
    state::{Attempt, Step},
};
use crate::{
    Definition,
    graph::Graph,
    id::StepKey,
    status::StepStatus,
    view::{LeftOut, RunView, Tally},
};

/// A run of more steps and items than this is seen in part at first.
pub const SMALL: usize = 400;
/// A definition of more steps is not there as a whole: a graph of so many is drawn at once.
pub const DRAWN: usize = 200;
/// So many rows of the list of steps, and of a list of items, are there at first.
pub const ROWS: usize = 100;

impl Snapshot {
    /// None where all of it is little enough. `wanted` is the step that somebody asked for.
    #[must_use]
    pub fn glance(&self, wanted: Option<&StepKey>) -> Option<(Self, LeftOut)> {
        let started = self.data.started.as_deref()?;
        if self.data.steps.len() <= SMALL {
            return None;
        }
        let removed: BTreeSet<&StepKey> = self.data.removed.iter().collect();
        let there: Vec<&Step> = self.data.steps.iter().filter(|step| !removed.contains(&step.key)).collect();
        let definition = &started.run_definition;
        let order = order(definition);
        let first = self.first_of(&order, &there);
        let wanted = wanted.filter(|key| there.iter().any(|step| step.key == **key)).cloned();
        let look = wanted.or_else(|| first.clone());
        let parent = look.as_ref().map(|key| key.split().0);
        let has_all_steps = definition.steps.len() <= DRAWN;
        let n_steps = if has_all_steps { definition.steps.len() } else { ROWS };
        let drawn: BTreeSet<&StepKey> = order.into_iter().take(n_steps).chain(&parent).collect();

        let of_list = there.iter().copied().filter(|step| item_of(step).is_some_and(|of| Some(of) == parent.as_ref()));
        let mut of_list: Vec<&Step> = of_list.collect();
        of_list.sort_by_key(|step| step.item.as_ref().map(|item| item.index));
        let waiting =
            there.iter().copied().filter(|step| item_of(step).is_some_and(|of| drawn.contains(of)) && waits(step));
        let mut kept: BTreeMap<&StepKey, &Step> =
            of_list.into_iter().take(ROWS).chain(waiting.take(ROWS)).map(|step| (&step.key, step)).collect();
        let are_drawn = |step: &&Step| {
            if step.item.is_none() { drawn.contains(&step.key) } else { Some(&step.key) == look.as_ref() }
        };
        kept.extend(there.iter().copied().filter(are_drawn).map(|step| (&step.key, step)));

        let mut left_out = LeftOut { has_all_steps, first, ..LeftOut::default() };
        for step in &there {
            let tally = match item_of(step) {
                None => Some(&mut left_out.steps),
                Some(of) if drawn.contains(of) => Some(left_out.items.entry(of.clone()).or_default()),
                Some(_) => None,
            };
            if let Some(tally) = tally {
                *tally.entry(step.status.word()).or_default() += 1;
            }
            left_out.n_waiting += usize::from(waits(step));
        }
        let is_looked_at = |key: &StepKey| Some(key) == look.as_ref();
        let overrides = &started.overrides;
        let looked: BTreeSet<&StepKey> = look.iter().chain(&parent).collect();
        let data = Effects {
            started: Some(Box::new(Started {
                run_definition: if has_all_steps {
                    Arc::clone(definition)
                } else {
                    Arc::new(part_of(definition, &drawn))
                },
                overrides: overrides.iter().filter(|(key, _)| looked.contains(key)).map(owned).collect(),
                steps: started.steps.iter().filter(|plan| drawn.contains(&plan.key)).cloned().collect(),
                ..started.clone()
            })),
            run: self.data.run.clone(),
            steps: kept.values().copied().cloned().collect(),
            attempts: self.attempts_at_first(&kept, look.as_ref()),
            artifacts: self.data.artifacts.iter().filter(|it| is_looked_at(&it.producing_step_id)).cloned().collect(),
            rejections: self.data.rejections.iter().filter(|it| is_looked_at(&it.step)).cloned().collect(),
            ..Effects::default()
        };
        Some((Self { seq: self.seq, at: self.at, created_at: self.created_at, data }, left_out))
    }

    fn first_of(&self, order: &[&StepKey], there: &[&Step]) -> Option<StepKey> {
        let statuses = there.iter().map(|step| (&step.key, step.status.word()));
        let is_over = self.data.run.as_ref().is_some_and(|run| run.status.is_terminal());
        first_look(order, is_over, statuses)
    }

    /// All of the step that is looked at, and of each row the last one, for as long as it took.
    fn attempts_at_first(&self, kept: &BTreeMap<&StepKey, &Step>, look: Option<&StepKey>) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        let mut all = self.data.attempts.iter().peekable();
        while let Some(attempt) = all.next() {
            if Some(&attempt.step) == look {
                attempts.push(attempt.clone());
                continue;
            }
            // Those of a step stand together, by number.
            let is_last = all.peek().is_none_or(|next| next.step != attempt.step);
            if is_last && kept.get(&attempt.step).is_some_and(|step| step.item.is_none()) {
                attempts.push(bare(attempt));
            }
        }
        attempts
    }
}

/// What is seen of a run once all of its steps are there, and of what they did and made still that alone which was seen at first.
#[must_use]
pub fn with_all_steps(seen: &RunView, mut all: RunView) -> RunView {
    for known in &seen.steps {
        if let Ok(at) = all.steps.binary_search_by(|step| step.key.cmp(&known.key)) {
            all.steps[at] = Arc::clone(known);
        }
    }
    // Events are asked for from there on.
    all.seq = seen.seq;
    all.artifacts.clone_from(&seen.artifacts);
    let mut left_out = seen.left_out.clone();
    if let Some(left_out) = &mut left_out {
        left_out.has_all_steps = true;
        // Of lists whose steps were not among the first.
        for (list, tally) in tallies(&all) {
            left_out.items.entry(list).or_insert(tally);
        }
    }
    all.left_out = left_out;
    all
}

/// Of the items of each list.
fn tallies(run: &RunView) -> BTreeMap<StepKey, Tally> {
    let mut tallies: BTreeMap<StepKey, Tally> = BTreeMap::new();
    for step in &run.steps {
        if let Some(of) = &step.item_of {
            *tallies.entry(of.clone()).or_default().entry(step.status).or_default() += 1;
        }
    }
    tallies
}

/// Where to look first: what waits for a person, what failed, what runs, else the last step. `order`: of the definition's steps;
/// `statuses`: of all steps and items, by key.
pub fn first_look<'a>(
    order: &[&'a StepKey],
    is_over: bool,
    statuses: impl IntoIterator<Item = (&'a StepKey, StepStatus)>,
) -> Option<StepKey> {
    let statuses: BTreeMap<&StepKey, StepStatus> = statuses.into_iter().collect();
    let with = |status: StepStatus| order.iter().copied().find(|key| statuses.get(key) == Some(&status));
    // An item of a list may be what waits.
    let item = || statuses.iter().find(|(_, status)| **status == StepStatus::AwaitingReview).map(|(key, _)| *key);
    with(StepStatus::AwaitingReview)
        .or_else(item)
        .or_else(|| with(StepStatus::Failed))
        .or_else(|| with(StepStatus::Running))
        .or_else(|| if is_over { order.last().copied() } else { order.first().copied() })
        .cloned()
}

/// A published definition has no cycle; by key is still a list.
fn order(definition: &Definition) -> Vec<&StepKey> {
    Graph::of(definition).order().unwrap_or_else(|_| definition.steps.keys().collect())
}

fn item_of(step: &Step) -> Option<&StepKey> {
    step.item.as_ref().map(|item| &item.of)
}

fn waits(step: &Step) -> bool {
    step.status.word() == StepStatus::AwaitingReview
}

fn owned<K: Clone, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (key.clone(), value.clone())
}

/// These steps alone, and no notes: what is drawn is drawn of the whole one.
fn part_of(definition: &Definition, drawn: &BTreeSet<&StepKey>) -> Definition {
    Definition {
        schema_version: definition.schema_version,
        inputs: definition.inputs.clone(),
        limits: definition.limits.clone(),
        steps: definition.steps.iter().filter(|(key, _)| drawn.contains(key)).map(owned).collect(),
        ..Definition::default()
    }
}

/// When it began and how it ended.
fn bare(attempt: &Attempt) -> Attempt {
    Attempt {
        step: attempt.step.clone(),
        number: attempt.number,
        generation: attempt.generation,
        started_at: attempt.started_at,
        ended_at: attempt.ended_at,
        outcome: attempt.outcome,
        error_class: attempt.error_class,
        error: None,
        inputs: Vec::new(),
        usage: None,
        basis: None,
        message: None,
        worker: None,
        fence: 0,
        reads: Vec::new(),
        build: None,
        answered_by: None,
    }
}
