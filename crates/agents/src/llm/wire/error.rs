//! What a provider, a gateway or a local server says when it fails, in any of the shapes in use: whether it is an error, and its words.
//! An error without known fields is shown as it came: words must never be lost. They may hold a key: whoever shows them takes it out.

use serde_json::Value;
use workflow::status::Reason;

use super::{codes, lenient};

/// Where messages stand, in any case and with or without `_`; the most telling first.
const FIELDS: [&str; 17] = [
    "message",
    "originalmessage",
    "detail",
    "error",
    "errordescription",
    "errormessage",
    "errormsg",
    "errmsg",
    "statusmsg",
    "statusmessage",
    "faultstring",
    "msg",
    "reason",
    "title",
    "description",
    "errors",
    "fault",
];
/// Where gateways pass on what was said behind them: as JSON, or as the text of some.
const BEHIND: [&str; 4] = ["cause", "raw", "originalmessage", "body"];
/// Errors in errors are looked into so deep.
const MAX_DEPTH: usize = 8;
/// Bytes of an unknown document that are shown.
const MAX_SHOWN_BYTES: usize = 2_000;

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

/// Whether a document is an error, and no part of an answer.
pub(super) fn is_one(document: &Value) -> bool {
    let Value::Object(map) = document else {
        return false;
    };
    if map.get("error").is_some_and(|error| !is_nothing(error)) {
        // A Responses API answer that failed tells why inside; that is its own to read.
        return map.get("object").and_then(Value::as_str) != Some("response");
    }
    // MiniMax says with each answer how it went.
    if document.pointer("/base_resp/status_code").and_then(Value::as_u64).is_some_and(|code| code != 0) {
        return true;
    }
    let kind = |name: &str| map.get(name).and_then(Value::as_str) == Some("error");
    // A message without a type says that something is wrong; with another type it may say anything.
    let is_text = |name: &str| map.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let is_told = ["message", "Message"].into_iter().any(is_text) && !map.contains_key("type");
    let is_detailed =
        ["detail", "errors", "fault"].into_iter().any(|name| map.get(name).is_some_and(|it| !is_nothing(it)));
    let is_named = ["error_msg", "errorMessage", "error_message"].into_iter().any(is_text)
        || is_text("msg") && map.contains_key("code");
    !is_of_answer(document) && (kind("object") || kind("type") || is_detailed || is_told || is_named)
}

/// Whether a document has the shape of an answer, or of a part of one, whatever it says.
pub(in crate::llm) fn is_of_answer(document: &Value) -> bool {
    ["choices", "candidates", "output", "message", "delta", "response", "content", "content_block"]
        .into_iter()
        .any(|name| document.get(name).is_some_and(|value| value.is_array() || value.is_object()))
}

/// Null, false, nothing, and what is made of nothing else: some send their error field with every piece.
pub(super) fn is_nothing(error: &Value) -> bool {
    match error {
        Value::Null => true,
        Value::Bool(is_one) => !is_one,
        Value::Number(code) => code.as_f64() == Some(0.0),
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.iter().all(is_nothing),
        Value::Object(map) => map.values().all(is_nothing),
    }
}

/// An error document in any shape.
pub(in crate::llm) fn read(document: &Value) -> Said {
    Said { class: codes::class_of(inner(document), document), words: words(document), document: document.clone() }
}

/// The body of an error status: a document, a text, or a page.
pub(in crate::llm) fn read_body(body: &[u8]) -> Said {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    // Some answer an error in the framing that was asked for.
    let bare = text.strip_prefix("event:").and_then(|rest| Some(rest.split_once('\n')?.1)).unwrap_or(text);
    let bare = bare.strip_prefix("data:").map_or(text, str::trim);
    match lenient::first(bare) {
        Ok((document @ (Value::Array(_) | Value::Object(_) | Value::String(_)), _)) => match document {
            Value::Array(items) if items.len() == 1 => read(&items[0]),
            document => read(&document),
        },
        _ => Said { class: None, words: plain(text), document: Value::String(text.to_owned()) },
    }
}

/// The error itself, which may be the document, or under `error`.
fn inner(document: &Value) -> &Value {
    match document.get("error").or_else(|| document.pointer("/x_groq/error")) {
        Some(error @ Value::Object(_)) if !is_nothing(error) => error,
        _ => document,
    }
}

fn words(document: &Value) -> String {
    let error = inner(document);
    let found = phrase(error, MAX_DEPTH).or_else(|| phrase(document, MAX_DEPTH));
    let Some(found) = found else {
        return if is_nothing(document) { String::new() } else { shown(document) };
    };
    match behind(error, MAX_DEPTH) {
        Some(more) if !found.contains(&more) => format!("{found}: {more}"),
        _ => found,
    }
}

/// What a gateway passes on of the provider behind it.
fn behind(value: &Value, depth: usize) -> Option<String> {
    let Value::Object(map) = value else { return None };
    let passed = map.iter().find(|(name, value)| BEHIND.contains(&plain_name(name).as_str()) && !is_nothing(value));
    match passed {
        Some((_, Value::String(text))) => Some(read_body(text.as_bytes()).words),
        Some((_, value)) => phrase(value, depth.checked_sub(1)?),
        None => behind(map.get("metadata")?, depth.checked_sub(1)?),
    }
    .filter(|words| !words.is_empty())
}

/// A field's name without what only style decides.
fn plain_name(name: &str) -> String {
    name.chars().filter(|c| *c != '_' && *c != '-').map(|c| c.to_ascii_lowercase()).collect()
}

/// A text in a document: itself, the message of an object, or those of a list, with the places they are about.
fn phrase(value: &Value, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::String(text) => {
            // An error that was put into another one as text.
            let nested = Some(text.trim()).filter(|text| text.starts_with('{')).and_then(lenient::whole);
            let words = nested.and_then(|document| phrase(inner(&document), depth)).unwrap_or_else(|| plain(text));
            Some(words).filter(|text| !text.is_empty())
        }
        Value::Array(items) => {
            let all: Vec<String> = items.iter().take(5).filter_map(|item| phrase(item, depth)).collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        Value::Object(map) => {
            let said = FIELDS.into_iter().find_map(|field| {
                let named = map.iter().filter(|(name, _)| plain_name(name) == field);
                named.into_iter().find_map(|(_, value)| phrase(value, depth))
            });
            let around = || ["base_resp", "x_groq"].into_iter().find_map(|name| phrase(map.get(name)?, depth));
            let said = said.or_else(around)?;
            let place: Vec<&str> =
                map.get("loc").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
            Some(if place.is_empty() { said } else { format!("{}: {said}", place.join(".")) })
        }
        _ => None,
    }
}

/// A document as it came, where nothing in it is known.
fn shown(document: &Value) -> String {
    crate::error::shorten(plain(&document.to_string()), MAX_SHOWN_BYTES)
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
            ("\u{feff}{\"error\":{\"message\":\"marked\"}}".to_owned(), "marked", None),
            (r#"{"error":{"message":"half \ud83d"}}"#.to_owned(), "half \u{FFFD}", None),
            (json!({"Message": "User is not authorized"}).to_string(), "User is not authorized", None),
            (json!({"ErrorCode": "X", "OriginalMessage": "CUDA out of memory"}).to_string(), "CUDA out of memory", None),
            (json!({"error_code": 17, "error_msg": "Open api daily request limit reached"}).to_string(), "Open api daily request limit reached", None),
            (json!({"choices": null, "base_resp": {"status_code": 1013, "status_msg": "unknown error"}}).to_string(), "unknown error", None),
            (json!({"code": 1211, "msg": "no such model", "success": false}).to_string(), "no such model", None),
            (json!({"fault": {"faultstring": "Invalid ApiKey", "detail": {"errorcode": "x"}}}).to_string(), "Invalid ApiKey", None),
            (json!({"errorMessage": "Task timed out"}).to_string(), "Task timed out", None),
            (json!({"x_groq": {"error": "over capacity"}, "choices": []}).to_string(), "over capacity", None),
            (json!(["a", "b"]).to_string(), "a; b", None),
            (json!({"wrong": {"why": 5}}).to_string(), r#"{"wrong":{"why":5}}"#, None),
            (json!({"error": {"wrong": true}}).to_string(), r#"{"error":{"wrong":true}}"#, None),
            (json!({"error": {"message": "Bad Request", "cause": "{\"error\":{\"message\":\"no temperature\"}}"}}).to_string(), "Bad Request: no temperature", None),
            (json!({"error": {"message": "{\"error\":{\"message\":\"inside\"}}"}}).to_string(), "inside", None),
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
            json!({"choices": [], "error": {}}),
            json!({"choices": [], "error": {"message": "", "code": 0, "type": null}}),
            json!({"choices": [], "error": []}),
            json!({"choices": [], "base_resp": {"status_code": 0, "status_msg": ""}}),
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
            json!({"choices": null, "base_resp": {"status_code": 1004, "status_msg": "x"}}),
            json!({"error_msg": "x", "error_code": 1}),
            json!({"code": 500, "msg": "x"}),
            json!({"fault": {"faultstring": "x"}}),
            json!({"Message": "x"}),
        ];
        for error in errors {
            assert!(is_one(&error), "{error}");
        }
    }
}
