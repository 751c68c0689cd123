//! REST: what waits for me across runs, what was decided, reading one gate, and deciding many at once. One gate is decided by the verbs of
//! its step: `steps.rs`.

use axum::{Extension, Json, response::Response};
use serde::Deserialize;
use service::{OpContext, inbox};
use workflow::{
    RunId, StepKey,
    api::{DecideMany, GateAnswer, GatePreview, GateReading, GateRef, HistoryQuery, InboxCounts, InboxQuery},
};

use super::{
    extract::{Body, Ids, Once},
    problem::Result,
    query::Query,
};

/// What chooses among the gates that wait.
const CHOICES: [&str; 5] = ["scope", "sort", "search", "workflow", "due_before"];
const HISTORY: [&str; 4] = ["all", "search", "workflow", "verdict"];
const A_WORKFLOW: &str = "the id of a workflow";

/// Gates whose beginnings are wanted.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = WantPreviews)]
#[serde(deny_unknown_fields)]
pub(super) struct Previews {
    gates: Vec<GateRef>,
}

pub(super) async fn list(Extension(ctx): Extension<OpContext>, query: Query) -> Result<Response> {
    let wanted = query.page_and(&CHOICES)?;
    Ok(query.answer(inbox::list(&ctx, &choice(&query)?, &wanted).await?))
}

pub(super) async fn counts(Extension(ctx): Extension<OpContext>, query: Query) -> Result<Json<InboxCounts>> {
    query.only(&CHOICES)?;
    Ok(Json(inbox::counts(&ctx, &choice(&query)?).await?))
}

pub(super) async fn history(Extension(ctx): Extension<OpContext>, query: Query) -> Result<Response> {
    let wanted = query.page_and(&HISTORY)?;
    let choice = HistoryQuery {
        all: query.parsed("all", "true or false")?.unwrap_or_default(),
        search: query.text("search").map(str::to_owned),
        workflow: query.parsed("workflow", A_WORKFLOW)?,
        verdict: query.word("verdict", "one of approved, rejected, released, cancelled, timed_out, superseded")?,
    };
    Ok(query.answer(inbox::history(&ctx, &choice, &wanted).await?))
}

pub(super) async fn reading(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step)): Ids<(RunId, StepKey)>,
) -> Result<Json<GateReading>> {
    Ok(Json(inbox::reading(&ctx, run, &step).await?))
}

pub(super) async fn previews(
    Extension(ctx): Extension<OpContext>,
    Body(wanted): Body<Previews>,
) -> Result<Json<Vec<GatePreview>>> {
    Ok(Json(inbox::previews(&ctx, &wanted.gates).await?))
}

pub(super) async fn decide(
    Extension(ctx): Extension<OpContext>,
    Once { key, .. }: Once,
    Body(many): Body<DecideMany>,
) -> Result<Json<Vec<GateAnswer>>> {
    Ok(Json(inbox::decide_many(&ctx, &many, key).await?))
}

fn choice(query: &Query) -> Result<InboxQuery> {
    Ok(InboxQuery {
        scope: query.word("scope", "mine or all")?.unwrap_or_default(),
        sort: query.word("sort", "one of oldest, newest, due, workflow")?.unwrap_or_default(),
        search: query.text("search").map(str::to_owned),
        workflow: query.parsed("workflow", A_WORKFLOW)?,
        due_before: query.parsed("due_before", "a time, such as 2026-01-31T12:00:00Z")?,
    })
}
