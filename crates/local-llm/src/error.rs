//! Everything that can go wrong, in two families: what keeps the model from loading, and what a client is told.
//! Client errors carry `OpenAI`'s shape and a stable code; they never carry prompts, generated text or internals.

use std::path::PathBuf;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a model file could not be served. Printed once, at start, for the person who chose the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("cannot open the model file {}", path.display())]
    Open {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot read {} as a GGUF model", path.display())]
    Format {
        path: PathBuf,
        #[source]
        source: candle_core::Error,
    },
    #[error("the model file says nothing usable under `{key}`")]
    Metadata { key: &'static str },
    #[error(
        "the model's {what} is `{found}`, which is not supported: supported is {supported} (for instance any SmolLM2-Instruct GGUF)"
    )]
    Unsupported { what: &'static str, found: String, supported: &'static str },
    #[error("the model's tokenizer cannot be built")]
    Tokenizer(#[source] tokenizers::Error),
    #[error("the model's weights cannot be prepared")]
    Weights(#[source] candle_core::Error),
}

/// A computation that failed after a request was accepted; the client only learns that it did.
#[derive(Debug, thiserror::Error)]
#[error("the model failed to compute")]
pub(crate) struct ModelError(#[from] candle_core::Error);

/// What a client is told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error(
        "The token is missing or wrong; send the one that this server was started with as `Authorization: Bearer ...`"
    )]
    Unauthorized,
    #[error("The body is not JSON: {0}")]
    Json(#[source] serde_json::Error),
    #[error("The body must be a JSON object sent as `content-type: application/json`")]
    ContentType,
    #[error("The body is larger than 1 MiB; shorten the messages")]
    TooLarge,
    #[error("The body could not be read to its end")]
    Body,
    #[error("Invalid `{param}`: {problem}")]
    Invalid { param: &'static str, problem: String },
    #[error("Unsupported `{param}`: {problem}")]
    Unsupported { param: &'static str, problem: &'static str },
    #[error(
        "This model reads at most {context} tokens: the messages take {prompt} and {output} are asked as output. Shorten the messages or lower max_tokens"
    )]
    ContextLength { context: usize, prompt: usize, output: usize },
    #[error("All {places} places are taken; try again shortly")]
    QueueFull { places: usize },
    #[error("The model is still loading; try again shortly")]
    Loading,
    #[error("The model stopped before the answer was complete")]
    Stopped,
    #[error("The model failed on this request; try again")]
    Model,
    #[error("No such route; try POST /v1/chat/completions, GET /v1/models or GET /healthz")]
    NotFound,
    #[error("This route does not answer this method")]
    Method,
}

impl ApiError {
    fn facts(&self) -> (StatusCode, &'static str, &'static str) {
        const INVALID: &str = "invalid_request_error";
        const SERVER: &str = "server_error";
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, INVALID, "invalid_api_key"),
            Self::Json(_) => (StatusCode::BAD_REQUEST, INVALID, "invalid_json"),
            Self::ContentType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID, "unsupported_media_type"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, INVALID, "request_too_large"),
            Self::Body => (StatusCode::BAD_REQUEST, INVALID, "incomplete_body"),
            Self::Invalid { .. } => (StatusCode::BAD_REQUEST, INVALID, "invalid_value"),
            Self::Unsupported { .. } => (StatusCode::BAD_REQUEST, INVALID, "unsupported_value"),
            Self::ContextLength { .. } => (StatusCode::BAD_REQUEST, INVALID, "context_length"),
            Self::QueueFull { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "queue_full"),
            Self::Loading => (StatusCode::SERVICE_UNAVAILABLE, SERVER, "model_loading"),
            Self::Stopped => (StatusCode::SERVICE_UNAVAILABLE, SERVER, "model_stopped"),
            Self::Model => (StatusCode::INTERNAL_SERVER_ERROR, SERVER, "model_failed"),
            Self::NotFound => (StatusCode::NOT_FOUND, INVALID, "not_found"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, INVALID, "method_not_allowed"),
        }
    }

    fn param(&self) -> Option<&'static str> {
        match self {
            Self::Invalid { param, .. } | Self::Unsupported { param, .. } => Some(param),
            Self::ContextLength { .. } => Some("messages"),
            _ => None,
        }
    }

    /// The body in `OpenAI`'s shape, also sent inside a stream that has already begun.
    pub(crate) fn body(&self) -> serde_json::Value {
        let (_, kind, code) = self.facts();
        json!({ "error": {
            "message": self.to_string(), "type": kind, "param": self.param(), "code": code,
        }})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, _, _) = self.facts();
        let mut response = (status, Json(self.body())).into_response();
        if matches!(self, Self::QueueFull { .. } | Self::Loading | Self::Stopped) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if matches!(self, Self::Unauthorized) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// An error with its causes on one line, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
