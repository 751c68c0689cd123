//! What follows from the steps of a run, kept up to date as they change: how many each waits for, what a map still has open, what
//! decides the run's status, and what may be claimed. `put` is the only place that changes any of it, and costs the neighbourhood.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};

use super::{Admission, Design, State, Status, Step, Wait, Work};
use crate::{
    decide::{Dependency, DependencyClass},
    definition::OnError,
    id::{StepKey, WorkerId},
    run::seeded::{self, Bug},
    status::StepCounts,
};

/// A step with what follows from those around it.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    pub step: Step,
    /// No part of the run any more; what it did is kept, so that it goes on counting when it is back.
    pub is_removed: bool,
    pub waits: Waits,
    /// Of a map: its items that are not over.
    pub items_open: i32,
    /// Of a map: its items that take a place of its `max_parallel`.
    pub(in crate::run) items_taken: i32,
}

impl Entry {
    pub(in crate::run) fn new(step: Step) -> Self {
        Self { step, is_removed: false, waits: Waits::default(), items_open: 0, items_taken: 0 }
    }
}

/// The direct dependencies of a step: those that are not over, those that block the default rule, and those that satisfy it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Waits {
    pub open: i32,
    pub failed: i32,
    pub done: i32,
}

/// What a run's status and its limits are derived from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::run) struct Counts {
    pub(in crate::run) steps: StepCounts,
    /// Places of the run's `max_parallel` that are taken.
    pub(in crate::run) taken: i64,
    /// Queued, and no person asked for it.
    pub(in crate::run) ready_by_itself: i64,
    pub(in crate::run) running: i64,
}

/// A place in the queue.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Turn {
    pub not_before: DateTime<Utc>,
    rank: u32,
    index: i32,
    pub key: StepKey,
}

impl Turn {
    pub(in crate::run) fn of(step: &Step, design: &Design) -> Self {
        Self {
            not_before: step.not_before,
            rank: design.rank(step.definition_key()),
            index: step.item.as_ref().map_or(0, |item| item.index),
            key: step.key.clone(),
        }
    }
}

/// Where a step waits for admission: with the other items of its map, and apart where a pause does not keep it.
pub(in crate::run) type Place = (Option<StepKey>, bool);

/// Steps by what is asked about them often.
#[derive(Clone, PartialEq, Debug, Default)]
pub(in crate::run) struct Index {
    pub(in crate::run) claimable: BTreeSet<Turn>,
    pub(in crate::run) reserving: BTreeSet<Turn>,
    /// Held, or under a limit that has no room.
    pub(in crate::run) waiting: BTreeMap<Place, BTreeSet<Turn>>,
    pub(in crate::run) undecided: BTreeSet<StepKey>,
    pub(in crate::run) leased: BTreeMap<WorkerId, BTreeSet<StepKey>>,
    pub(in crate::run) timers: BTreeSet<(DateTime<Utc>, StepKey)>,
    pub(in crate::run) items: BTreeMap<StepKey, BTreeSet<StepKey>>,
}

/// Steps as they can be changed: a state, or a draft over one.
pub(in crate::run) trait Cells {
    fn design(&self) -> Arc<Design>;
    fn entry(&self, key: &StepKey) -> Option<&Entry>;
    fn entry_mut(&mut self, key: &StepKey) -> Option<&mut Entry>;
    fn insert(&mut self, entry: Entry);
    fn counts_mut(&mut self) -> &mut Counts;
    /// A step is not what it was.
    fn reindex(&mut self, before: Option<&Entry>, after: &Entry, design: &Design);
}

/// What one step adds to everything around it.
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one step")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Share {
    active: bool,
    awaiting_review: bool,
    failed: bool,
    taken: bool,
    ready_by_itself: bool,
    running: bool,
    /// Of an item.
    item_open: bool,
    item_taken: bool,
    /// None while it is not over.
    class: Option<DependencyClass>,
}

impl Share {
    fn of(entry: &Entry, design: &Design) -> Option<Self> {
        if entry.is_removed {
            return None;
        }
        let step = &entry.step;
        let is_map = step.item.is_none() && design.is_map(&step.key);
        let on_error = step.on_error(design.step(step.definition_key()));
        let is_held = step.status.admission().is_some_and(|admission| admission != Admission::Claimable);
        let takes = matches!(step.status, Status::Ready { .. } | Status::Running(_)) && !is_held;
        Some(Self {
            active: match &step.status {
                Status::Pending { needs_decision } | Status::Running(Work::Items { needs_decision }) => *needs_decision,
                Status::Ready { .. } | Status::Running(_) => true,
                _ => false,
            },
            awaiting_review: matches!(step.status, Status::AwaitingReview { .. }),
            failed: matches!(step.status, Status::Failed { .. }) && on_error != OnError::Continue,
            taken: takes
                && !is_map
                && (step.child_run.is_none() || seeded::is(Bug::KeepsPlaceOfChild))
                && !is_suspended(step),
            ready_by_itself: matches!(step.status, Status::Ready { .. }) && !step.manually_triggered,
            running: matches!(step.status, Status::Running(_)),
            item_open: step.item.is_some() && !step.status.is_over(),
            item_taken: step.item.is_some() && takes && !is_suspended(step),
            class: step
                .status
                .is_over()
                .then(|| Dependency { status: step.status.word(), reason: step.status.reason(), on_error }.class()),
        })
    }
}

fn is_suspended(step: &Step) -> bool {
    match &step.status {
        Status::Running(Work::Suspended { wait: Wait::Over { admission } }) => *admission != Admission::Claimable,
        Status::Running(Work::Suspended { .. }) => true,
        _ => false,
    }
}

impl Counts {
    fn add(&mut self, share: Share, n: i64) {
        let by = |is: bool| if is { n } else { 0 };
        self.steps.active += by(share.active);
        self.steps.awaiting_review += by(share.awaiting_review);
        self.steps.failed += by(share.failed);
        self.taken += by(share.taken);
        self.ready_by_itself += by(share.ready_by_itself);
        self.running += by(share.running);
    }
}

impl Waits {
    fn add(&mut self, class: Option<DependencyClass>, n: i32) {
        match class {
            None => self.open += n,
            Some(DependencyClass::Failed) => self.failed += n,
            Some(DependencyClass::Done) => self.done += n,
            Some(DependencyClass::Neutral) => {}
        }
    }
}

/// Gives a step new values, or takes it out of the run.
pub(in crate::run) fn put<C: Cells>(cells: &mut C, step: Step, is_removed: bool) {
    let design = cells.design();
    let key = step.key.clone();
    let before = cells.entry(&key).cloned();
    let after = match &before {
        Some(known) => Entry { step, is_removed, ..known.clone() },
        None => Entry { is_removed, waits: waits_of(cells, &step, &design), ..Entry::new(step) },
    };
    let was = before.as_ref().and_then(|entry| Share::of(entry, &design));
    let is = Share::of(&after, &design);
    let of = after.step.item.as_ref().map(|item| item.of.clone());
    cells.reindex(before.as_ref(), &after, &design);
    cells.insert(after);
    if was == is {
        return;
    }
    let counts = cells.counts_mut();
    if let Some(share) = was {
        counts.add(share, -1);
    }
    if let Some(share) = is {
        counts.add(share, 1);
    }
    if let Some(of) = of {
        let n = |one: fn(Share) -> bool| i32::from(is.is_some_and(one)) - i32::from(was.is_some_and(one));
        let (open, taken) = (n(|share| share.item_open), n(|share| share.item_taken));
        if (open, taken) != (0, 0)
            && let Some(map) = cells.entry_mut(&of)
        {
            map.items_open += open;
            map.items_taken += taken;
        }
        return;
    }
    let (was, is) = (was.and_then(|share| share.class), is.and_then(|share| share.class));
    if was != is {
        for dependent in design.dependents(&key) {
            if let Some(entry) = cells.entry_mut(dependent) {
                entry.waits.add(was, -1);
                entry.waits.add(is, 1);
            }
        }
    }
}

/// Of a step that was not there.
fn waits_of<C: Cells>(cells: &C, step: &Step, design: &Design) -> Waits {
    let mut waits = Waits::default();
    if step.item.is_none() {
        for before in design.step(&step.key).into_iter().flat_map(crate::Step::direct_dependencies) {
            let share = cells.entry(before).and_then(|entry| Share::of(entry, design));
            waits.add(share.and_then(|share| share.class), 1);
        }
    }
    waits
}

impl Cells for State {
    fn design(&self) -> Arc<Design> {
        Arc::clone(&self.design)
    }

    fn entry(&self, key: &StepKey) -> Option<&Entry> {
        self.entries.get(key)
    }

    fn entry_mut(&mut self, key: &StepKey) -> Option<&mut Entry> {
        self.entries.get_mut(key)
    }

    fn insert(&mut self, entry: Entry) {
        self.entries.insert(entry.step.key.clone(), entry);
    }

    fn counts_mut(&mut self) -> &mut Counts {
        &mut self.counts
    }

    fn reindex(&mut self, before: Option<&Entry>, after: &Entry, design: &Design) {
        if let Some(before) = before {
            self.index.take(before, design);
        }
        self.index.add(after, design);
    }
}

impl State {
    /// Everything that is derived, from the beginning. Only where the definition is new does anything need this.
    pub(in crate::run) fn derive(&mut self) {
        let design = Arc::clone(&self.design);
        self.counts = Counts::default();
        self.index = Index::default();
        let shares: BTreeMap<StepKey, Share> =
            self.entries.iter().filter_map(|(key, entry)| Some((key.clone(), Share::of(entry, &design)?))).collect();
        let mut open: BTreeMap<StepKey, (i32, i32)> = BTreeMap::new();
        for (key, share) in &shares {
            self.counts.add(*share, 1);
            if let Some(item) = self.entries.get(key).and_then(|entry| entry.step.item.as_ref()) {
                let (n_open, n_taken) = open.entry(item.of.clone()).or_default();
                *n_open += i32::from(share.item_open);
                *n_taken += i32::from(share.item_taken);
            }
        }
        for (key, entry) in &mut self.entries {
            entry.waits = Waits::default();
            (entry.items_open, entry.items_taken) = open.get(key).copied().unwrap_or_default();
            if entry.step.item.is_none() {
                for before in design.step(key).into_iter().flat_map(crate::Step::direct_dependencies) {
                    entry.waits.add(shares.get(before).and_then(|share| share.class), 1);
                }
            }
            self.index.add(entry, &design);
        }
    }
}

impl Index {
    fn add(&mut self, entry: &Entry, design: &Design) {
        self.change(entry, design, true);
    }

    fn take(&mut self, entry: &Entry, design: &Design) {
        self.change(entry, design, false);
    }

    fn change(&mut self, entry: &Entry, design: &Design, is_there: bool) {
        if entry.is_removed {
            return;
        }
        let step = &entry.step;
        if let Some(item) = &step.item {
            set_in(&mut self.items, item.of.clone(), step.key.clone(), is_there);
        }
        match step.status.admission() {
            Some(Admission::Claimable) => set(&mut self.claimable, Turn::of(step, design), is_there),
            Some(Admission::Reserving) => set(&mut self.reserving, Turn::of(step, design), is_there),
            Some(Admission::Held | Admission::Limited) => {
                set_in(&mut self.waiting, place(step), Turn::of(step, design), is_there);
            }
            None => {}
        }
        if step.status.needs_decision() {
            set(&mut self.undecided, step.key.clone(), is_there);
        }
        match &step.status {
            Status::Running(Work::Attempt { worker }) => {
                set_in(&mut self.leased, *worker, step.key.clone(), is_there);
            }
            Status::Running(Work::Suspended { wait: Wait::Until { at } }) => {
                set(&mut self.timers, (*at, step.key.clone()), is_there);
            }
            Status::AwaitingReview { review } => {
                if let Some(at) = review.due_at {
                    set(&mut self.timers, (at, step.key.clone()), is_there);
                }
            }
            Status::Ready { .. } => {
                if let Some(at) = step.queue_ends(design.step(step.definition_key())) {
                    set(&mut self.timers, (at, step.key.clone()), is_there);
                }
            }
            _ => {}
        }
    }
}

pub(in crate::run) fn place(step: &Step) -> Place {
    (step.item.as_ref().map(|item| item.of.clone()), goes_in_a_pause(step))
}

/// A person asked for it, or its attempt is under way.
pub(in crate::run) fn goes_in_a_pause(step: &Step) -> bool {
    step.manually_triggered || matches!(step.status, Status::Running(_))
}

fn set<T: Ord>(of: &mut BTreeSet<T>, value: T, is_there: bool) {
    if is_there {
        of.insert(value);
    } else {
        of.remove(&value);
    }
}

fn set_in<K: Ord, T: Ord>(of: &mut BTreeMap<K, BTreeSet<T>>, key: K, value: T, is_there: bool) {
    if is_there {
        of.entry(key).or_default().insert(value);
    } else if let Some(found) = of.get_mut(&key) {
        found.remove(&value);
        if found.is_empty() {
            of.remove(&key);
        }
    }
}
