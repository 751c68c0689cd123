//! The pages: rendered on the server with the context of the request, under a policy with a nonce of their own.
//! The app itself sends those who are not signed in to the sign-in; what it shows on an admin's page to others is an address without a page.

use app::{App, shell};
use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use leptos::{nonce::use_nonce, prelude::*};
use leptos_axum::{AxumRouteListing, LeptosRoutes, ResponseOptions, generate_route_list};
use service::OpContext;

use super::{AppState, compress, gate, headers::content_security_policy, problem::Problem, site};

const ADMIN: &str = "/admin";

/// The addresses of the app, as its router declares them.
fn listings() -> Vec<AxumRouteListing> {
    generate_route_list(App)
}

/// The routes of the app and of every server function.
pub(super) fn router(state: &AppState) -> Router<AppState> {
    site::names();
    let options = state.leptos.clone();
    let pages = Router::new().leptos_routes_with_context(state, listings(), provide, move || shell(options.clone()));
    compress::pages(pages)
}

/// What server functions and components find while they run for a request.
fn provide() {
    // Absent while the list of routes is made, which is for no request.
    let Some(parts) = use_context::<Parts>() else { return };
    if let Some(ctx) = parts.extensions.get::<OpContext>() {
        provide_context(ctx.clone());
    }
    if let (Some(response), Some(nonce)) = (use_context::<ResponseOptions>(), use_nonce())
        && let Ok(policy) = HeaderValue::from_str(&content_security_policy(Some(&nonce)))
    {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
        if is_admin_page(parts.uri.path()) && !is_admin(parts.extensions.get::<OpContext>()) {
            response.set_status(StatusCode::NOT_FOUND);
        }
    }
}

/// What no route answers: a problem for programs, the app's own page for people.
pub(super) async fn not_found(State(state): State<AppState>, request: Request) -> Response {
    let path = request.uri().path();
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD)
        && !path.starts_with("/api/")
        && path != "/api"
        && !path.starts_with(super::SERVER_FN_PREFIX)
        && accepts_html(&request);
    if !is_page {
        return Problem::not_found().into_response();
    }
    if let Err(problem) = gate::admit(&state, &request) {
        return problem.into_page();
    }
    let options = state.leptos.clone();
    // Whole before its first byte is sent, like every page: what is still being read for a stream ends with whoever reads it.
    let render = leptos_axum::render_app_async_with_context(provide, move || shell(options.clone()));
    let mut response = render(request).await;
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

fn accepts_html(request: &Request) -> bool {
    request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("html"))
}

fn is_admin_page(path: &str) -> bool {
    path.strip_prefix(ADMIN).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_admin(ctx: Option<&OpContext>) -> bool {
    ctx.and_then(OpContext::actor).is_some_and(workflow::access::Actor::is_admin)
}
