//! REST: workflows as files, for admins. A file goes out as it is kept in Git, and comes in as the body itself, JSON or YAML.

use axum::{
    Extension, Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use serde::Deserialize;
use service::{
    OpContext,
    exchange::{self, Import},
};
use workflow::exchange::Report;

use super::{
    extract::{Ids, Text},
    params::Params,
    problem::Result,
};

#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct Wanted {
    #[serde(default)]
    dry_run: bool,
    digest: Option<String>,
}

/// By id or by slug.
pub(super) async fn export(Extension(ctx): Extension<OpContext>, Ids(which): Ids<String>) -> Result<Response> {
    let file = exchange::export(&ctx, &which).await?;
    let mut response = file.text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // A slug is letters, digits and `-`.
    let name = format!("attachment; filename=\"{}.weft.json\"", file.slug);
    if let Ok(name) = HeaderValue::try_from(name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

pub(super) async fn import(
    Extension(ctx): Extension<OpContext>,
    Params(wanted): Params<Wanted>,
    Text(file): Text,
) -> Result<Json<Report>> {
    let wanted = Import { dry_run: wanted.dry_run, digest: wanted.digest };
    Ok(Json(exchange::import(&ctx, file, &wanted).await?))
}
