//! No request is larger than its limit, whichever handler reads it, and whether or not it says its length.

use std::error::Error;

use axum::{
    body::Body,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::header;
use http_body_util::{LengthLimitError, Limited};

use super::{extract, problem::Problem};

/// Above the 4 MiB of run inputs and of a definition, whose own checks can then say more than this one.
pub const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// The middleware.
pub(super) async fn limit(request: Request, next: Next) -> Response {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > MAX_BODY_BYTES) {
        return Problem::too_large(MAX_BODY_BYTES).into_response();
    }
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts, Body::new(Limited::new(body, MAX_BODY_BYTES)));
    if !request.uri().path().starts_with(super::SERVER_FN_PREFIX) {
        return next.run(request).await;
    }
    // The server functions' own readers would tell an exceeded limit as something unreadable: read it here.
    let (parts, body) = request.into_parts();
    match extract::collect(Request::from_parts(parts.clone(), body)).await {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(problem) => problem.into_response(),
    }
}

/// Whether reading failed because of the limit.
pub(super) fn is_exceeded(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
