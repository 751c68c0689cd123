//! What the engine asks of the log beside commits: what may be claimed, what waits, who is alive, and the places under concurrency keys.

use chrono::{DateTime, TimeDelta, Utc};
use workflow::{
    id::{RunId, StepKey, WorkerId},
    run::{
        State,
        plan::KeyLimit,
        state::{Admission, Status, Work},
        testing::Dice,
    },
};

use super::{
    Connection, Rng,
    store::{Reservation, Stored, WorkerRow},
};
use crate::{
    bugs::{Bug, is_on},
    log::{LostWorker, Unavailable, Waiting},
};

/// A worker that was not heard of for so long, at two looks, is dead for good.
const HEARTBEAT_TTL: TimeDelta = TimeDelta::seconds(10);
/// A place that was reserved and never taken.
const ORPHAN_AFTER: TimeDelta = TimeDelta::seconds(30);

impl Stored {
    pub(crate) fn claimable(&self, now: DateTime<Utc>, limit: usize, rng: &mut Rng) -> Vec<(RunId, Vec<StepKey>)> {
        let mut found = Vec::new();
        let mut n_left = limit;
        // Begun anywhere, so that no run is always last.
        let first = rng.roll(self.runs.len());
        for (run, row) in self.runs.iter().skip(first).chain(self.runs.iter().take(first)) {
            let steps: Vec<StepKey> = row.state.claimable(now).take(n_left.min(8)).cloned().collect();
            n_left -= steps.len();
            if !steps.is_empty() {
                found.push((*run, steps));
            }
        }
        found
    }

    pub(crate) fn waiting(&self, now: DateTime<Utc>, limit: usize) -> Waiting {
        let mut waiting = Waiting::default();
        for (run, row) in self.runs.iter().filter(|(_, row)| !row.state.run.status.is_terminal()) {
            let state = &row.state;
            if state.undecided().next().is_some() && waiting.undecided.len() < limit {
                waiting.undecided.push(*run);
            }
            let is_over = state.run.deadline_at.is_some_and(|deadline| deadline < now);
            let is_due = state.timers().first().is_some_and(|(at, _)| *at < now);
            if (is_over || is_due) && waiting.due.len() < limit {
                waiting.due.push(*run);
            }
            let steps = state.reserving().take(limit);
            waiting.reserving.extend(steps.map(|(key, limits)| (*run, key.clone(), limits.to_vec())));
            let dead = state.workers().filter(|worker| self.workers.get(worker).is_none_or(|row| row.is_dead));
            waiting.lost.extend(dead.map(|worker| LostWorker { run: *run, worker }));
        }
        waiting
    }

    /// A place under each of its keys, or none.
    fn reserve(&mut self, run: RunId, key: &StepKey, limits: &[KeyLimit], now: DateTime<Utc>) -> bool {
        let at = (run, key.clone());
        let is_free = limits.iter().all(|limit| {
            let held = self.reservations.get(&limit.key);
            let n = held.map_or(0, |held| held.len() - usize::from(held.contains_key(&at)));
            n < usize::try_from(limit.max).unwrap_or(usize::MAX)
        });
        if is_free {
            for limit in limits {
                let held = self.reservations.entry(limit.key.clone()).or_default();
                held.entry(at.clone()).or_insert(Reservation { since: now, is_held: false });
            }
        }
        is_free
    }

    /// Places whose step does not have them and does not want them any more. One whose commit may be in flight is left.
    fn free_orphans(&mut self, now: DateTime<Utc>) {
        let runs = &self.runs;
        let wants = |state: &State, key: &StepKey| {
            state.step(key).is_some_and(|step| {
                let works = matches!(step.status, Status::Running(Work::Attempt { .. }));
                works || matches!(step.status.admission(), Some(Admission::Claimable | Admission::Reserving))
            })
        };
        for held in self.reservations.values_mut() {
            held.retain(|(run, key), reservation| {
                if is_on(Bug::FreeInFlight) {
                    return now - reservation.since < TimeDelta::milliseconds(500);
                }
                let is_old = now - reservation.since > ORPHAN_AFTER;
                reservation.is_held || !is_old || runs.get(run).is_some_and(|row| wants(&row.state, key))
            });
        }
    }
}

impl Connection {
    /// A worker says that it is there. None: it is dead, for good. Otherwise the timeline of the database: another one is another history,
    /// in which the worker may hold what it ended long ago, so it has to begin anew under another id.
    pub async fn beat(&self, worker: WorkerId) -> Result<Option<u64>, Unavailable> {
        self.read(|database, now| {
            let row = database.stored.workers.entry(worker).or_insert(WorkerRow { beat_at: now, is_dead: false });
            if !row.is_dead {
                row.beat_at = now;
            }
            (!row.is_dead).then_some(database.n_failovers)
        })
        .await
    }

    /// Workers that were not heard of are dead from now on.
    pub async fn sweep(&self) -> Result<(), Unavailable> {
        self.read(|database, now| {
            for row in database.stored.workers.values_mut() {
                row.is_dead |= now - row.beat_at > HEARTBEAT_TTL;
            }
            database.stored.free_orphans(now);
        })
        .await
    }

    pub async fn reserve(&self, run: RunId, key: &StepKey, limits: &[KeyLimit]) -> Result<bool, Unavailable> {
        self.read(|database, now| database.stored.reserve(run, key, limits, now)).await
    }
}
