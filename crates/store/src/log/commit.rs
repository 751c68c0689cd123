//! Decisions about many runs, written by one statement each time: for the runs whose head is still the one that was decided on.
//!
//! Sent again, a commit is found or lost, never written twice, so a caller that got an error sends the same one again until it gets an
//! outcome. A value that the database refuses costs its own commit and no other. Must never wait for a run that somebody commits.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use uuid::Uuid;
use workflow::{RunId, StepKey, id::WorkerId, run::RunEvent};

use super::{
    Log,
    inbox::MessageId,
    outcome::{Outcome, Refusal},
    rows::Rows,
    statement::{self, Head},
};
use crate::{Error, Result};

/// What one statement takes at most; a single commit beyond it goes by itself.
const MAX_RUNS: usize = 200;
const MAX_ROWS: usize = 1_000;
const MAX_BYTES: usize = 4 << 20;

/// The random id of one commit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CommitId(pub Uuid);

/// One command that was asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AskId(pub u128);

/// Bytes that go with a commit, by their address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Content {
    pub hash: String,
    pub bytes: Arc<[u8]>,
}

/// What one command came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    pub ask: AskId,
    /// In order, without a gap, the first right after what was decided on.
    pub events: Vec<RunEvent>,
    /// Of the versions that it makes, but for those that were written before and those that are copies.
    pub contents: Vec<Content>,
    /// The message that it took in.
    pub message: Option<MessageId>,
}

/// All that a batch writes of one run.
#[derive(Clone, PartialEq, Debug)]
pub struct Commit {
    pub id: CommitId,
    /// The head that was decided on; none for a run that begins.
    pub expected: Option<CommitId>,
    pub decided_at: DateTime<Utc>,
    pub parts: Vec<Part>,
    /// What follows from all events.
    pub rows: Rows,
    /// The worker that it takes steps for: it has to be alive.
    pub worker: Option<WorkerId>,
    /// Under what a person starts the run, once.
    pub start: Option<String>,
    /// Steps whose reservations have to be there.
    pub holds: BTreeSet<StepKey>,
    /// Steps that give theirs back.
    pub frees: BTreeSet<StepKey>,
}

/// Commits of different runs.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    pub commits: &'a [Commit],
    /// The worker that has room for what may be claimed now: for a moment others leave it alone.
    pub keep_for: Option<WorkerId>,
}

/// What became of a batch.
#[derive(Clone, PartialEq, Debug)]
pub struct Committed {
    /// By the database's clock.
    pub at: DateTime<Utc>,
    /// In the order of the batch.
    pub outcomes: Vec<Outcome>,
}

impl Commit {
    /// One that needs nothing but its head. `rows`: those of all events, each decided on what the ones before it led to.
    pub fn new(
        id: CommitId,
        expected: Option<CommitId>,
        decided_at: DateTime<Utc>,
        rows: Rows,
        parts: Vec<Part>,
    ) -> Self {
        Self {
            id,
            expected,
            decided_at,
            rows,
            parts,
            worker: None,
            start: None,
            holds: BTreeSet::new(),
            frees: BTreeSet::new(),
        }
    }

    pub fn run(&self) -> RunId {
        self.rows.summary.run
    }

    pub fn events(&self) -> impl Iterator<Item = &RunEvent> {
        self.parts.iter().flat_map(|part| &part.events)
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = &MessageId> {
        self.parts.iter().filter_map(|part| part.message.as_ref())
    }

    pub(super) fn content(&self, hash: &str) -> Option<&[u8]> {
        let mut contents = self.parts.iter().flat_map(|part| &part.contents);
        contents.find(|content| content.hash == hash).map(|content| &*content.bytes)
    }

    fn n_rows(&self) -> usize {
        self.events().count() + self.rows.len() + self.holds.len() + self.frees.len()
    }

    /// Of its contents; events have none, and are bounded by themselves.
    fn n_bytes(&self) -> usize {
        self.parts.iter().flat_map(|part| &part.contents).map(|content| content.bytes.len()).sum()
    }
}

impl Log {
    /// What became of each, in their order. An error says that nothing is known: the same commits are sent again.
    pub async fn commit(&self, batch: Batch<'_>) -> Result<Committed> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; batch.commits.len()];
        let mut at = DateTime::UNIX_EPOCH;
        for part in parts(batch.commits) {
            at = self.commit_part(batch, &part, &mut outcomes).await?.unwrap_or(at);
        }
        let outcomes: Result<Vec<Outcome>> = outcomes.into_iter().map(|outcome| outcome.ok_or(UNANSWERED)).collect();
        Ok(Committed { at, outcomes: outcomes? })
    }

    /// Halves what the database refuses, until what is wrong stands alone.
    async fn commit_part(
        &self,
        batch: Batch<'_>,
        part: &[usize],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Option<DateTime<Utc>>> {
        let mut at = None;
        let mut waiting: Vec<&[usize]> = vec![part];
        while let Some(part) = waiting.pop() {
            let commits: Vec<&Commit> = part.iter().map(|n| &batch.commits[*n]).collect();
            let mut lane = self.engine.take().await?;
            let head = if commits.iter().all(|commit| commit.expected.is_some()) { Head::GoOn } else { Head::Begin };
            let answer = statement::commit(lane.connection(), head, &commits, batch.keep_for).await;
            match answer {
                Ok(answer) => {
                    lane.done();
                    self.engine.found_set(answer.is_set);
                    at = Some(answer.at);
                    for (n, outcome) in part.iter().zip(answer.outcomes) {
                        outcomes[*n] = Some(outcome);
                    }
                }
                Err(error) => {
                    if matches!(error, sqlx::Error::Database(_)) {
                        // The session has said so itself, and serves on.
                        lane.done();
                    }
                    let Some(refusal) = Refusal::of(&error) else { return Err(error.into()) };
                    match part {
                        [one] => outcomes[*one] = Some(Outcome::Refused(refusal)),
                        more => {
                            let (first, second) = more.split_at(more.len() / 2);
                            waiting.extend([second, first]);
                        }
                    }
                }
            }
        }
        Ok(at)
    }
}

const UNANSWERED: Error = Error::RowCount { statement: "commit", changed: 0 };

/// The commits by statement: those that begin apart from those that go on, each in the order in which its rows are locked, no run twice.
fn parts(commits: &[Commit]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..commits.len()).collect();
    order.sort_by_key(|n| {
        let commit = &commits[*n];
        let key = commit.start.as_deref().map(|key| (commit.rows.summary.user, key));
        (commit.expected.is_some(), key, commit.run())
    });
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut runs: BTreeSet<RunId> = BTreeSet::new();
    let (mut n_rows, mut n_bytes) = (0, 0);
    for n in order {
        let commit = &commits[n];
        let (rows, bytes) = (commit.n_rows(), commit.n_bytes());
        let fits = parts.last().and_then(|part| part.last()).is_some_and(|before| {
            commits[*before].expected.is_some() == commit.expected.is_some()
                && runs.len() < MAX_RUNS
                && n_rows + rows <= MAX_ROWS
                && n_bytes + bytes <= MAX_BYTES
                && !runs.contains(&commit.run())
        });
        if !fits {
            parts.push(Vec::new());
            runs.clear();
            (n_rows, n_bytes) = (0, 0);
        }
        runs.insert(commit.run());
        n_rows += rows;
        n_bytes += bytes;
        if let Some(part) = parts.last_mut() {
            part.push(n);
        }
    }
    parts
}
