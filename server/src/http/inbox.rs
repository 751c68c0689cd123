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
    params::{Both, OfQuery, Pages, Params},
    problem::Result,
    query::{Query, unless_empty},
};

/// Gates whose beginnings are wanted.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = WantPreviews)]
#[serde(deny_unknown_fields)]
pub(super) struct Previews {
    gates: Vec<GateRef>,
}

pub(super) async fn list(Extension(ctx): Extension<OpContext>, query: Query) -> Result<Response> {
    let Both(Params(choice), pages) = Both::<Params<InboxQuery>, Pages>::all(&query)?;
    Ok(pages.answer(inbox::list(&ctx, &chosen(choice), &pages.wanted).await?))
}

pub(super) async fn counts(Extension(ctx): Extension<OpContext>, query: Query) -> Result<Json<InboxCounts>> {
    let Params(choice) = Params::<InboxQuery>::all(&query)?;
    Ok(Json(inbox::counts(&ctx, &chosen(choice)).await?))
}

pub(super) async fn history(Extension(ctx): Extension<OpContext>, query: Query) -> Result<Response> {
    let Both(Params(choice), pages) = Both::<Params<HistoryQuery>, Pages>::all(&query)?;
    let choice = HistoryQuery { search: unless_empty(choice.search), ..choice };
    Ok(pages.answer(inbox::history(&ctx, &choice, &pages.wanted).await?))
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

fn chosen(choice: InboxQuery) -> InboxQuery {
    InboxQuery { search: unless_empty(choice.search), ..choice }
}
