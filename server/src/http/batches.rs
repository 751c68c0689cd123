//! REST: batches, many runs of a workflow from one table. The table is the body itself, as CSV.

use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use futures::stream;
use http::{HeaderMap, StatusCode, header};
use service::{
    OpContext,
    batches::{self, Upload},
};
use workflow::{
    TemplateId,
    api::{BatchAct, BatchView},
    id::BatchId,
};

use super::{
    SameOrigin,
    extract::{Ids, Once, Text},
    problem::{Problem, Result},
    query::Query,
};

const A_WORKFLOW: &str = "the id of a workflow";
const YES_OR_NO: &str = "true or false";

/// 201 for a new batch, 200 where the same table was uploaded before; with `dry_run`, what it would do.
pub(super) async fn create(
    Extension(ctx): Extension<OpContext>,
    query: Query,
    Once { key, .. }: Once,
    Text(table): Text,
) -> Result<Response> {
    query.only(&["template_id", "name", "auto_run", "dry_run"])?;
    let template_id: Option<TemplateId> = query.parsed("template_id", A_WORKFLOW)?;
    let Some(template_id) = template_id else {
        let detail = "`template_id` is missing. Name the workflow that each row is a run of.";
        return Err(Problem::malformed(detail).with_field("template_id"));
    };
    let upload = Upload {
        template_id,
        name: query.text("name").unwrap_or_default().to_owned(),
        auto_run: query.parsed("auto_run", YES_OR_NO)?.unwrap_or(true),
        table,
    };
    if query.parsed("dry_run", YES_OR_NO)?.unwrap_or(false) {
        return Ok(Json(batches::check(&ctx, upload).await?).into_response());
    }
    let uploaded = batches::create(&ctx, upload, key).await?;
    let status = if uploaded.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(uploaded.batch)).into_response())
}

pub(super) async fn list(Extension(ctx): Extension<OpContext>, query: Query) -> Result<Response> {
    let wanted = query.page_and(&["template_id"])?;
    let template = query.parsed("template_id", A_WORKFLOW)?;
    Ok(query.answer(batches::list(&ctx, template, &wanted).await?))
}

pub(super) async fn get(Extension(ctx): Extension<OpContext>, Ids(id): Ids<BatchId>) -> Result<Json<BatchView>> {
    Ok(Json(batches::get(&ctx, id).await?))
}

pub(super) async fn rows(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<BatchId>,
    query: Query,
) -> Result<Response> {
    let wanted = query.page_and(&["state"])?;
    let state = query.word("state", "one of waiting, started, refused")?;
    Ok(query.answer(batches::rows(&ctx, id, state, &wanted).await?))
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
