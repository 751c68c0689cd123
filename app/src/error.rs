//! The one error of server functions: the same `ApiError` that REST answers with, so that a page can show the field and the way out.
//! Must never carry an internal cause: `service` has logged it and put an id in its place.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use server_fn::codec::JsonEncoding;
use workflow::api::{ApiError, ErrorCode};

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
            ServerFnErrorErr::Args(reason) | ServerFnErrorErr::MissingArg(reason) => {
                (400, ErrorCode::Malformed, format!("The request could not be read: {reason}"))
            }
            other => (500, ErrorCode::Internal, format!("The server's answer could not be read: {other}")),
        };
        Self(ApiError { status, code, detail, field: None, problems: Vec::new(), id: None })
    }
}

#[cfg(feature = "ssr")]
impl From<service::Error> for AppError {
    fn from(error: service::Error) -> Self {
        let error = error.to_api();
        // The status of the HTTP answer follows the error, so that tools and proxies see what the page sees.
        // A form posted without script is sent back to its page instead, with the error in the address.
        if !crate::api::is_plain_form()
            && let Some(response) = use_context::<leptos_axum::ResponseOptions>()
            && let Ok(status) = http_status(error.status)
        {
            response.set_status(status);
        }
        Self(error)
    }
}

#[cfg(feature = "ssr")]
fn http_status(code: u16) -> Result<http::StatusCode, http::status::InvalidStatusCode> {
    http::StatusCode::from_u16(code)
}
