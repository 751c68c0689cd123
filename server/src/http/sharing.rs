//! REST: with whom a run is shared, to look at.

use axum::{Extension, Json};
use http::StatusCode;
use service::{OpContext, runs};
use workflow::{
    RunId,
    api::{NewShare, RunShare, RunShares},
    id::ShareId,
};

use super::{
    extract::{Body, Ids},
    problem::Result,
};

pub(super) async fn list(Extension(ctx): Extension<OpContext>, Ids(id): Ids<RunId>) -> Result<Json<RunShares>> {
    Ok(Json(runs::shares(&ctx, id).await?))
}

pub(super) async fn create(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<RunId>,
    Body(wanted): Body<NewShare>,
) -> Result<(StatusCode, Json<RunShare>)> {
    Ok((StatusCode::CREATED, Json(runs::share(&ctx, id, &wanted).await?)))
}

pub(super) async fn end(
    Extension(ctx): Extension<OpContext>,
    Ids((run, id)): Ids<(RunId, ShareId)>,
) -> Result<StatusCode> {
    runs::end_share(&ctx, run, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
