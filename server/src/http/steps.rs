//! REST: the verbs of a person on one step.

use axum::{Extension, Json};
use http::StatusCode;
use service::{OpContext, steps};
use workflow::{
    RunId, RunView, StepKey,
    api::{ContinueStep, StepPrompt, TriggerStep},
};

use super::{
    extract::{Body, Ids},
    problem::Result,
};

pub(super) async fn prompt(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Ids<(RunId, StepKey)>,
) -> Result<Json<StepPrompt>> {
    Ok(Json(steps::prompt(&ctx, run, &step).await?))
}

pub(super) async fn trigger(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Ids<(RunId, StepKey)>,
    Body(trigger): Body<TriggerStep>,
) -> Result<(StatusCode, Json<RunView>)> {
    Ok((StatusCode::ACCEPTED, Json(steps::trigger(&ctx, run, &step, trigger).await?)))
}

pub(super) async fn approve(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Ids<(RunId, StepKey)>,
    Body(decision): Body<ContinueStep>,
) -> Result<Json<RunView>> {
    Ok(Json(steps::approve(&ctx, run, &step, decision).await?))
}
