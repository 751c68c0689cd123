//! Decisions about many runs, written by one statement each time: for the runs whose head is still the one that was decided on.
//!
//! Sent again, a commit is found or lost, never written twice. A value that the database refuses costs its own run and no other.
//! Must never wait for a run that somebody commits.

use chrono::{DateTime, Utc};
use runs::{Batch, CommitFailed, Committed, Outcome, RunCommit};

use super::{
    Log, failed,
    statement::{self, Head},
};

/// What one statement takes at most; a single commit beyond it goes by itself.
const MAX_RUNS: usize = 200;
const MAX_ROWS: usize = 1_000;
const MAX_BYTES: usize = 4 << 20;
/// Beyond this a connection is not to keep room for the next one like it.
const LARGE_BYTES: usize = 1 << 20;

impl Log {
    pub(super) async fn write(&self, batch: &Batch) -> Result<Committed, CommitFailed> {
        let commits = batch.commits();
        let mut outcomes: Vec<Option<Outcome>> = vec![None; commits.len()];
        let mut at = DateTime::UNIX_EPOCH;
        let mut was_sent = false;
        for part in parts(commits) {
            match self.write_part(batch, part, &mut outcomes).await {
                Ok(now) => at = now.unwrap_or(at),
                // Something of the batch may be written, so all of it is asked for again.
                Err(CommitFailed::Unavailable) if was_sent => return Err(CommitFailed::Unknown),
                Err(failed) => return Err(failed),
            }
            was_sent = true;
        }
        let outcomes: Option<Vec<Outcome>> = outcomes.into_iter().collect();
        outcomes.map(|outcomes| Committed { at, outcomes }).ok_or(CommitFailed::Unknown)
    }

    /// Halves what the database refuses, until what is wrong stands alone.
    async fn write_part(
        &self,
        batch: &Batch,
        part: std::ops::Range<usize>,
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Option<DateTime<Utc>>, CommitFailed> {
        let (mut at, mut is_any_written) = (None, false);
        let mut waiting = vec![part];
        while let Some(part) = waiting.pop() {
            let commits: Vec<&RunCommit> = batch.commits()[part.clone()].iter().collect();
            let unreached = if is_any_written { CommitFailed::Unknown } else { CommitFailed::Unavailable };
            let mut lane = self.engine.take().await.map_err(|error| {
                let runs::Unavailable = failed::unavailable(error);
                unreached
            })?;
            let head = if commits.iter().all(|commit| commit.expected.is_some()) { Head::GoOn } else { Head::Begin };
            match statement::commit(lane.connection(), head, &commits, batch.keep_for()).await {
                Ok(answer) => {
                    if commits.iter().map(|commit| commit.n_bytes).sum::<usize>() > LARGE_BYTES {
                        lane.shrink();
                    }
                    lane.done();
                    self.engine.found_set(answer.is_set);
                    (at, is_any_written) = (Some(answer.at), true);
                    for (n, outcome) in part.zip(answer.outcomes) {
                        outcomes[n] = Some(outcome);
                    }
                }
                Err(error) => {
                    if failed::is_answer(&error) {
                        lane.refused(failed::serves_on(&error)).await;
                    }
                    let Some(reason) = failed::refused_value(&error) else {
                        let failed = failed::sent(&error);
                        return Err(if is_any_written { CommitFailed::Unknown } else { failed });
                    };
                    if part.len() <= 1 {
                        outcomes[part.start] = Some(Outcome::Data(reason));
                    } else {
                        let middle = part.start + part.len() / 2;
                        waiting.extend([middle..part.end, part.start..middle]);
                    }
                }
            }
        }
        Ok(at)
    }
}

/// The commits by statement: those that begin apart from those that go on. A batch has no run twice, and is sorted as its rows are locked.
fn parts(commits: &[RunCommit]) -> Vec<std::ops::Range<usize>> {
    let mut parts: Vec<std::ops::Range<usize>> = Vec::new();
    let (mut n_rows, mut n_bytes) = (0, 0);
    for (n, commit) in commits.iter().enumerate() {
        let fits = parts.last().is_some_and(|part| {
            commits[part.start].expected.is_some() == commit.expected.is_some()
                && part.len() < MAX_RUNS
                && n_rows + commit.n_rows <= MAX_ROWS
                && n_bytes + commit.n_bytes <= MAX_BYTES
        });
        if let Some(part) = parts.last_mut().filter(|_| fits) {
            part.end = n + 1;
        } else {
            parts.push(n..n + 1);
            (n_rows, n_bytes) = (0, 0);
        }
        n_rows += commit.n_rows;
        n_bytes += commit.n_bytes;
    }
    parts
}
