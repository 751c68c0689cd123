//! What everything of one engine has in common, and what of it belongs to one worker.

use std::{sync::Arc, time::Duration};

use agents::AgentError;
use runs::{Answer, Ask, Error, Runs};
use store::notify::Watched;
use tokio_util::sync::CancellationToken;
use workflow::{AgentSpec, id::WorkerId, run::plan::StepPlan, status::ErrorClass};

use crate::{
    Agents, Memory, Options, Shelf,
    cache::Cache,
    held::Attempts,
    kept::Kept,
    room::{Room, Underway},
    shelf,
    slots::Slots,
};

/// Before something is read or written once more.
const TRY_AGAIN: Duration = Duration::from_millis(200);

pub(crate) struct Shared {
    pub(crate) runs: Runs,
    pub(crate) shelf: Arc<dyn Shelf>,
    pub(crate) agents: Arc<dyn Agents>,
    pub(crate) cache: Cache,
    pub(crate) watched: Watched,
    pub(crate) memory: Memory,
    pub(crate) slots: Arc<Slots>,
    pub(crate) kept: Kept,
    /// For what is judged.
    pub(crate) judging: Room,
    pub(crate) underway: Underway,
    pub(crate) options: Options,
}

impl Shared {
    /// The agent that a step is pinned to.
    pub(crate) async fn agent(&self, plan: &StepPlan) -> shelf::Result<Option<Arc<AgentSpec>>> {
        self.cache.agent(&*self.shelf, &plan.agent_id, plan.agent_version).await
    }
}

/// One worker.
pub(crate) struct Inside {
    pub(crate) worker: WorkerId,
    pub(crate) shared: Arc<Shared>,
    pub(crate) attempts: Attempts,
    /// Cancelled when this worker is over: nothing it has is its own any more.
    pub(crate) dead: CancellationToken,
}

impl Inside {
    pub(crate) fn runs(&self) -> &Runs {
        &self.shared.runs
    }

    /// Asks a run for something; what it ended of ours is dropped at once.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<Answer, Error> {
        let answer = self.runs().execute(ask).await?;
        self.attempts.take_events(answer.run, &answer.events);
        Ok(answer)
    }

    /// Between two tries, not in step with others. None: this worker is over.
    pub(crate) async fn pause(&self, pause: Duration) -> Option<()> {
        let pause = pause.mul_f64(0.5 + self.shared.options.dice.unit() / 2.0);
        self.dead.run_until_cancelled(tokio::time::sleep(pause)).await
    }
}

/// Reads until the database is there. None: it is not wanted any more.
pub(crate) async fn until_there<T, F: Future<Output = shelf::Result<T>>>(
    cancel: &CancellationToken,
    mut read: impl FnMut() -> F,
) -> Option<shelf::Result<T>> {
    loop {
        // Only the wait is ever dropped: a query runs to its end.
        match read().await {
            Err(error) if error.is_unavailable() => {
                tracing::warn!(error = &error as &dyn std::error::Error, "nothing was read; trying again");
                cancel.run_until_cancelled(tokio::time::sleep(TRY_AGAIN)).await?;
            }
            result => return Some(result),
        }
    }
}

/// The class as runs tell it. The one place where what agents say becomes that.
pub(crate) fn class_of(error: &AgentError) -> ErrorClass {
    // What is only ever a reason to skip is no error of an agent.
    error.class.as_str().parse().unwrap_or(ErrorClass::Permanent)
}
