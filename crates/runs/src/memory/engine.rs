//! What the engine asks of the log beside commits: what may be claimed, what waits, who is alive, and the places under concurrency keys.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use workflow::{
    agent::matches,
    id::{RunId, StepKey, WorkerId},
    run::{
        State,
        plan::KeyLimit,
        state::{Admission, Status, Work},
        testing::Dice,
    },
};

use super::{
    Rng,
    stored::{Reservation, Row, Stored, WorkerRow},
};
use crate::{
    bugs::{Bug, is_on},
    log::{Beat, LostWorker, Ready, Waiting, Want},
};

/// A place that was reserved and never taken.
const ORPHAN_AFTER: TimeDelta = TimeDelta::seconds(30);
/// So long a judgement is left to the process that committed what it is about.
const LEFT_TO_ITS_PROCESS: TimeDelta = TimeDelta::seconds(2);
const LONG_DEAD: TimeDelta = TimeDelta::days(1);

impl Stored {
    pub(crate) fn claimable(
        &self,
        now: DateTime<Utc>,
        (kinds, agents): (&[String], Option<&[String]>),
        but: &[RunId],
        limit: usize,
        rng: &mut Rng,
    ) -> Vec<Ready> {
        let mut found = Vec::new();
        // Begun anywhere, so that no run is always last.
        let first = rng.roll(self.runs.len());
        let all = self.runs.iter().skip(first).chain(self.runs.iter().take(first));
        for (run, row) in all.filter(|(run, _)| !but.contains(run)) {
            let ready = |key: &StepKey| {
                let step = row.state.step(key)?;
                let plan = row.state.design.plan(step.definition_key())?;
                let (user, not_before, kind) = (row.state.birth.user_id, step.not_before, plan.kind.clone());
                let is_meant = |all: &[String]| all.iter().any(|one| matches(one, plan.agent_id.as_str()));
                let is_ours = kinds.contains(&kind) && (kind.is_empty() || agents.is_none_or(is_meant));
                is_ours.then(|| Ready { run: *run, step: key.clone(), kind, user, not_before })
            };
            found.extend(row.state.claimable(now).filter_map(ready).take((limit - found.len()).min(8)));
        }
        found
    }

    pub(crate) fn waiting(&self, now: DateTime<Utc>, limit: usize) -> Waiting {
        let mut waiting = Waiting::default();
        for (run, row) in self.runs.iter().filter(|(_, row)| !row.state.run.status.is_terminal()) {
            let state = &row.state;
            let is_left = now - row.committed_at > LEFT_TO_ITS_PROCESS;
            if is_left && state.undecided().next().is_some() && waiting.undecided.len() < limit {
                waiting.undecided.push(*run);
            }
            if is_due(row, now) && waiting.due.len() < limit {
                waiting.due.push(*run);
            }
            let steps = state.reserving().take(limit);
            waiting.reserving.extend(steps.map(|(key, limits)| (*run, key.clone(), limits.to_vec())));
            let dead = state.workers().filter(|worker| self.workers.get(worker).is_none_or(|row| row.is_dead));
            waiting.lost.extend(dead.map(|worker| LostWorker { run: *run, worker }));
        }
        waiting
    }

    /// A worker that is there for the first time is registered.
    pub(crate) fn beat(&mut self, worker: WorkerId, now: DateTime<Utc>, timeline: u64) -> Beat {
        let new = WorkerRow { beat_at: now, suspected_at: None, is_dead: false, timeline };
        let row = self.workers.entry(worker).or_insert(new);
        if row.is_dead {
            return Beat::Dead;
        }
        (row.beat_at, row.suspected_at) = (now, None);
        Beat::Alive { timeline: i64::try_from(timeline).unwrap_or(i64::MAX) }
    }

    pub(crate) fn sweep(&mut self, lease: Duration, now: DateTime<Utc>) -> usize {
        let lease = TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX);
        let mut n_dead = 0;
        for row in self.workers.values_mut().filter(|row| !row.is_dead && now - row.beat_at > lease) {
            match row.suspected_at {
                None => row.suspected_at = Some(now),
                Some(suspected) if now - suspected > lease / 5 => {
                    row.is_dead = true;
                    n_dead += 1;
                }
                Some(_) => {}
            }
        }
        let holding: Vec<WorkerId> = self.runs.values().flat_map(|row| row.state.workers()).collect();
        let is_forgotten =
            |id: &WorkerId, row: &WorkerRow| row.is_dead && now - row.beat_at > LONG_DEAD && !holding.contains(id);
        self.workers.retain(|id, row| !is_forgotten(id, row));
        self.free_orphans(now);
        n_dead
    }

    pub(crate) fn reserve(&mut self, wants: &[Want], now: DateTime<Utc>) -> Vec<(RunId, StepKey)> {
        let mut granted = Vec::new();
        for Want { run, step, limits } in wants {
            if self.reserve_one(*run, step, limits, now) {
                granted.push((*run, step.clone()));
            }
        }
        granted
    }

    /// A place under each of its keys, or none.
    fn reserve_one(&mut self, run: RunId, key: &StepKey, limits: &[KeyLimit], now: DateTime<Utc>) -> bool {
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
        let wants = |state: &State, key: &StepKey, limit: &str| {
            state.step(key).filter(|_| state.needs_place(key, limit)).is_some_and(|step| {
                let works = matches!(step.status, Status::Running(Work::Attempt { .. }));
                works || matches!(step.status.admission(), Some(Admission::Claimable | Admission::Reserving))
            })
        };
        for (limit, held) in &mut self.reservations {
            held.retain(|(run, key), reservation| {
                if is_on(Bug::FreeInFlight) {
                    return now - reservation.since < TimeDelta::milliseconds(500);
                }
                let is_old = now - reservation.since > ORPHAN_AFTER;
                reservation.is_held || !is_old || runs.get(run).is_some_and(|row| wants(&row.state, key, limit))
            });
        }
    }
}

/// Its deadline is over, a review was not decided in time, or an attempt waited for a time that is there.
fn is_due(row: &Row, now: DateTime<Utc>) -> bool {
    let state = &row.state;
    let is_over = state.run.deadline_at.is_some_and(|deadline| deadline < now);
    is_over || state.timers().first().is_some_and(|(at, _)| *at < now)
}
