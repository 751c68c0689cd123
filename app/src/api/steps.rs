//! The verbs of a person on one step and its artifacts.
//! `key` makes a verb idempotent: a dialog draws it once, so that a second try after a lost answer has no second effect.

use leptos::prelude::*;
use workflow::{ArtifactId, RunId, StepKey, api as wire};

#[cfg(feature = "ssr")]
use super::runs::done;
use super::{Done, client::Limited, wire::Json};
use crate::error::AppError;

#[server(client = Limited, input = Json, output = Json)]
pub async fn trigger_step(
    id: RunId,
    step: StepKey,
    trigger: wire::TriggerStep,
    key: Option<String>,
) -> Result<Done, AppError> {
    let ctx = expect_context();
    done(&ctx, service::steps::trigger(&ctx, id, &step, trigger, key).await?).await
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn continue_step(
    id: RunId,
    step: StepKey,
    decision: wire::ContinueStep,
    key: Option<String>,
) -> Result<Done, AppError> {
    let ctx = expect_context();
    done(&ctx, service::steps::approve(&ctx, id, &step, decision, key).await?).await
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn edit_step(id: RunId, step: StepKey, edit: wire::EditStep, key: Option<String>) -> Result<Done, AppError> {
    let ctx = expect_context();
    done(&ctx, service::steps::edit(&ctx, id, &step, edit, key).await?).await
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn reject_step(
    id: RunId,
    step: StepKey,
    rejection: wire::RejectStep,
    key: Option<String>,
) -> Result<Done, AppError> {
    let ctx = expect_context();
    done(&ctx, service::steps::reject(&ctx, id, &step, rejection, key).await?).await
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn skip_step(id: RunId, step: StepKey, skip: wire::SkipStep, key: Option<String>) -> Result<Done, AppError> {
    let ctx = expect_context();
    done(&ctx, service::steps::skip(&ctx, id, &step, skip, key).await?).await
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
) -> Result<Done, AppError> {
    let ctx = expect_context();
    done(&ctx, service::steps::supply(&ctx, id, &step, supply, key).await?).await
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn stop_step(
    id: RunId,
    step: StepKey,
    request: wire::StopStep,
    key: Option<String>,
) -> Result<Done, AppError> {
    let ctx = expect_context();
    done(&ctx, service::steps::stop(&ctx, id, &step, request, key).await?).await
}

/// Runs a step again, alone or with what is downstream. What that would mean the browser works out itself: a dry run
/// does nothing here.
#[server(client = Limited, input = Json, output = Json)]
pub async fn rerun_step(
    id: RunId,
    step: StepKey,
    rerun: wire::RerunStep,
    key: Option<String>,
) -> Result<Done, AppError> {
    let ctx = expect_context();
    match service::steps::rerun(&ctx, id, &step, rerun, key).await? {
        service::runs::Tried::Done(again) => done(&ctx, again).await,
        service::runs::Tried::Dry(_) => Ok(Done::default()),
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

/// What is shown of an artifact at first.
#[server(client = Limited, input = Json, output = Json)]
pub async fn artifact_beginning(run: RunId, id: ArtifactId) -> Result<wire::ArtifactBeginning, AppError> {
    Ok(service::artifacts::beginning(&expect_context(), run, id).await?)
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
) -> Result<Done, AppError> {
    let ctx = expect_context();
    done(&ctx, service::artifacts::rollback(&ctx, run, id, rollback, key).await?).await
}
