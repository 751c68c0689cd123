//! The REST interface described, for programs and for people. Both are for everybody: they say what the sources say, and hold nothing of
//! this instance. Must never make what it serves: that is made of the table of routes, in which these handlers stand.

use axum::{
    Extension,
    response::{IntoResponse, Response},
};
use http::header;

/// It changes with the server alone, so whoever asks again may be told the same for a while.
const KEPT: &str = "public, max-age=300";

/// What is served, made when somebody first asks.
#[derive(Clone, Copy)]
pub(super) struct Interface {
    pub(super) document: fn() -> &'static str,
    pub(super) page: fn() -> &'static Page,
}

/// The page that shows the document.
pub(super) struct Page {
    pub(super) html: String,
    pub(super) policy: String,
}

/// The document.
pub(super) async fn json(Extension(interface): Extension<Interface>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, KEPT)];
    (headers, (interface.document)()).into_response()
}

/// The page.
pub(super) async fn page(Extension(interface): Extension<Interface>) -> Response {
    let page = (interface.page)();
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, KEPT),
        (header::CONTENT_SECURITY_POLICY, page.policy.as_str()),
    ];
    (headers, page.html.as_str()).into_response()
}
