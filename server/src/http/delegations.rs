//! REST: who decides in whose place while they are away.

use axum::{Extension, Json, response::Response};
use http::StatusCode;
use service::{OpContext, delegations};
use workflow::{
    api::{DelegationView, MyDelegations, NewDelegation},
    id::DelegationId,
};

use super::{
    extract::{Body, Ids},
    params::Pages,
    problem::Result,
};

pub(super) async fn mine(Extension(ctx): Extension<OpContext>) -> Result<Json<MyDelegations>> {
    Ok(Json(delegations::mine(&ctx).await?))
}

pub(super) async fn create(
    Extension(ctx): Extension<OpContext>,
    Body(wanted): Body<NewDelegation>,
) -> Result<(StatusCode, Json<DelegationView>)> {
    Ok((StatusCode::CREATED, Json(delegations::create(&ctx, &wanted).await?)))
}

pub(super) async fn end(Extension(ctx): Extension<OpContext>, Ids(id): Ids<DelegationId>) -> Result<StatusCode> {
    delegations::end(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn list(Extension(ctx): Extension<OpContext>, pages: Pages) -> Result<Response> {
    Ok(pages.answer(delegations::list(&ctx, &pages.wanted).await?))
}

pub(super) async fn end_any(Extension(ctx): Extension<OpContext>, Ids(id): Ids<DelegationId>) -> Result<StatusCode> {
    delegations::end_any(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
