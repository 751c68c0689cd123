//! Who decides in whose place while they are away: one's own.

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
