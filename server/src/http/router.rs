//! The router: routes inside, and around them what every request passes, outermost last.

use std::any::Any;

use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{Request, StatusCode};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    trace::TraceLayer,
};
use workflow::api::ErrorCode;

use super::{
    AppState, SameOrigin, auth, elsewhere,
    entry::OPEN,
    finish, gate, headers, health, interface, notices, origin, pages,
    problem::Problem,
    request_id::{self, REQUEST_ID},
    routes, site,
};

pub fn router(state: AppState) -> Router {
    let api = routes().into_iter().fold(Router::new(), |router, route| {
        let gate = from_fn_with_state((state.clone(), route.entry), gate::route);
        router.route(route.path, route.handler.route_layer(gate))
    });
    let api = api.layer(from_fn_with_state(state.clone(), elsewhere::tell));
    let pages = pages::router(&state).layer(from_fn_with_state(state.clone(), gate::function));
    let same_origin: SameOrigin = state.same_origin.clone();
    Router::new()
        .merge(api)
        .merge(links_of_mails(&state))
        .merge(pages)
        .layer(Extension(interface::interface()))
        .fallback(pages::not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(state.clone(), auth::authenticate))
        .layer(from_fn_with_state(same_origin.clone(), origin::check))
        // The gates come before it, count more and answer in words.
        .layer(DefaultBodyLimit::disable())
        // The probes need no identity, and must answer while the database does not.
        .merge(Router::new().route("/healthz", get(health::healthz)).route("/readyz", get(health::readyz)))
        .layer(from_fn(finish::run_to_end))
        .layer(from_fn(site::serve))
        .layer(
            ServiceBuilder::new()
                .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
                .layer(TraceLayer::new_for_http().make_span_with(span))
                .layer(PropagateRequestIdLayer::new(REQUEST_ID))
                .layer(from_fn_with_state(same_origin, headers::secure))
                .layer(CatchPanicLayer::custom(panicked)),
        )
        .layer(from_fn(request_id::keep_names))
        .with_state(state)
}

/// What is open by a link alone. No programs ask it and nobody is signed in there, so it stands in no table of routes.
fn links_of_mails(state: &AppState) -> Router<AppState> {
    let gate = from_fn_with_state((state.clone(), OPEN), gate::route);
    Router::new()
        .route(notices::UNSUBSCRIBE, get(notices::ask_to_unsubscribe).post(notices::unsubscribe).route_layer(gate))
}

/// Names the request in the log. Neither query nor headers: they may hold what is private.
fn span<B>(request: &Request<B>) -> tracing::Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", http.method = %request.method(), http.path = request.uri().path(), request.id = id)
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::Malformed,
        "This address exists, but not with this method. The `Allow` header names those that it takes.",
    )
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands the payload over")]
fn panicked(payload: Box<dyn Any + Send>) -> Response {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("unknown"), "a handler panicked");
    Problem::internal().into_response()
}
