//! What is said to a provider and what comes back, in the words of each protocol: one file builds its request and reads its answers.
//! A protocol only translates. It must never decide about retries, keep text, or put a key anywhere but into its header.

mod anthropic;
mod asked;
mod codes;
mod decoder;
mod ends;
mod error;
mod frames;
mod gemini;
mod lenient;
mod names;
mod ollama;
mod openai;
mod refused;
mod responses;
mod schema;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use workflow::{schema::Schema, status::Reason};

pub(super) use asked::Asked;
pub(super) use codes::class_of_status;
pub(super) use decoder::{Fault, Frame, MAX_ANSWER_BYTES};
pub(super) use error::{Said, is_of_answer, read as read_error, read_body as read_error_body};
pub(super) use frames::Frames;
pub(super) use refused::named as named_parameter;
pub(super) use schema::is_strict;

pub(super) use crate::recorder::Tokens;
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
    /// What may be the whole answer again, or a whole part of it; it counts only where no piece told the same.
    Whole(Whole),
    /// What the model thinks, where the provider tells it apart.
    Thought(String),
    /// The model's own words for not answering.
    Refusal(String),
    Finish(Finish),
    Tokens(Tokens),
    /// The name under which the provider knows this answer.
    Id(String),
    Failed(Said),
    /// What stands where a text belongs and is none.
    Strange(Value),
    /// The model calls a tool, of which it was given none.
    ToolCall,
    /// Nothing comes after this.
    Done,
}

impl Event {
    /// `content`: what a message says, where it has to be a text.
    fn strange(content: Option<&Value>) -> Option<Self> {
        let is_text = |content: &Value| matches!(content, Value::Null | Value::String(_) | Value::Array(_));
        content.filter(|content| !is_text(content)).map(|content| Self::Strange(content.clone()))
    }

    /// `calls`: one, or a list of them.
    fn tool_call(calls: Option<&Value>) -> Option<Self> {
        calls.filter(|calls| !error::is_nothing(calls)).map(|_| Self::ToolCall)
    }
}

/// An answer, or a part of one, that does not come in pieces.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Whole {
    pub(super) text: String,
    pub(super) thought: String,
    pub(super) refusal: String,
}

impl Whole {
    /// What these events say, put together; the others are handed back.
    fn of(events: Vec<Event>) -> (Self, Vec<Event>) {
        let mut whole = Self::default();
        let others = events.into_iter().filter_map(|event| {
            match event {
                Event::Text(text) => whole.text.push_str(&text),
                Event::Thought(text) => whole.thought.push_str(&text),
                Event::Refusal(text) => whole.refusal.push_str(&text),
                other => return Some(other),
            }
            None
        });
        let others = others.collect();
        (whole, others)
    }

    /// None where nothing is said.
    fn event(self) -> Option<Event> {
        (self != Self::default()).then_some(Event::Whole(self))
    }
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
    /// The provider failed in the middle, or ended it with a word that nobody knows.
    Failed(Reason),
}

impl Finish {
    fn event(word: &str, end: End) -> Event {
        Event::Finish(Self { word: word.to_owned(), end })
    }
}

impl Tokens {
    /// None where nothing is told.
    fn event(self) -> Option<Event> {
        (self != Self::default()).then_some(Event::Tokens(self))
    }
}

pub(super) fn request(kind: ProviderKind, ask: &Ask<'_>) -> Request {
    let mut sent = Vec::new();
    let has_system = !ask.system.is_empty();
    // A model without that role is told the same, before all else.
    let folded = (has_system && !ask.refused.take(Parameter::SystemRole, "", &mut sent)).then(|| {
        let mut messages = ask.messages.to_vec();
        if let Some(first) = messages.first_mut() {
            first.text = format!("{}\n\n{}", ask.system, first.text);
        }
        messages
    });
    let ask = match &folded {
        Some(messages) => &Ask { system: "", messages, ..*ask },
        None => ask,
    };
    let mut request = match kind {
        ProviderKind::OpenAi => openai::request(ask),
        ProviderKind::OpenAiResponses => responses::request(ask),
        ProviderKind::Anthropic => anthropic::request(ask),
        ProviderKind::Gemini => gemini::request(ask),
        ProviderKind::Ollama => ollama::request(ask),
    };
    request.optional.extend(sent);
    request
}

/// What a frame says: a piece of a stream, or a whole answer where the provider does not stream.
pub(super) fn read(kind: ProviderKind, frame: &Frame) -> Vec<Event> {
    let (document, is_body) = match frame {
        Frame::Done => return vec![Event::Done],
        Frame::Error(document) => return vec![Event::Failed(error::read(document))],
        Frame::Document(document) => (document, false),
        Frame::Body(document) => (document, true),
    };
    if error::is_one(document) {
        return vec![Event::Failed(error::read(document))];
    }
    match kind {
        ProviderKind::OpenAi => openai::read(document, is_body),
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
    // Some write their numbers as texts.
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked right after, and the cast saturates")]
    let count = number as i64;
    (0..=MOST).contains(&count).then_some(count)
}

/// Money in millionths: a number, a text of one, or the sum beside the parts it is made of.
pub(super) fn micros(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    let value = value.get("total_cost").unwrap_or(value);
    let cost = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    let cost = cost.filter(|cost| (0.0..=1e6).contains(cost))?;
    #[expect(clippy::cast_possible_truncation, reason = "at most 10^12")]
    let micros = (cost * 1e6).round() as i64;
    Some(micros)
}

/// The one of several answers that is read: none is asked for but the first.
fn first(choices: &Value) -> Option<&Value> {
    let is_first = |choice: &&Value| choice.get("index").and_then(Value::as_u64).is_none_or(|index| index == 0);
    choices.as_array()?.iter().find(is_first)
}

/// A text that is there and says something.
fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str().filter(|text| !text.is_empty())
}
