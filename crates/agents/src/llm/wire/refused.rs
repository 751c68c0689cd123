//! Which parameter an error is about. A field of the error names it; where there is none, as gateways have only text, the
//! parameter's own name as a word of the message does. This is the one place where a message is looked into.

use serde_json::Value;

use super::Said;
use crate::refusals::Parameter;

/// Codes for a parameter that the model never takes, whatever its value.
const NEVER: [&str; 3] = ["unsupported_parameter", "unsupported_value", "unknown_parameter"];

impl Parameter {
    /// What it is called in the fields and messages of errors, over all protocols.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Temperature => &["temperature"],
            Self::MaxTokens => &["max_tokens", "max_output_tokens", "maxOutputTokens", "num_predict"],
            Self::MaxCompletionTokens => &["max_completion_tokens"],
            Self::Schema => &[
                "response_format",
                "response format",
                "json_schema",
                "json schema",
                "json mode",
                "structured output",
                "structured outputs",
                "output_config",
                "output_format",
                "output format",
                "responseJsonSchema",
                "response_json_schema",
                "responseMimeType",
                "response_mime_type",
                // Ollama before it knew schemas.
                "ChatRequest.format",
                "invalid format",
            ],
            Self::Stream => &[],
            Self::StreamOptions => &["stream_options", "include_usage"],
        }
    }

    /// Names that mean it only in a field, since they are words of their own.
    fn field_names(self) -> &'static [&'static str] {
        match self {
            Self::Schema => &["format"],
            Self::Stream => &["stream"],
            _ => &[],
        }
    }
}

/// The parameter that an error names among those that were sent, and whether it is refused whatever its value.
pub(in crate::llm) fn named(said: &Said, sent: &[(Parameter, String)]) -> Option<(Parameter, bool)> {
    let mut fields = Vec::new();
    collect_fields(&said.document, &mut fields);
    let is_never = code(&said.document).is_some_and(|code| NEVER.contains(&code));
    let by_field = sent.iter().map(|(parameter, _)| *parameter).find(|parameter| {
        fields.iter().any(|field| {
            field
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .any(|part| parameter.names().iter().chain(parameter.field_names()).any(|name| *name == part))
        })
    });
    if let Some(parameter) = by_field {
        return Some((parameter, is_never));
    }
    // It is about something else. (A validator's place may be the object around the parameter.)
    if param(&said.document).is_some() {
        return None;
    }
    // The first that is mentioned: advice on what to use instead comes after it.
    let mentioned = sent.iter().filter_map(|(parameter, _)| {
        let place = parameter.names().iter().filter_map(|name| find_word(&said.words, name)).min()?;
        Some((place, *parameter))
    });
    mentioned.min_by_key(|(place, _)| *place).map(|(_, parameter)| (parameter, is_never))
}

fn code(document: &Value) -> Option<&str> {
    document.get("error").unwrap_or(document).get("code")?.as_str()
}

fn param(document: &Value) -> Option<&str> {
    document.get("error").unwrap_or(document).get("param")?.as_str().filter(|param| !param.is_empty())
}

/// What the fields of an error say it is about: `param`, `field`, and the places of validators.
fn collect_fields(value: &Value, fields: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match (name.as_str(), value) {
                    ("param" | "field", Value::String(field)) if !field.is_empty() => fields.push(field.clone()),
                    ("loc", Value::Array(place)) => {
                        let place: Vec<&str> = place.iter().filter_map(Value::as_str).collect();
                        fields.push(place.join("."));
                    }
                    _ => collect_fields(value, fields),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_fields(item, fields)),
        _ => {}
    }
}

/// Where a name stands as a whole word.
fn find_word(text: &str, name: &str) -> Option<usize> {
    let text = text.to_ascii_lowercase();
    let name = name.to_ascii_lowercase();
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    text.match_indices(&name).map(|(place, _)| place).find(|place| {
        let before = place.checked_sub(1).and_then(|before| text.as_bytes().get(before));
        !is_part(before) && !is_part(text.as_bytes().get(place + name.len()))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::error, *};

    #[test]
    fn only_an_error_that_names_a_sent_parameter_counts() {
        use Parameter::{MaxTokens, Schema, Stream, StreamOptions, Temperature};
        let openai = |message: &str, param: Value, code: Value| json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}});
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
            // It names something else, or nothing.
            (openai("temperature is fine", json!("messages[0].content"), Value::Null), None),
            (openai("The stream of words was too long", Value::Null, Value::Null), None),
            (openai("my_temperature and max_tokens_2 are unknown", Value::Null, Value::Null), None),
            (openai("unknown field", Value::Null, Value::Null), None),
        ];
        let sent = [Temperature, MaxTokens, Schema, Stream, StreamOptions].map(|parameter| (parameter, String::new()));
        for (document, expected) in table {
            assert_eq!(named(&error::read(&document), &sent), expected, "{document}");
            if let Some((parameter, _)) = expected {
                let others: Vec<_> = sent.iter().filter(|(sent, _)| *sent != parameter).cloned().collect();
                let found = named(&error::read(&document), &others);
                assert!(found.is_none_or(|(found, _)| found != parameter), "what was not sent cannot be refused");
            }
        }
    }
}
