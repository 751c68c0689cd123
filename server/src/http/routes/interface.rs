//! The description of this interface.

use serde_json::Value;

use super::{Route, get};
use crate::http::{entry::OPEN, openapi};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "/api/openapi.json",
            openapi::json,
            "anyone",
            "this interface for programs (OpenAPI 3.1): every route, and the shape of every request and answer",
        )
        .takes(OPEN)
        .gives::<Value>(200),
        get("/api/docs", openapi::page, "anyone", "the same as a page to read, which runs no script")
            .takes(OPEN)
            .file(200, "text/html"),
    ]
}
