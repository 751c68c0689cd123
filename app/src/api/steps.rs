//! The verbs of a person on one step and its artifacts.
//! `key` makes a verb idempotent: a dialog draws it once, so that a second try after a lost answer has no second effect.

use leptos::prelude::*;
use workflow::{ArtifactId, RunId, RunView, StepKey, api as wire};

use super::{client::Limited, wire::Json};
use crate::error::AppError;

#[server(client = Limited, input = Json, output = Json)]
pub async fn trigger_step(
    id: RunId,
    step: StepKey,
    trigger: wire::TriggerStep,
    key: Option<String>,
) -> Result<RunView, AppError> {
    Ok(service::steps::trigger(&expect_context(), id, &step, trigger, key).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn continue_step(
    id: RunId,
    step: StepKey,
    decision: wire::ContinueStep,
    key: Option<String>,
) -> Result<RunView, AppError> {
    Ok(service::steps::approve(&expect_context(), id, &step, decision, key).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn edit_step(
    id: RunId,
    step: StepKey,
    edit: wire::EditStep,
    key: Option<String>,
) -> Result<RunView, AppError> {
    Ok(service::steps::edit(&expect_context(), id, &step, edit, key).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn reject_step(
    id: RunId,
    step: StepKey,
    rejection: wire::RejectStep,
    key: Option<String>,
) -> Result<RunView, AppError> {
    Ok(service::steps::reject(&expect_context(), id, &step, rejection, key).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn skip_step(
    id: RunId,
    step: StepKey,
    skip: wire::SkipStep,
    key: Option<String>,
) -> Result<RunView, AppError> {
    Ok(service::steps::skip(&expect_context(), id, &step, skip, key).await?)
}

/// The values that skipping a step asks for.
#[server(client = Limited, input = Json, output = Json)]
pub async fn skip_needs(id: RunId, step: StepKey) -> Result<Vec<wire::SkipNeed>, AppError> {
    Ok(service::steps::skip_needs(&expect_context(), id, &step).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn supply_step(
    id: RunId,
    step: StepKey,
    supply: wire::SupplyStep,
    key: Option<String>,
) -> Result<RunView, AppError> {
    Ok(service::steps::supply(&expect_context(), id, &step, supply, key).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn stop_step(
    id: RunId,
    step: StepKey,
    request: wire::StopStep,
    key: Option<String>,
) -> Result<RunView, AppError> {
    Ok(service::steps::stop(&expect_context(), id, &step, request, key).await?)
}

/// Runs a step again, alone or with what is downstream. What that would mean the browser works out itself, so a dry run answers with
/// the run as it is.
#[server(client = Limited, input = Json, output = Json)]
pub async fn rerun_step(
    id: RunId,
    step: StepKey,
    rerun: wire::RerunStep,
    key: Option<String>,
) -> Result<RunView, AppError> {
    let ctx = expect_context();
    match service::steps::rerun(&ctx, id, &step, rerun, key).await? {
        wire::Rerun::Done(run) => Ok(*run),
        wire::Rerun::Dry(_) => Ok(service::runs::get(&ctx, id).await?),
    }
}

/// The prompt in force for a step, and what the template says.
#[server(client = Limited, input = Json, output = Json)]
pub async fn step_prompt(id: RunId, step: StepKey) -> Result<wire::StepPrompt, AppError> {
    Ok(service::steps::prompt(&expect_context(), id, &step).await?)
}

/// What is wrong with a prompt that somebody is writing for a step; nothing is changed by asking.
#[server(client = Limited, input = Json, output = Json)]
pub async fn prompt_fault(id: RunId, step: StepKey, prompt: String) -> Result<Option<String>, AppError> {
    Ok(service::steps::prompt_fault(&expect_context(), id, &step, &prompt).await?)
}

/// What an attempt told a language model and what came back.
#[server(client = Limited, input = Json, output = Json)]
pub async fn attempt_transcript(id: RunId, step: StepKey, attempt: i32) -> Result<wire::AttemptTranscript, AppError> {
    Ok(service::steps::transcript(&expect_context(), id, &step, attempt).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn get_artifact(run: RunId, id: ArtifactId) -> Result<wire::ArtifactView, AppError> {
    Ok(service::artifacts::get(&expect_context(), run, id).await?)
}

/// Everything an artifact was made from.
#[server(client = Limited, input = Json, output = Json)]
pub async fn artifact_lineage(run: RunId, id: ArtifactId) -> Result<wire::Lineage, AppError> {
    Ok(service::artifacts::lineage(&expect_context(), run, id).await?)
}

/// Makes an older version the latest one again.
#[server(client = Limited, input = Json, output = Json)]
pub async fn rollback_artifact(
    run: RunId,
    id: ArtifactId,
    rollback: wire::RollbackArtifact,
    key: Option<String>,
) -> Result<RunView, AppError> {
    Ok(service::artifacts::rollback(&expect_context(), run, id, rollback, key).await?)
}
