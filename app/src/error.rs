//! The one error of server functions: the same `ApiError` that REST answers with, so that a page can show the field and the way out.
//! Must never carry an internal cause: `service` has logged it and put an id in its place.

use std::time::Duration;

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use server_fn::codec::JsonEncoding;
use workflow::api::{ApiError, ErrorCode};

/// As a proxy says that what is behind it did not answer in time.
const TOO_LATE: u16 = 504;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppError(pub ApiError);

impl AppError {
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// Whether the person has to sign in again; what they wrote stays on the page.
    pub fn is_signed_out(&self) -> bool {
        self.0.code == ErrorCode::Unauthenticated
    }

    /// Whether the same request may succeed without a change, because nothing about it was wrong.
    pub fn may_try_again(&self) -> bool {
        matches!(self.0.code, ErrorCode::Unavailable | ErrorCode::Internal | ErrorCode::TooManyRequests)
    }

    pub(crate) fn no_answer(limit: Duration) -> Self {
        let detail =
            format!("The server has not answered within {} s. Check the connection and try again.", limit.as_secs());
        let mut error = Self::unreachable(detail);
        error.0.status = TOO_LATE;
        error
    }

    /// Whether the answer did not come in time, which a busy server makes as well as a bad line.
    pub(crate) fn is_too_late(&self) -> bool {
        self.0.code == ErrorCode::Unavailable && self.0.status == TOO_LATE
    }

    pub(crate) fn broke_off() -> Self {
        Self::unreachable("The connection broke off before the answer was complete. Try again.".to_owned())
    }

    /// A part of the program did not come.
    pub(crate) fn not_fetched() -> Self {
        Self::unreachable(
            "This part of Weft could not be loaded: the connection failed, or Weft was updated while this tab was open. Try again, or load the page anew."
                .to_owned(),
        )
    }

    pub(crate) fn behind_a_proxy(status: u16) -> Self {
        Self::unreachable(format!("The server cannot be reached: a proxy before it answered {status}. Try again."))
    }

    fn unreachable(detail: String) -> Self {
        let code = ErrorCode::Unavailable;
        Self(ApiError { status: 503, code, detail, field: None, problems: Vec::new(), id: None })
    }
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for AppError {}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        let (status, code, detail) = match error {
            ServerFnErrorErr::Request(_) => (
                503,
                ErrorCode::Unavailable,
                "The server cannot be reached. Check the connection and try again.".to_owned(),
            ),
            ServerFnErrorErr::Args(reason) | ServerFnErrorErr::MissingArg(reason) => unreadable(&reason),
            // The server reads arguments, the browser answers, and both fail by the same name.
            #[cfg(feature = "ssr")]
            ServerFnErrorErr::Deserialization(reason) => unreadable(&reason),
            other => (500, ErrorCode::Internal, format!("The server's answer could not be read: {other}")),
        };
        let error = ApiError { status, code, detail, field: None, problems: Vec::new(), id: None };
        #[cfg(feature = "ssr")]
        answer_with(error.status, None);
        Self(error)
    }
}

fn unreadable(reason: &str) -> (u16, ErrorCode, String) {
    (400, ErrorCode::Malformed, format!("The request could not be read: {reason}"))
}

#[cfg(feature = "ssr")]
impl From<service::Error> for AppError {
    fn from(error: service::Error) -> Self {
        let retry_after = error.retry_after();
        let error = error.to_api();
        answer_with(error.status, retry_after);
        Self(error)
    }
}

/// The status of the HTTP answer follows the error, so that tools and proxies see what the page sees.
/// A form posted without script is sent back to its page instead, with the error in the address.
#[cfg(feature = "ssr")]
fn answer_with(status: u16, retry_after: Option<Duration>) {
    if !crate::plain_form::is_posted()
        && let Some(response) = use_context::<leptos_axum::ResponseOptions>()
        && let Ok(status) = http_status(status)
    {
        response.set_status(status);
        if let Some(after) = retry_after {
            let seconds = u64::try_from(after.as_millis().div_ceil(1000).max(1)).unwrap_or(u64::MAX);
            response.insert_header(http::header::RETRY_AFTER, http::HeaderValue::from(seconds));
        }
    }
}

#[cfg(feature = "ssr")]
fn http_status(code: u16) -> Result<http::StatusCode, http::status::InvalidStatusCode> {
    http::StatusCode::from_u16(code)
}
