//! Chat completions, as `OpenAI` defined them and as gateways and local servers speak them, each with its own additions.
//! A chunk of a stream and a whole answer differ in one word only, so they are read alike.

use serde_json::{Map, Value, json};

use super::{
    Ask, End, Event, Finish, Message, Request, Role, Tokens, count, micros,
    schema::{Absent, strict},
    text,
};
use crate::refusals::Parameter;

pub(super) fn request(ask: &Ask<'_>) -> Request {
    let mut optional = Vec::new();
    let mut body = Map::new();
    body.insert("model".into(), json!(ask.model));
    let mut is_streamed = false;
    if ask.refused.take(Parameter::Stream, "true", &mut optional) {
        is_streamed = true;
        body.insert("stream".into(), json!(true));
    }
    if is_streamed && ask.refused.take(Parameter::StreamOptions, "", &mut optional) {
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    body.insert("messages".into(), messages(ask));
    if let Some(temperature) = ask.temperature
        && ask.refused.take(Parameter::Temperature, &temperature.to_string(), &mut optional)
    {
        body.insert("temperature".into(), json!(temperature));
    }
    if let Some(max_tokens) = ask.max_tokens {
        let value = max_tokens.to_string();
        // The newer name of the same, which some models insist on and older servers do not know.
        let names = [(Parameter::MaxTokens, "max_tokens"), (Parameter::MaxCompletionTokens, "max_completion_tokens")];
        if let Some((_, name)) =
            names.into_iter().find(|(parameter, _)| ask.refused.take(*parameter, &value, &mut optional))
        {
            body.insert(name.into(), json!(max_tokens));
        }
    }
    if let Some(schema) = ask.schema.and_then(|schema| strict(schema, Absent::Null))
        && ask.refused.take(Parameter::Schema, &schema.to_string(), &mut optional)
    {
        let format =
            json!({"type": "json_schema", "json_schema": {"name": "output", "strict": true, "schema": schema}});
        body.insert("response_format".into(), format);
    }
    Request { path: "chat/completions".to_owned(), body, optional }
}

/// The conversation, with the system prompt in front.
pub(super) fn messages(ask: &Ask<'_>) -> Value {
    let system = (!ask.system.is_empty()).then(|| json!({"role": "system", "content": ask.system}));
    let said = |message: &Message| json!({"role": message.role.as_str(), "content": message.text});
    debug_assert!(ask.messages.last().is_some_and(|last| last.role == Role::User), "somebody asks");
    system.into_iter().chain(ask.messages.iter().map(said)).collect()
}

pub(super) fn read(document: &Value) -> Vec<Event> {
    let mut events = Vec::new();
    if let Some(id) = text(document, "id") {
        events.push(Event::Id(id.to_owned()));
    }
    let choice = document.get("choices").and_then(|choices| choices.get(0)).unwrap_or(&Value::Null);
    let whole = choice.get("message").filter(|message| message.is_object());
    if let Some(said) = choice.get("delta").filter(|delta| delta.is_object()).or(whole) {
        // Names in use: DeepSeek, vLLM and those like them; OpenRouter and newer vLLM.
        if let Some(thought) = text(said, "reasoning_content").or_else(|| text(said, "reasoning")) {
            events.push(Event::Thought(thought.to_owned()));
        }
        match said.get("content") {
            Some(Value::String(content)) if !content.is_empty() => events.push(Event::Text(content.clone())),
            Some(Value::Array(parts)) => parts.iter().for_each(|part| read_part(part, &mut events)),
            _ => {}
        }
        if let Some(refusal) = text(said, "refusal") {
            events.push(Event::Refusal(refusal.to_owned()));
        }
    }
    // The completions of old servers.
    if let Some(piece) = text(choice, "text") {
        events.push(Event::Text(piece.to_owned()));
    }
    if let Some(error) = choice.get("error").filter(|error| error.is_object()) {
        events.push(Event::Failed(super::error::read(error)));
    }
    match text(choice, "finish_reason") {
        Some(word) => events.push(finish(word, choice)),
        // What is not streamed is whole, and not every server says so.
        None if whole.is_some() => events.push(Finish::event("", End::Complete)),
        None => {}
    }
    let told = ["/usage", "/choices/0/usage", "/x_groq/usage"];
    let usage = told.into_iter().filter_map(|place| document.pointer(place)).find(|usage| usage.is_object());
    let mut tokens = usage.map(tokens).unwrap_or_default();
    // LiteLLM's proxy tells what it reckons.
    tokens.cost_micros = tokens.cost_micros.or_else(|| micros(document.pointer("/_hidden_params/response_cost")));
    events.extend(tokens.event());
    events
}

/// A part of a content in parts: Mistral's thinking models send theirs so.
fn read_part(part: &Value, events: &mut Vec<Event>) {
    match part.get("thinking") {
        Some(Value::String(thought)) => events.push(Event::Thought(thought.clone())),
        Some(Value::Array(parts)) => {
            let thoughts = parts.iter().filter_map(|part| text(part, "text"));
            events.extend(thoughts.map(|thought| Event::Thought(thought.to_owned())));
        }
        _ => {
            if let Some(refusal) = text(part, "refusal") {
                events.push(Event::Refusal(refusal.to_owned()));
            } else if let Some(piece) = text(part, "text") {
                events.push(Event::Text(piece.to_owned()));
            }
        }
    }
}

fn finish(word: &str, choice: &Value) -> Event {
    let end = match word {
        "length" | "max_tokens" | "model_length" | "max_output_tokens" => End::Cut,
        "content_filter"
        | "content-filter"
        | "safety"
        | "sensitive"
        | "refusal"
        | "recitation"
        | "blocked"
        | "guardrail_intervened" => End::Refused(filtered(choice)),
        "tool_calls" | "function_call" | "tool_use" => End::ToolCall,
        "error" | "abort" | "aborted" | "cancelled" | "network_error" | "insufficient_system_resource" => End::Failed,
        // `stop`, `eos`, `end_turn`, and what else means that it is over.
        _ => End::Complete,
    };
    Finish::event(word, end)
}

/// Azure names what its filter found.
fn filtered(choice: &Value) -> String {
    let results = choice.get("content_filter_results").and_then(Value::as_object);
    let found = results.into_iter().flatten().filter(|(_, result)| result.get("filtered") == Some(&Value::Bool(true)));
    found.map(|(name, _)| name.replace('_', " ")).collect::<Vec<_>>().join(", ")
}

fn tokens(usage: &Value) -> Tokens {
    Tokens {
        prompt: count(usage, "prompt_tokens").or_else(|| count(usage, "input_tokens")),
        completion: count(usage, "completion_tokens").or_else(|| count(usage, "output_tokens")),
        cost_micros: micros(usage.get("cost")).or_else(|| micros(usage.get("total_cost"))),
    }
}
