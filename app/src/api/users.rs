//! People, and the log of what they did, for admins.

use leptos::prelude::*;
use workflow::{
    access::Role,
    api as wire,
    id::{TokenId, UserId},
    people::{Named, People},
};

use super::{client::Limited, wire::Json};
use crate::error::AppError;

#[server(client = Limited, input = Json, output = Json)]
pub async fn list_users(after: Option<String>) -> Result<wire::Page<wire::UserView>, AppError> {
    Ok(service::users::list(&expect_context(), &service::Wanted::after(after)).await?)
}

/// People to choose from whose email has this text in it.
#[server(client = Limited, input = Json, output = Json)]
pub async fn find_people(text: String) -> Result<Vec<wire::PersonView>, AppError> {
    Ok(service::people::find(&expect_context(), &text).await?)
}

/// How those whom a definition names stand to the accounts and groups.
#[server(client = Limited, input = Json, output = Json)]
pub async fn people_standing(named: Named) -> Result<People, AppError> {
    Ok(service::people::standing(&expect_context(), named).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn create_user(email: String, role: Role, password: String) -> Result<wire::UserView, AppError> {
    Ok(service::users::create(&expect_context(), &email, role, password.into()).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn set_user_role(id: UserId, role: Role) -> Result<wire::UserView, AppError> {
    Ok(service::users::set_role(&expect_context(), id, role).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn set_user_disabled(id: UserId, is_disabled: bool) -> Result<wire::UserView, AppError> {
    Ok(service::users::set_disabled(&expect_context(), id, is_disabled).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn reset_user_password(id: UserId, password: String) -> Result<(), AppError> {
    Ok(service::users::reset_password(&expect_context(), id, password.into()).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn list_user_tokens(id: UserId, after: Option<String>) -> Result<wire::Page<wire::TokenView>, AppError> {
    Ok(service::users::tokens(&expect_context(), id, &service::Wanted::after(after)).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn revoke_user_token(id: UserId, token: TokenId) -> Result<(), AppError> {
    Ok(service::users::revoke_token(&expect_context(), id, token).await?)
}

/// Newest first.
#[server(client = Limited, input = Json, output = Json)]
pub async fn audit_log(filter: wire::AuditFilter) -> Result<wire::AuditPage, AppError> {
    Ok(service::audit::list(&expect_context(), filter).await?)
}
