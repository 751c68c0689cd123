//! The engine's side of the protocol: being a worker, claiming, completing in batches, deciding, and recovering what dead workers left.
//! Every call is idempotent or fenced: any error means an unknown outcome, and the answer is to call again.

mod asking;
mod claim;
mod complete;
mod context;
mod ends;
mod worker;

use std::time::Duration;

use workflow::{
    ArtifactId,
    status::Reason,
    view::{Basis, ConsumedInput, Usage},
};

use crate::Result;

pub use asking::{Asked, Asking, Decided, Decision, NewItem};
pub use claim::{Claimed, ClaimedItem, Claims};
pub(crate) use complete::ArtifactColumns;
pub use context::{ItemOutput, LatestArtifact, RunContext};
pub use ends::{ChildAnswer, ChildRun, ParentEnd};
pub use worker::{Beat, WorkerId};

/// How long a claim or a commit may take before its connection counts as lost.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// The result of one attempt.
#[derive(Clone, PartialEq, Debug)]
pub struct Finished {
    pub step: i64,
    pub attempt: i32,
    pub result: AttemptResult,
    pub inputs: Vec<ConsumedInput>,
    pub usage: Option<Usage>,
    pub basis: Option<Basis>,
    /// What a person is asked.
    pub message: Option<String>,
    /// Of an item of a map: what it was made with, for its map to know it by.
    pub item_basis: Option<String>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum AttemptResult {
    Succeeded(Vec<NewArtifact>),
    Failed {
        class: Reason,
        error: String,
        /// When it may be tried again by itself; none when that is over.
        retry: Option<Duration>,
    },
    /// Given back untouched.
    Released,
}

#[derive(Clone, PartialEq, Debug)]
pub struct NewArtifact {
    pub id: ArtifactId,
    pub name: String,
    pub media_type: String,
    /// SHA-256 of its bytes.
    pub hash: String,
    /// Of JSON that is not in its canonical form, the hash of what it means.
    pub value_hash: Option<String>,
    pub size: i64,
    /// None when the bytes were written before with `put_blob`.
    pub content: Option<Vec<u8>>,
}

/// What became of a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Committed,
    /// The same result was committed before: its acknowledgement was lost.
    Already,
    /// The attempt is not this worker's any more; nothing was written.
    Fenced,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Completion {
    /// One for each result, in order.
    pub verdicts: Vec<Verdict>,
    /// Newly ready steps that this worker now runs.
    pub claimed: Vec<Claimed>,
    /// What this worker is to look at now.
    pub asked: Vec<Asked>,
}

/// A connection that fell silent must not hold the worker: every call here may be made again. It still runs to its end, in a task of
/// its own, because a query that is dropped half way costs its connection.
async fn within<T: Send + 'static>(
    limit: Duration,
    call: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
) -> Result<T> {
    let task = tokio::spawn(call);
    match tokio::time::timeout(limit, task).await {
        Ok(Ok(answer)) => Ok(answer?),
        Ok(Err(error)) => match error.try_into_panic() {
            Ok(payload) => std::panic::resume_unwind(payload),
            Err(_) => Err(sqlx::Error::WorkerCrashed.into()),
        },
        Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
    }
}
