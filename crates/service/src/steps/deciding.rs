//! What is decided at a gate: continue, edit, reject, supply. Owner and admins may always; who is asked at the gate, while it is open.
//! Must never store content that the agent itself could not have promised.

use store::verbs::{Approval, Call, Edit, Rejection, Supply};
use workflow::{
    RunId, RunView, StepKey,
    access::Actor,
    api::{ContinueStep, EditStep, RejectStep, SupplyStep},
    limits,
    verbs::Verb,
};

use super::{agent, find, outputs};
use crate::{
    Error, OpContext, Result,
    runs::calling::{on_step, step_after},
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
    let call = on_step(ctx, run, key, Verb::Continue, &decision, once).await?;
    text::no_nul("content_hash", decision.content_hash.as_deref().unwrap_or_default())?;
    let approval = Approval { digest: decision.content_hash, expect_generation: decision.expect_generation };
    let did = ctx.store().approve_step(&call, key, &approval).await?;
    step_after(ctx, &call, Verb::Continue, key, &did).await
}

/// Writes new versions of what a step made, and approves them at once if asked.
pub async fn edit(ctx: &OpContext, run: RunId, key: &StepKey, edit: EditStep, once: Option<String>) -> Result<RunView> {
    const FIELD: &str = "artifacts";
    let call = on_step(ctx, run, key, Verb::Edit, &edit, once).await?;
    let step = find(ctx, run, key, viewer(&call)).await?;
    text::no_nul("content_hash", edit.content_hash.as_deref().unwrap_or_default())?;
    if edit.artifacts.is_empty() {
        return Err(Error::invalid(FIELD, "Nothing was changed. Give the new content of at least one output."));
    }
    let spec = agent(ctx, &step.agent_id, step.agent_version).await?;
    let written = outputs::check(&spec, outputs::is_collected(&step, key), FIELD, &edit.artifacts)?;
    let wish = Edit {
        artifacts: outputs::store(ctx, written).await?,
        approve: edit.and_continue,
        digest: edit.content_hash,
        expect_generation: edit.expect_generation,
    };
    let did = ctx.store().edit_step(&call, key, &wish).await?;
    step_after(ctx, &call, Verb::Edit, key, &did).await
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
    let call = on_step(ctx, run, key, Verb::Reject, &rejection, once).await?;
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
    let did = ctx.store().reject_step(&call, key, &wish).await?;
    step_after(ctx, &call, Verb::Reject, key, &did).await
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
    let call = on_step(ctx, run, key, Verb::Supply, &supply, once).await?;
    let step = find(ctx, run, key, viewer(&call)).await?;
    let spec = agent(ctx, &step.agent_id, step.agent_version).await?;
    let written = outputs::check(&spec, outputs::is_collected(&step, key), FIELD, &supply.outputs)?;
    if let Some(missing) = spec.outputs.iter().find(|port| !supply.outputs.contains_key(&port.name)) {
        let detail = format!("`{}` is missing. Give a value for every output of the step.", missing.name);
        return Err(Error::invalid(format!("{FIELD}.{}", missing.name), detail));
    }
    let wish = Supply { artifacts: outputs::store(ctx, written).await?, expect_generation: supply.expect_generation };
    let did = ctx.store().supply_step(&call, key, &wish).await?;
    step_after(ctx, &call, Verb::Supply, key, &did).await
}

/// Whoever was let in only at the gate is answered, though it may have closed since.
fn viewer<'a>(call: &Call<'a>) -> Option<&'a Actor> {
    (!call.only_at_gate).then_some(call.actor)
}
