//! REST: the signed-in person, their API tokens, and people for admins.

use axum::{Extension, Json};
use http::StatusCode;
use serde::Deserialize;
use service::{OpContext, accounts, users};
use workflow::{
    UserId,
    access::{Actor, Role},
    api::{CreatedToken, ErrorCode, TokenView, UserView},
    id::TokenId,
};

use super::{
    extract::{Body, Ids},
    problem::{Problem, Result},
};

#[derive(Deserialize)]
pub(super) struct CreateUser {
    email: String,
    role: Role,
    password: String,
}

#[derive(Deserialize)]
pub(super) struct UpdateUser {
    role: Option<Role>,
    is_disabled: Option<bool>,
    password: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct CreateToken {
    name: String,
}

pub(super) async fn me(Extension(ctx): Extension<OpContext>) -> Result<Json<Actor>> {
    Ok(Json(ctx.user()?.clone()))
}

pub(super) async fn list(Extension(ctx): Extension<OpContext>) -> Result<Json<Vec<UserView>>> {
    Ok(Json(users::list(&ctx).await?))
}

pub(super) async fn create(
    Extension(ctx): Extension<OpContext>,
    Body(user): Body<CreateUser>,
) -> Result<(StatusCode, Json<UserView>)> {
    let created = users::create(&ctx, &user.email, user.role, user.password.into()).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// One change at a time: each is a transaction of its own, and two would leave half of them when one is refused.
pub(super) async fn update(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<UserId>,
    Body(change): Body<UpdateUser>,
) -> Result<Json<UserView>> {
    ctx.admin()?;
    let view = match change {
        UpdateUser { role: Some(role), is_disabled: None, password: None } => users::set_role(&ctx, id, role).await?,
        UpdateUser { role: None, is_disabled: Some(is_disabled), password: None } => {
            users::set_disabled(&ctx, id, is_disabled).await?
        }
        UpdateUser { role: None, is_disabled: None, password: Some(password) } => {
            users::reset_password(&ctx, id, password.into()).await?;
            let all = users::list(&ctx).await?;
            all.into_iter().find(|user| user.id == id).ok_or_else(Problem::not_found)?
        }
        _ => {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                ErrorCode::Invalid,
                "Send exactly one of `role`, `is_disabled` and `password`.",
            ));
        }
    };
    Ok(Json(view))
}

pub(super) async fn list_tokens(Extension(ctx): Extension<OpContext>) -> Result<Json<Vec<TokenView>>> {
    Ok(Json(accounts::list_tokens(&ctx).await?))
}

pub(super) async fn create_token(
    Extension(ctx): Extension<OpContext>,
    Body(token): Body<CreateToken>,
) -> Result<(StatusCode, Json<CreatedToken>)> {
    Ok((StatusCode::CREATED, Json(accounts::create_token(&ctx, &token.name).await?)))
}

pub(super) async fn revoke_token(Extension(ctx): Extension<OpContext>, Ids(id): Ids<TokenId>) -> Result<StatusCode> {
    accounts::revoke_token(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
