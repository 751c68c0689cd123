//! The search of the finder.

use leptos::prelude::*;
use workflow::api as wire;

use super::{client::Limited, wire::Json};
use crate::error::AppError;

/// Workflows and agents by name, of what this person may open.
#[server(client = Limited, input = Json, output = Json)]
pub async fn find(text: String) -> Result<wire::FoundNames, AppError> {
    Ok(service::find::find(&expect_context(), &text).await?)
}
