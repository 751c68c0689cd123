//! Runs: start, watch, and the verbs of a person on a whole run.
//! `key` makes a verb idempotent: a dialog draws it once, so that a second try after a lost answer has no second effect.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use workflow::{RunId, RunView, api as wire, event::RunEvent};

use super::{client::Limited, wire::Json};
use crate::error::AppError;

#[server(client = Limited, input = Json, output = Json)]
pub async fn start_run(start: wire::StartRun, key: Option<String>) -> Result<RunView, AppError> {
    Ok(service::runs::start(&expect_context(), start, key).await?.run)
}

/// My runs, newest first.
#[server(client = Limited, input = Json, output = Json)]
pub async fn my_runs(after: Option<String>) -> Result<wire::RunPage, AppError> {
    Ok(service::runs::list(&expect_context(), after, None).await?)
}

/// Runs in which a step waits for my review, oldest first.
#[server(client = Limited, input = Json, output = Json)]
pub async fn waiting_for_me(after: Option<String>) -> Result<wire::Page<wire::RunSummary>, AppError> {
    Ok(service::runs::waiting_for_me(&expect_context(), &service::Wanted::after(after)).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn get_run(id: RunId) -> Result<RunView, AppError> {
    Ok(service::runs::get(&expect_context(), id).await?)
}

/// The newest events up to `before`, newest first, for the timeline.
#[server(client = Limited, input = Json, output = Json)]
pub async fn run_events(id: RunId, before: Option<i64>) -> Result<Vec<RunEvent>, AppError> {
    Ok(service::runs::events(&expect_context(), id, before).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn set_auto_run(id: RunId, auto_run: bool, key: Option<String>) -> Result<RunView, AppError> {
    Ok(service::runs::set_auto_run(&expect_context(), id, auto_run, key).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn pause_run(id: RunId, key: Option<String>) -> Result<RunView, AppError> {
    Ok(service::runs::pause(&expect_context(), id, key).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn resume_run(id: RunId, resume: wire::ResumeRun, key: Option<String>) -> Result<RunView, AppError> {
    Ok(service::runs::resume(&expect_context(), id, resume, key).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn cancel_run(id: RunId, key: Option<String>) -> Result<RunView, AppError> {
    Ok(service::runs::cancel(&expect_context(), id, key).await?)
}

/// The new run.
#[server(client = Limited, input = Json, output = Json)]
pub async fn fork_run(id: RunId, fork: wire::ForkRun, key: Option<String>) -> Result<RunView, AppError> {
    Ok(service::runs::fork(&expect_context(), id, fork, key).await?.run)
}

/// Takes versions of another run over into this one.
#[server(client = Limited, input = Json, output = Json)]
pub async fn adopt_run(id: RunId, adopt: wire::AdoptRun, key: Option<String>) -> Result<RunView, AppError> {
    Ok(service::runs::adopt(&expect_context(), id, adopt, key).await?)
}

/// Goes on with another published version, or only says what that would mean.
#[server(client = Limited, input = Json, output = Json)]
pub async fn move_run(id: RunId, to: wire::MoveRun, key: Option<String>) -> Result<MoveOutcome, AppError> {
    Ok(match service::runs::move_to(&expect_context(), id, to, key).await? {
        wire::MoveAnswer::Dry(plan) => MoveOutcome { plan: Some(plan), run: None },
        wire::MoveAnswer::Done(run) => MoveOutcome { plan: None, run: Some(run) },
    })
}

/// What moving would mean, or the run after it: by name, because telling them apart by shape costs the browser a second reader of runs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MoveOutcome {
    pub plan: Option<wire::MovePlan>,
    pub run: Option<Box<RunView>>,
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn compare_runs(left: RunId, right: RunId) -> Result<wire::Comparison, AppError> {
    Ok(service::runs::compare(&expect_context(), left, right).await?)
}
