//! REST: the verbs of a person on one step. The id of an item of a map is `key[ITEM]`, percent-encoded in the path.

use axum::{
    Extension, Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use service::{OpContext, runs::Tried, steps};
use workflow::{
    RunId, StepKey,
    api::{
        AttemptTranscript, ContinueStep, EditStep, RejectStep, Rerun, RerunStep, SkipNeed, SkipStep, StepPrompt,
        StopStep, SupplyStep, TriggerStep,
    },
};

use super::{
    after::{After, after},
    extract::{Body, Ids, Once},
    problem::Result,
};

type Of = Ids<(RunId, StepKey)>;

pub(super) async fn prompt(Extension(ctx): Extension<OpContext>, Ids((run, step)): Of) -> Result<Json<StepPrompt>> {
    Ok(Json(steps::prompt(&ctx, run, &step).await?))
}

pub(super) async fn transcript(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step, attempt)): Ids<(RunId, StepKey, i32)>,
) -> Result<Json<AttemptTranscript>> {
    Ok(Json(steps::transcript(&ctx, run, &step, attempt).await?))
}

pub(super) async fn trigger(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Of,
    Once { key, prefer }: Once,
    Body(trigger): Body<TriggerStep>,
) -> Result<(StatusCode, After)> {
    let done = steps::trigger(&ctx, run, &step, trigger, key).await?;
    Ok((StatusCode::ACCEPTED, after(&ctx, prefer, &done).await?))
}

pub(super) async fn approve(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Of,
    Once { key, prefer }: Once,
    Body(decision): Body<ContinueStep>,
) -> Result<After> {
    after(&ctx, prefer, &steps::approve(&ctx, run, &step, decision, key).await?).await
}

pub(super) async fn edit(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Of,
    Once { key, prefer }: Once,
    Body(edit): Body<EditStep>,
) -> Result<After> {
    after(&ctx, prefer, &steps::edit(&ctx, run, &step, edit, key).await?).await
}

pub(super) async fn reject(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Of,
    Once { key, prefer }: Once,
    Body(rejection): Body<RejectStep>,
) -> Result<After> {
    after(&ctx, prefer, &steps::reject(&ctx, run, &step, rejection, key).await?).await
}

/// The values that skipping asks for.
pub(super) async fn skip_needs(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Of,
) -> Result<Json<Vec<SkipNeed>>> {
    Ok(Json(steps::skip_needs(&ctx, run, &step).await?))
}

pub(super) async fn skip(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Of,
    Once { key, prefer }: Once,
    Body(skip): Body<SkipStep>,
) -> Result<After> {
    after(&ctx, prefer, &steps::skip(&ctx, run, &step, skip, key).await?).await
}

pub(super) async fn supply(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Of,
    Once { key, prefer }: Once,
    Body(supply): Body<SupplyStep>,
) -> Result<After> {
    after(&ctx, prefer, &steps::supply(&ctx, run, &step, supply, key).await?).await
}

pub(super) async fn stop(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Of,
    Once { key, prefer }: Once,
    Body(request): Body<StopStep>,
) -> Result<After> {
    after(&ctx, prefer, &steps::stop(&ctx, run, &step, request, key).await?).await
}

/// 202 when steps run again, 200 for a dry run.
pub(super) async fn rerun(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Of,
    Once { key, prefer }: Once,
    Body(rerun): Body<RerunStep>,
) -> Result<Response> {
    Ok(match steps::rerun(&ctx, run, &step, rerun, key).await? {
        Tried::Dry(radius) => Json(Rerun::Dry(radius)).into_response(),
        Tried::Done(done) => (StatusCode::ACCEPTED, after(&ctx, prefer, &done).await?).into_response(),
    })
}
