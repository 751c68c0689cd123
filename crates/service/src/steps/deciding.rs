//! What is decided at a gate: continue, edit, reject, supply. Owner and admins may always; who is asked at the gate, while it is open.
//! Must never store content that the agent itself could not have promised.

use store::verbs::{Approval, Call, Edit, Rejection, Supply};
use workflow::{
    RunId, RunView, StepKey,
    api::{ContinueStep, EditStep, RejectStep, SupplyStep},
    limits,
    verbs::Verb,
};

use super::{agent_of, find, outputs};
use crate::{
    Error, OpContext, Result,
    runs::{self, access, conflict, idempotency},
    text,
};

/// Lets a step that waits for review go on, or votes for it.
pub async fn approve(
    ctx: &OpContext,
    run: RunId,
    key: &StepKey,
    decision: ContinueStep,
    once: Option<String>,
) -> Result<RunView> {
    let idempotency = idempotency::of(once, "continue", &[&run.to_string(), key.as_str()], &decision)?;
    access::decide(ctx, run, key, &idempotency).await?;
    find(ctx, run, key).await?;
    text::no_nul("content_hash", decision.content_hash.as_deref().unwrap_or_default())?;
    let approval = Approval { digest: decision.content_hash, expect_generation: decision.expect_generation };
    let call = Call { run, actor: ctx.user()?, idempotency, only_at_gate: false };
    let outcome = ctx.store().approve_step(&call, key, &approval).await?;
    let view = runs::get(ctx, run).await?;
    conflict::step(&outcome, Verb::Continue, &view, key)?;
    Ok(view)
}

/// Writes new versions of what a step made, and approves them at once if asked.
pub async fn edit(ctx: &OpContext, run: RunId, key: &StepKey, edit: EditStep, once: Option<String>) -> Result<RunView> {
    const FIELD: &str = "artifacts";
    let idempotency = idempotency::of(once, "edit", &[&run.to_string(), key.as_str()], &edit)?;
    access::decide(ctx, run, key, &idempotency).await?;
    let step = find(ctx, run, key).await?;
    text::no_nul("content_hash", edit.content_hash.as_deref().unwrap_or_default())?;
    if edit.artifacts.is_empty() {
        return Err(Error::invalid(FIELD, "Nothing was changed. Give the new content of at least one output."));
    }
    let spec = agent_of(ctx, &step).await?;
    let written = outputs::check(&spec, outputs::is_collected(&step, key), FIELD, &edit.artifacts)?;
    let wish = Edit {
        artifacts: outputs::store(ctx, written).await?,
        approve: edit.and_continue,
        digest: edit.content_hash,
        expect_generation: edit.expect_generation,
    };
    let call = Call { run, actor: ctx.user()?, idempotency, only_at_gate: false };
    let outcome = ctx.store().edit_step(&call, key, &wish).await?;
    let view = runs::get(ctx, run).await?;
    conflict::step(&outcome, Verb::Edit, &view, key)?;
    Ok(view)
}

/// Sends a step back to its agent with what to do better.
pub async fn reject(
    ctx: &OpContext,
    run: RunId,
    key: &StepKey,
    rejection: RejectStep,
    once: Option<String>,
) -> Result<RunView> {
    const FIELD: &str = "feedback";
    let idempotency = idempotency::of(once, "reject", &[&run.to_string(), key.as_str()], &rejection)?;
    access::decide(ctx, run, key, &idempotency).await?;
    find(ctx, run, key).await?;
    text::no_nul("content_hash", rejection.content_hash.as_deref().unwrap_or_default())?;
    let feedback = rejection.feedback.trim();
    if feedback.len() > limits::MAX_FEEDBACK_BYTES {
        return Err(Error::too_large(FIELD, "The feedback is larger than 64 KiB. Shorten it."));
    }
    if feedback.is_empty() {
        return Err(Error::invalid(FIELD, "The feedback is empty. Write what to do better: the agent reads it."));
    }
    text::no_nul(FIELD, feedback)?;
    let wish = Rejection {
        feedback: feedback.to_owned(),
        digest: rejection.content_hash,
        expect_generation: rejection.expect_generation,
    };
    let call = Call { run, actor: ctx.user()?, idempotency, only_at_gate: false };
    let outcome = ctx.store().reject_step(&call, key, &wish).await?;
    let view = runs::get(ctx, run).await?;
    conflict::step(&outcome, Verb::Reject, &view, key)?;
    Ok(view)
}

/// Completes a step with given outputs, as if its agent had made them; answers the form of a `human` step.
pub async fn supply(
    ctx: &OpContext,
    run: RunId,
    key: &StepKey,
    supply: SupplyStep,
    once: Option<String>,
) -> Result<RunView> {
    const FIELD: &str = "outputs";
    let idempotency = idempotency::of(once, "supply", &[&run.to_string(), key.as_str()], &supply)?;
    access::decide(ctx, run, key, &idempotency).await?;
    let step = find(ctx, run, key).await?;
    let spec = agent_of(ctx, &step).await?;
    let written = outputs::check(&spec, outputs::is_collected(&step, key), FIELD, &supply.outputs)?;
    if let Some(missing) = spec.outputs.iter().find(|port| !supply.outputs.contains_key(&port.name)) {
        let detail = format!("`{}` is missing. Give a value for every output of the step.", missing.name);
        return Err(Error::invalid(format!("{FIELD}.{}", missing.name), detail));
    }
    let wish = Supply { artifacts: outputs::store(ctx, written).await?, expect_generation: supply.expect_generation };
    let call = Call { run, actor: ctx.user()?, idempotency, only_at_gate: false };
    let outcome = ctx.store().supply_step(&call, key, &wish).await?;
    let view = runs::get(ctx, run).await?;
    conflict::step(&outcome, Verb::Supply, &view, key)?;
    Ok(view)
}
