//! What is decided at a gate: continue, edit, reject, supply. Owner and admins may, where the gate does not bind them; who is asked at
//! the gate, while it is open. Must never store content that the agent itself could not have promised.

use workflow::{
    RunId, StepKey,
    api::{ContinueStep, EditStep, RejectStep, SupplyStep},
    limits,
    run::{Command, command::Edit},
    verbs::Verb,
};

use super::{StepOfRun, outputs};
use crate::{
    Error, OpContext, Result,
    runs::{
        Done,
        asking::{Brings, Call, on_step},
    },
    text,
};

/// Lets a step that waits for review go on, or votes for it.
pub async fn approve(
    ctx: &OpContext,
    run: RunId,
    key: &StepKey,
    decision: ContinueStep,
    once: Option<String>,
) -> Result<Done> {
    let (call, command, brings) = approving(ctx, run, key, decision, once).await?;
    call.execute(command, brings).await
}

/// An approval that is theirs to ask for, and has not been decided yet.
pub(crate) async fn approving<'a>(
    ctx: &'a OpContext,
    run: RunId,
    key: &StepKey,
    decision: ContinueStep,
    once: Option<String>,
) -> Result<(Call<'a>, Command, Brings)> {
    let (call, ()) = on_step(ctx, run, key, Verb::Continue, &decision, once, |_| ()).await?;
    text::no_nul("content_hash", decision.content_hash.as_deref().unwrap_or_default())?;
    let command = Command::Continue {
        step: key.clone(),
        digest: decision.content_hash,
        expect_generation: decision.expect_generation,
    };
    Ok((call, command, Brings::default()))
}

/// Writes new versions of what a step made, and approves them at once if asked.
pub async fn edit(ctx: &OpContext, run: RunId, key: &StepKey, edit: EditStep, once: Option<String>) -> Result<Done> {
    const FIELD: &str = "artifacts";
    let (call, step) = writing(ctx, run, key, Verb::Edit, &edit, once).await?;
    text::no_nul("content_hash", edit.content_hash.as_deref().unwrap_or_default())?;
    if edit.artifacts.is_empty() {
        return Err(Error::invalid(FIELD, "Nothing was changed. Give the new content of at least one output."));
    }
    let agents = call.agents().await?;
    let written = outputs::check(step.agent(&agents)?, step.is_collected, FIELD, &edit.artifacts)?;
    let (outputs, brings) = outputs::store(call.ctx, written).await?;
    let command = Command::Edit(Box::new(Edit {
        step: key.clone(),
        outputs,
        and_continue: edit.and_continue,
        digest: edit.content_hash,
        expect_generation: edit.expect_generation,
    }));
    call.execute(command, brings).await
}

/// Sends a step back to its agent with what to do better.
pub async fn reject(
    ctx: &OpContext,
    run: RunId,
    key: &StepKey,
    rejection: RejectStep,
    once: Option<String>,
) -> Result<Done> {
    let (call, command, brings) = rejecting(ctx, run, key, rejection, once).await?;
    call.execute(command, brings).await
}

/// A rejection that is theirs to ask for, and has not been decided yet.
pub(crate) async fn rejecting<'a>(
    ctx: &'a OpContext,
    run: RunId,
    key: &StepKey,
    rejection: RejectStep,
    once: Option<String>,
) -> Result<(Call<'a>, Command, Brings)> {
    let (call, ()) = on_step(ctx, run, key, Verb::Reject, &rejection, once, |_| ()).await?;
    text::no_nul("content_hash", rejection.content_hash.as_deref().unwrap_or_default())?;
    let feedback = checked_feedback(&rejection.feedback)?;
    let brings = Brings::bytes(feedback.len());
    let command = Command::Reject {
        step: key.clone(),
        feedback: feedback.to_owned(),
        digest: rejection.content_hash,
        expect_generation: rejection.expect_generation,
    };
    Ok((call, command, brings))
}

/// What to do better, as it is stored.
pub(crate) fn checked_feedback(feedback: &str) -> Result<&str> {
    const FIELD: &str = "feedback";
    let feedback = feedback.trim();
    if feedback.len() > limits::MAX_FEEDBACK_BYTES {
        return Err(Error::too_large(FIELD, "The feedback is larger than 64 KiB. Shorten it."));
    }
    if feedback.is_empty() {
        return Err(Error::invalid(FIELD, "The feedback is empty. Write what to do better: the agent reads it."));
    }
    text::no_nul(FIELD, feedback)?;
    Ok(feedback)
}

/// Completes a step with given outputs, as if its agent had made them; answers the form of a `human` step.
pub async fn supply(
    ctx: &OpContext,
    run: RunId,
    key: &StepKey,
    supply: SupplyStep,
    once: Option<String>,
) -> Result<Done> {
    const FIELD: &str = "outputs";
    let (call, step) = writing(ctx, run, key, Verb::Supply, &supply, once).await?;
    let agents = call.agents().await?;
    let spec = step.agent(&agents)?;
    let written = outputs::check(spec, step.is_collected, FIELD, &supply.outputs)?;
    if let Some(missing) = spec.outputs.iter().find(|port| !supply.outputs.contains_key(&port.name)) {
        let detail = format!("`{}` is missing. Give a value for every output of the step.", missing.name);
        return Err(Error::invalid(format!("{FIELD}.{}", missing.name), detail));
    }
    let (outputs, brings) = outputs::store(call.ctx, written).await?;
    let command = Command::Supply { step: key.clone(), outputs, expect_generation: supply.expect_generation };
    call.execute(command, brings).await
}

/// The call of a verb that brings content, and the step that it is for.
async fn writing<'a, B: serde::Serialize>(
    ctx: &'a OpContext,
    run: RunId,
    key: &StepKey,
    verb: Verb,
    body: &B,
    once: Option<String>,
) -> Result<(Call<'a>, StepOfRun)> {
    let of = key.clone();
    let (call, step) = on_step(ctx, run, key, verb, body, once, move |state| StepOfRun::of(state, &of)).await?;
    Ok((call, step.ok_or(Error::NotFound)?))
}
