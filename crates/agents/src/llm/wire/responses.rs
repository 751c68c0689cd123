//! `OpenAI`'s Responses API. Its stream repeats each part, and in its last event the whole answer: these count
//! only where no pieces came. It must never take a thought for such a piece.

use serde_json::{Map, Value, json};
use workflow::status::Reason;

use super::{
    Ask, End, Event, Finish, Message, Request, Tokens, Whole, count, ends, error,
    schema::{Absent, Bounds, wanted},
    text,
};
use crate::refusals::Parameter;

pub(super) fn request(ask: &Ask<'_>) -> Request {
    let mut optional = Vec::new();
    let mut body = Map::new();
    body.insert("model".into(), json!(ask.model));
    if ask.refused.take(Parameter::Stream, "true", &mut optional) {
        body.insert("stream".into(), json!(true));
    }
    // Nothing of a run is to stay with the provider.
    body.insert("store".into(), json!(false));
    if !ask.system.is_empty() {
        body.insert("instructions".into(), json!(ask.system));
    }
    let said = |message: &Message| json!({"role": message.role.as_str(), "content": message.text});
    body.insert("input".into(), ask.messages.iter().map(said).collect());
    if let Some(temperature) = ask.temperature
        && ask.refused.take(Parameter::Temperature, &temperature.to_string(), &mut optional)
    {
        body.insert("temperature".into(), json!(temperature));
    }
    if let Some(max_tokens) = ask.max_tokens
        && ask.refused.take(Parameter::MaxTokens, &max_tokens.to_string(), &mut optional)
    {
        body.insert("max_output_tokens".into(), json!(max_tokens));
    }
    if let Some(schema) = wanted(ask, Absent::Null, Bounds::Said, &mut optional) {
        let format = json!({"type": "json_schema", "name": "output", "strict": true, "schema": schema});
        body.insert("text".into(), json!({"format": format}));
    }
    Request { path: "responses".to_owned(), body, optional }
}

pub(super) fn read(document: &Value) -> Vec<Event> {
    let mut events = Vec::new();
    let told = |name: &str| text(document, name).unwrap_or_default().to_owned();
    let delta = || told("delta");
    match document.get("type").and_then(Value::as_str) {
        Some("response.output_text.delta") => events.push(Event::Text(delta())),
        Some("response.refusal.delta") => events.push(Event::Refusal(delta())),
        Some("response.reasoning_text.delta" | "response.reasoning_summary_text.delta") => {
            events.push(Event::Thought(delta()));
        }
        // A part, once it is whole.
        Some("response.output_text.done") => whole_of(vec![Event::Text(told("text"))], &mut events),
        Some("response.refusal.done") => whole_of(vec![Event::Refusal(told("refusal"))], &mut events),
        Some("response.output_item.done") => {
            let mut said = Vec::new();
            read_item(document.get("item").unwrap_or(&Value::Null), &mut said);
            whole_of(said, &mut events);
        }
        Some(kind) => {
            if let Some(response) = document.get("response") {
                let mut said = Vec::new();
                items(response, &mut said);
                whole_of(said, &mut events);
                // Not all say it again inside.
                ended(response, kind.strip_prefix("response."), &mut events);
            }
        }
        None if document.get("object").and_then(Value::as_str) == Some("response") => {
            items(document, &mut events);
            ended(document, None, &mut events);
        }
        None => {}
    }
    events
}

fn whole_of(said: Vec<Event>, events: &mut Vec<Event>) {
    let (whole, others) = Whole::of(said);
    events.extend(whole.event());
    events.extend(others);
}

/// What a whole answer says.
fn items(response: &Value, events: &mut Vec<Event>) {
    let items = response.get("output").and_then(Value::as_array).into_iter().flatten();
    items.for_each(|item| read_item(item, events));
}

fn read_item(item: &Value, events: &mut Vec<Event>) {
    let is_thought = item.get("type").and_then(Value::as_str) == Some("reasoning");
    let parts = ["content", "summary"].into_iter().filter_map(|name| item.get(name)?.as_array()).flatten();
    for part in parts {
        if let Some(refusal) = text(part, "refusal") {
            events.push(Event::Refusal(refusal.to_owned()));
        } else if let Some(piece) = text(part, "text") {
            events.push(if is_thought { Event::Thought(piece.to_owned()) } else { Event::Text(piece.to_owned()) });
        }
    }
}

/// How an answer stands: its name, what it cost, and whether it ended, by its own status or else by the event's.
fn ended(response: &Value, by_event: Option<&str>, events: &mut Vec<Event>) {
    if let Some(id) = text(response, "id") {
        events.push(Event::Id(id.to_owned()));
    }
    if let Some(usage) = response.get("usage") {
        let tokens = Tokens {
            prompt: count(usage, "input_tokens"),
            completion: count(usage, "output_tokens"),
            total: count(usage, "total_tokens"),
            cost_micros: super::micros(usage.get("cost")),
        };
        events.extend(tokens.event());
    }
    let is_tool_call = || {
        let items = response.get("output").and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| item.get("type")?.as_str()).any(|kind| kind == "function_call")
    };
    match response.get("status").and_then(Value::as_str).or(by_event).map(str::to_ascii_lowercase).as_deref() {
        Some("completed") if is_tool_call() => events.push(Finish::event("completed", End::ToolCall)),
        Some("completed") => events.push(Finish::event("completed", End::Complete)),
        Some("incomplete") => {
            let reason = response.pointer("/incomplete_details/reason").and_then(Value::as_str).unwrap_or("incomplete");
            // Whatever the reason, it is not complete.
            events.push(match ends::event(reason, String::new) {
                Some(Event::Finish(Finish { end: End::Complete, .. })) | None => {
                    Finish::event(reason, End::Failed(Reason::Server))
                }
                Some(event) => event,
            });
        }
        Some("failed") => {
            let error = response.get("error").filter(|error| error.is_object()).unwrap_or(response);
            events.push(Event::Failed(error::read(error)));
        }
        Some("cancelled") => events.push(Finish::event("cancelled", End::Failed(Reason::Server))),
        _ => {}
    }
}
