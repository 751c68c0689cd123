//! What a failed call to a provider means: by status, by the code in the error document, and by the kind of the broken connection.
//! It must never match on the words of a message, and never pass a key on: providers do echo them.

use std::error::Error;

use genai::webc;
use reqwest::{StatusCode, Url, header::HeaderMap};
use secrecy::ExposeSecret;
use serde_json::Value;
use workflow::status::Reason;

use crate::{AgentError, Provider, error::shorten, response};

/// Characters of what a provider says that are passed on.
const MAX_SAID_CHARS: usize = 500;
/// The codes for a prompt that is too long: of `OpenAI` and those like it, our own server, llama.cpp, vLLM.
const CONTEXT_CODES: [&str; 4] =
    ["context_length_exceeded", "context_length", "exceed_context_size_error", "context_window_exceeded"];
const RATE_CODES: [&str; 3] = ["rate_limit_exceeded", "rate_limit_error", "insufficient_quota"];
const KEY_CODES: [&str; 3] = ["invalid_api_key", "authentication_error", "permission_error"];

pub(super) struct Failure {
    pub(super) error: AgentError,
    /// The endpoint did not take the request as it was put.
    pub(super) is_refused_request: bool,
}

impl From<AgentError> for Failure {
    fn from(error: AgentError) -> Self {
        Self { error, is_refused_request: false }
    }
}

pub(super) fn cut_off() -> Failure {
    AgentError::new(Reason::Server, "The model's answer broke off before it was complete").into()
}

pub(super) fn too_large(max_bytes: usize) -> Failure {
    AgentError::new(Reason::OutputTooLarge, format!("The model's answer is larger than {} MiB", max_bytes >> 20)).into()
}

pub(super) fn explain(error: genai::Error, provider: &Provider, endpoint: &str) -> Failure {
    match error {
        genai::Error::HttpError { status, body, headers, .. } => refusal(status, &headers, &body, provider),
        genai::Error::WebModelCall { webc_error, .. } | genai::Error::WebAdapterCall { webc_error, .. } => {
            match webc_error {
                webc::Error::ResponseFailedStatus { status, body, headers } => {
                    refusal(status, &headers, &body, provider)
                }
                webc::Error::Reqwest(error) => broken(&error, endpoint).into(),
                other => unusable(other),
            }
        }
        genai::Error::WebStream { error, .. } => match error.downcast::<genai::Error>() {
            Ok(inner) => explain(*inner, provider, endpoint),
            Err(error) => stream_broke(error, endpoint),
        },
        genai::Error::ChatResponse { body, .. } => {
            let class = class_of_code(&body).unwrap_or(Reason::Server);
            told(class, "The provider stopped with an error", &body, provider).into()
        }
        error @ (genai::Error::StreamParse { .. }
        | genai::Error::InvalidJsonResponseElement { .. }
        | genai::Error::NoChatResponse { .. }) => AgentError::new(
            Reason::Server,
            "The provider sent something that is no chat stream: check its kind and its address",
        )
        .with_source(error)
        .into(),
        other => unusable(other),
    }
}

/// The provider answered with an error status.
fn refusal(status: StatusCode, headers: &HeaderMap, body: &str, provider: &Provider) -> Failure {
    let document: Value = serde_json::from_str(body).unwrap_or_default();
    let class = match status {
        StatusCode::PAYLOAD_TOO_LARGE => Reason::ContextLength,
        status if status.is_client_error() && class_of_code(&document) == Some(Reason::ContextLength) => {
            Reason::ContextLength
        }
        status => response::class_of(status),
    };
    let error = match class {
        // What it says here may repeat the key, in whole or in part.
        Reason::Unauthorized => AgentError::new(
            class,
            format!("The provider answered {status}: check its key, and that the key may use this model"),
        ),
        Reason::ContextLength => told(class, "The prompt is longer than the model takes", &document, provider),
        _ => told(class, &format!("The provider answered {status}"), &document, provider),
    };
    Failure {
        error: error.with_retry_after(response::retry_after_ms(headers)),
        is_refused_request: class == Reason::Permanent
            && matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY),
    }
}

/// The error document, bare or under `error`.
fn inner(document: &Value) -> &Value {
    document.get("error").filter(|error| error.is_object()).unwrap_or(document)
}

fn class_of_code(document: &Value) -> Option<Reason> {
    let error = inner(document);
    ["code", "type"].into_iter().filter_map(|field| error.get(field)?.as_str()).find_map(|code| {
        if CONTEXT_CODES.contains(&code) {
            Some(Reason::ContextLength)
        } else if RATE_CODES.contains(&code) {
            Some(Reason::RateLimit)
        } else if KEY_CODES.contains(&code) {
            Some(Reason::Unauthorized)
        } else {
            None
        }
    })
}

/// Passes on what the provider says, without the key.
fn told(class: Reason, what: &str, document: &Value, provider: &Provider) -> AgentError {
    let said = inner(document).get("message").and_then(Value::as_str).unwrap_or_default();
    let mut said = said.to_owned();
    if let Some(key) = &provider.key
        && !key.expose_secret().is_empty()
    {
        said = said.replace(key.expose_secret(), "[key]");
    }
    if said.is_empty() || class == Reason::Unauthorized {
        AgentError::new(class, what)
    } else {
        AgentError::new(class, format!("{what}: {}", shorten(said, MAX_SAID_CHARS)))
    }
}

fn broken(error: &reqwest::Error, endpoint: &str) -> AgentError {
    let host = Url::parse(endpoint).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let (class, message) = response::class_of_failure(error, &host);
    AgentError::new(class, message)
}

fn stream_broke(error: Box<dyn Error + Send + Sync>, endpoint: &str) -> Failure {
    match error.downcast::<reqwest::Error>() {
        Ok(error) => {
            let failure = broken(&error, endpoint);
            failure.with_source(error.without_url()).into()
        }
        Err(error) if error.is::<webc::StreamTimeout>() => {
            AgentError::new(Reason::Timeout, "The model stopped sending").with_source(error).into()
        }
        Err(error) => AgentError::new(Reason::Server, "The model's answer could not be read").with_source(error).into(),
    }
}

/// Everything that went wrong before a byte was sent.
fn unusable(error: impl Error + Send + Sync + 'static) -> Failure {
    AgentError::new(
        Reason::Permanent,
        "The provider cannot be asked like this: check its kind, its address and the model",
    )
    .with_source(error)
    .into()
}
