//! Workflow templates: the gallery for everybody, drafts and publishing for admins.

use leptos::prelude::*;
use workflow::{Definition, TemplateId, api as wire};

use super::wire::Json;
use crate::error::AppError;

/// Published templates, by name.
#[server(output = Json)]
pub async fn gallery() -> Result<Vec<wire::PublishedTemplate>, AppError> {
    Ok(service::templates::gallery(&expect_context()).await?)
}

#[server(input = Json, output = Json)]
pub async fn get_published(id: TemplateId) -> Result<wire::PublishedTemplate, AppError> {
    Ok(service::templates::get_published(&expect_context(), id).await?)
}

#[server(output = Json)]
pub async fn list_templates() -> Result<Vec<wire::TemplateSummary>, AppError> {
    Ok(service::templates::list(&expect_context()).await?)
}

#[server(input = Json, output = Json)]
pub async fn get_template(id: TemplateId) -> Result<wire::TemplateView, AppError> {
    Ok(service::templates::get(&expect_context(), id).await?)
}

/// The live version as it was published; none before the first.
#[server(input = Json, output = Json)]
pub async fn get_live_definition(id: TemplateId) -> Result<Option<Definition>, AppError> {
    Ok(service::templates::live(&expect_context(), id).await?)
}

#[server(input = Json, output = Json)]
pub async fn create_template(template: wire::CreateTemplate) -> Result<wire::TemplateView, AppError> {
    Ok(service::templates::create(&expect_context(), template).await?)
}

/// Saves the draft; a stale base revision is a conflict and changes nothing.
#[server(input = Json, output = Json)]
pub async fn save_draft(id: TemplateId, update: wire::UpdateTemplate) -> Result<wire::TemplateView, AppError> {
    Ok(service::templates::save_draft(&expect_context(), id, update).await?)
}

#[server(input = Json, output = Json)]
pub async fn publish_template(id: TemplateId) -> Result<wire::Published, AppError> {
    Ok(service::templates::publish(&expect_context(), id).await?)
}

/// Sets a template aside, or takes it back.
#[server(input = Json, output = Json)]
pub async fn archive_template(id: TemplateId, is_archived: bool) -> Result<wire::TemplateView, AppError> {
    Ok(service::templates::archive(&expect_context(), id, is_archived).await?)
}

/// The published versions of a template, newest first.
#[server(input = Json, output = Json)]
pub async fn template_versions(id: TemplateId) -> Result<Vec<wire::PublishedVersion>, AppError> {
    Ok(service::templates::versions(&expect_context(), id).await?)
}
