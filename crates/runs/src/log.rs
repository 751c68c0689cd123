//! The log of all runs, as the decider needs it: Postgres in the product, memory in the simulator.
//! It stores what was decided and says who was first; it must never decide anything about a run.

use std::{future::Future, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use workflow::{
    id::{RunId, StepKey, UserId, WorkerId},
    run::{RunEvent, plan::KeyLimit},
};

use crate::{
    commit::{Batch, RunCommit},
    ids::{AskId, CommitId},
    message::{Message, MessageKey},
};

pub trait Log: Send + Sync + 'static {
    /// Writes those of the runs whose head is still the one that was decided on: all of a run, or nothing of it.
    fn commit(&self, batch: &Batch) -> impl Future<Output = Result<Committed, CommitFailed>> + Send;

    /// Runs as they are, in one snapshot, in the order they were asked for.
    fn load(&self, runs: &[RunId]) -> impl Future<Output = Result<Vec<Loaded>, Unavailable>> + Send;

    /// What came to each of these runs after what was seen of it, in the order they were asked for.
    fn events_after(&self, seen: &[(RunId, Seen)]) -> impl Future<Output = Result<Vec<Newer>, Unavailable>> + Send;

    /// Locks a run, says what came to it after what was seen, and writes what is then decided, if anything. Nobody comes between.
    fn alone(
        &self,
        run: RunId,
        seen: Seen,
        decide: Decide,
    ) -> impl Future<Output = Result<Option<Outcome>, CommitFailed>> + Send;

    /// The database's clock.
    fn clock(&self) -> impl Future<Output = Result<DateTime<Utc>, Unavailable>> + Send;

    /// The worker says that it is there; with its first beat it is registered.
    fn beat(&self, worker: WorkerId) -> impl Future<Output = Result<Beat, Unavailable>> + Send;

    /// The worker is gone and holds nothing any more.
    fn retire(&self, worker: WorkerId) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Workers whose last beat is longer ago than this, at two looks, are dead from now on, for good; how many. Reservations that nobody
    /// came for are taken back, workers that died long ago are forgotten.
    fn sweep(&self, lease: Duration) -> impl Future<Output = Result<usize, Unavailable>> + Send;

    /// Reserves all keys of as many of these as there is room for, in their order. Those that have theirs already are among the answer.
    fn reserve(&self, wants: &[Want]) -> impl Future<Output = Result<Vec<(RunId, StepKey)>, Unavailable>> + Send;

    /// Steps of these kinds that this worker may take now, at most so many: owner by owner, each owner's oldest first. Of these runs none.
    /// `agents`: of these alone, as [`workflow::agent::matches`] says, beside steps without one (whose kind is empty).
    fn claimable(
        &self,
        worker: WorkerId,
        kinds: &[String],
        agents: Option<&[String]>,
        but: &[RunId],
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Ready>, Unavailable>> + Send;

    /// What waits for the engine: whoever looks first does it. What wants judging is told when it was left for two seconds: before, it is
    /// looked at by the process that committed it.
    fn waiting(&self, limit: usize) -> impl Future<Output = Result<Waiting, Unavailable>> + Send;

    /// What runs have to tell others, oldest first.
    fn inbox(&self, limit: usize) -> impl Future<Output = Result<Vec<Message>, Unavailable>> + Send;

    /// Takes a message away that changes nothing.
    fn discard(&self, message: MessageKey) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Nobody may decide about this run until an admin looked at it.
    fn quarantine(&self, run: RunId, reason: &str) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Decides while the run is locked. Called once, or not at all where the run cannot be locked.
pub type Decide = Box<dyn FnOnce(Newer) -> Option<RunCommit> + Send>;

/// What a process knows of a run: its last event, and the commit that wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    pub seq: i64,
    pub head: CommitId,
}

/// What became of a batch.
#[derive(Clone, PartialEq, Debug)]
pub struct Committed {
    /// By the database's clock.
    pub at: DateTime<Utc>,
    /// In the order of the batch.
    pub outcomes: Vec<Outcome>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    Written,
    /// This very commit was there already.
    Found,
    /// The head is another one.
    Lost,
    /// Somebody is committing to the run.
    Locked,
    /// The key was used for another run.
    StartedAs(RunId),
    /// It was decided at another time than this.
    ClockOff,
    /// The worker that was to take steps is dead.
    WorkerDead,
    /// Reservations of steps are gone.
    ReservationGone,
    /// Large content that was written ahead is not there: it went with a database that is lost.
    ContentGone,
    Quarantined {
        reason: String,
    },
    /// Somebody put a message aside that it answers.
    MessageGone,
    /// A value in it cannot be stored, whatever is tried; nothing of the run is written.
    Data(String),
}

/// Why nothing is known to be written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommitFailed {
    /// It did not reach the database, which is not there or does not write.
    #[error("the database cannot be reached")]
    Unavailable,
    /// It was sent, and no answer came: it may be written, or yet be.
    #[error("no answer came")]
    Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the database cannot be reached")]
pub struct Unavailable;

/// An event with the commit that wrote it, and the command it came from.
#[derive(Clone, PartialEq, Debug)]
pub struct Logged {
    pub commit: CommitId,
    pub ask: AskId,
    pub event: Arc<RunEvent>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Loaded {
    /// All events, and what the run's row says of its last.
    Run {
        seen: Seen,
        events: Vec<Logged>,
    },
    Missing,
    Quarantined {
        reason: String,
    },
}

#[derive(Clone, PartialEq, Debug)]
pub enum Newer {
    Nothing,
    Events(Vec<Logged>),
    /// What was seen is no part of its history.
    Diverged,
    Missing,
    Quarantined {
        reason: String,
    },
}

/// Whether a worker is still one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Beat {
    /// Another number than before is another history of the database, as after a failover or a restore: the worker may hold what it ended
    /// long ago, so it has to begin anew under another id.
    Alive { timeline: i64 },
    /// For good.
    Dead,
}

/// A step that wants a reservation of all its keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Want {
    pub run: RunId,
    pub step: StepKey,
    pub limits: Vec<KeyLimit>,
}

/// A step that may be claimed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ready {
    pub run: RunId,
    pub step: StepKey,
    pub kind: String,
    pub user: UserId,
    /// Since when it waits for a worker.
    pub not_before: DateTime<Utc>,
}

/// Runs that want something of the engine.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Waiting {
    /// Steps of them want judging.
    pub undecided: Vec<RunId>,
    /// Something of them is due.
    pub due: Vec<RunId>,
    /// Steps that want a reservation of these keys.
    pub reserving: Vec<(RunId, StepKey, Vec<KeyLimit>)>,
    /// Dead workers hold steps of these.
    pub lost: Vec<LostWorker>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LostWorker {
    pub run: RunId,
    pub worker: WorkerId,
}
