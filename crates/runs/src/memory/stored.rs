//! What is stored: the tables of the log in memory. Only a commit (`store`) changes what belongs to a run.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use workflow::{
    id::{RunId, StepKey, WorkerId},
    run::{State, event::Tell},
};

use super::{contents::Contents, tables::Tables};
use crate::{
    commit::StartKey,
    ids::{AskId, CommitId},
    log::Logged,
    message::MessageKey,
};

/// A commit that was decided further from the database's clock than this loses.
pub(crate) const MOST_CLOCK_OFF: TimeDelta = TimeDelta::seconds(2);

#[derive(Clone, Debug, Default)]
pub struct Stored {
    pub runs: BTreeMap<RunId, Row>,
    pub starts: BTreeMap<StartKey, RunId>,
    pub inbox: BTreeMap<MessageKey, Tell>,
    pub contents: Contents,
    pub(crate) workers: BTreeMap<WorkerId, WorkerRow>,
    pub(crate) reservations: BTreeMap<String, BTreeMap<(RunId, StepKey), Reservation>>,
    pub quarantined: BTreeMap<RunId, String>,
    /// None begins again under such an id.
    pub(crate) deleted: BTreeSet<RunId>,
}

#[derive(Clone, Debug)]
pub struct Row {
    pub head: CommitId,
    pub state: State,
    pub log: Vec<Logged>,
    pub(crate) tables: Tables,
    pub(crate) committed_at: DateTime<Utc>,
    pub(crate) commits: BTreeSet<CommitId>,
    pub(crate) asks: BTreeSet<AskId>,
    pub(crate) locked_until: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct WorkerRow {
    pub(crate) beat_at: DateTime<Utc>,
    pub(crate) suspected_at: Option<DateTime<Utc>>,
    pub(crate) is_dead: bool,
    /// In which it joined.
    pub(crate) timeline: u64,
}

/// A place under a concurrency key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reservation {
    pub(crate) since: DateTime<Utc>,
    /// A commit says that its step has it.
    pub(crate) is_held: bool,
}
