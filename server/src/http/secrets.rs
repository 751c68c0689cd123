//! REST: secrets, for admins. A value goes in and never comes out.

use axum::{
    Extension, Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use service::{OpContext, secrets};
use workflow::{
    SecretName,
    api::{GrantSecret, SecretView, SetSecret},
};

use super::{
    extract::{Body, Ids},
    params::Pages,
    problem::Result,
};

pub(super) async fn list(Extension(ctx): Extension<OpContext>, pages: Pages) -> Result<Response> {
    Ok(pages.answer(secrets::list(&ctx, &pages.wanted).await?))
}

pub(super) async fn set(
    Extension(ctx): Extension<OpContext>,
    Ids(name): Ids<SecretName>,
    Body(wanted): Body<SetSecret>,
) -> Result<Response> {
    let (secret, is_new) = secrets::set(&ctx, &name, wanted).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(secret)).into_response())
}

pub(super) async fn grant(
    Extension(ctx): Extension<OpContext>,
    Ids(name): Ids<SecretName>,
    Body(wanted): Body<GrantSecret>,
) -> Result<Json<SecretView>> {
    Ok(Json(secrets::grant(&ctx, &name, wanted).await?))
}

pub(super) async fn delete(Extension(ctx): Extension<OpContext>, Ids(name): Ids<SecretName>) -> Result<StatusCode> {
    secrets::delete(&ctx, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
