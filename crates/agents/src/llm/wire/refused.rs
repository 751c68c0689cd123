//! Which parameters an error is about. A field of the error names it; where there is none, as gateways have only text, the
//! parameter's own name as a word of the message does. This is the one place where a message is looked into. It must never take
//! what an error quotes of the request for what it says.

use serde_json::Value;

use super::{
    Said,
    asked::{Asked, Prompt, without_quotations},
    lenient,
};
use crate::refusals::Parameter;

/// Codes for a parameter that the model never takes, whatever its value.
const NEVER: [&str; 3] = ["unsupported_parameter", "unsupported_value", "unknown_parameter"];

/// Words without which an error whose status says something else is not about a parameter.
const REFUSING: [&str; 14] = [
    "support",
    "not allowed",
    "not permitted",
    "not enabled",
    "not implemented",
    "not available",
    "not accept",
    "unknown",
    "unrecognized",
    "unexpected",
    "invalid",
    "failed to",
    "conversion failed",
    "must alternate",
];

/// How a limit is refused that is too large together with the prompt.
const WITH_THE_PROMPT: [&str; 5] =
    ["input tokens", "context length", "context window", "in the messages", "prompt contains"];

/// What an error says the model does not take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::llm) struct Named {
    pub(in crate::llm) parameter: Parameter,
    /// Refused whatever its value.
    pub(in crate::llm) is_never: bool,
    /// Its other name would say the same, and be refused too.
    pub(in crate::llm) other_name: Option<Parameter>,
    /// It does not fit this prompt, and may fit the next.
    pub(in crate::llm) is_of_this_prompt: bool,
}

/// The parameter that an error names among those that were sent. Where its status says that something else is wrong (`is_vague` is
/// false), its words must refuse as well.
pub(in crate::llm) fn named(
    said: &Said,
    sent: &[(Parameter, String)],
    asked: Asked<'_>,
    is_vague: bool,
) -> Option<Named> {
    let words = without_quotations(&said.words).to_ascii_lowercase();
    if !is_vague && !REFUSING.iter().any(|refusing| words.contains(refusing)) {
        return None;
    }
    let document = unfolded(&said.document);
    let parameter = named_one(&document, &words, sent, &asked.prompt())?;
    let is_too_large = ["too large", "exceed", "greater than", "too many"].iter().any(|large| words.contains(large));
    let is_limit = parameter.other_name().is_some();
    Some(Named {
        parameter,
        is_never: code(&document).is_some_and(|code| NEVER.contains(&code)),
        other_name: parameter.other_name().filter(|_| is_too_large),
        is_of_this_prompt: is_limit && is_too_large && WITH_THE_PROMPT.iter().any(|with| words.contains(with)),
    })
}

fn named_one(document: &Value, words: &str, sent: &[(Parameter, String)], prompt: &Prompt) -> Option<Parameter> {
    let mut fields = Vec::new();
    collect_fields(document, &mut fields);
    let is_named_by = |parameter: Parameter, field: &str| {
        let names = || parameter.names().iter().chain(parameter.field_names());
        field.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|part| names().any(|name| *name == part))
    };
    let all_sent = || sent.iter().map(|(parameter, _)| *parameter);
    if let Some(parameter) = all_sent().find(|parameter| fields.iter().any(|field| is_named_by(*parameter, field))) {
        return Some(parameter);
    }
    let mentioned = || {
        // The first that is mentioned: advice on what to use instead comes after it.
        let places = all_sent().filter_map(|parameter| {
            let place = parameter.names().iter().filter_map(|name| find_word(words, name, prompt)).min()?;
            Some((place, parameter))
        });
        places.min_by_key(|(place, _)| *place).map(|(_, parameter)| parameter)
    };
    match param(document) {
        None => mentioned(),
        // It is about something else, unless that is the message of the system prompt, or the limit under its other name.
        // (A validator's place may be the object around the parameter, and says nothing.)
        Some(param) => mentioned().filter(|parameter| match parameter {
            Parameter::SystemRole => param.starts_with("messages"),
            parameter => parameter.other_name().is_some_and(|other| is_named_by(other, param)),
        }),
    }
}

/// An error with those in it that were put there as text.
fn unfolded(document: &Value) -> Value {
    match document {
        Value::String(text) if text.trim_start().starts_with('{') => {
            lenient::whole(text).unwrap_or_else(|| document.clone())
        }
        Value::Array(items) => items.iter().map(unfolded).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), unfolded(value))).collect(),
        _ => document.clone(),
    }
}

fn code(document: &Value) -> Option<&str> {
    document.get("error").unwrap_or(document).get("code")?.as_str()
}

fn param(document: &Value) -> Option<&str> {
    let param = document.get("error").unwrap_or(document).get("param")?.as_str()?;
    is_told(param).then_some(param)
}

/// A field that says something: `LiteLLM` writes Python's word for nothing.
fn is_told(field: &str) -> bool {
    !matches!(field, "" | "None" | "null")
}

/// What the fields of an error say it is about: `param`, `field`, and the places of validators.
fn collect_fields(value: &Value, fields: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match (name.as_str(), value) {
                    ("param" | "field", Value::String(field)) if is_told(field) => fields.push(field.clone()),
                    ("loc", Value::Array(place)) => {
                        let place: Vec<&str> = place.iter().filter_map(Value::as_str).collect();
                        fields.push(place.join("."));
                    }
                    // What validators quote of the request.
                    ("input" | "ctx", _) => {}
                    _ => collect_fields(value, fields),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_fields(item, fields)),
        _ => {}
    }
}

/// Where a name stands as a whole word, and is not from the prompt. The text is in small letters.
fn find_word(text: &str, name: &str, prompt: &Prompt) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    text.match_indices(&name).map(|(place, _)| place).find(|place| {
        let before = place.checked_sub(1).and_then(|before| text.as_bytes().get(before));
        let is_word = !is_part(before) && !is_part(text.as_bytes().get(place + name.len()));
        is_word && !prompt.is_quoted(text, *place, name.len())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::error, *};

    fn check(table: &[(Value, Option<(Parameter, bool)>)]) {
        use Parameter::{MaxTokens, Schema, Stream, StreamOptions, SystemRole, Temperature};
        let sent = [Temperature, MaxTokens, Schema, Stream, StreamOptions, SystemRole]
            .map(|parameter| (parameter, String::new()));
        for (document, expected) in table {
            let name = |sent: &[(Parameter, String)]| named(&error::read(document), sent, Asked::NOTHING, true);
            let found = name(&sent).map(|named| (named.parameter, named.is_never));
            assert_eq!(found, *expected, "{document}");
            if let Some((parameter, _)) = expected {
                let others: Vec<_> = sent.iter().filter(|(sent, _)| sent != parameter).cloned().collect();
                let found = name(&others);
                assert!(found.is_none_or(|found| found.parameter != *parameter), "what was not sent cannot be refused");
            }
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "tests write their documents in place")]
    fn openai(message: &str, param: Value, code: Value) -> Value {
        json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}})
    }

    #[test]
    fn only_an_error_that_names_a_sent_parameter_counts() {
        use Parameter::{MaxTokens, Schema, Stream, StreamOptions, Temperature};
        let table = [
            (
                openai(
                    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                    json!("max_tokens"),
                    json!("unsupported_parameter"),
                ),
                Some((MaxTokens, true)),
            ),
            (
                openai(
                    "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
                    json!("temperature"),
                    json!("unsupported_value"),
                ),
                Some((Temperature, true)),
            ),
            (
                openai(
                    "Your organization must be verified to stream this model.",
                    json!("stream"),
                    json!("unsupported_value"),
                ),
                Some((Stream, true)),
            ),
            (
                openai("Invalid schema for response_format 'output'", json!("response_format"), Value::Null),
                Some((Schema, false)),
            ),
            (
                openai("Invalid schema", json!("text.format.schema"), json!("invalid_json_schema")),
                Some((Schema, false)),
            ),
            (
                openai("Unrecognized request argument supplied: stream_options", Value::Null, Value::Null),
                Some((StreamOptions, false)),
            ),
            (
                json!({"error": {"message": "litellm.UnsupportedParamsError: o1 does not support parameters: temperature, top_p", "code": "400"}}),
                Some((Temperature, false)),
            ),
            (json!({"message": "`max_tokens` is gone; and what of temperature?"}), Some((MaxTokens, false))),
            (
                json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "temperature"], "msg": "Extra inputs are not permitted"}]}),
                Some((Temperature, false)),
            ),
            (
                json!({"type": "error", "error": {"type": "invalid_request_error", "message": "output_config.format: Extra inputs are not permitted"}}),
                Some((Schema, false)),
            ),
            (
                json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "bad", "details": [{"fieldViolations": [{"field": "generation_config.temperature"}]}]}}),
                Some((Temperature, false)),
            ),
            (json!({"error": {"message": "JSON mode is not enabled for models/gemma-3"}}), Some((Schema, false))),
            (
                json!({"error": {"message": "Unknown name \"responseJsonSchema\" at 'generation_config'",
                    "details": [{"fieldViolations": [{"field": "generation_config"}]}]}}),
                Some((Schema, false)),
            ),
        ];
        check(&table);
    }

    #[test]
    fn gateways_and_local_servers_refuse_in_their_own_words() {
        use Parameter::{Schema, Stream, SystemRole, Temperature};
        let table = [
            // `LiteLLM`'s way to say nothing.
            (openai("UnsupportedParamsError: no temperature", json!("None"), json!("400")), Some((Temperature, false))),
            (openai("Failed to parse grammar", Value::Null, Value::Null), Some((Schema, false))),
            (openai("Failed to convert the schema to grammar", Value::Null, Value::Null), Some((Schema, false))),
            (openai("stream is not supported", Value::Null, Value::Null), Some((Stream, false))),
            (openai("Streaming is not supported for this model", Value::Null, Value::Null), Some((Stream, false))),
            (
                json!({"error": {"message": "Bad Request", "cause": "{\"error\":{\"message\":\"Unsupported\",\"param\":\"temperature\"}}"}}),
                Some((Temperature, false)),
            ),
            (
                json!({"error": {"message": "{\"error\":{\"message\":\"Unsupported\",\"param\":\"temperature\"}}"}}),
                Some((Temperature, false)),
            ),
            // The system prompt.
            (openai("System role not supported", Value::Null, Value::Null), Some((SystemRole, false))),
            (
                openai(
                    "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
                    json!("messages[0].role"),
                    json!("unsupported_value"),
                ),
                Some((SystemRole, true)),
            ),
            (
                json!({"error": {"code": 400, "message": "Developer instruction is not enabled for models/gemma-3", "status": "INVALID_ARGUMENT"}}),
                Some((SystemRole, false)),
            ),
            // What is quoted of the request.
            (
                json!({"detail": [{"loc": ["body", "messages"], "msg": "bad", "input": {"temperature": 0.2, "param": "temperature"}}]}),
                None,
            ),
            (openai("[{'loc': ('body', 'x'), 'input': {'temperature': 0.2}}]", Value::Null, Value::Null), None),
            // It names something else, or nothing.
            (openai("temperature is fine", json!("messages[0].content"), Value::Null), None),
            (openai("The stream of words was too long", Value::Null, Value::Null), None),
            (openai("my_temperature and max_tokens_2 are unknown", Value::Null, Value::Null), None),
            (openai("unknown field", Value::Null, Value::Null), None),
        ];
        check(&table);
    }

    #[test]
    fn a_limit_that_does_not_fit_the_prompt_is_refused_under_both_names_and_for_now() {
        let message = "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context length is 4096 tokens and your request has 4000 input tokens";
        let error =
            json!({"error": {"message": message, "type": "BadRequestError", "param": "max_tokens", "code": 400}});
        for (sent, other) in [
            (Parameter::MaxTokens, Parameter::MaxCompletionTokens),
            (Parameter::MaxCompletionTokens, Parameter::MaxTokens),
        ] {
            let named = named(&error::read(&error), &[(sent, "4096".to_owned())], Asked::NOTHING, true).unwrap();
            let expected = Named { parameter: sent, is_never: false, other_name: Some(other), is_of_this_prompt: true };
            assert_eq!(named, expected);
        }
    }

    #[test]
    fn an_error_of_another_kind_must_refuse_in_words() {
        let sent = [Parameter::Temperature, Parameter::Schema].map(|parameter| (parameter, String::new()));
        let table = [
            ("No endpoints found that support the requested parameters: temperature", Some(Parameter::Temperature)),
            ("invalid JSON schema in format", Some(Parameter::Schema)),
            ("JSON schema conversion failed: x", Some(Parameter::Schema)),
            ("The temperature of the GPU is over its limit", None),
        ];
        for (message, expected) in table {
            let said = error::read(&json!({"error": {"message": message}}));
            assert_eq!(named(&said, &sent, Asked::NOTHING, false).map(|named| named.parameter), expected, "{message}");
        }
    }
}
