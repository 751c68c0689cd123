//! What is written at once: for each run of a batch the events of one or more commands, under one random id.
//! The id is the run's next head, and by it a commit whose outcome is unknown is found again. Other content never goes under the same id.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use workflow::{
    id::{RunId, StepKey, UserId, WorkerId},
    limits::INLINE_ARTIFACT_BYTES,
    run::{RunEvent, state::Version},
};

use crate::{
    ids::{AskId, CommitId},
    message::MessageKey,
    rows::Rows,
};

/// Content that goes with a commit, by its address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Content {
    pub hash: String,
    pub bytes: Arc<[u8]>,
}

/// Under which a person may start a run once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct StartKey {
    pub user: UserId,
    pub key: String,
}

/// What one command came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    pub ask: AskId,
    pub events: Vec<Arc<RunEvent>>,
    pub contents: Vec<Content>,
    /// The inbox row that this answers: deleted with it.
    pub message: Option<MessageKey>,
}

/// All that a batch writes of one run.
#[derive(Clone, PartialEq, Debug)]
pub struct RunCommit {
    pub run: RunId,
    pub id: CommitId,
    /// The head that was decided on; none where the run begins.
    pub expected: Option<CommitId>,
    pub expected_seq: i64,
    pub decided_at: DateTime<Utc>,
    pub parts: Vec<Part>,
    /// The rows beside the log, after all parts.
    pub rows: Rows,
    pub start: Option<StartKey>,
    /// Has to be alive: it takes steps.
    pub worker: Option<WorkerId>,
    /// Steps that hold their concurrency keys from now on, or take them to work: their reservations have to be there.
    pub holds: BTreeSet<StepKey>,
    /// Steps that give their keys back.
    pub frees: BTreeSet<StepKey>,
    /// About how many rows and bytes it writes.
    pub n_rows: usize,
    pub n_bytes: usize,
}

impl RunCommit {
    pub fn events(&self) -> impl Iterator<Item = &RunEvent> {
        self.parts.iter().flat_map(|part| &part.events).map(|event| &**event)
    }

    /// Messages that it answers.
    pub fn messages(&self) -> impl Iterator<Item = MessageKey> {
        self.parts.iter().filter_map(|part| part.message)
    }

    /// The bytes that go with it under this address.
    pub fn content(&self, hash: &str) -> Option<&[u8]> {
        let mut contents = self.parts.iter().flat_map(|part| &part.contents);
        contents.find(|content| content.hash == hash).map(|content| &*content.bytes)
    }

    /// Addresses of content that is too large to go with it: it has to be there already.
    pub fn written_ahead(&self) -> BTreeSet<&str> {
        let is_large =
            |version: &&Version| usize::try_from(version.size).is_ok_and(|size| size > INLINE_ARTIFACT_BYTES);
        let new = self.rows.artifacts.iter().filter(|version| version.copy_of.is_none()).filter(is_large);
        new.map(|version| version.content_hash.as_str()).filter(|hash| self.content(hash).is_none()).collect()
    }

    /// Starts come in the order of what is unique about them, the others in that of their runs: who locks several rows locks them sorted.
    fn order(&self) -> (bool, Option<&StartKey>, RunId) {
        (self.expected.is_none(), self.start.as_ref(), self.run)
    }
}

/// Decisions about different runs, written in one statement.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Batch {
    commits: Vec<RunCommit>,
    /// The worker that has room for what may be claimed now: for a moment others leave it alone.
    keep_for: Option<WorkerId>,
}

impl Batch {
    pub fn new(mut commits: Vec<RunCommit>) -> Self {
        commits.sort_by(|a, b| a.order().cmp(&b.order()));
        Self { commits, keep_for: None }
    }

    #[must_use]
    pub fn kept_for(self, keep_for: Option<WorkerId>) -> Self {
        Self { keep_for, ..self }
    }

    pub fn keep_for(&self) -> Option<WorkerId> {
        self.keep_for
    }

    pub fn commits(&self) -> &[RunCommit] {
        &self.commits
    }

    pub fn into_commits(self) -> Vec<RunCommit> {
        self.commits
    }
}
