//! REST: the agent library.

use axum::{Extension, Json, response::Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use service::{OpContext, agents};
use workflow::{
    AgentId, AgentSpec, RunId,
    api::{ProviderView, SaveAgent, TestAgent},
};

use super::{
    extract::{Body, Ids},
    params::{Both, Pages, Params, Search},
    problem::Result,
};

#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct AtVersion {
    version: Option<i32>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct TestStarted {
    run_id: RunId,
}

pub(super) async fn list(
    Extension(ctx): Extension<OpContext>,
    Both(Params(search), pages): Both<Params<Search>, Pages>,
) -> Result<Response> {
    Ok(pages.answer(agents::list(&ctx, search.words().as_deref(), &pages.wanted).await?))
}

pub(super) async fn get(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<AgentId>,
    Params(at): Params<AtVersion>,
) -> Result<Json<AgentSpec>> {
    Ok(Json(agents::get(&ctx, &id, at.version).await?))
}

pub(super) async fn save(
    Extension(ctx): Extension<OpContext>,
    Body(agent): Body<SaveAgent>,
) -> Result<(StatusCode, Json<AgentSpec>)> {
    Ok((StatusCode::CREATED, Json(agents::save(&ctx, agent).await?)))
}

pub(super) async fn delete(Extension(ctx): Extension<OpContext>, Ids(id): Ids<AgentId>) -> Result<StatusCode> {
    agents::delete(&ctx, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn test(
    Extension(ctx): Extension<OpContext>,
    Body(test): Body<TestAgent>,
) -> Result<(StatusCode, Json<TestStarted>)> {
    let run_id = agents::test(&ctx, test).await?;
    Ok((StatusCode::ACCEPTED, Json(TestStarted { run_id })))
}

pub(super) async fn providers(Extension(ctx): Extension<OpContext>) -> Result<Json<Vec<ProviderView>>> {
    Ok(Json(agents::providers(&ctx).await?))
}
