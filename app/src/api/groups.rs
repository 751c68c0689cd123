//! Groups of people, for whom workflows are, and the gates that nobody can decide: for admins. What a group of mine sees is everybody's.

use leptos::prelude::*;
use workflow::{
    api as wire,
    id::{GroupId, TemplateId, UserId},
};

use super::{client::Limited, wire::Json};
use crate::error::AppError;

#[server(client = Limited, input = Json, output = Json)]
pub async fn list_groups(after: Option<String>) -> Result<wire::Page<wire::GroupView>, AppError> {
    Ok(service::groups::list(&expect_context(), &service::Wanted::after(after)).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn create_group(group: wire::NewGroup) -> Result<wire::GroupView, AppError> {
    Ok(service::groups::create(&expect_context(), &group).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn rename_group(id: GroupId, name: String) -> Result<wire::GroupView, AppError> {
    Ok(service::groups::rename(&expect_context(), &id, &name).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn delete_group(id: GroupId) -> Result<(), AppError> {
    Ok(service::groups::delete(&expect_context(), &id).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn group_members(id: GroupId, after: Option<String>) -> Result<wire::Page<wire::MemberView>, AppError> {
    Ok(service::groups::members(&expect_context(), &id, &service::Wanted::after(after)).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn add_member(id: GroupId, email: String) -> Result<wire::MemberView, AppError> {
    Ok(service::groups::add_member(&expect_context(), &id, &email).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn remove_member(id: GroupId, user: UserId) -> Result<(), AppError> {
    Ok(service::groups::remove_member(&expect_context(), &id, user).await?)
}

/// For whom a workflow is.
#[server(client = Limited, input = Json, output = Json)]
pub async fn get_audience(id: TemplateId) -> Result<wire::Audience, AppError> {
    Ok(service::audience::get(&expect_context(), id).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn set_audience(id: TemplateId, audience: wire::ChangeAudience) -> Result<wire::Audience, AppError> {
    Ok(service::audience::set(&expect_context(), id, &audience).await?)
}

/// Open gates at which too few can decide.
#[server(client = Limited, output = Json)]
pub async fn stuck_gates() -> Result<Vec<wire::StuckGate>, AppError> {
    Ok(service::audience::stuck(&expect_context()).await?)
}

/// Runs of others that a group of mine sees, newest first.
#[server(client = Limited, input = Json, output = Json)]
pub async fn shared_runs(after: Option<String>) -> Result<wire::RunPage, AppError> {
    Ok(service::runs::list_shared(&expect_context(), after, None).await?)
}
