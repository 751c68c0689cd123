//! People, for admins.

use leptos::prelude::*;
use workflow::{access::Role, api as wire, id::UserId};

use super::wire::Json;
use crate::error::AppError;

#[server(output = Json)]
pub async fn list_users() -> Result<Vec<wire::UserView>, AppError> {
    Ok(service::users::list(&expect_context()).await?)
}

#[server(input = Json, output = Json)]
pub async fn create_user(email: String, role: Role, password: String) -> Result<wire::UserView, AppError> {
    Ok(service::users::create(&expect_context(), &email, role, password.into()).await?)
}

#[server(input = Json, output = Json)]
pub async fn set_user_role(id: UserId, role: Role) -> Result<wire::UserView, AppError> {
    Ok(service::users::set_role(&expect_context(), id, role).await?)
}

#[server(input = Json, output = Json)]
pub async fn set_user_disabled(id: UserId, is_disabled: bool) -> Result<wire::UserView, AppError> {
    Ok(service::users::set_disabled(&expect_context(), id, is_disabled).await?)
}

#[server(input = Json, output = Json)]
pub async fn reset_user_password(id: UserId, password: String) -> Result<(), AppError> {
    Ok(service::users::reset_password(&expect_context(), id, password.into()).await?)
}
