//! Signing in and out, the first admin, and one's own password, sessions and tokens.
//! A cookie is only ever set or taken back here, from what `service` made.

use leptos::prelude::*;
use workflow::{access::Actor, api as wire, id::TokenId};

use super::{client::Limited, wire::Json};
use crate::error::AppError;

#[server(client = Limited, output = Json)]
pub async fn setup_state() -> Result<wire::SetupState, AppError> {
    let state = service::accounts::setup_state(&expect_context()).await?;
    Ok(wire::SetupState { needs_admin: state.needs_admin, needs_token: state.needs_token })
}

#[server(client = Limited, output = Json)]
pub async fn current_user() -> Result<Option<Actor>, AppError> {
    // Known since the request came in; the future only meets the shape of a server function.
    Ok(std::future::ready(expect_context::<service::OpContext>().actor().cloned()).await)
}

#[server(client = Limited, output = Json)]
pub async fn create_first_admin(
    email: String,
    password: String,
    #[server(default)] token: String,
) -> Result<(), AppError> {
    let ctx = expect_context::<service::OpContext>();
    let session = service::accounts::create_first_admin(&ctx, &email, password.into(), &token).await?;
    session.set_cookies().iter().for_each(|cookie| set_cookie(cookie));
    answer_plain_form("/dashboard");
    Ok(())
}

/// `next` is the page to go to when a form without script asks.
#[server(client = Limited, output = Json)]
pub async fn login(email: String, password: String, #[server(default)] next: String) -> Result<(), AppError> {
    let ctx = expect_context::<service::OpContext>();
    let session = service::accounts::login(&ctx, &email, password.into()).await?;
    session.set_cookies().iter().for_each(|cookie| set_cookie(cookie));
    answer_plain_form(crate::return_path::safe_next(&next));
    Ok(())
}

#[server(client = Limited, output = Json)]
pub async fn logout() -> Result<(), AppError> {
    let ctx = expect_context::<service::OpContext>();
    set_cookie(&service::accounts::logout(&ctx).await?);
    answer_plain_form("/login");
    Ok(())
}

/// Ends all other sessions, and all API tokens.
#[server(client = Limited, input = Json, output = Json)]
pub async fn change_password(current: String, new: String) -> Result<(), AppError> {
    let ctx = expect_context::<service::OpContext>();
    let session = service::accounts::change_password(&ctx, current.into(), new.into()).await?;
    session.set_cookies().iter().for_each(|cookie| set_cookie(cookie));
    Ok(())
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn list_sessions(after: Option<String>) -> Result<wire::Page<wire::SessionView>, AppError> {
    Ok(service::accounts::list_sessions(&expect_context(), &service::Wanted::after(after)).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn revoke_session(id: String) -> Result<(), AppError> {
    Ok(service::accounts::revoke_session(&expect_context(), &id).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn list_tokens(after: Option<String>) -> Result<wire::Page<wire::TokenView>, AppError> {
    Ok(service::accounts::list_tokens(&expect_context(), &service::Wanted::after(after)).await?)
}

/// Refused unless the password was given a short while ago, when signing in or to `confirm_password`.
#[server(client = Limited, input = Json, output = Json)]
pub async fn create_token(token: wire::NewToken) -> Result<wire::CreatedToken, AppError> {
    Ok(service::accounts::create_token(&expect_context(), token).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn confirm_password(password: String) -> Result<(), AppError> {
    Ok(service::accounts::confirm_password(&expect_context(), password.into()).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn revoke_token(id: TokenId) -> Result<(), AppError> {
    Ok(service::accounts::revoke_token(&expect_context(), id).await?)
}

#[cfg(feature = "ssr")]
fn set_cookie(header: &str) {
    if let (Some(response), Ok(value)) =
        (use_context::<leptos_axum::ResponseOptions>(), http::HeaderValue::from_str(header))
    {
        response.append_header(http::header::SET_COOKIE, value);
    }
}

/// Sends a form that was posted before the script arrived to its next page.
/// The script goes there itself: it may be a dialog over a page that must stay.
#[cfg(feature = "ssr")]
fn answer_plain_form(path: &str) {
    if crate::plain_form::is_posted() {
        leptos_axum::redirect(path);
    }
}
