//! Who decides in whose place while they are away: one's own, and for admins everybody's.

use leptos::prelude::*;
use workflow::{api as wire, id::DelegationId};

use super::{client::Limited, wire::Json};
use crate::error::AppError;

#[server(client = Limited, output = Json)]
pub async fn my_delegations() -> Result<wire::MyDelegations, AppError> {
    Ok(service::delegations::mine(&expect_context()).await?)
}

/// Refused to tokens: whoever is away says so themselves.
#[server(client = Limited, input = Json, output = Json)]
pub async fn delegate_reviews(wanted: wire::NewDelegation) -> Result<wire::DelegationView, AppError> {
    Ok(service::delegations::create(&expect_context(), &wanted).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn end_delegation(id: DelegationId) -> Result<(), AppError> {
    Ok(service::delegations::end(&expect_context(), id).await?)
}

/// All that ever were, the newest first.
#[server(client = Limited, input = Json, output = Json)]
pub async fn list_delegations(after: Option<String>) -> Result<wire::Page<wire::DelegationView>, AppError> {
    Ok(service::delegations::list(&expect_context(), &service::Wanted::after(after)).await?)
}

/// Anybody's.
#[server(client = Limited, input = Json, output = Json)]
pub async fn end_any_delegation(id: DelegationId) -> Result<(), AppError> {
    Ok(service::delegations::end_any(&expect_context(), id).await?)
}
