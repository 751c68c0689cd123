//! Ollama's own chat: a document a line. (Its `OpenAI`-like endpoint is the kind `openai`.)

use serde_json::{Map, Value, json};

use super::{
    Ask, End, Event, Finish, Request, Tokens, count, ends, openai,
    schema::{Absent, Bounds, wanted},
    text,
};
use crate::refusals::Parameter;

pub(super) fn request(ask: &Ask<'_>) -> Request {
    let mut optional = Vec::new();
    let mut body = Map::new();
    body.insert("model".into(), json!(ask.model));
    body.insert("stream".into(), json!(ask.refused.take(Parameter::Stream, "true", &mut optional)));
    body.insert("messages".into(), openai::messages(ask));
    let mut options = Map::new();
    if let Some(temperature) = ask.temperature
        && ask.refused.take(Parameter::Temperature, &temperature.to_string(), &mut optional)
    {
        options.insert("temperature".into(), json!(temperature));
    }
    if let Some(max_tokens) = ask.max_tokens
        && ask.refused.take(Parameter::MaxTokens, &max_tokens.to_string(), &mut optional)
    {
        options.insert("num_predict".into(), json!(max_tokens));
    }
    if !options.is_empty() {
        body.insert("options".into(), Value::Object(options));
    }
    if let Some(schema) = wanted(ask, Absent::Unlisted, Bounds::Said, &mut optional) {
        body.insert("format".into(), schema);
    }
    Request { path: "api/chat".to_owned(), body, optional }
}

pub(super) fn read(document: &Value) -> Vec<Event> {
    let mut events = Vec::new();
    if let Some(message) = document.get("message") {
        if let Some(thought) = text(message, "thinking") {
            events.push(Event::Thought(thought.to_owned()));
        }
        if let Some(piece) = text(message, "content") {
            events.push(Event::Text(piece.to_owned()));
        }
        events.extend(Event::strange(message.get("content")));
        events.extend(Event::tool_call(message.get("tool_calls")));
    }
    if document.get("done") == Some(&Value::Bool(true)) {
        let tokens = Tokens {
            // Absent where the prompt was known already.
            prompt: count(document, "prompt_eval_count"),
            completion: count(document, "eval_count"),
            total: None,
            cost_micros: None,
        };
        events.extend(tokens.event());
        events.extend(match text(document, "done_reason") {
            Some(word) => ends::event(word, String::new),
            // Before it knew reasons.
            None => Some(Finish::event("", End::Complete)),
        });
        events.push(Event::Done);
    }
    events
}
