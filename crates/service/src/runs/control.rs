//! The verbs on a run as a whole that bring nothing: auto-run, pause, resume, cancel.
//! Must never start or stop anything by itself: what follows is decided with the run.

use workflow::{RunId, api::ResumeRun, run::Command, verbs::RunVerb, view::BudgetView};

use super::{
    Done,
    asking::{Brings, on_run},
};
use crate::{Error, OpContext, Result};

pub async fn set_auto_run(ctx: &OpContext, id: RunId, auto_run: bool, key: Option<String>) -> Result<Done> {
    let (call, ()) = on_run(ctx, id, RunVerb::AutoRun, &auto_run, key, |_| ()).await?;
    call.execute(Command::SetAutoRun(auto_run), Brings::default()).await
}

/// Nothing new starts; what is running finishes.
pub async fn pause(ctx: &OpContext, id: RunId, key: Option<String>) -> Result<Done> {
    let (call, ()) = on_run(ctx, id, RunVerb::Pause, &(), key, |_| ()).await?;
    call.execute(Command::Pause, Brings::default()).await
}

/// Lifts a pause; after one of the budget, with a larger one or without any.
pub async fn resume(ctx: &OpContext, id: RunId, resume: ResumeRun, key: Option<String>) -> Result<Done> {
    let (call, ()) = on_run(ctx, id, RunVerb::Resume, &resume, key, |_| ()).await?;
    if let Some(budget) = resume.budget {
        check_budget(budget)?;
    }
    call.execute(Command::Resume { budget: resume.budget }, Brings::default()).await
}

/// Cancels everything that is not over. A cancelled run is final.
pub async fn cancel(ctx: &OpContext, id: RunId, key: Option<String>) -> Result<Done> {
    let (call, ()) = on_run(ctx, id, RunVerb::Cancel, &(), key, |_| ()).await?;
    call.execute(Command::Cancel, Brings::default()).await
}

fn check_budget(budget: BudgetView) -> Result<()> {
    for (field, amount) in [("budget.tokens", budget.tokens), ("budget.cost_micros", budget.cost_micros)] {
        if amount.is_some_and(|amount| amount < 1) {
            return Err(Error::invalid(field, "A budget is at least 1. Raise it, or leave it out for none."));
        }
    }
    Ok(())
}
