//! What a provider, a gateway or a local server says when it fails, in any of the shapes in use, and the class that its codes mean.
//! Only codes decide the class, never the words of a message. The words may hold a key: whoever shows them takes it out.

use reqwest::StatusCode;
use serde_json::Value;
use workflow::status::Reason;

use crate::response;

/// An error as the other side tells it.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::llm) struct Said {
    /// None where no code says it.
    pub(in crate::llm) class: Option<Reason>,
    /// Empty where there are none.
    pub(in crate::llm) words: String,
    /// All of it, to look parameters up.
    pub(in crate::llm) document: Value,
}

/// The codes and types of errors: of the makers, of gateways, of local servers. Compared without regard to case.
const CODES: [(&str, Reason); 53] = [
    // The prompt is too long.
    ("context_length_exceeded", Reason::ContextLength),
    ("context_length", Reason::ContextLength),
    ("context_window_exceeded", Reason::ContextLength),
    ("contextwindowexceedederror", Reason::ContextLength),
    ("exceed_context_size_error", Reason::ContextLength),
    ("request_too_large", Reason::ContextLength),
    ("model_max_prompt_tokens_exceeded", Reason::ContextLength),
    // Slow down, or pay.
    ("rate_limit_exceeded", Reason::RateLimit),
    ("rate_limit_error", Reason::RateLimit),
    ("ratelimiterror", Reason::RateLimit),
    ("too_many_requests", Reason::RateLimit),
    ("insufficient_quota", Reason::RateLimit),
    ("resource_exhausted", Reason::RateLimit),
    ("throttling", Reason::RateLimit),
    ("throttling_error", Reason::RateLimit),
    // The key.
    ("invalid_api_key", Reason::Unauthorized),
    ("authentication_error", Reason::Unauthorized),
    ("authenticationerror", Reason::Unauthorized),
    ("permission_error", Reason::Unauthorized),
    ("permission_denied", Reason::Unauthorized),
    ("unauthenticated", Reason::Unauthorized),
    ("unauthorized", Reason::Unauthorized),
    ("forbidden", Reason::Unauthorized),
    // What was asked, or would be answered, is not allowed.
    ("content_filter", Reason::Refused),
    ("content_policy_violation", Reason::Refused),
    ("contentpolicyviolationerror", Reason::Refused),
    ("responsibleaipolicyviolation", Reason::Refused),
    ("invalid_prompt", Reason::Refused),
    ("moderation_blocked", Reason::Refused),
    ("data_inspection_failed", Reason::Refused),
    ("datainspectionfailed", Reason::Refused),
    ("guardrail_intervened", Reason::Refused),
    ("refusal", Reason::Refused),
    // A fault of theirs.
    ("server_error", Reason::Server),
    ("api_error", Reason::Server),
    ("overloaded_error", Reason::Server),
    ("overloaded", Reason::Server),
    ("engine_overloaded", Reason::Server),
    ("internal_server_error", Reason::Server),
    ("internal_error", Reason::Server),
    ("internalservererror", Reason::Server),
    ("internal", Reason::Server),
    ("unavailable", Reason::Server),
    ("timeout_error", Reason::Timeout),
    ("timeout", Reason::Timeout),
    ("deadline_exceeded", Reason::Timeout),
    // A fault of ours.
    ("invalid_request_error", Reason::Permanent),
    ("invalid_argument", Reason::Permanent),
    ("failed_precondition", Reason::Permanent),
    ("badrequesterror", Reason::Permanent),
    ("model_not_found", Reason::Permanent),
    ("not_found_error", Reason::Permanent),
    ("not_found", Reason::Permanent),
];

/// Whether a document is an error, and no part of an answer.
pub(super) fn is_one(document: &Value) -> bool {
    let Value::Object(map) = document else {
        return false;
    };
    let is_answer = ["choices", "candidates", "output", "message", "delta", "response"]
        .iter()
        .any(|name| map.get(*name).is_some_and(|value| value.is_array() || value.is_object()));
    match map.get("error") {
        Some(Value::Null | Value::Bool(false)) | None => {}
        Some(Value::String(text)) if text.is_empty() => {}
        // A Responses API answer that failed tells why inside; that is its own to read.
        Some(_) => return map.get("object").and_then(Value::as_str) != Some("response"),
    }
    let kind = |name: &str| map.get(name).and_then(Value::as_str) == Some("error");
    // A message without a type says that something is wrong; with another type it may say anything.
    let is_told = map.get("message").is_some_and(Value::is_string) && !map.contains_key("type");
    let is_detailed = ["detail", "errors"].iter().any(|name| map.contains_key(*name));
    !is_answer && (kind("object") || kind("type") || is_detailed || is_told)
}

/// An error document in any shape.
pub(in crate::llm) fn read(document: &Value) -> Said {
    Said { class: class_of_code(document), words: words(document), document: document.clone() }
}

/// The body of an error status: a document, a text, or a page.
pub(in crate::llm) fn read_body(body: &[u8]) -> Said {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    // Some answer an error in the framing that was asked for.
    let bare = text.strip_prefix("data:").map_or(text, str::trim);
    match serde_json::Deserializer::from_str(bare).into_iter::<Value>().next() {
        Some(Ok(Value::Array(items))) => read(items.first().unwrap_or(&Value::Null)),
        Some(Ok(document @ (Value::Object(_) | Value::String(_)))) => read(&document),
        _ => Said { class: None, words: plain(text), document: Value::String(text.to_owned()) },
    }
}

/// The error itself, which may be the document, or under `error`.
fn inner(document: &Value) -> &Value {
    match document.get("error") {
        Some(error @ Value::Object(_)) => error,
        _ => document,
    }
}

/// The most telling class that any code of the document names.
pub(in crate::llm) fn class_of_code(document: &Value) -> Option<Reason> {
    let error = inner(document);
    let places = [Some(error), error.get("innererror"), error.get("metadata"), Some(document)];
    let codes = places
        .into_iter()
        .flatten()
        .flat_map(|place| ["code", "type", "status", "error", "error_type"].map(|field| place.get(field)));
    let mut numbers = None;
    let mut general = None;
    for code in codes.flatten() {
        let Some(word) = code.as_str() else {
            numbers = numbers.or_else(|| code.as_u64());
            continue;
        };
        let word = word.to_ascii_lowercase();
        if let Ok(number) = word.parse() {
            numbers = numbers.or(Some(number));
        }
        match CODES.iter().find(|(known, _)| *known == word).map(|(_, class)| *class) {
            // Broad types: a code may say more.
            Some(class @ (Reason::Permanent | Reason::Server)) => general = general.or(Some(class)),
            Some(class) => return Some(class),
            None => {}
        }
    }
    // OpenRouter: what was asked was flagged.
    if error.pointer("/metadata/flagged_input").is_some() {
        return Some(Reason::Refused);
    }
    let by_number = numbers
        .and_then(|number| u16::try_from(number).ok())
        .filter(|number| (400..600).contains(number))
        .and_then(|number| StatusCode::from_u16(number).ok())
        .map(response::class_of);
    match (general, by_number) {
        (Some(general), None | Some(Reason::Permanent | Reason::Server)) => Some(general),
        (_, by_number) => by_number,
    }
}

fn words(document: &Value) -> String {
    let error = inner(document);
    let found = ["message", "detail", "error", "error_description", "msg", "reason", "title", "errors"]
        .into_iter()
        .find_map(|name| phrase(error.get(name)?))
        .or_else(|| phrase(error).filter(|_| error.is_string()))
        .unwrap_or_default();
    // OpenRouter passes on what the provider behind it said.
    match error.pointer("/metadata/raw").and_then(Value::as_str) {
        Some(raw) if !raw.is_empty() => format!("{found}: {}", read_body(raw.as_bytes()).words),
        _ => found,
    }
}

/// A text in a document: itself, the message of an object, or those of a list, with the places they are about.
fn phrase(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(plain(text)).filter(|text| !text.is_empty()),
        Value::Array(items) => {
            let all: Vec<String> = items.iter().take(5).filter_map(phrase).collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        Value::Object(map) => {
            let said =
                ["message", "msg", "detail", "error", "reason"].into_iter().find_map(|name| phrase(map.get(name)?))?;
            let place: Vec<&str> =
                map.get("loc").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
            Some(if place.is_empty() { said } else { format!("{}: {said}", place.join(".")) })
        }
        _ => None,
    }
}

/// One line of text; of a page, its words.
fn plain(text: &str) -> String {
    let is_page = text.trim_start().starts_with('<');
    let mut words = String::new();
    let mut in_tag = false;
    let mut hidden: Option<&str> = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if is_page && !in_tag && c == '<' {
            in_tag = match hidden {
                // In a script, only its end is a tag.
                Some(name) => starts_with(&rest[1..], "/") && starts_with(&rest[2..], name),
                None => true,
            };
            if in_tag {
                hidden = match hidden {
                    Some(_) => None,
                    None => ["script", "style"].into_iter().find(|name| starts_with(&rest[1..], name)),
                };
            }
        }
        if !in_tag && hidden.is_none() {
            words.push(if c.is_control() { ' ' } else { c });
        }
        if in_tag && c == '>' {
            in_tag = false;
            words.push(' ');
        }
        rest = &rest[c.len_utf8()..];
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_words_are_found_in_every_shape() {
        let table = [
            (json!({"error": {"message": "no such model", "code": "model_not_found"}}).to_string(), "no such model", Some(Reason::Permanent)),
            (json!({"error": "model \"x\" not found, try pulling it first"}).to_string(), "model \"x\" not found, try pulling it first", None),
            (json!({"detail": "Not authenticated"}).to_string(), "Not authenticated", None),
            (
                json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "temperature"], "msg": "Extra inputs are not permitted"}]}).to_string(),
                "body.temperature: Extra inputs are not permitted",
                None,
            ),
            (json!({"object": "error", "message": "too hot", "type": "BadRequestError", "code": 400}).to_string(), "too hot", Some(Reason::Permanent)),
            (json!({"object": "error", "message": {"detail": [{"loc": ["body", "x"], "msg": "Extra"}]}}).to_string(), "body.x: Extra", None),
            (json!([{"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}}]).to_string(), "Quota", Some(Reason::RateLimit)),
            (json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}).to_string(), "Overloaded", Some(Reason::Server)),
            (json!({"error": {"message": "Provider returned error", "code": 502, "metadata": {"raw": "{\"error\":\"GPU fell off\"}"}}}).to_string(), "Provider returned error: GPU fell off", Some(Reason::Server)),
            (json!({"error": {"message": "The response was filtered", "code": "content_filter", "status": 400}}).to_string(), "The response was filtered", Some(Reason::Refused)),
            (json!({"error": {"message": "flagged", "code": 403, "metadata": {"reasons": ["violence"], "flagged_input": "x"}}}).to_string(), "flagged", Some(Reason::Refused)),
            (json!({"error": {"message": "bad", "type": "invalid_request_error", "code": "context_length_exceeded"}}).to_string(), "bad", Some(Reason::ContextLength)),
            (json!({"errors": [{"message": "first"}, {"message": "second"}]}).to_string(), "first; second", None),
            ("data: {\"error\":{\"message\":\"in a frame\"}}\n\n".to_owned(), "in a frame", None),
            ("upstream connect error\nor disconnect".to_owned(), "upstream connect error or disconnect", None),
            (
                "<!DOCTYPE html><html><head><style>p{}</style><title>502 Bad Gateway</title><script>if (1 < 2) x()</script></head><body><h1>Bad Gateway</h1></body></html>".to_owned(),
                "502 Bad Gateway Bad Gateway",
                None,
            ),
            (String::new(), "", None),
            ("{}".to_owned(), "", None),
            ("\"plain\"".to_owned(), "plain", None),
        ];
        for (body, words, class) in table {
            let said = read_body(body.as_bytes());
            assert_eq!((said.words.as_str(), said.class), (words, class), "{body}");
        }
    }

    #[test]
    fn an_answer_is_no_error() {
        let answers = [
            json!({"choices": [], "error": null}),
            json!({"type": "message", "content": []}),
            json!({"message": {"content": "hi"}, "done": false}),
            json!({"candidates": []}),
            json!({"object": "response", "error": {"code": "server_error"}}),
            json!({"type": "message_delta", "delta": {}}),
        ];
        for answer in answers {
            assert!(!is_one(&answer), "{answer}");
        }
        let errors = [
            json!({"error": "x"}),
            json!({"choices": [], "error": {"message": "x"}}),
            json!({"object": "error"}),
            json!({"type": "error", "message": "x"}),
            json!({"detail": "x"}),
            json!({"message": "x"}),
        ];
        for error in errors {
            assert!(is_one(&error), "{error}");
        }
    }
}
