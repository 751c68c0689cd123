//! Which runs this process changed, for whoever tells other processes and the feeds of this one. Coalesced, and it may be lost: everybody
//! who is told also looks by himself.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;
use workflow::{
    id::{RunId, WorkerId},
    status::Outcome,
};

use crate::{
    commit::RunCommit,
    rows::{AttemptRow, For, StepRow},
    taker::Rest,
};

/// Cheap to clone; all clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Hints(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    changed: Mutex<BTreeMap<RunId, Change>>,
    notify: Notify,
}

/// What commits came to, for those who cannot see their events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// The last event.
    pub seq: i64,
    /// They left steps that a worker may take at once.
    pub is_ready: bool,
    /// Steps that they left are this worker's next ones: others leave the run to it for a moment.
    pub kept_for: Option<WorkerId>,
    /// They ended attempts that workers have: those should stop.
    pub has_cancelled: bool,
}

impl Change {
    pub(crate) fn of(commit: &RunCommit, seq: i64, rest: Rest) -> Self {
        let waits = |row: &StepRow| match &row.waits {
            Some((since, For::Worker { .. })) => *since <= commit.decided_at,
            _ => false,
        };
        let is_outside =
            |row: &StepRow| matches!(&row.waits, Some((_, For::Worker { kind, .. })) if kind.starts_with("worker:"));
        let is_cancelled =
            |row: &AttemptRow| row.attempt.worker.is_some() && row.attempt.outcome == Some(Outcome::Cancelled);
        Self {
            seq,
            is_ready: match rest {
                Rest::Nothing => commit.rows.steps.iter().any(waits),
                // Workers outside take what this process does not.
                Rest::Next(_) => commit.rows.steps.iter().any(|row| waits(row) && is_outside(row)),
                Rest::Free => true,
            },
            kept_for: if let Rest::Next(worker) = rest { Some(worker) } else { None },
            has_cancelled: commit.rows.attempts.iter().any(is_cancelled),
        }
    }
}

impl Hints {
    pub(crate) fn changed(&self, run: RunId, change: Change) {
        let mut changed = self.0.changed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = changed.entry(run).or_default();
        known.seq = change.seq;
        known.is_ready |= change.is_ready;
        // As the last one has it: what was kept may be free by now.
        known.kept_for = change.kept_for;
        known.has_cancelled |= change.has_cancelled;
        drop(changed);
        self.0.notify.notify_one();
    }

    /// The runs that changed since this was last asked, with what they came to.
    pub fn take(&self) -> BTreeMap<RunId, Change> {
        std::mem::take(&mut *self.0.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same; waits until there is one.
    pub async fn next(&self) -> BTreeMap<RunId, Change> {
        loop {
            let changed = self.take();
            if !changed.is_empty() {
                return changed;
            }
            self.0.notify.notified().await;
        }
    }
}
