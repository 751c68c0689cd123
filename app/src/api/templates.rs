//! Workflow templates: the gallery for everybody, drafts and publishing for admins.

use std::collections::BTreeMap;

use leptos::prelude::*;
use workflow::{AgentCatalog, AgentId, Document, TemplateId, api as wire};

use super::{client::Limited, wire::Json};
use crate::error::AppError;

/// Published templates, by name, each with a small drawing; those whose name has every word that is looked for, where something is.
#[server(client = Limited, input = Json, output = Json)]
pub async fn gallery(search: Option<String>, after: Option<String>) -> Result<wire::Page<wire::GalleryCard>, AppError> {
    let ctx: service::OpContext = expect_context();
    let page = service::templates::gallery(&ctx, search.as_deref(), &service::Wanted::after(after)).await?;
    Ok(super::drawings::of(&ctx, page).await?)
}

/// The few to be shown first: what this person started last, then the first by name.
#[server(client = Limited, output = Json)]
pub async fn recent_workflows() -> Result<Vec<wire::GalleryCard>, AppError> {
    let ctx: service::OpContext = expect_context();
    let templates = service::templates::recent(&ctx).await?;
    Ok(super::drawings::cards(&ctx, templates).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn get_published(id: TemplateId) -> Result<wire::PublishedTemplate, AppError> {
    Ok(service::templates::get_published(&expect_context(), id).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn list_templates(
    search: Option<String>,
    after: Option<String>,
) -> Result<wire::Page<wire::TemplateSummary>, AppError> {
    let wanted = service::Wanted::after(after);
    Ok(service::templates::list(&expect_context(), search.as_deref(), &wanted).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn get_template(id: TemplateId) -> Result<wire::TemplateView, AppError> {
    Ok(service::templates::get(&expect_context(), id).await?)
}

/// The draft, and the agents that the editor and the shared validator need for it.
#[server(client = Limited, input = Json, output = Json)]
pub async fn open_template(id: TemplateId) -> Result<(wire::TemplateView, AgentCatalog), AppError> {
    Ok(service::templates::open(&expect_context(), id).await?)
}

/// A published version as it is.
#[server(client = Limited, input = Json, output = Json)]
pub async fn get_version(id: TemplateId, version: i32) -> Result<Document, AppError> {
    Ok(service::templates::version(&expect_context(), id, version).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn create_template(template: wire::CreateTemplate) -> Result<wire::TemplateView, AppError> {
    Ok(service::templates::create(&expect_context(), template).await?)
}

/// An empty draft to begin with; one that the person never touched is handed out again.
#[server(client = Limited, output = Json)]
pub async fn new_template() -> Result<wire::TemplateView, AppError> {
    Ok(service::templates::begin(&expect_context()).await?)
}

/// Makes a draft that says the same, under a name of its own.
#[server(client = Limited, input = Json, output = Json)]
pub async fn duplicate_template(id: TemplateId) -> Result<wire::TemplateView, AppError> {
    Ok(service::templates::duplicate(&expect_context(), id).await?)
}

/// Deletes a workflow that was never published, as it was at this revision.
#[server(client = Limited, input = Json, output = Json)]
pub async fn delete_template(id: TemplateId, base_revision: i64) -> Result<(), AppError> {
    Ok(service::templates::delete(&expect_context(), id, Some(base_revision)).await?)
}

/// Saves the draft; a stale base revision is a conflict and changes nothing.
#[server(client = Limited, input = Json, output = Json)]
pub async fn save_draft(id: TemplateId, update: wire::DraftUpdate) -> Result<wire::DraftSaved, AppError> {
    Ok(service::templates::save_draft(&expect_context(), id, update.into()).await?.into())
}

/// Publishes the draft as it was at this revision, with what its author says about it, unless the latest version of an agent is not any
/// more what was shown as that.
#[server(client = Limited, input = Json, output = Json)]
pub async fn publish_template(
    id: TemplateId,
    base_revision: Option<i64>,
    note: Option<String>,
    latest: Option<BTreeMap<AgentId, i32>>,
) -> Result<wire::Published, AppError> {
    let (note, latest) = (note.unwrap_or_default(), latest.unwrap_or_default());
    Ok(service::templates::publish_as_shown(&expect_context(), id, base_revision, &note, &latest).await?)
}

/// Sets a template aside, or takes it back.
#[server(client = Limited, input = Json, output = Json)]
pub async fn archive_template(id: TemplateId, is_archived: bool) -> Result<wire::TemplateView, AppError> {
    Ok(service::templates::archive(&expect_context(), id, is_archived).await?)
}

/// The published versions of a template, newest first.
#[server(client = Limited, input = Json, output = Json)]
pub async fn template_versions(
    id: TemplateId,
    after: Option<String>,
) -> Result<wire::Page<wire::PublishedVersion>, AppError> {
    Ok(service::templates::versions(&expect_context(), id, &service::Wanted::after(after)).await?)
}
