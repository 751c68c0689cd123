//! Trigger, stop and re-run: what makes a step run, or keeps it from running on.
//! Must never plan on an older state than the store acts on: a plan names the event it was made after.

use std::collections::BTreeSet;

use store::verbs::{Call, Conflict, Rerun as Wish, Trigger, VerbOutcome};
use workflow::{
    RunId, RunView, StepKey, StepStatus,
    api::{Rerun, RerunMode, RerunStep, StopStep, TriggerStep},
    rerun as planning,
    verbs::Verb,
};

use super::{agent_of, find};
use crate::{
    Error, OpContext, Result,
    runs::{self, MAX_PLANS, access, conflict, idempotency, overrides::Wanted},
};

/// Retries, re-runs or starts a step, perhaps with another prompt or other inputs for this run.
pub async fn trigger(
    ctx: &OpContext,
    run: RunId,
    key: &StepKey,
    trigger: TriggerStep,
    once: Option<String>,
) -> Result<RunView> {
    let idempotency = idempotency::of(once, "trigger", &[&run.to_string(), key.as_str()], &trigger)?;
    access::steer(ctx, run).await?;
    let wanted =
        Wanted { prompt: trigger.prompt_override.as_ref().map(Option::as_deref), inputs: trigger.inputs.as_ref() };
    check(ctx, run, key, &wanted).await?;
    let wish = Trigger {
        prompt: trigger.prompt_override,
        inputs: trigger.inputs,
        expect_generation: trigger.expect_generation,
    };
    let call = Call { run, actor: ctx.user()?, idempotency, only_at_gate: false };
    let outcome = ctx.store().trigger_step(&call, key, &wish).await?;
    let view = runs::get(ctx, run).await?;
    conflict::step(&outcome, Verb::Trigger, &view, key)?;
    Ok(view)
}

/// Ends the attempt that is running.
pub async fn stop(ctx: &OpContext, run: RunId, key: &StepKey, stop: StopStep, once: Option<String>) -> Result<RunView> {
    let idempotency = idempotency::of(once, "stop", &[&run.to_string(), key.as_str()], &stop)?;
    access::steer(ctx, run).await?;
    find(ctx, run, key).await?;
    let call = Call { run, actor: ctx.user()?, idempotency, only_at_gate: false };
    let outcome = ctx.store().stop_step(&call, key, stop.expect_generation).await?;
    let view = runs::get(ctx, run).await?;
    conflict::step(&outcome, Verb::Stop, &view, key)?;
    Ok(view)
}

/// Runs a step again, alone or with what is downstream; dry, it only says what that would be.
pub async fn rerun(
    ctx: &OpContext,
    run: RunId,
    key: &StepKey,
    rerun: RerunStep,
    once: Option<String>,
) -> Result<Rerun> {
    let idempotency = idempotency::of(once, "rerun", &[&run.to_string(), key.as_str()], &rerun)?;
    access::steer(ctx, run).await?;
    let wanted = Wanted { prompt: rerun.prompt_override.as_ref().map(Option::as_deref), inputs: rerun.inputs.as_ref() };
    check(ctx, run, key, &wanted).await?;
    let call = Call { run, actor: ctx.user()?, idempotency, only_at_gate: false };
    for _ in 0..MAX_PLANS {
        let view = runs::get(ctx, run).await?;
        let closure = match rerun.mode {
            RerunMode::StepOnly => BTreeSet::from([key.clone()]),
            mode @ (RerunMode::Downstream | RerunMode::StaleDownstream) => planning::closure(&view, key, mode),
        };
        if rerun.dry_run {
            could_run_again(&view, key, rerun.expect_generation)?;
            return Ok(Rerun::Dry(planning::blast_radius(&view, &closure)));
        }
        let wish = Wish {
            closure,
            seq: (rerun.mode != RerunMode::StepOnly).then_some(view.seq),
            prompt: rerun.prompt_override.clone(),
            inputs: rerun.inputs.clone(),
            expect_generation: rerun.expect_generation,
        };
        match ctx.store().rerun_step(&call, key, &wish).await? {
            VerbOutcome::Conflict(Conflict::Moved) => {}
            outcome => {
                let view = runs::get(ctx, run).await?;
                conflict::step(&outcome, Verb::Rerun, &view, key)?;
                return Ok(Rerun::Done(Box::new(view)));
            }
        }
    }
    Err(Error::Conflict(conflict::moving()))
}

/// The step, and what is to be overridden for it.
async fn check(ctx: &OpContext, run: RunId, key: &StepKey, wanted: &Wanted<'_>) -> Result<()> {
    let step = find(ctx, run, key).await?;
    if !wanted.is_nothing() {
        let spec = agent_of(ctx, &step).await?;
        wanted.check(&spec, &runs::get(ctx, run).await?, key)?;
    }
    Ok(())
}

/// What the store would say, said without asking it: a dry run writes nothing.
fn could_run_again(view: &RunView, key: &StepKey, expected: Option<i32>) -> Result<()> {
    let Some(step) = view.step(key) else { return Err(Error::NotFound) };
    let outcome = if expected.is_some_and(|expected| expected != step.generation) {
        VerbOutcome::Conflict(Conflict::Generation)
    } else if matches!(step.status, StepStatus::Completed | StepStatus::Failed | StepStatus::Skipped) {
        VerbOutcome::Unchanged
    } else {
        VerbOutcome::Conflict(Conflict::Status(step.status.to_string()))
    };
    conflict::step(&outcome, Verb::Rerun, view, key)
}
