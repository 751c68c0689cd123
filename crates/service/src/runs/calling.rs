//! What every verb begins and ends with: who may, under which key, and the run as it is then or why it was refused.
//! Must never let a verb reach the store before it is known whose it is.

use serde::Serialize;
use store::verbs::{Call, Conflict, VerbOutcome};
use workflow::{
    RunId, RunView, StepKey,
    verbs::{RunVerb, Verb},
};

use super::{access, conflict, get, idempotency};
use crate::{Error, OpContext, Result};

/// The call of somebody who may steer the run. `of` is what of the run the verb is about, as its path names it.
pub(crate) async fn steering<'a, T: Serialize>(
    ctx: &'a OpContext,
    run: RunId,
    verb: &str,
    of: &[&str],
    body: &T,
    once: Option<String>,
) -> Result<Call<'a>> {
    let idempotency = idempotency::of(once, verb, &path(run, of), body)?;
    access::steer(ctx, run).await?;
    Ok(Call { idempotency, ..Call::new(run, ctx.user()?) })
}

/// The call of a verb on a run.
pub(crate) async fn on_run<'a, T: Serialize>(
    ctx: &'a OpContext,
    run: RunId,
    verb: RunVerb,
    body: &T,
    once: Option<String>,
) -> Result<Call<'a>> {
    steering(ctx, run, verb.as_str(), &[], body, once).await
}

/// The call of a verb on a step, which may be somebody's who is asked at its gate.
pub(crate) async fn on_step<'a, T: Serialize>(
    ctx: &'a OpContext,
    run: RunId,
    key: &StepKey,
    verb: Verb,
    body: &T,
    once: Option<String>,
) -> Result<Call<'a>> {
    let call = if verb.is_decision() {
        let idempotency = idempotency::of(once, verb.as_str(), &path(run, &[key.as_str()]), body)?;
        let only_at_gate = access::decide(ctx, run, key, &idempotency).await?;
        Call { idempotency, only_at_gate, ..Call::new(run, ctx.user()?) }
    } else {
        steering(ctx, run, verb.as_str(), &[key.as_str()], body, once).await?
    };
    // A key with a character that Postgres cannot hold names no step.
    if key.is_addressable() { Ok(call) } else { Err(Error::NotFound) }
}

fn path(run: RunId, of: &[&str]) -> Vec<String> {
    [run.to_string()].into_iter().chain(of.iter().map(|part| (*part).to_owned())).collect()
}

/// The run after a verb on it.
pub(crate) async fn run_after(ctx: &OpContext, call: &Call<'_>, verb: RunVerb, did: &VerbOutcome) -> Result<RunView> {
    let run = get(ctx, call.run).await?;
    conflict::run(did, verb, &run)?;
    Ok(run)
}

/// The run after a verb on one of its steps.
pub(crate) async fn step_after(
    ctx: &OpContext,
    call: &Call<'_>,
    verb: Verb,
    key: &StepKey,
    did: &VerbOutcome,
) -> Result<RunView> {
    if call.only_at_gate && matches!(did, VerbOutcome::Conflict(Conflict::Status(_))) {
        return Err(Error::Conflict(conflict::gate_closed()));
    }
    let run = if call.only_at_gate {
        // What they did may have closed the gate, and with it ends what they see: this answer is the last of it.
        ctx.store().run_view_after_gate(call.run).await?.ok_or(Error::NotFound)?
    } else {
        get(ctx, call.run).await?
    };
    conflict::step(did, verb, &run, key)?;
    Ok(run)
}
