//! The verbs on a run as a whole that need no plan: auto-run, pause, resume, cancel.
//! Must never start or stop anything by itself: the state decides under the run's lock, in the store.

use workflow::{RunId, RunView, api::ResumeRun, verbs::RunVerb, view::BudgetView};

use super::calling::{on_run, run_after};
use crate::{Error, OpContext, Result};

pub async fn set_auto_run(ctx: &OpContext, id: RunId, auto_run: bool, key: Option<String>) -> Result<RunView> {
    let call = on_run(ctx, id, RunVerb::AutoRun, &auto_run, key).await?;
    let did = ctx.store().set_auto_run(&call, auto_run).await?;
    run_after(ctx, &call, RunVerb::AutoRun, &did).await
}

/// Nothing new starts; what is running finishes.
pub async fn pause(ctx: &OpContext, id: RunId, key: Option<String>) -> Result<RunView> {
    let call = on_run(ctx, id, RunVerb::Pause, &(), key).await?;
    let did = ctx.store().pause_run(&call).await?;
    run_after(ctx, &call, RunVerb::Pause, &did).await
}

/// Lifts a pause; after one of the budget, with a larger one or without any.
pub async fn resume(ctx: &OpContext, id: RunId, resume: ResumeRun, key: Option<String>) -> Result<RunView> {
    let call = on_run(ctx, id, RunVerb::Resume, &resume, key).await?;
    if let Some(budget) = resume.budget {
        check_budget(budget)?;
    }
    let did = ctx.store().resume_run(&call, resume.budget).await?;
    run_after(ctx, &call, RunVerb::Resume, &did).await
}

/// Cancels everything that is not over. A cancelled run is final.
pub async fn cancel(ctx: &OpContext, id: RunId, key: Option<String>) -> Result<RunView> {
    let call = on_run(ctx, id, RunVerb::Cancel, &(), key).await?;
    let did = ctx.store().cancel_run(&call).await?;
    run_after(ctx, &call, RunVerb::Cancel, &did).await
}

fn check_budget(budget: BudgetView) -> Result<()> {
    for (field, amount) in [("budget.tokens", budget.tokens), ("budget.cost_micros", budget.cost_micros)] {
        if amount.is_some_and(|amount| amount < 1) {
            return Err(Error::invalid(field, "A budget is at least 1. Raise it, or leave it out for none."));
        }
    }
    Ok(())
}
