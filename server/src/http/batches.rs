//! REST: batches, many runs of a workflow from one table. The table is the body itself, as CSV.

use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use futures::stream;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use service::{
    OpContext,
    batches::{self, Upload},
};
use workflow::{
    TemplateId,
    api::{BatchAct, BatchRowState, BatchView},
    id::BatchId,
};

use super::{
    SameOrigin,
    extract::{Ids, Once, Text},
    params::{Both, OfQuery, Pages, Params},
    problem::Result,
    query::Query,
};

/// What is said of a table beside it.
#[derive(Deserialize)]
struct Said {
    /// The workflow that each row is a run of.
    template_id: TemplateId,
    #[serde(default)]
    name: String,
    auto_run: Option<bool>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize)]
struct OfWorkflow {
    template_id: Option<TemplateId>,
}

#[derive(Deserialize)]
struct InState {
    state: Option<BatchRowState>,
}

/// 201 for a new batch, 200 where the same table was uploaded before; with `dry_run`, what it would do.
pub(super) async fn create(
    Extension(ctx): Extension<OpContext>,
    query: Query,
    Once { key, .. }: Once,
    Text(table): Text,
) -> Result<Response> {
    let Params(Said { template_id, name, auto_run, dry_run }) = Params::all(&query)?;
    let upload = Upload { template_id, name, auto_run: auto_run.unwrap_or(true), table };
    if dry_run {
        return Ok(Json(batches::check(&ctx, upload).await?).into_response());
    }
    let uploaded = batches::create(&ctx, upload, key).await?;
    let status = if uploaded.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(uploaded.batch)).into_response())
}

pub(super) async fn list(Extension(ctx): Extension<OpContext>, query: Query) -> Result<Response> {
    let Both(Params(OfWorkflow { template_id }), pages) = Both::<_, Pages>::all(&query)?;
    Ok(pages.answer(batches::list(&ctx, template_id, &pages.wanted).await?))
}

pub(super) async fn get(Extension(ctx): Extension<OpContext>, Ids(id): Ids<BatchId>) -> Result<Json<BatchView>> {
    Ok(Json(batches::get(&ctx, id).await?))
}

pub(super) async fn rows(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<BatchId>,
    query: Query,
) -> Result<Response> {
    let Both(Params(InState { state }), pages) = Both::<_, Pages>::all(&query)?;
    Ok(pages.answer(batches::rows(&ctx, id, state, &pages.wanted).await?))
}

pub(super) async fn pause(Extension(ctx): Extension<OpContext>, Ids(id): Ids<BatchId>) -> Result<Json<BatchView>> {
    Ok(Json(batches::act(&ctx, id, BatchAct::Pause).await?))
}

pub(super) async fn resume(Extension(ctx): Extension<OpContext>, Ids(id): Ids<BatchId>) -> Result<Json<BatchView>> {
    Ok(Json(batches::act(&ctx, id, BatchAct::Resume).await?))
}

pub(super) async fn cancel(Extension(ctx): Extension<OpContext>, Ids(id): Ids<BatchId>) -> Result<Json<BatchView>> {
    Ok(Json(batches::act(&ctx, id, BatchAct::Cancel).await?))
}

/// Some rows at a time. Who signed out, or may not sign in any more, gets no further ones.
pub(super) async fn results(
    State(ours): State<SameOrigin>,
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<BatchId>,
    headers: HeaderMap,
) -> Result<Response> {
    // The first rows are read before anything is answered, so that a refusal is one.
    let mut results = batches::results(&ctx, id, ours.reached_by(&headers)).await?;
    let first = results.more().await?.unwrap_or_default();
    // The room for these is given back once the next ones are asked for.
    let held = ctx.take_held();
    let rest = stream::try_unfold((ctx, results, held), |(ctx, mut results, held)| async move {
        drop(held);
        let failed = |error: service::Error| std::io::Error::other(error.to_api());
        if !ctx.is_still_valid().await.map_err(failed)? {
            return Err(std::io::Error::other("the credential has ended"));
        }
        let more = results.more().await.map_err(failed)?;
        Ok(more.map(|lines| (Bytes::from(lines), (ctx, results, Vec::new()))))
    });
    let body = stream::StreamExt::chain(stream::iter([Ok::<_, std::io::Error>(Bytes::from(first))]), rest);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"results.csv\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}
