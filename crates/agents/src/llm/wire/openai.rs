//! Chat completions, as `OpenAI` defined them and as gateways and local servers speak them, each with its own additions.
//! A chunk of a stream and a whole answer differ in one word only; it must never count what some say in both.

use serde_json::{Map, Value, json};

use super::{
    Ask, End, Event, Finish, Message, Request, Role, Tokens, Whole, count, ends, error, first, micros,
    schema::{Absent, Bounds, wanted},
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
    if let Some(schema) = wanted(ask, Absent::Null, Bounds::Said, &mut optional) {
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

/// A piece of a stream, or all of a body that is none.
pub(super) fn read(document: &Value, is_body: bool) -> Vec<Event> {
    let mut events = Vec::new();
    if let Some(id) = text(document, "id") {
        events.push(Event::Id(id.to_owned()));
    }
    let choice = document.get("choices").and_then(first).unwrap_or(&Value::Null);
    // Groq tells beside the choices that it failed.
    let failed = [choice.get("error"), document.pointer("/x_groq/error")];
    if let Some(found) = failed.into_iter().flatten().find(|found| !error::is_nothing(found)) {
        events.push(Event::Failed(error::read(found)));
    }
    let object = text(document, "object").unwrap_or_default();
    let delta = choice.get("delta").filter(|delta| delta.is_object());
    let message = choice.get("message").filter(|message| message.is_object());
    let is_piece = matches!(object, "chat.completion.chunk" | "text_completion.chunk");
    if let Some(delta) = delta {
        read_said(delta, &mut events);
    }
    if let Some(message) = message {
        let mut said = Vec::new();
        read_said(message, &mut said);
        if is_piece {
            events.extend(said);
        } else {
            // Some end a stream with the whole of it.
            let (whole, others) = Whole::of(said);
            events.extend(whole.event());
            events.extend(others);
        }
    }
    // The completions of old servers; newer ones may say it a second time so.
    let is_said =
        |said: Option<&Value>| said.is_some_and(|said| said.get("content").is_some_and(|it| !error::is_nothing(it)));
    if let Some(piece) = text(choice, "text").filter(|_| !is_said(delta) && !is_said(message)) {
        events.push(Event::Text(piece.to_owned()));
    }
    match text(choice, "finish_reason") {
        Some(word) => events.extend(ends::event(word, || filtered(choice))),
        // What is not streamed is whole, and not every server says so.
        None if message.is_some() && !is_piece && (is_body || object == "chat.completion") => {
            events.push(Finish::event("", End::Complete));
        }
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

/// What a message, or a piece of one, says. A piece is what is new: servers that send all again with each cannot be told from a
/// model that repeats itself, and nothing here guesses.
fn read_said(said: &Value, events: &mut Vec<Event>) {
    // Names in use: DeepSeek, vLLM and those like them; OpenRouter and newer vLLM.
    let thoughts = ["reasoning_content", "reasoning"].into_iter().filter_map(|name| said.get(name)).map(thought);
    events.extend(thoughts.into_iter().find(|thought| !thought.is_empty()).map(Event::Thought));
    match said.get("content") {
        Some(Value::String(content)) if !content.is_empty() => events.push(Event::Text(content.clone())),
        Some(Value::Array(parts)) => parts.iter().for_each(|part| read_part(part, events)),
        content => events.extend(Event::strange(content)),
    }
    if let Some(refusal) = text(said, "refusal") {
        events.push(Event::Refusal(refusal.to_owned()));
    }
    let calls = ["tool_calls", "function_call"].into_iter().find_map(|name| Event::tool_call(said.get(name)));
    events.extend(calls);
}

/// A part of a content in parts, of which some are thoughts: those of Mistral's models, and of models behind Databricks.
fn read_part(part: &Value, events: &mut Vec<Event>) {
    let is_thought = part.get("thinking").is_some_and(|thinking| !thinking.is_null())
        || text(part, "type").is_some_and(|kind| kind.starts_with("reasoning") || kind == "thinking");
    if is_thought {
        events.extend(Some(thought(part)).filter(|thought| !thought.is_empty()).map(Event::Thought));
    } else if let Some(refusal) = text(part, "refusal") {
        events.push(Event::Refusal(refusal.to_owned()));
    } else if let Some(piece) = text(part, "text") {
        events.push(Event::Text(piece.to_owned()));
    }
}

/// A thought as a text, as an object that holds one (Bedrock's, behind gateways), or as a list of these.
fn thought(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(thought).collect(),
        Value::Object(map) => {
            let held = ["thinking", "text", "summary"].into_iter().filter_map(|name| map.get(name)).map(thought);
            held.into_iter().find(|thought| !thought.is_empty()).unwrap_or_default()
        }
        _ => String::new(),
    }
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
        total: count(usage, "total_tokens"),
        cost_micros: micros(usage.get("cost")).or_else(|| micros(usage.get("total_cost"))),
    }
}
