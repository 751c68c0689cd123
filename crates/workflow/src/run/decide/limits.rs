//! Which of the queued steps may be claimed: what the run's pause, its budget, its `max_parallel` and that of a map let go, the oldest
//! first. Concurrency keys are shared with other runs, so a step that has some only asks for them here (`Reserving`).

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use crate::{
    id::StepKey,
    run::state::{Admission, Cells, Status, Step, Turn, Wait, Work, goes_in_a_pause},
    status::RunStatus,
};

impl Draft<'_> {
    /// How a step stands as it is queued; `admit` sees to the rest before the event is told.
    pub(super) fn queued(&self, step: &Step) -> Status {
        Status::Ready { admission: self.first_admission(step) }
    }

    pub(super) fn first_admission(&self, step: &Step) -> Admission {
        if self.run.held.is_some() && !goes_in_a_pause(step) {
            Admission::Held
        } else if self.is_limited(step) {
            Admission::Limited
        } else {
            Admission::Claimable
        }
    }

    fn is_limited(&self, step: &Step) -> bool {
        let of_map = step.item.as_ref().is_some_and(|item| self.map_limit(&item.of).is_some());
        self.design().definition.limits.max_parallel.is_some() || of_map || self.has_keys(step)
    }

    fn map_limit(&self, map: &StepKey) -> Option<i64> {
        self.design().step(map)?.map.as_ref()?.max_parallel.map(i64::from)
    }

    pub(super) fn has_keys(&self, step: &Step) -> bool {
        self.design().plan(step.definition_key()).is_some_and(|plan| !plan.keys.is_empty())
    }

    /// Whether the limits of the run and of its map have room for one more.
    pub(super) fn has_room(&self, step: &Step) -> bool {
        let run = self.design().definition.limits.max_parallel.map(i64::from);
        let map = step.item.as_ref().and_then(|item| {
            let taken = self.entry(&item.of).map_or(0, |entry| i64::from(entry.items_taken));
            Some(taken < self.map_limit(&item.of)?)
        });
        run.is_none_or(|most| self.counts().taken < most) && map.unwrap_or(true)
    }

    /// Lets go what may go now. Costs what is let go and the maps that wait, never the items that do.
    pub(super) fn admit(&mut self) {
        if self.run.status == RunStatus::Cancelled {
            return;
        }
        let is_held = self.run.held.is_some();
        let base = self.base();
        let over: BTreeSet<Turn> = self
            .overlaid()
            .filter(|entry| !entry.is_removed && waits(&entry.step) && (!is_held || goes_in_a_pause(&entry.step)))
            .map(|entry| Turn::of(&entry.step, &base.design))
            .collect();
        if over.is_empty() && base.index.waiting.is_empty() {
            return;
        }
        let overlaid: BTreeSet<StepKey> = self.overlaid().map(|entry| entry.step.key.clone()).collect();
        let mut queues: Vec<Box<dyn Iterator<Item = Turn> + '_>> = Vec::new();
        for ((_, is_forced), turns) in &base.index.waiting {
            if *is_forced || !is_held {
                queues.push(Box::new(turns.iter().filter(|turn| !overlaid.contains(&turn.key)).cloned()));
            }
        }
        queues.push(Box::new(over.into_iter()));
        // The head of each queue, the oldest first; a map without room gives none any more.
        let mut heads: BTreeMap<Turn, usize> = BTreeMap::new();
        for (n, queue) in queues.iter_mut().enumerate() {
            heads.extend(queue.next().map(|turn| (turn, n)));
        }
        while let Some((turn, n)) = heads.pop_first() {
            let Ok(step) = self.step(&turn.key).cloned() else { continue };
            let has_keys = self.has_keys(&step);
            if self.run_is_full() && !has_keys && self.is_limited(&step) {
                break;
            }
            let goes = !self.is_limited(&step) || self.has_room(&step);
            if goes {
                let admission = if has_keys { Admission::Reserving } else { Admission::Claimable };
                self.change(&turn.key, |step| set_admission(step, admission));
            } else {
                self.change(&turn.key, |step| set_admission(step, Admission::Limited));
            }
            // The queue of a map that has no room is left, but for the last, which holds everything that lies over the state.
            if goes || n + 1 == queues.len() {
                heads.extend(queues[n].next().map(|turn| (turn, n)));
            }
        }
    }

    fn run_is_full(&self) -> bool {
        self.design().definition.limits.max_parallel.is_some_and(|most| self.counts().taken >= i64::from(most))
    }
}

fn waits(step: &Step) -> bool {
    matches!(step.status.admission(), Some(Admission::Held | Admission::Limited))
}

pub(super) fn set_admission(step: &mut Step, to: Admission) {
    match &mut step.status {
        Status::Ready { admission } | Status::Running(Work::Suspended { wait: Wait::Over { admission } }) => {
            *admission = to;
        }
        _ => {}
    }
}
