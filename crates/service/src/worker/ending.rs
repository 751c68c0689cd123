//! What sessions held when they ended. What they were never handed is given back at no cost; what they may have begun is lost with them.
//! Must never give back what a worker may be at work on: it would be done twice.

use runs::{Ask, Runs};
use store::{Store, outside::beats::Place};
use workflow::{
    id::WorkerId,
    run::{
        Command,
        command::{AttemptResult, Finished},
    },
};

use super::limits;
use crate::Result;

/// Of one look.
const AT_ONCE: i64 = 200;

/// Gives back what sessions that are ending were never handed, and declares those dead to whom nothing can be on its way any more.
pub(crate) async fn finish_endings(store: &Store, runs: &Runs) -> Result<()> {
    for held in store.never_handed_out(AT_ONCE).await? {
        give_back(runs, held.session, held.place).await;
    }
    store.bury_sessions(limits::ENDING.as_secs_f64()).await?;
    Ok(())
}

/// An attempt that its worker does not have is queued again, at no cost. Where that fails now, a later look does it.
pub(super) async fn give_back(runs: &Runs, session: WorkerId, place: Place) {
    let done = Finished::new(place.step.clone(), place.number, session, AttemptResult::Released);
    if let Err(error) = runs.execute(Ask::itself(place.run, Command::Finished(Box::new(done)))).await {
        let error = &error as &dyn std::error::Error;
        tracing::debug!(run.id = %place.run, step.key = %place.step, error, "a task was not given back");
    }
}
