//! A chat request, read field by field so that every refusal names its field.
//! What this server does not know is ignored (`response_format`, penalties); what would change the answer's meaning is refused.

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::sampling::Sampling;
use crate::tokenizer::{Message, Role};

/// Sampling for a small model when a request says nothing: close to its best guess.
const DEFAULT_TEMPERATURE: f32 = 0.2;
const DEFAULT_TOP_P: f32 = 0.9;
const MAX_STOPS: usize = 4;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChatRequest {
    pub(crate) messages: Vec<Message>,
    pub(crate) is_stream: bool,
    pub(crate) include_usage: bool,
    pub(crate) max_tokens: Option<usize>,
    pub(crate) sampling: Sampling,
    pub(crate) seed: Option<u64>,
    pub(crate) stops: Vec<String>,
    pub(crate) ignore_end: bool,
}

impl ChatRequest {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let value: Value = serde_json::from_slice(body).map_err(ApiError::Json)?;
        let Value::Object(fields) = value else {
            return Err(ApiError::ContentType);
        };
        let fields = Fields(&fields);
        fields.refuse_unsupported()?;
        let max_tokens = match fields.positive("max_completion_tokens")? {
            Some(limit) => Some(limit),
            None => fields.positive("max_tokens")?,
        };
        let include_usage = match fields.get("stream_options") {
            None => false,
            Some(Value::Object(options)) => Fields(options).boolean("include_usage")?,
            Some(_) => return Err(invalid("stream_options", "must be an object")),
        };
        Ok(Self {
            messages: fields.messages()?,
            is_stream: fields.boolean("stream")?,
            include_usage,
            max_tokens,
            sampling: fields.sampling()?,
            seed: fields.seed()?,
            stops: fields.stops()?,
            ignore_end: fields.boolean("ignore_eos")?,
        })
    }

    /// The room for output: what was asked, else the server's default as far as the context reaches.
    pub(crate) fn output_limit(&self, n_prompt: usize, default: usize, context: usize) -> Result<usize, ApiError> {
        let room = context.saturating_sub(n_prompt);
        let output = self.max_tokens.unwrap_or(default.min(room).max(1));
        if output > room {
            return Err(ApiError::ContextLength { context, prompt: n_prompt, output });
        }
        Ok(output)
    }
}

fn invalid(param: &'static str, problem: impl Into<String>) -> ApiError {
    ApiError::Invalid { param, problem: problem.into() }
}

/// The members of a JSON object; `null` counts as absent, as `OpenAI` has it.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn get(&self, param: &str) -> Option<&'a Value> {
        self.0.get(param).filter(|value| !value.is_null())
    }

    fn boolean(&self, param: &'static str) -> Result<bool, ApiError> {
        match self.get(param) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(invalid(param, "must be true or false")),
        }
    }

    fn number(&self, param: &'static str, max: f32) -> Result<Option<f32>, ApiError> {
        let Some(value) = self.get(param) else {
            return Ok(None);
        };
        #[expect(clippy::cast_possible_truncation, reason = "sampling needs no more precision")]
        let number = value.as_f64().map(|number| number as f32);
        match number {
            Some(number) if (0.0..=max).contains(&number) => Ok(Some(number)),
            _ => Err(invalid(param, format!("must be a number from 0 to {max}"))),
        }
    }

    fn positive(&self, param: &'static str) -> Result<Option<usize>, ApiError> {
        let Some(value) = self.get(param) else {
            return Ok(None);
        };
        match value.as_u64().map(usize::try_from) {
            Some(Ok(number)) if number > 0 => Ok(Some(number)),
            _ => Err(invalid(param, "must be a whole number above 0")),
        }
    }

    fn seed(&self) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.get("seed") else {
            return Ok(None);
        };
        value
            .as_u64()
            .or_else(|| value.as_i64().map(i64::cast_unsigned))
            .map(Some)
            .ok_or_else(|| invalid("seed", "must be a whole number"))
    }

    fn sampling(&self) -> Result<Sampling, ApiError> {
        let temperature = self.number("temperature", 2.0)?.unwrap_or(DEFAULT_TEMPERATURE);
        let top_p = self.number("top_p", 1.0)?.unwrap_or(DEFAULT_TOP_P);
        // Below these the division or the cut has no meaning; both mean "the likeliest token".
        let is_greedy = temperature < 1e-3 || top_p <= 0.0;
        Ok(if is_greedy { Sampling::Greedy } else { Sampling::Nucleus { temperature, top_p } })
    }

    fn stops(&self) -> Result<Vec<String>, ApiError> {
        let problem = || invalid("stop", "must be a string or up to 4 strings, none empty");
        let stops = match self.get("stop") {
            None => Vec::new(),
            Some(Value::String(stop)) => vec![stop.clone()],
            Some(Value::Array(stops)) => stops
                .iter()
                .map(|stop| stop.as_str().map(str::to_owned).ok_or_else(problem))
                .collect::<Result<_, _>>()?,
            Some(_) => return Err(problem()),
        };
        if stops.len() > MAX_STOPS || stops.iter().any(String::is_empty) {
            return Err(problem());
        }
        Ok(stops)
    }

    fn messages(&self) -> Result<Vec<Message>, ApiError> {
        match self.get("messages") {
            Some(Value::Array(messages)) if !messages.is_empty() => messages.iter().map(message).collect(),
            Some(Value::Array(_)) => Err(invalid("messages", "must hold at least one message")),
            Some(_) => Err(invalid("messages", "must be an array")),
            None => Err(invalid("messages", "is missing")),
        }
    }

    fn refuse_unsupported(&self) -> Result<(), ApiError> {
        if self.get("n").is_some_and(|n| n.as_u64() != Some(1)) {
            return Err(ApiError::Unsupported { param: "n", problem: "this server gives one answer per request" });
        }
        let has_tools = |value: &Value| value.as_array().is_none_or(|tools| !tools.is_empty());
        if self.get("tools").is_some_and(has_tools) {
            return Err(ApiError::Unsupported { param: "tools", problem: "this model cannot call tools" });
        }
        Ok(())
    }
}

fn message(value: &Value) -> Result<Message, ApiError> {
    let Value::Object(fields) = value else {
        return Err(invalid("messages", "every message must be an object"));
    };
    let role = match fields.get("role").and_then(Value::as_str) {
        Some("system" | "developer") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool" | "function") => {
            return Err(ApiError::Unsupported { param: "messages", problem: "this model cannot call tools" });
        }
        _ => {
            let problem = "every message needs a role: system, developer, user or assistant";
            return Err(invalid("messages", problem));
        }
    };
    let text = match Fields(fields).get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().map(part).collect::<Result<_, _>>()?,
        None if role == Role::Assistant => String::new(),
        _ => {
            let problem = "`content` must be a string or an array of text parts";
            return Err(invalid("messages", problem));
        }
    };
    Ok(Message { role, text })
}

fn part(value: &Value) -> Result<&str, ApiError> {
    if value.get("type").and_then(Value::as_str) != Some("text") {
        return Err(ApiError::Unsupported { param: "messages", problem: "this model reads text parts only" });
    }
    value.get("text").and_then(Value::as_str).ok_or_else(|| invalid("messages", "a text part needs `text`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &Value) -> Result<ChatRequest, ApiError> {
        ChatRequest::parse(value.to_string().as_bytes())
    }

    fn with(extra: &Value) -> Value {
        let mut value = json!({ "messages": [{ "role": "user", "content": "Hi" }] });
        let extra = extra.as_object().expect("an object").clone();
        value.as_object_mut().expect("an object").extend(extra);
        value
    }

    #[test]
    fn the_smallest_request_has_useful_defaults() {
        let request = parse(&with(&json!({}))).expect("it is complete");
        assert!(!request.is_stream && !request.include_usage && !request.ignore_end);
        assert_eq!((request.max_tokens, request.seed), (None, None));
        let (top_p, temperature) = (DEFAULT_TOP_P, DEFAULT_TEMPERATURE);
        assert_eq!(request.sampling, Sampling::Nucleus { temperature, top_p });
    }

    #[test]
    fn every_known_field_is_read_and_unknown_ones_are_ignored() {
        let request = parse(&with(&json!({
            "model": "anything", "stream": true, "stream_options": { "include_usage": true },
            "max_tokens": 5, "max_completion_tokens": 7, "temperature": 0, "top_p": 0.5,
            "stop": ["a", "b"], "seed": -1, "response_format": { "type": "json_object" },
            "presence_penalty": 1, "user": null, "n": 1, "tools": [], "ignore_eos": true,
        })))
        .expect("all of it is valid");
        assert!(request.is_stream && request.include_usage && request.ignore_end);
        assert_eq!(request.max_tokens, Some(7));
        assert_eq!(request.sampling, Sampling::Greedy);
        assert_eq!(request.stops, ["a", "b"]);
        assert_eq!(request.seed, Some(u64::MAX));
    }

    #[test]
    fn content_may_be_a_string_or_text_parts() {
        let request = parse(&json!({ "messages": [
            { "role": "developer", "content": "Be brief." },
            { "role": "user", "content": [
                { "type": "text", "text": "one " }, { "type": "text", "text": "two" },
            ]},
            { "role": "assistant", "content": null },
        ]}))
        .expect("all of it is valid");
        let texts: Vec<_> = request.messages.iter().map(|message| (message.role, message.text.as_str())).collect();
        let expect = [(Role::System, "Be brief."), (Role::User, "one two"), (Role::Assistant, "")];
        assert_eq!(texts, expect);
    }

    #[track_caller]
    fn refused(value: &Value, param: &str, code: &str) {
        let error = parse(value).expect_err("it is not acceptable").body();
        assert_eq!(error["error"]["param"], param, "{error}");
        assert_eq!(error["error"]["code"], code, "{error}");
    }

    #[test]
    fn every_refusal_names_its_field() {
        let cases = [
            (json!({ "temperature": "warm" }), "temperature"),
            (json!({ "temperature": -1 }), "temperature"),
            (json!({ "temperature": 2.1 }), "temperature"),
            (json!({ "top_p": 1.5 }), "top_p"),
            (json!({ "max_tokens": 0 }), "max_tokens"),
            (json!({ "max_tokens": 1.5 }), "max_tokens"),
            (json!({ "max_completion_tokens": -4 }), "max_completion_tokens"),
            (json!({ "stop": "" }), "stop"),
            (json!({ "stop": ["a", 1] }), "stop"),
            (json!({ "stop": ["a", "b", "c", "d", "e"] }), "stop"),
            (json!({ "seed": 0.5 }), "seed"),
            (json!({ "stream": "yes" }), "stream"),
            (json!({ "stream_options": true }), "stream_options"),
            (json!({ "messages": [] }), "messages"),
            (json!({ "messages": "Hi" }), "messages"),
            (json!({ "messages": null }), "messages"),
            (json!({ "messages": ["Hi"] }), "messages"),
            (json!({ "messages": [{ "content": "Hi" }] }), "messages"),
            (json!({ "messages": [{ "role": "user" }] }), "messages"),
            (json!({ "messages": [{ "role": "user", "content": 5 }] }), "messages"),
        ];
        for (extra, param) in cases {
            refused(&with(&extra), param, "invalid_value");
        }
    }

    #[test]
    fn what_would_change_the_meaning_is_refused_not_ignored() {
        let image = json!([{ "type": "image_url", "image_url": { "url": "x" } }]);
        let cases = [
            (json!({ "n": 2 }), "n"),
            (json!({ "tools": [{ "type": "function" }] }), "tools"),
            (json!({ "messages": [{ "role": "tool", "content": "x" }] }), "messages"),
            (json!({ "messages": [{ "role": "user", "content": image }] }), "messages"),
        ];
        for (extra, param) in cases {
            refused(&with(&extra), param, "unsupported_value");
        }
    }

    #[test]
    fn a_body_that_is_no_json_object_is_refused() {
        for body in [&b""[..], b"{", b"\xff\xfe", b"[1]", b"\"x\""] {
            assert!(ChatRequest::parse(body).is_err());
        }
    }

    #[track_caller]
    fn limit(max_tokens: Option<usize>, n_prompt: usize) -> Result<usize, ApiError> {
        let mut request = parse(&with(&json!({}))).expect("it is complete");
        request.max_tokens = max_tokens;
        request.output_limit(n_prompt, 512, 4096)
    }

    #[test]
    fn prompt_and_output_must_fit_into_the_context() {
        assert_eq!(limit(None, 100).ok(), Some(512));
        assert_eq!(limit(None, 4000).ok(), Some(96));
        assert_eq!(limit(Some(96), 4000).ok(), Some(96));
        for (max_tokens, n_prompt) in [(Some(97), 4000), (None, 4096), (None, 9000), (Some(1), 4096)] {
            let error = limit(max_tokens, n_prompt).expect_err("it does not fit");
            assert_eq!(error.body()["error"]["code"], "context_length");
        }
    }
}
