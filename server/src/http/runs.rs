//! REST: runs, and the verbs on a whole run.

use axum::{Extension, Json};
use http::{HeaderMap, HeaderName, StatusCode};
use serde::Deserialize;
use service::{OpContext, runs};
use workflow::{
    RunId, RunView,
    api::{PatchRun, RunPage, RunSummary, StartRun},
    event::RunEvent,
};

use super::{
    extract::{Body, Ids, Params},
    problem::{Problem, Result},
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

#[derive(Deserialize)]
pub(super) struct Page {
    after: Option<String>,
    limit: Option<u32>,
    /// Runs of everybody; for admins.
    #[serde(default)]
    all: bool,
}

#[derive(Deserialize)]
pub(super) struct Before {
    before: Option<i64>,
}

/// 201 for a new run, 200 when the same key and request were answered before.
pub(super) async fn start(
    Extension(ctx): Extension<OpContext>,
    headers: HeaderMap,
    Body(start): Body<StartRun>,
) -> Result<(StatusCode, Json<RunView>)> {
    let key = match headers.get(IDEMPOTENCY_KEY).map(|key| key.to_str()) {
        None => None,
        Some(Ok(key)) => Some(key.to_owned()),
        Some(Err(_)) => {
            return Err(
                Problem::malformed("The Idempotency-Key must be plain ASCII text.").with_field("Idempotency-Key")
            );
        }
    };
    let started = runs::start(&ctx, start, key).await?;
    let status = if started.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(started.run)))
}

pub(super) async fn list(Extension(ctx): Extension<OpContext>, Params(page): Params<Page>) -> Result<Json<RunPage>> {
    Ok(Json(match page {
        Page { after, limit, all: true } => runs::list_all(&ctx, after, limit).await?,
        Page { after, limit, all: false } => runs::list(&ctx, after, limit).await?,
    }))
}

pub(super) async fn waiting(Extension(ctx): Extension<OpContext>) -> Result<Json<Vec<RunSummary>>> {
    Ok(Json(runs::waiting_for_me(&ctx).await?))
}

pub(super) async fn get(Extension(ctx): Extension<OpContext>, Ids(id): Ids<RunId>) -> Result<Json<RunView>> {
    Ok(Json(runs::get(&ctx, id).await?))
}

pub(super) async fn patch(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<RunId>,
    Body(patch): Body<PatchRun>,
) -> Result<Json<RunView>> {
    Ok(Json(runs::set_auto_run(&ctx, id, patch.auto_run).await?))
}

pub(super) async fn cancel(Extension(ctx): Extension<OpContext>, Ids(id): Ids<RunId>) -> Result<Json<RunView>> {
    Ok(Json(runs::cancel(&ctx, id).await?))
}

/// The audit log of the run, newest first.
pub(super) async fn events(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<RunId>,
    Params(page): Params<Before>,
) -> Result<Json<Vec<RunEvent>>> {
    Ok(Json(runs::events(&ctx, id, page.before).await?))
}
