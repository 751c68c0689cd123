//! REST: groups of people, for admins.

use axum::{Extension, Json, response::Response};
use http::StatusCode;
use service::{OpContext, groups};
use workflow::{
    UserId,
    api::{AddMember, GroupView, MemberView, NewGroup, RenameGroup},
    id::GroupId,
};

use super::{
    extract::{Body, Ids},
    params::Pages,
    problem::Result,
};

pub(super) async fn list(Extension(ctx): Extension<OpContext>, pages: Pages) -> Result<Response> {
    Ok(pages.answer(groups::list(&ctx, &pages.wanted).await?))
}

pub(super) async fn create(
    Extension(ctx): Extension<OpContext>,
    Body(group): Body<NewGroup>,
) -> Result<(StatusCode, Json<GroupView>)> {
    Ok((StatusCode::CREATED, Json(groups::create(&ctx, &group).await?)))
}

pub(super) async fn rename(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<GroupId>,
    Body(change): Body<RenameGroup>,
) -> Result<Json<GroupView>> {
    Ok(Json(groups::rename(&ctx, &id, &change.name).await?))
}

pub(super) async fn delete(Extension(ctx): Extension<OpContext>, Ids(id): Ids<GroupId>) -> Result<StatusCode> {
    groups::delete(&ctx, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn members(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<GroupId>,
    pages: Pages,
) -> Result<Response> {
    Ok(pages.answer(groups::members(&ctx, &id, &pages.wanted).await?))
}

pub(super) async fn add_member(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<GroupId>,
    Body(member): Body<AddMember>,
) -> Result<(StatusCode, Json<MemberView>)> {
    Ok((StatusCode::CREATED, Json(groups::add_member(&ctx, &id, &member.email).await?)))
}

pub(super) async fn remove_member(
    Extension(ctx): Extension<OpContext>,
    Ids((id, user)): Ids<(GroupId, UserId)>,
) -> Result<StatusCode> {
    groups::remove_member(&ctx, &id, user).await?;
    Ok(StatusCode::NO_CONTENT)
}
