//! Anthropic's messages.

use serde_json::{Map, Value, json};

use super::{
    Ask, Event, Message, Request, Tokens, count, ends,
    schema::{Absent, Bounds, wanted},
    text,
};
use crate::refusals::Parameter;

/// The protocol wants a limit. This many tokens every current model can write; older ones refuse it, and get the smaller one.
const DEFAULT_MAX_TOKENS: u32 = 32_000;
const SMALL_MAX_TOKENS: u32 = 4_096;

pub(super) fn request(ask: &Ask<'_>) -> Request {
    let mut optional = Vec::new();
    let mut body = Map::new();
    body.insert("model".into(), json!(ask.model));
    if ask.refused.take(Parameter::Stream, "true", &mut optional) {
        body.insert("stream".into(), json!(true));
    }
    let max_tokens = ask.max_tokens.unwrap_or_else(|| {
        let is_taken = ask.refused.take(Parameter::MaxTokens, &DEFAULT_MAX_TOKENS.to_string(), &mut optional);
        if is_taken { DEFAULT_MAX_TOKENS } else { SMALL_MAX_TOKENS }
    });
    body.insert("max_tokens".into(), json!(max_tokens));
    if !ask.system.is_empty() {
        body.insert("system".into(), json!(ask.system));
    }
    let said = |message: &Message| json!({"role": message.role.as_str(), "content": message.text});
    body.insert("messages".into(), ask.messages.iter().map(said).collect());
    if let Some(temperature) = ask.temperature
        && ask.refused.take(Parameter::Temperature, &temperature.to_string(), &mut optional)
    {
        body.insert("temperature".into(), json!(temperature));
    }
    if let Some(schema) = wanted(ask, Absent::Unlisted, Bounds::LeftOut, &mut optional) {
        body.insert("output_config".into(), json!({"format": {"type": "json_schema", "schema": schema}}));
    }
    Request { path: "messages".to_owned(), body, optional }
}

pub(super) fn read(document: &Value) -> Vec<Event> {
    let mut events = Vec::new();
    match document.get("type").and_then(Value::as_str) {
        Some("message_start") => {
            if let Some(message) = document.get("message") {
                head(message, &mut events);
            }
        }
        Some("content_block_start") => {
            if let Some(block) = document.get("content_block") {
                read_block(block, &mut events);
            }
        }
        Some("content_block_delta") => {
            if let Some(delta) = document.get("delta") {
                read_block(delta, &mut events);
            }
        }
        Some("message_delta") => {
            events.extend(tokens(document).event());
            if let Some(delta) = document.get("delta") {
                events.extend(finish(delta));
            }
        }
        Some("message_stop") => events.push(Event::Done),
        Some("message") => {
            head(document, &mut events);
            // Gateways that speak another protocol behind this one have only a text.
            events.extend(text(document, "content").map(|said| Event::Text(said.to_owned())));
            for block in document.get("content").and_then(Value::as_array).into_iter().flatten() {
                read_block(block, &mut events);
            }
            events.extend(Event::strange(document.get("content")));
            events.extend(finish(document));
        }
        _ => {}
    }
    events
}

fn head(message: &Value, events: &mut Vec<Event>) {
    if let Some(id) = text(message, "id") {
        events.push(Event::Id(id.to_owned()));
    }
    events.extend(tokens(message).event());
}

/// A block of content, or a piece of one.
fn read_block(block: &Value, events: &mut Vec<Event>) {
    if let Some(thought) = text(block, "thinking") {
        events.push(Event::Thought(thought.to_owned()));
    } else if let Some(piece) = text(block, "text") {
        events.push(Event::Text(piece.to_owned()));
    } else if text(block, "type") == Some("tool_use") {
        events.push(Event::ToolCall);
    }
}

fn finish(message: &Value) -> Option<Event> {
    // `pause_turn` comes only with tools of the provider, of which there are none: what came is no whole answer.
    ends::event(text(message, "stop_reason")?, || {
        let why = ["/stop_details/explanation", "/stop_details/category"];
        let why = why.into_iter().find_map(|place| message.pointer(place)?.as_str());
        why.unwrap_or_default().to_owned()
    })
}

/// What was read from and written to the cache was asked as well.
fn tokens(message: &Value) -> Tokens {
    let Some(usage) = message.get("usage") else { return Tokens::default() };
    let cached = ["cache_creation_input_tokens", "cache_read_input_tokens"];
    let cached: i64 = cached.into_iter().filter_map(|name| count(usage, name)).sum();
    Tokens {
        prompt: count(usage, "input_tokens").map(|fresh| fresh + cached),
        completion: count(usage, "output_tokens"),
        total: count(usage, "total_tokens"),
        cost_micros: None,
    }
}
