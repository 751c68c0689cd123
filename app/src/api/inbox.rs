//! The inbox: what waits for me across runs, what was decided, and deciding many at once. One gate is decided by the verbs of its step.

use leptos::prelude::*;
use workflow::{RunId, StepKey, api as wire};

use super::{client::Limited, wire::Json};
use crate::error::AppError;

/// Gates that wait for me. `limit`: fewer of them than a page has.
#[server(client = Limited, input = Json, output = Json)]
pub async fn inbox(
    query: wire::InboxQuery,
    after: Option<String>,
    limit: Option<u32>,
) -> Result<wire::InboxPage, AppError> {
    Ok(service::inbox::list(&expect_context(), &query, &service::Wanted { after, limit }).await?)
}

/// How many these are, and of which workflows.
#[server(client = Limited, input = Json, output = Json)]
pub async fn inbox_counts(query: wire::InboxQuery) -> Result<wire::InboxCounts, AppError> {
    Ok(service::inbox::counts(&expect_context(), &query).await?)
}

/// Gates that were decided, newest first.
#[server(client = Limited, input = Json, output = Json)]
pub async fn inbox_history(query: wire::HistoryQuery, after: Option<String>) -> Result<wire::HistoryPage, AppError> {
    Ok(service::inbox::history(&expect_context(), &query, &service::Wanted::after(after)).await?)
}

/// What is read before one is decided.
#[server(client = Limited, input = Json, output = Json)]
pub async fn gate_reading(run: RunId, step: StepKey) -> Result<wire::GateReading, AppError> {
    Ok(service::inbox::reading(&expect_context(), run, &step).await?)
}

/// The beginnings of what some of them are about, at most `MOST_AT_ONCE`.
#[server(client = Limited, input = Json, output = Json)]
pub async fn gate_previews(gates: Vec<wire::GateRef>) -> Result<Vec<wire::GatePreview>, AppError> {
    Ok(service::inbox::previews(&expect_context(), &gates).await?)
}

/// One decision about many gates: each is answered by itself.
#[server(client = Limited, input = Json, output = Json)]
pub async fn decide_many(decide: wire::DecideMany, key: Option<String>) -> Result<Vec<wire::GateAnswer>, AppError> {
    Ok(service::inbox::decide_many(&expect_context(), &decide, key).await?)
}
