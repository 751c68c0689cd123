//! REST: trying a draft, the values that one keeps for that, and those that were seen last. For admins.

use axum::{Extension, Json};
use http::StatusCode;
use serde::Deserialize;
use service::{OpContext, pins, trying};
use workflow::{
    StepKey, TemplateId,
    api::{Pin, PinPlace, PinSide, Seen, TryDraft, TryStarted},
};

use super::{
    extract::{Body, Ids},
    params::Params,
    problem::Result,
};

#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct Steps {
    /// Keys, with commas between them.
    #[serde(default)]
    steps: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct Place {
    step: Option<StepKey>,
    #[serde(default)]
    side: PinSide,
    name: String,
}

pub(super) async fn start(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<TemplateId>,
    Body(wanted): Body<TryDraft>,
) -> Result<(StatusCode, Json<TryStarted>)> {
    Ok((StatusCode::ACCEPTED, Json(trying::try_draft(&ctx, id, wanted).await?)))
}

pub(super) async fn seen(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<TemplateId>,
    Params(of): Params<Steps>,
) -> Result<Json<Seen>> {
    let steps: Vec<StepKey> = of.steps.split(',').filter(|key| !key.is_empty()).map(StepKey::from).collect();
    Ok(Json(trying::seen(&ctx, id, &steps).await?))
}

pub(super) async fn pins(Extension(ctx): Extension<OpContext>, Ids(id): Ids<TemplateId>) -> Result<Json<Vec<Pin>>> {
    Ok(Json(pins::list(&ctx, id).await?))
}

pub(super) async fn set_pin(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<TemplateId>,
    Body(pin): Body<Pin>,
) -> Result<Json<Pin>> {
    Ok(Json(pins::set(&ctx, id, pin).await?))
}

pub(super) async fn remove_pin(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<TemplateId>,
    Params(Place { step, side, name }): Params<Place>,
) -> Result<StatusCode> {
    pins::remove(&ctx, id, PinPlace { step, side, name }).await?;
    Ok(StatusCode::NO_CONTENT)
}
