//! Errors over HTTP: `application/problem+json` (RFC 9457) with the fields of `ApiError`.
//! An internal cause must never come this far: `service` has logged it and put an id in its place.

use std::time::Duration;

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use workflow::api::{ApiError, ErrorCode};

/// When to come back, where nothing knows better.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// An error as the answer to a request.
#[derive(Clone, Debug)]
pub struct Problem {
    error: ApiError,
    retry_after: Option<Duration>,
}

pub(super) type Result<T, E = Problem> = std::result::Result<T, E>;

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'static str,
    #[serde(flatten)]
    error: &'a ApiError,
}

impl Problem {
    pub fn new(status: StatusCode, code: ErrorCode, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let error = ApiError { status: status.as_u16(), code, detail, field: None, problems: Vec::new(), id: None };
        // Whoever is turned away now, and not for good, is told when to come back.
        let is_for_now = matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
        let retry_after = is_for_now.then_some(RETRY_AFTER);
        Self { error, retry_after }
    }

    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.error.field = Some(field.into());
        self
    }

    /// When asking again may help.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// For people who asked for a page, where the app itself is not to be rendered: that is what costs.
    pub(super) fn into_page(self) -> Response {
        let title = title(self.error.code);
        let detail = self.error.detail.replace('&', "&amp;").replace('<', "&lt;");
        let page = format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\
             <body><h1>{title}</h1><p>{detail}</p></body></html>\n"
        );
        let mut response = (self.status(), Html(page)).into_response();
        self.tell_when(&mut response);
        response
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn tell_when(&self, response: &mut Response) {
        if let Some(after) = self.retry_after {
            let seconds = u64::try_from(after.as_millis().div_ceil(1000).max(1)).unwrap_or(u64::MAX);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
    }

    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::Malformed, detail)
    }

    #[cfg(test)]
    pub(super) fn into_api(self) -> ApiError {
        self.error
    }

    /// The same words whether a thing is missing or only invisible.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            ErrorCode::NotFound,
            "There is nothing here, or it is not yours to see. Check the address.",
        )
    }

    pub fn too_large(limit_bytes: usize) -> Self {
        let kibibytes = limit_bytes / 1024;
        let limit = if kibibytes < 1024 { format!("{kibibytes} KiB") } else { format!("{} MiB", kibibytes / 1024) };
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::TooLarge,
            format!("The request is larger than {limit}, which is what this address takes. Send less at once."),
        )
    }

    pub fn cross_origin() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            ErrorCode::CrossOrigin,
            "The request came from another site, so it was refused. Open Weft at its own address; behind a proxy, set WEFT_PUBLIC_URL to that address.",
        )
    }

    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::Internal,
            "Something went wrong on the server. The log says what; try again, and report it if it happens again.",
        )
    }
}

impl From<service::Error> for Problem {
    fn from(error: service::Error) -> Self {
        Self { retry_after: error.retry_after(), error: error.to_api() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = Body {
            r#type: format!("urn:weft:problem:{}", code_name(self.error.code)),
            title: title(self.error.code),
            error: &self.error,
        };
        let text = serde_json::to_vec(&body).unwrap_or_default();
        let mut response =
            (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))], text)
                .into_response();
        self.tell_when(&mut response);
        response
    }
}

/// As it is spelt on the wire.
fn code_name(code: ErrorCode) -> String {
    match serde_json::to_value(code) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "unknown".to_owned(),
    }
}

fn title(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Malformed => "The request cannot be read",
        ErrorCode::Unauthenticated => "Nobody is signed in",
        ErrorCode::WrongCredentials => "Wrong email or password",
        ErrorCode::Forbidden => "Not allowed",
        ErrorCode::InsufficientScope => "The token was not made for this",
        ErrorCode::SessionRequired => "Not for API tokens",
        ErrorCode::ConfirmPassword => "Give your password again",
        ErrorCode::CrossOrigin => "Sent from another site",
        ErrorCode::NotFound => "Not found",
        ErrorCode::StaleRevision => "Somebody saved a newer version",
        ErrorCode::Conflict => "Not possible in this state",
        ErrorCode::ConfirmSideEffects => "It acts on the world outside",
        ErrorCode::NotPublished => "Not published",
        ErrorCode::IdempotencyMismatch => "The Idempotency-Key was used before",
        ErrorCode::ProtocolUnsupported => "Another protocol",
        ErrorCode::Fenced => "Somebody else's attempt",
        ErrorCode::SessionGone => "The session is over",
        ErrorCode::InvalidOutput => "Not the promised form",
        ErrorCode::TooLarge => "Too large",
        ErrorCode::Invalid => "A field is wrong",
        ErrorCode::InvalidDefinition => "The definition has errors",
        ErrorCode::TooManyRequests => "Too many requests",
        ErrorCode::QuotaExceeded => "A quota is used up",
        ErrorCode::Internal => "Something went wrong",
        ErrorCode::Unavailable => "Not available at the moment",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_turned_away_for_now_is_told_when_to_come_back() {
        let told = |status| {
            let problem = Problem::new(status, ErrorCode::TooManyRequests, "Wait.");
            problem.into_response().headers().get(header::RETRY_AFTER).cloned()
        };
        assert_eq!(told(StatusCode::TOO_MANY_REQUESTS), Some(HeaderValue::from(2_u64)));
        assert_eq!(told(StatusCode::SERVICE_UNAVAILABLE), Some(HeaderValue::from(2_u64)));
        assert_eq!(told(StatusCode::CONFLICT), None);
        let soon = Problem::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, "Wait.");
        let soon = soon.with_retry_after(Duration::from_millis(10)).into_response();
        assert_eq!(soon.headers().get(header::RETRY_AFTER), Some(&HeaderValue::from(1_u64)));
    }
}
