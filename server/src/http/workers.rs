//! REST: outside workers for admins (who is connected, what is offered, worker tokens), and what of them shows on a run.

use std::collections::BTreeMap;

use axum::{Extension, Json, response::Response};
use http::StatusCode;
use serde::Deserialize;
use service::{OpContext, Wanted, steps, workers};
use workflow::{
    AgentId, AgentSpec, RunId, StepKey,
    api::{AbsentWorker, AcceptOffer, AttemptLogs, CreatedWorkerToken, NewWorkerToken, QueueView, SetWorker},
    id::{TokenId, WorkerId},
};

use super::{
    extract::{Body, Ids},
    params::{Both, Pages, Params},
    problem::Result,
};

#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct Filter {
    /// Only what no admin has accepted.
    #[serde(default)]
    waiting: bool,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct OfAgents {
    /// Ids with commas between; all where it is absent.
    agents: Option<String>,
}

pub(super) async fn queues(
    Extension(ctx): Extension<OpContext>,
    Params(of): Params<OfAgents>,
) -> Result<Json<BTreeMap<AgentId, QueueView>>> {
    Ok(Json(workers::queues(&ctx, of.agents.as_deref()).await?))
}

pub(super) async fn list(Extension(ctx): Extension<OpContext>, pages: Pages) -> Result<Response> {
    Ok(pages.answer(workers::list(&ctx, &pages.wanted).await?))
}

pub(super) async fn set(
    Extension(ctx): Extension<OpContext>,
    Ids(session): Ids<WorkerId>,
    Body(wish): Body<SetWorker>,
) -> Result<StatusCode> {
    workers::set_state(&ctx, session, wish.state).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn offers(
    Extension(ctx): Extension<OpContext>,
    Both(Params(filter), pages): Both<Params<Filter>, Pages>,
) -> Result<Response> {
    let wanted: &Wanted = &pages.wanted;
    Ok(pages.answer(workers::offers(&ctx, filter.waiting, wanted).await?))
}

pub(super) async fn accept(
    Extension(ctx): Extension<OpContext>,
    Body(offer): Body<AcceptOffer>,
) -> Result<(StatusCode, Json<AgentSpec>)> {
    Ok((StatusCode::CREATED, Json(workers::accept(&ctx, offer).await?)))
}

pub(super) async fn list_tokens(Extension(ctx): Extension<OpContext>, pages: Pages) -> Result<Response> {
    Ok(pages.answer(workers::list_tokens(&ctx, &pages.wanted).await?))
}

pub(super) async fn create_token(
    Extension(ctx): Extension<OpContext>,
    Body(token): Body<NewWorkerToken>,
) -> Result<(StatusCode, Json<CreatedWorkerToken>)> {
    Ok((StatusCode::CREATED, Json(workers::create_token(&ctx, token).await?)))
}

pub(super) async fn revoke_token(Extension(ctx): Extension<OpContext>, Ids(id): Ids<TokenId>) -> Result<StatusCode> {
    workers::revoke_token(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn absent(
    Extension(ctx): Extension<OpContext>,
    Ids(run): Ids<RunId>,
) -> Result<Json<Vec<AbsentWorker>>> {
    Ok(Json(workers::absent(&ctx, run).await?))
}

pub(super) async fn logs(
    Extension(ctx): Extension<OpContext>,
    Ids((run, step, attempt)): Ids<(RunId, StepKey, i32)>,
) -> Result<Json<AttemptLogs>> {
    Ok(Json(steps::logs(&ctx, run, &step, attempt).await?))
}
