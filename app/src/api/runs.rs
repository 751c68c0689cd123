//! Runs: start, watch, and the verbs of a person on them.

use leptos::{prelude::*, server_fn::codec::Json};
use workflow::{ArtifactId, RunId, RunView, StepKey, api as wire, event::RunEvent};

use crate::error::AppError;

/// `key` makes the start idempotent: the form draws it once.
#[server(input = Json)]
pub async fn start_run(start: wire::StartRun, key: Option<String>) -> Result<RunView, AppError> {
    Ok(service::runs::start(&expect_context(), start, key).await?.run)
}

/// My runs, newest first.
#[server(input = Json)]
pub async fn my_runs(after: Option<String>) -> Result<wire::RunPage, AppError> {
    Ok(service::runs::list(&expect_context(), after, None).await?)
}

/// Runs in which a step waits for my review, oldest first.
#[server]
pub async fn waiting_for_me() -> Result<Vec<wire::RunSummary>, AppError> {
    Ok(service::runs::waiting_for_me(&expect_context()).await?)
}

#[server(input = Json)]
pub async fn get_run(id: RunId) -> Result<RunView, AppError> {
    Ok(service::runs::get(&expect_context(), id).await?)
}

/// The newest events up to `before`, newest first, for the timeline.
#[server(input = Json)]
pub async fn run_events(id: RunId, before: Option<i64>) -> Result<Vec<RunEvent>, AppError> {
    Ok(service::runs::events(&expect_context(), id, before).await?)
}

#[server(input = Json)]
pub async fn set_auto_run(id: RunId, auto_run: bool) -> Result<RunView, AppError> {
    Ok(service::runs::set_auto_run(&expect_context(), id, auto_run).await?)
}

#[server(input = Json)]
pub async fn cancel_run(id: RunId) -> Result<RunView, AppError> {
    Ok(service::runs::cancel(&expect_context(), id).await?)
}

#[server(input = Json)]
pub async fn trigger_step(id: RunId, step: StepKey, trigger: wire::TriggerStep) -> Result<RunView, AppError> {
    Ok(service::steps::trigger(&expect_context(), id, &step, trigger).await?)
}

#[server(input = Json)]
pub async fn continue_step(id: RunId, step: StepKey, decision: wire::ContinueStep) -> Result<RunView, AppError> {
    Ok(service::steps::approve(&expect_context(), id, &step, decision).await?)
}

/// The prompt in force for a step, and what the template says.
#[server(input = Json)]
pub async fn step_prompt(id: RunId, step: StepKey) -> Result<wire::StepPrompt, AppError> {
    Ok(service::steps::prompt(&expect_context(), id, &step).await?)
}

#[server(input = Json)]
pub async fn get_artifact(run: RunId, id: ArtifactId) -> Result<wire::ArtifactView, AppError> {
    Ok(service::artifacts::get(&expect_context(), run, id).await?)
}
