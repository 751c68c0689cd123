//! The verbs on a run as a whole that need no plan: auto-run, pause, resume, cancel.
//! Must never start or stop anything by itself: the state decides under the run's lock, in the store.

use store::verbs::Call;
use workflow::{RunId, RunView, api::ResumeRun, verbs::RunVerb, view::BudgetView};

use super::{access, conflict, get, idempotency};
use crate::{Error, OpContext, Result};

pub async fn set_auto_run(ctx: &OpContext, id: RunId, auto_run: bool, key: Option<String>) -> Result<RunView> {
    let call = call(ctx, id, idempotency::of(key, "auto_run", &[&id.to_string()], &auto_run)?).await?;
    let outcome = ctx.store().set_auto_run(&call, auto_run).await?;
    let run = get(ctx, id).await?;
    conflict::run(&outcome, RunVerb::AutoRun, &run)?;
    Ok(run)
}

/// Nothing new starts; what is running finishes.
pub async fn pause(ctx: &OpContext, id: RunId, key: Option<String>) -> Result<RunView> {
    let call = call(ctx, id, idempotency::of(key, "pause", &[&id.to_string()], &())?).await?;
    let outcome = ctx.store().pause_run(&call).await?;
    let run = get(ctx, id).await?;
    conflict::run(&outcome, RunVerb::Pause, &run)?;
    Ok(run)
}

/// Lifts a pause; after one of the budget, with a larger one.
pub async fn resume(ctx: &OpContext, id: RunId, resume: ResumeRun, key: Option<String>) -> Result<RunView> {
    let call = call(ctx, id, idempotency::of(key, "resume", &[&id.to_string()], &resume)?).await?;
    if let Some(budget) = resume.budget {
        check_budget(budget)?;
    }
    let outcome = ctx.store().resume_run(&call, resume.budget).await?;
    let run = get(ctx, id).await?;
    conflict::run(&outcome, RunVerb::Resume, &run)?;
    Ok(run)
}

/// Cancels everything that is not over. A cancelled run is final.
pub async fn cancel(ctx: &OpContext, id: RunId, key: Option<String>) -> Result<RunView> {
    let call = call(ctx, id, idempotency::of(key, "cancel", &[&id.to_string()], &())?).await?;
    let outcome = ctx.store().cancel_run(&call).await?;
    let run = get(ctx, id).await?;
    conflict::run(&outcome, RunVerb::Cancel, &run)?;
    Ok(run)
}

/// The call of somebody who may steer the run.
async fn call(ctx: &OpContext, run: RunId, idempotency: idempotency::Idempotency) -> Result<Call<'_>> {
    access::steer(ctx, run).await?;
    Ok(Call { run, actor: ctx.user()?, idempotency, only_at_gate: false })
}

fn check_budget(budget: BudgetView) -> Result<()> {
    for (field, amount) in [("budget.tokens", budget.tokens), ("budget.cost_micros", budget.cost_micros)] {
        if amount.is_some_and(|amount| amount < 1) {
            return Err(Error::invalid(field, "A budget is at least 1. Raise it, or leave it out for none."));
        }
    }
    Ok(())
}
