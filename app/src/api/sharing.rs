//! With whom a run is shared, to look at: its owner's and admins' to say.

use leptos::prelude::*;
use workflow::{
    api as wire,
    id::{RunId, ShareId},
};

use super::{client::Limited, wire::Json};
use crate::error::AppError;

/// With whom, and with which groups whoever asks can share it.
#[server(client = Limited, input = Json, output = Json)]
pub async fn run_shares(id: RunId) -> Result<wire::RunShares, AppError> {
    Ok(service::runs::shares(&expect_context(), id).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn share_run(id: RunId, wanted: wire::NewShare) -> Result<wire::RunShare, AppError> {
    Ok(service::runs::share(&expect_context(), id, &wanted).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn end_share(id: RunId, share: ShareId) -> Result<(), AppError> {
    Ok(service::runs::end_share(&expect_context(), id, share).await?)
}
