//! Trigger, stop and re-run: what makes a step run, or keeps it from running on.
//! A dry run is the same decision, not committed: it must never say anything else than the verb would do.

use workflow::{
    AgentCatalog, RunId, StepKey,
    api::{BlastRadius, RerunStep, StopStep, TriggerStep},
    run::{Command, State, Voters, command::Changes, dry},
    verbs::Verb,
};

use super::StepOfRun;
use crate::{
    Error, OpContext, Result,
    runs::{
        Done, Tried,
        asking::{Brings, Call, context, on_step},
        overrides::{self, Overrides},
    },
};

/// Retries, re-runs or starts a step, perhaps with another prompt or other inputs for this run.
pub async fn trigger(
    ctx: &OpContext,
    run: RunId,
    key: &StepKey,
    trigger: TriggerStep,
    once: Option<String>,
) -> Result<Done> {
    let facts = facts(key);
    let (call, facts) = on_step(ctx, run, key, Verb::Trigger, &trigger, once, facts).await?;
    let changes = overrides::changes(trigger.prompt_override, trigger.inputs);
    let n_bytes = check(&call, key, facts, &changes).await?;
    let command = Command::Trigger { step: key.clone(), changes, expect_generation: trigger.expect_generation };
    call.execute(command, Brings::bytes(n_bytes)).await
}

/// Ends the attempt that is running.
pub async fn stop(ctx: &OpContext, run: RunId, key: &StepKey, stop: StopStep, once: Option<String>) -> Result<Done> {
    let (call, ()) = on_step(ctx, run, key, Verb::Stop, &stop, once, |_| ()).await?;
    let command = Command::Stop { step: key.clone(), expect_generation: stop.expect_generation };
    call.execute(command, Brings::default()).await
}

/// Runs a step again, alone or with what is downstream; dry, it only says what that would be.
pub async fn rerun(
    ctx: &OpContext,
    run: RunId,
    key: &StepKey,
    rerun: RerunStep,
    once: Option<String>,
) -> Result<Tried<BlastRadius>> {
    let facts = facts(key);
    let (call, facts) = on_step(ctx, run, key, Verb::Rerun, &rerun, once, facts).await?;
    let changes = overrides::changes(rerun.prompt_override, rerun.inputs);
    let n_bytes = check(&call, key, facts, &changes).await?;
    let (mode, expect_generation) = (rerun.mode, rerun.expect_generation);
    let command = Command::Rerun { step: key.clone(), mode, changes, expect_generation };
    if rerun.dry_run {
        call.refuse_others(&command).await?;
        let state = call.read(State::clone).await?;
        let (nobody, agents) = (Voters::default(), AgentCatalog::default());
        let radius = dry::rerun(&state, &command, &context(&state, call.actor, &nobody, &agents));
        return radius.map(Tried::Dry).map_err(|refused| call.refused_on(&state, refused));
    }
    Ok(Tried::Done(call.execute(command, Brings::bytes(n_bytes)).await?))
}

type Facts = (Option<StepOfRun>, Overrides);

/// The step, and what the run overrides.
fn facts(key: &StepKey) -> impl FnOnce(&State) -> Facts + Send + 'static {
    let key = key.clone();
    move |state| (StepOfRun::of(state, &key), state.overrides.clone())
}

/// Checks what is to be overridden for the step. How many bytes of it are then stored.
async fn check(call: &Call<'_>, key: &StepKey, (step, known): Facts, changes: &Changes) -> Result<usize> {
    if overrides::is_nothing(changes) {
        return Ok(0);
    }
    let step = step.ok_or(Error::NotFound)?;
    let agents = call.agents().await?;
    overrides::check(changes, step.agent(&agents)?, &known, key)
}
