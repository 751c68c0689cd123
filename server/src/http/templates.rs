//! REST: workflow templates. Admins get drafts, others the published versions of the same addresses.

use std::collections::BTreeMap;

use axum::{
    Extension, Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Deserialize;
use service::{OpContext, audience, templates};
use workflow::{
    AgentId, Definition, TemplateId,
    api::{Audience, ChangeAudience, CreateTemplate, Published, TemplateView, UpdateTemplate},
};

use super::{
    extract::{Body, Ids},
    params::{Both, Pages, Params, Search},
    problem::Result,
};

#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct AtRevision {
    base_revision: Option<i64>,
}

/// What the author of a version says about it.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = PublishTemplate)]
pub(super) struct Said {
    #[serde(default)]
    note: String,
    /// What the latest version of an agent was where they looked.
    #[serde(default)]
    latest: BTreeMap<AgentId, i32>,
}

pub(super) async fn gallery(
    Extension(ctx): Extension<OpContext>,
    Both(Params(search), pages): Both<Params<Search>, Pages>,
) -> Result<Response> {
    Ok(pages.answer(templates::gallery(&ctx, search.words().as_deref(), &pages.wanted).await?))
}

pub(super) async fn list(
    Extension(ctx): Extension<OpContext>,
    Both(Params(search), pages): Both<Params<Search>, Pages>,
) -> Result<Response> {
    let search = search.words();
    // A token that was made for reading reads what everybody reads.
    if ctx.admin().is_ok() {
        return Ok(pages.answer(templates::list(&ctx, search.as_deref(), &pages.wanted).await?));
    }
    Ok(pages.answer(templates::gallery(&ctx, search.as_deref(), &pages.wanted).await?))
}

pub(super) async fn create(
    Extension(ctx): Extension<OpContext>,
    Body(template): Body<CreateTemplate>,
) -> Result<(StatusCode, Json<TemplateView>)> {
    Ok((StatusCode::CREATED, Json(templates::create(&ctx, template).await?)))
}

pub(super) async fn get(Extension(ctx): Extension<OpContext>, Ids(id): Ids<TemplateId>) -> Result<Response> {
    // A token that was made for reading reads what everybody reads.
    if ctx.admin().is_ok() {
        return Ok(Json(templates::get(&ctx, id).await?).into_response());
    }
    Ok(Json(templates::get_published(&ctx, id).await?).into_response())
}

pub(super) async fn update(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<TemplateId>,
    Body(update): Body<UpdateTemplate>,
) -> Result<Json<TemplateView>> {
    Ok(Json(templates::save_draft(&ctx, id, update).await?))
}

/// For whom it is.
pub(super) async fn audience(Extension(ctx): Extension<OpContext>, Ids(id): Ids<TemplateId>) -> Result<Json<Audience>> {
    Ok(Json(audience::get(&ctx, id).await?))
}

pub(super) async fn set_audience(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<TemplateId>,
    Body(change): Body<ChangeAudience>,
) -> Result<Json<Audience>> {
    Ok(Json(audience::set(&ctx, id, &change).await?))
}

pub(super) async fn duplicate(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<TemplateId>,
) -> Result<(StatusCode, Json<TemplateView>)> {
    Ok((StatusCode::CREATED, Json(templates::duplicate(&ctx, id).await?)))
}

pub(super) async fn delete(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<TemplateId>,
    Params(at): Params<AtRevision>,
) -> Result<StatusCode> {
    templates::delete(&ctx, id, at.base_revision).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn publish(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<TemplateId>,
    Params(at): Params<AtRevision>,
    Body(said): Body<Said>,
) -> Result<(StatusCode, Json<Published>)> {
    let published = templates::publish_as_shown(&ctx, id, at.base_revision, &said.note, &said.latest).await?;
    Ok((StatusCode::CREATED, Json(published)))
}

pub(super) async fn versions(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<TemplateId>,
    pages: Pages,
) -> Result<Response> {
    Ok(pages.answer(templates::versions(&ctx, id, &pages.wanted).await?))
}

pub(super) async fn version(
    Extension(ctx): Extension<OpContext>,
    Ids((id, version)): Ids<(TemplateId, i32)>,
) -> Result<Json<Definition>> {
    Ok(Json(templates::version(&ctx, id, version).await?.definition))
}

pub(super) async fn archive(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<TemplateId>,
) -> Result<Json<TemplateView>> {
    Ok(Json(templates::archive(&ctx, id, true).await?))
}

pub(super) async fn unarchive(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<TemplateId>,
) -> Result<Json<TemplateView>> {
    Ok(Json(templates::archive(&ctx, id, false).await?))
}
