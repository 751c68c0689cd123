//! REST: the signed-in person, their API tokens, and people and their tokens for admins.

use axum::{Extension, Json, response::Response};
use http::StatusCode;
use serde::Deserialize;
use service::{OpContext, accounts, users};
use workflow::{
    UserId,
    access::{Actor, Role},
    api::{CreatedToken, ErrorCode, NewToken, UserView},
    id::TokenId,
};

use super::{
    extract::{Body, Ids},
    params::Pages,
    problem::{Problem, Result},
};

#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct CreateUser {
    email: String,
    role: Role,
    password: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct UpdateUser {
    role: Option<Role>,
    is_disabled: Option<bool>,
    password: Option<String>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = ConfirmPassword)]
pub(super) struct Confirm {
    password: String,
}

pub(super) async fn me(Extension(ctx): Extension<OpContext>) -> Result<Json<Actor>> {
    Ok(Json(ctx.user()?.clone()))
}

/// For what wants the password given a short while ago.
pub(super) async fn confirm(Extension(ctx): Extension<OpContext>, Body(body): Body<Confirm>) -> Result<StatusCode> {
    accounts::confirm_password(&ctx, body.password.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn list(Extension(ctx): Extension<OpContext>, pages: Pages) -> Result<Response> {
    Ok(pages.answer(users::list(&ctx, &pages.wanted).await?))
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
            users::get(&ctx, id).await?
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

pub(super) async fn list_tokens(Extension(ctx): Extension<OpContext>, pages: Pages) -> Result<Response> {
    Ok(pages.answer(accounts::list_tokens(&ctx, &pages.wanted).await?))
}

pub(super) async fn create_token(
    Extension(ctx): Extension<OpContext>,
    Body(token): Body<NewToken>,
) -> Result<(StatusCode, Json<CreatedToken>)> {
    Ok((StatusCode::CREATED, Json(accounts::create_token(&ctx, token).await?)))
}

pub(super) async fn revoke_token(Extension(ctx): Extension<OpContext>, Ids(id): Ids<TokenId>) -> Result<StatusCode> {
    accounts::revoke_token(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn tokens_of(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<UserId>,
    pages: Pages,
) -> Result<Response> {
    Ok(pages.answer(users::tokens(&ctx, id, &pages.wanted).await?))
}

pub(super) async fn revoke_token_of(
    Extension(ctx): Extension<OpContext>,
    Ids((id, token)): Ids<(UserId, TokenId)>,
) -> Result<StatusCode> {
    users::revoke_token(&ctx, id, token).await?;
    Ok(StatusCode::NO_CONTENT)
}
