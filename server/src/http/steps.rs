//! REST: the verbs of a person on one step. The id of an item of a map is `key[ITEM]`, percent-encoded in the path.

use axum::{Extension, Json};
use http::StatusCode;
use service::{
    OpContext,
    runs::{self, Tried},
    steps,
};
use workflow::{
    RunId, RunView, StepKey,
    api::{
        AttemptTranscript, ContinueStep, EditStep, RejectStep, Rerun, RerunStep, SkipNeed, SkipStep, StepPrompt,
        StopStep, SupplyStep, TriggerStep,
    },
};

use super::{
    extract::{Body, Ids, Once},
    problem::Result,
    runs::after,
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
    Once(key): Once,
    Body(trigger): Body<TriggerStep>,
) -> Result<(StatusCode, Json<RunView>)> {
    let done = steps::trigger(&ctx, run, &step, trigger, key).await?;
    Ok((StatusCode::ACCEPTED, after(&ctx, &done).await?))
}

pub(super) async fn approve(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Of,
    Once(key): Once,
    Body(decision): Body<ContinueStep>,
) -> Result<Json<RunView>> {
    after(&ctx, &steps::approve(&ctx, run, &step, decision, key).await?).await
}

pub(super) async fn edit(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Of,
    Once(key): Once,
    Body(edit): Body<EditStep>,
) -> Result<Json<RunView>> {
    after(&ctx, &steps::edit(&ctx, run, &step, edit, key).await?).await
}

pub(super) async fn reject(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Of,
    Once(key): Once,
    Body(rejection): Body<RejectStep>,
) -> Result<Json<RunView>> {
    after(&ctx, &steps::reject(&ctx, run, &step, rejection, key).await?).await
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
    Once(key): Once,
    Body(skip): Body<SkipStep>,
) -> Result<Json<RunView>> {
    after(&ctx, &steps::skip(&ctx, run, &step, skip, key).await?).await
}

pub(super) async fn supply(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Of,
    Once(key): Once,
    Body(supply): Body<SupplyStep>,
) -> Result<Json<RunView>> {
    after(&ctx, &steps::supply(&ctx, run, &step, supply, key).await?).await
}

pub(super) async fn stop(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Of,
    Once(key): Once,
    Body(request): Body<StopStep>,
) -> Result<Json<RunView>> {
    after(&ctx, &steps::stop(&ctx, run, &step, request, key).await?).await
}

/// 202 when steps run again, 200 for a dry run.
pub(super) async fn rerun(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Of,
    Once(key): Once,
    Body(rerun): Body<RerunStep>,
) -> Result<(StatusCode, Json<Rerun>)> {
    Ok(match steps::rerun(&ctx, run, &step, rerun, key).await? {
        Tried::Dry(radius) => (StatusCode::OK, Json(Rerun::Dry(radius))),
        Tried::Done(done) => {
            let view = runs::view_after(&ctx, &done).await?;
            (StatusCode::ACCEPTED, Json(Rerun::Done(Box::new(view))))
        }
    })
}
