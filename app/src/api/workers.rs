//! Outside workers, for admins: who is connected, what they offer, and their tokens; and what a run page shows of what they do.

use leptos::prelude::*;
use workflow::{
    AgentSpec, RunId, StepKey, api as wire,
    id::{TokenId, WorkerId},
};

use super::{client::Limited, wire::Json};
use crate::error::AppError;

#[server(client = Limited, input = Json, output = Json)]
pub async fn list_workers(after: Option<String>) -> Result<wire::Page<wire::WorkerView>, AppError> {
    Ok(service::workers::list(&expect_context(), &service::Wanted::after(after)).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn set_worker(id: WorkerId, state: wire::WorkerState) -> Result<(), AppError> {
    Ok(service::workers::set_state(&expect_context(), id, state).await?)
}

/// What workers offer and no admin has accepted, the newest first.
#[server(client = Limited, input = Json, output = Json)]
pub async fn list_offers(after: Option<String>) -> Result<wire::Page<wire::OfferView>, AppError> {
    Ok(service::workers::offers(&expect_context(), true, &service::Wanted::after(after)).await?)
}

/// The agent as it is in the library from now on.
#[server(client = Limited, input = Json, output = Json)]
pub async fn accept_offer(offer: wire::AcceptOffer) -> Result<AgentSpec, AppError> {
    Ok(service::workers::accept(&expect_context(), offer).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn list_worker_tokens(after: Option<String>) -> Result<wire::Page<wire::WorkerTokenView>, AppError> {
    Ok(service::workers::list_tokens(&expect_context(), &service::Wanted::after(after)).await?)
}

/// The token itself is in this answer and nowhere else.
#[server(client = Limited, input = Json, output = Json)]
pub async fn create_worker_token(token: wire::NewWorkerToken) -> Result<wire::CreatedWorkerToken, AppError> {
    Ok(service::workers::create_token(&expect_context(), token).await?)
}

/// Ends the sessions of the token too.
#[server(client = Limited, input = Json, output = Json)]
pub async fn revoke_worker_token(id: TokenId) -> Result<(), AppError> {
    Ok(service::workers::revoke_token(&expect_context(), id).await?)
}

/// What an attempt logged, as far as it is kept.
#[server(client = Limited, input = Json, output = Json)]
pub async fn attempt_logs(id: RunId, step: StepKey, attempt: i32) -> Result<wire::AttemptLogs, AppError> {
    Ok(service::steps::logs(&expect_context(), id, &step, attempt).await?)
}
