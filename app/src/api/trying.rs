//! Trying a draft, the values that one keeps for that, and those that were seen last. For admins.

use leptos::prelude::*;
use workflow::{StepKey, TemplateId, api as wire};

use super::{client::Limited, wire::Json};
use crate::error::AppError;

/// Runs the stored draft, or a part of it; nothing is published.
#[server(client = Limited, input = Json, output = Json)]
pub async fn try_draft(id: TemplateId, wanted: wire::TryDraft) -> Result<wire::TryStarted, AppError> {
    Ok(service::trying::try_draft(&expect_context(), id, wanted).await?)
}

/// The values that the workflow gave last: of its inputs, and of the outputs of these steps.
#[server(client = Limited, input = Json, output = Json)]
pub async fn last_seen(id: TemplateId, steps: Vec<StepKey>) -> Result<wire::Seen, AppError> {
    Ok(service::trying::seen(&expect_context(), id, &steps).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn list_pins(id: TemplateId) -> Result<Vec<wire::Pin>, AppError> {
    Ok(service::pins::list(&expect_context(), id).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn set_pin(id: TemplateId, pin: wire::Pin) -> Result<wire::Pin, AppError> {
    Ok(service::pins::set(&expect_context(), id, pin).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn remove_pin(id: TemplateId, place: wire::PinPlace) -> Result<(), AppError> {
    Ok(service::pins::remove(&expect_context(), id, place).await?)
}
