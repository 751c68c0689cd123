//! The one statement that changes what is stored: a commit, run by run, by compare-and-set on the head.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use workflow::{
    id::{RunId, StepKey, WorkerId},
    run::{State, plan::KeyLimit},
};

use super::{
    check::{Before, Checks},
    stored::{MOST_CLOCK_OFF, Row, Stored},
    tables::Tables,
};
use crate::{
    bugs::{Bug, is_on},
    commit::RunCommit,
    log::{Loaded, Logged, Newer, Outcome, Seen},
};

impl Stored {
    /// One run's part of a batch.
    pub(crate) fn commit(&mut self, commit: &RunCommit, now: DateTime<Utc>, checks: &mut Checks) -> Outcome {
        if let Some(reason) = self.quarantined.get(&commit.run) {
            return Outcome::Quarantined { reason: reason.clone() };
        }
        if commit.expected.is_none() && self.deleted.contains(&commit.run) {
            return Outcome::Quarantined { reason: "it was deleted".to_owned() };
        }
        let row = self.runs.get(&commit.run);
        if row.is_some_and(|row| row.locked_until > now) {
            return Outcome::Locked;
        }
        if !is_on(Bug::DoNotFindOwn) && row.is_some_and(|row| row.commits.contains(&commit.id)) {
            return Outcome::Found;
        }
        let is_same = match row {
            Some(row) if is_on(Bug::CompareNumbers) => row.state.seq == commit.expected_seq,
            row => row.map(|row| row.head) == commit.expected,
        };
        if !is_same {
            return Outcome::Lost;
        }
        if let Some(other) = commit.start.as_ref().and_then(|key| self.starts.get(key)) {
            return Outcome::StartedAs(*other);
        }
        if (commit.decided_at - now).abs() > MOST_CLOCK_OFF && !is_on(Bug::DoNotCompareClocks) {
            return Outcome::ClockOff;
        }
        let is_dead = |worker: WorkerId| self.workers.get(&worker).is_none_or(|worker| worker.is_dead);
        if commit.worker.is_some_and(is_dead) && !is_on(Bug::DeadMayStart) {
            return Outcome::WorkerDead;
        }
        let has_reservation = |key: &StepKey| {
            let limits = self.limits(commit.run, key, commit);
            limits.iter().all(|limit| {
                let held = self.reservations.get(&limit.key);
                held.is_some_and(|held| held.contains_key(&(commit.run, key.clone())))
            })
        };
        if !commit.holds.iter().all(has_reservation) {
            return Outcome::ReservationGone;
        }
        if !commit.written_ahead().into_iter().all(|hash| self.contents.has_blob(hash)) {
            return Outcome::ContentGone;
        }
        if !is_on(Bug::KeepMessage) && commit.messages().any(|message| !self.inbox.contains_key(&message)) {
            return Outcome::MessageGone;
        }
        self.write(commit, now, checks);
        Outcome::Written
    }

    /// The row of its head goes, and its id is kept.
    pub(crate) fn delete(&mut self, run: RunId) {
        self.runs.remove(&run);
        self.starts.retain(|_, started| *started != run);
        self.deleted.insert(run);
    }

    /// The keys of a step, as its run has them or is about to.
    fn limits(&self, run: RunId, key: &StepKey, commit: &RunCommit) -> Vec<KeyLimit> {
        let (of, _) = key.split();
        let moved = commit.events().find_map(|event| event.data.moved.as_ref());
        if let Some(plan) = moved.and_then(|moved| moved.steps.iter().find(|plan| plan.key == of)) {
            return plan.keys.clone();
        }
        let design = self.runs.get(&run).map(|row| &row.state.design);
        design.and_then(|design| design.plan(&of)).map(|plan| plan.keys.clone()).unwrap_or_default()
    }

    fn write(&mut self, commit: &RunCommit, now: DateTime<Utc>, checks: &mut Checks) {
        checks.before(self, commit, now);
        let row = self.runs.entry(commit.run).or_insert_with(|| Row {
            head: commit.id,
            state: State::empty(),
            log: Vec::new(),
            tables: Tables::default(),
            committed_at: now,
            commits: BTreeSet::new(),
            asks: BTreeSet::new(),
            locked_until: DateTime::UNIX_EPOCH,
        });
        let before = Before::of(&row.state, commit);
        (row.head, row.committed_at) = (commit.id, now);
        row.commits.insert(commit.id);
        for part in &commit.parts {
            row.asks.insert(part.ask);
            for event in &part.events {
                self.contents.write(event, commit);
                checks.apply(&mut row.state, event);
                checks.audit(&row.state, event, &self.contents);
                row.log.push(Logged { commit: commit.id, ask: part.ask, event: Arc::clone(event) });
            }
            checks.decided(&row.state, part);
            if let Some(message) = &part.message
                && !is_on(Bug::KeepMessage)
            {
                self.inbox.remove(message);
            }
        }
        row.tables.write(&commit.rows);
        let state = &row.state;
        let messages = commit.rows.tells.iter().map(|sent| sent.message(commit.run, commit.id));
        self.inbox.extend(messages.map(|message| (message.key, message.tell)));
        if let Some(start) = &commit.start {
            self.starts.insert(start.clone(), commit.run);
        }
        for (limit, held) in &mut self.reservations {
            // What was reserved for it before its run moved is not its own.
            for key in commit.holds.iter().filter(|key| state.needs_place(key, limit)) {
                if let Some(reservation) = held.get_mut(&(commit.run, key.clone())) {
                    reservation.is_held = true;
                }
            }
            for key in &commit.frees {
                held.remove(&(commit.run, key.clone()));
            }
        }
        checks.after(self, commit, &before, now);
    }

    pub(crate) fn load(&self, run: RunId) -> Loaded {
        if let Some(reason) = self.quarantined.get(&run) {
            return Loaded::Quarantined { reason: reason.clone() };
        }
        match self.runs.get(&run) {
            None => Loaded::Missing,
            Some(row) => Loaded::Run { seen: Seen { seq: row.state.seq, head: row.head }, events: row.log.clone() },
        }
    }

    pub(crate) fn newer(&self, run: RunId, seen: Seen) -> Newer {
        if let Some(reason) = self.quarantined.get(&run) {
            return Newer::Quarantined { reason: reason.clone() };
        }
        let Some(row) = self.runs.get(&run) else { return Newer::Missing };
        let n = usize::try_from(seen.seq).unwrap_or(usize::MAX);
        let is_its = n.checked_sub(1).and_then(|n| row.log.get(n)).is_some_and(|last| last.commit == seen.head);
        match row.log.get(n..) {
            _ if !is_its => Newer::Diverged,
            None | Some([]) => Newer::Nothing,
            Some(events) => Newer::Events(events.to_vec()),
        }
    }
}
