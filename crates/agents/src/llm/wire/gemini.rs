//! Google's `generateContent`. A chunk of a stream is a small whole answer.

use serde_json::{Map, Value, json};

use super::{
    Ask, End, Event, Finish, Message, Request, Role, Tokens, count, ends, first,
    schema::{Absent, Bounds, wanted},
    text,
};
use crate::refusals::Parameter;

pub(super) fn request(ask: &Ask<'_>) -> Request {
    let mut optional = Vec::new();
    let mut body = Map::new();
    if !ask.system.is_empty() {
        body.insert("systemInstruction".into(), json!({"parts": [{"text": ask.system}]}));
    }
    let said = |message: &Message| {
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "model",
        };
        json!({"role": role, "parts": [{"text": message.text}]})
    };
    body.insert("contents".into(), ask.messages.iter().map(said).collect());
    let mut config = Map::new();
    if let Some(temperature) = ask.temperature
        && ask.refused.take(Parameter::Temperature, &temperature.to_string(), &mut optional)
    {
        config.insert("temperature".into(), json!(temperature));
    }
    if let Some(max_tokens) = ask.max_tokens
        && ask.refused.take(Parameter::MaxTokens, &max_tokens.to_string(), &mut optional)
    {
        config.insert("maxOutputTokens".into(), json!(max_tokens));
    }
    if let Some(schema) = wanted(ask, Absent::Unlisted, Bounds::Said, &mut optional) {
        config.insert("responseMimeType".into(), json!("application/json"));
        config.insert("responseJsonSchema".into(), schema);
    }
    if !config.is_empty() {
        body.insert("generationConfig".into(), Value::Object(config));
    }
    let model = ask.model.trim_start_matches("models/");
    Request { path: format!("models/{model}:streamGenerateContent?alt=sse"), body, optional }
}

pub(super) fn read(document: &Value) -> Vec<Event> {
    let mut events = Vec::new();
    if let Some(id) = text(document, "responseId") {
        events.push(Event::Id(id.to_owned()));
    }
    if let Some(feedback) = document.get("promptFeedback")
        && let Some(word) = text(feedback, "blockReason")
    {
        let words = text(feedback, "blockReasonMessage").unwrap_or_default();
        events.push(Finish::event(word, End::Refused(words.to_owned())));
    }
    let candidate = document.get("candidates").and_then(first).unwrap_or(&Value::Null);
    let parts = candidate.pointer("/content/parts").and_then(Value::as_array);
    for part in parts.into_iter().flatten() {
        events.extend(Event::tool_call(part.get("functionCall")));
        let Some(piece) = text(part, "text") else { continue };
        let is_thought = part.get("thought") == Some(&Value::Bool(true));
        events.push(if is_thought { Event::Thought(piece.to_owned()) } else { Event::Text(piece.to_owned()) });
    }
    if let Some(word) = text(candidate, "finishReason") {
        let why = || text(candidate, "finishMessage").map_or_else(|| blocked(candidate), str::to_owned);
        events.extend(ends::event(word, why));
    }
    if let Some(usage) = document.get("usageMetadata") {
        events.extend(tokens(usage).event());
    }
    events
}

/// What the safety ratings blocked.
fn blocked(candidate: &Value) -> String {
    let ratings = candidate.get("safetyRatings").and_then(Value::as_array).into_iter().flatten();
    let blocked = ratings.filter(|rating| rating.get("blocked") == Some(&Value::Bool(true)));
    let names = blocked.filter_map(|rating| text(rating, "category"));
    names
        .map(|name| name.trim_start_matches("HARM_CATEGORY_").replace('_', " ").to_ascii_lowercase())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Thoughts are not among the candidate's tokens, but are paid for like them.
fn tokens(usage: &Value) -> Tokens {
    let sum = |names: [&str; 2]| {
        let [first, second] = names.map(|name| count(usage, name));
        first.or(second).map(|_| first.unwrap_or(0) + second.unwrap_or(0))
    };
    Tokens {
        prompt: sum(["promptTokenCount", "toolUsePromptTokenCount"]),
        completion: sum(["candidatesTokenCount", "thoughtsTokenCount"]),
        total: count(usage, "totalTokenCount"),
        cost_micros: None,
    }
}
