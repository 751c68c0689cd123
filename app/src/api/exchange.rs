//! Workflows as files. They go out by a plain link to REST; in they come here. For admins.

use leptos::prelude::*;
use workflow::exchange::Report;

use super::{client::Limited, wire::Json};
use crate::error::AppError;

/// Says what a file would do; or does it, if that is still what was listed under `digest`.
#[server(client = Limited, input = Json, output = Json)]
pub async fn import_workflow(file: String, digest: Option<String>) -> Result<Report, AppError> {
    let wanted = service::exchange::Import { dry_run: digest.is_none(), digest };
    Ok(service::exchange::import(&expect_context(), file, &wanted).await?)
}
