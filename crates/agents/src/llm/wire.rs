//! What is said to a provider and what comes back, in the words of each protocol: one file builds its request and reads its answers.
//! A protocol only translates. It must never decide about retries, keep text, or put a key anywhere but into its header.

mod anthropic;
mod error;
mod frames;
mod gemini;
mod ollama;
mod openai;
mod refused;
mod responses;
mod schema;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use workflow::schema::Schema;

pub(super) use error::{Said, read_body as read_error_body};
pub(super) use frames::{Fault, Frame, Frames, MAX_ANSWER_BYTES};
pub(super) use refused::named as named_parameter;
pub(super) use schema::is_strict;

use crate::{
    ProviderKind,
    refusals::{Parameter, Refused},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    User,
    Assistant,
}

impl Role {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Message {
    pub(super) role: Role,
    pub(super) text: String,
}

/// One question, whoever is asked.
pub(super) struct Ask<'a> {
    pub(super) model: &'a str,
    pub(super) system: &'a str,
    pub(super) messages: &'a [Message],
    pub(super) temperature: Option<f64>,
    pub(super) max_tokens: Option<u32>,
    /// What the answer must look like, where a provider can hold the model to it.
    pub(super) schema: Option<&'a Schema>,
    /// What this model does not take.
    pub(super) refused: &'a Refused,
}

/// A question as it goes over the wire: where to, below the provider's address, and what.
pub(super) struct Request {
    pub(super) path: String,
    pub(super) body: Map<String, Value>,
    /// What of the body may be left out, with its value.
    pub(super) optional: Vec<(Parameter, String)>,
}

/// What one frame of an answer says.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Event {
    Text(String),
    /// The whole text again; it counts only where no piece came before.
    Whole(String),
    /// What the model thinks, where the provider tells it apart.
    Thought(String),
    /// The model's own words for not answering.
    Refusal(String),
    Finish(Finish),
    Tokens(Tokens),
    /// The name under which the provider knows this answer.
    Id(String),
    Failed(Said),
    /// Nothing comes after this.
    Done,
}

/// How an answer ended, in the provider's word and in ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Finish {
    pub(super) word: String,
    pub(super) end: End,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum End {
    Complete,
    /// At the longest answer allowed.
    Cut,
    /// Stopped for what it says; in words, where the provider gives some.
    Refused(String),
    /// The model wants to call a tool, and was given none.
    ToolCall,
    /// The provider failed in the middle.
    Failed,
}

impl Finish {
    fn event(word: &str, end: End) -> Event {
        Event::Finish(Self { word: word.to_owned(), end })
    }
}

/// What an answer cost, as far as the provider says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Tokens {
    pub(super) prompt: Option<i64>,
    pub(super) completion: Option<i64>,
    pub(super) cost_micros: Option<i64>,
}

impl Tokens {
    /// None where nothing is told.
    fn event(self) -> Option<Event> {
        (self != Self::default()).then_some(Event::Tokens(self))
    }
}

pub(super) fn request(kind: ProviderKind, ask: &Ask<'_>) -> Request {
    match kind {
        ProviderKind::OpenAi => openai::request(ask),
        ProviderKind::OpenAiResponses => responses::request(ask),
        ProviderKind::Anthropic => anthropic::request(ask),
        ProviderKind::Gemini => gemini::request(ask),
        ProviderKind::Ollama => ollama::request(ask),
    }
}

/// What a frame says: a piece of a stream, or a whole answer where the provider does not stream.
pub(super) fn read(kind: ProviderKind, frame: &Frame) -> Vec<Event> {
    let document = match frame {
        Frame::Done => return vec![Event::Done],
        Frame::Error(document) => return vec![Event::Failed(error::read(document))],
        Frame::Document(document) => document,
    };
    if error::is_one(document) {
        return vec![Event::Failed(error::read(document))];
    }
    match kind {
        ProviderKind::OpenAi => openai::read(document),
        ProviderKind::OpenAiResponses => responses::read(document),
        ProviderKind::Anthropic => anthropic::read(document),
        ProviderKind::Gemini => gemini::read(document),
        ProviderKind::Ollama => ollama::read(document),
    }
}

/// The headers of a protocol; none when the key cannot be put into one.
pub(super) fn headers(kind: ProviderKind, key: Option<&SecretString>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    if kind == ProviderKind::Anthropic {
        headers.insert(HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));
    }
    if let Some(key) = key {
        let (name, text) = match kind {
            ProviderKind::Anthropic => (HeaderName::from_static("x-api-key"), key.expose_secret().to_owned()),
            ProviderKind::Gemini => (HeaderName::from_static("x-goog-api-key"), key.expose_secret().to_owned()),
            _ => (AUTHORIZATION, format!("Bearer {}", key.expose_secret())),
        };
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Some(headers)
}

/// Tokens that a provider counted. What no answer can have cost is as good as nothing said.
fn count(value: &Value, name: &str) -> Option<i64> {
    const MOST: i64 = 1_000_000_000;
    let value = value.get(name)?;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked right after, and the cast saturates")]
    let count = value.as_i64().or_else(|| value.as_f64().map(|count| count as i64))?;
    (0..=MOST).contains(&count).then_some(count)
}

/// Money in millionths.
pub(super) fn micros(value: Option<&Value>) -> Option<i64> {
    let cost = value?.as_f64().filter(|cost| (0.0..=1e6).contains(cost))?;
    #[expect(clippy::cast_possible_truncation, reason = "at most 10^12")]
    let micros = (cost * 1e6).round() as i64;
    Some(micros)
}

/// A text that is there and says something.
fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str().filter(|text| !text.is_empty())
}
