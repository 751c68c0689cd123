//! Trigger, stop and re-run: what makes a step run, or keeps it from running on.
//! Must never plan on an older state than the store acts on: a plan names the event it was made after.

use std::collections::BTreeSet;

use store::verbs::{Conflict, Rerun as Wish, Trigger, VerbOutcome};
use workflow::{
    RunId, RunStatus, RunView, StepKey, StepStatus,
    api::{Rerun, RerunMode, RerunStep, StopStep, TriggerStep},
    rerun as planning,
    verbs::Verb,
};

use super::agent;
use crate::{
    Error, OpContext, Result,
    runs::{
        self, MAX_PLANS,
        calling::{on_step, step_after},
        conflict,
        overrides::Wanted,
    },
};

/// Retries, re-runs or starts a step, perhaps with another prompt or other inputs for this run.
pub async fn trigger(
    ctx: &OpContext,
    run: RunId,
    key: &StepKey,
    trigger: TriggerStep,
    once: Option<String>,
) -> Result<RunView> {
    let call = on_step(ctx, run, key, Verb::Trigger, &trigger, once).await?;
    let wanted =
        Wanted { prompt: trigger.prompt_override.as_ref().map(Option::as_deref), inputs: trigger.inputs.as_ref() };
    if !wanted.is_nothing() {
        check(ctx, &runs::get(ctx, run).await?, key, &wanted).await?;
    }
    let wish = Trigger {
        prompt: trigger.prompt_override,
        inputs: trigger.inputs,
        expect_generation: trigger.expect_generation,
    };
    let did = ctx.store().trigger_step(&call, key, &wish).await?;
    step_after(ctx, &call, Verb::Trigger, key, &did).await
}

/// Ends the attempt that is running.
pub async fn stop(ctx: &OpContext, run: RunId, key: &StepKey, stop: StopStep, once: Option<String>) -> Result<RunView> {
    let call = on_step(ctx, run, key, Verb::Stop, &stop, once).await?;
    let did = ctx.store().stop_step(&call, key, stop.expect_generation).await?;
    step_after(ctx, &call, Verb::Stop, key, &did).await
}

/// Runs a step again, alone or with what is downstream; dry, it only says what that would be.
pub async fn rerun(
    ctx: &OpContext,
    run: RunId,
    key: &StepKey,
    rerun: RerunStep,
    once: Option<String>,
) -> Result<Rerun> {
    let call = on_step(ctx, run, key, Verb::Rerun, &rerun, once).await?;
    let wanted = Wanted { prompt: rerun.prompt_override.as_ref().map(Option::as_deref), inputs: rerun.inputs.as_ref() };
    for _ in 0..MAX_PLANS {
        let view = runs::get(ctx, run).await?;
        if !wanted.is_nothing() {
            check(ctx, &view, key, &wanted).await?;
        }
        let closure = match rerun.mode {
            RerunMode::StepOnly => BTreeSet::from([key.clone()]),
            mode @ (RerunMode::Downstream | RerunMode::StaleDownstream) => planning::closure(&view, key, mode),
        };
        if rerun.dry_run {
            conflict::step(&would(&view, key, rerun.expect_generation), Verb::Rerun, &view, key)?;
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
            did => return Ok(Rerun::Done(Box::new(step_after(ctx, &call, Verb::Rerun, key, &did).await?))),
        }
    }
    Err(Error::Conflict(conflict::moving()))
}

/// What is to be overridden for the step.
async fn check(ctx: &OpContext, view: &RunView, key: &StepKey, wanted: &Wanted<'_>) -> Result<()> {
    let step = view.step(key).ok_or(Error::NotFound)?;
    wanted.check(&agent(ctx, &step.agent_id, step.agent_version).await?, view, key)
}

/// What the store would say to a re-run, in its order, said without asking it: a dry run writes nothing.
fn would(view: &RunView, key: &StepKey, expected: Option<i32>) -> VerbOutcome {
    let Some(step) = view.step(key) else { return VerbOutcome::NotFound };
    let refused = |status: &str| VerbOutcome::Conflict(Conflict::Status(status.to_owned()));
    if expected.is_some_and(|expected| expected != step.generation) {
        return VerbOutcome::Conflict(Conflict::Generation);
    }
    if view.status == RunStatus::Cancelled {
        return refused(view.status.as_str());
    }
    if let Some(map) = conflict::map_that_refuses(view, step) {
        return refused(map.status.as_str());
    }
    match step.status {
        StepStatus::Completed | StepStatus::Failed | StepStatus::Skipped => VerbOutcome::Done,
        status => refused(status.as_str()),
    }
}
