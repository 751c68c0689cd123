//! JSON as servers write it: what a strict reader refuses is replaced, so that one odd character in a field that nobody reads does not
//! lose a whole answer. It must never turn a text that is no JSON into some, nor half a document into a whole one.

use serde_json::Value;

/// The parser after this one takes 127.
const MAX_DEPTH: usize = 120;

/// The document that a text begins with, and how many bytes it takes; an error as the strict reader tells it.
pub(super) fn first(text: &str) -> Result<(Value, usize), serde_json::Error> {
    match strict(text) {
        Ok(found) => Ok(found),
        Err(error) if error.is_eof() || !text.trim_start().starts_with(['{', '[']) => Err(error),
        Err(error) => {
            let (cleaned, n_bytes) = clean(text);
            match strict(&cleaned) {
                Ok((document, n_read)) if n_read == cleaned.len() => Ok((document, n_bytes)),
                Ok(_) => Err(error),
                // In what was cleaned, the end is what was wrong.
                Err(again) => Err(if again.is_eof() { again } else { error }),
            }
        }
    }
}

/// The document that a text is, and nothing else.
pub(super) fn whole(text: &str) -> Option<Value> {
    let (document, n_bytes) = first(text).ok()?;
    text[n_bytes..].trim().is_empty().then_some(document)
}

fn strict(text: &str) -> Result<(Value, usize), serde_json::Error> {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    match documents.next() {
        Some(Ok(document)) => Ok((document, documents.byte_offset())),
        Some(Err(error)) => Err(error),
        None => serde_json::from_str("").map(|document| (document, 0)),
    }
}

/// The list or object that a text begins with, made strict; and how many bytes of the text that was. Of half a surrogate pair becomes
/// U+FFFD, of a control character its escape, of NaN and the infinities null, and of what is nested too deep null as well.
fn clean(text: &str) -> (String, usize) {
    let bytes = text.as_bytes();
    let mut cleaned = String::with_capacity(text.len() + 16);
    let (mut at, mut depth, mut in_string) = (0, 0_usize, false);
    // All that is not special is copied in one piece.
    let mut copied = 0;
    while at < bytes.len() {
        let is_shown = depth <= MAX_DEPTH;
        let mut replaced: Option<(&str, usize)> = None;
        let escape;
        match bytes[at] {
            b'\\' if in_string && bytes.get(at + 1) == Some(&b'u') => match code_unit(bytes, at) {
                Some(0xD800..=0xDBFF) if matches!(code_unit(bytes, at + 6), Some(0xDC00..=0xDFFF)) => at += 11,
                Some(0xD800..=0xDFFF) => replaced = Some(("\u{FFFD}", 6)),
                _ => at += 1,
            },
            b'\\' if in_string => at += 1,
            b'"' => in_string = !in_string,
            byte @ 0..0x20 if in_string => {
                escape = format!("\\u{byte:04x}");
                replaced = Some((&escape, 1));
            }
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth == MAX_DEPTH + 1 {
                    cleaned.push_str(&text[copied..at]);
                    cleaned.push_str("null");
                }
            }
            b'}' | b']' if !in_string => {
                depth = depth.saturating_sub(1);
                if depth == MAX_DEPTH {
                    copied = at + 1;
                }
                if depth == 0 {
                    at += 1;
                    break;
                }
            }
            b'N' | b'I' | b'-' if !in_string => {
                let names = ["NaN", "Infinity", "-Infinity"];
                let found = names.into_iter().find(|name| text[at..].starts_with(name));
                replaced = found.map(|name| ("null", name.len()));
            }
            _ => {}
        }
        if let Some((with, n_bytes)) = replaced {
            if is_shown {
                cleaned.push_str(&text[copied..at]);
                cleaned.push_str(with);
                copied = at + n_bytes;
            }
            at += n_bytes;
        } else {
            at += 1;
        }
    }
    let end = at.min(bytes.len());
    if depth <= MAX_DEPTH && copied < end {
        cleaned.push_str(text.get(copied..end).unwrap_or_default());
    }
    (cleaned, end)
}

/// What an escape of four digits at a place says.
fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_strict_reader_refuses_is_replaced() {
        let table = [
            (r#"{"a":"A\ud83d"}"#, Some(json!({"a": "A\u{FFFD}"}))),
            (r#"{"a":"\ude00B"}"#, Some(json!({"a": "\u{FFFD}B"}))),
            (r#"{"a":"\ud83d\ude00 \ud83dx"}"#, Some(json!({"a": "😀 \u{FFFD}x"}))),
            ("{\"a\":\"x\ty\u{1}\"}", Some(json!({"a": "x\ty\u{1}"}))),
            ("{\"a\":\"x\ty NaN \\\" \\\\\"}", Some(json!({"a": "x\ty NaN \" \\"}))),
            (r#"{"a":NaN,"b":[-Infinity,Infinity,-1]}"#, Some(json!({"a": null, "b": [null, null, -1]}))),
            // It is still no JSON, or half of it.
            (r#"{"a":NaN"#, None),
            ("{\"a\":\"x\ty", None),
            ("{'a':NaN}", None),
            ("NaN", None),
            ("ping", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(whole(text), expected, "{text}");
        }
        assert!(first(r#"{"a":NaN"#).is_err_and(|error| error.is_eof()));
        assert!(first("").is_err_and(|error| error.is_eof()));
        assert_eq!(first(r#"{"a":NaN} {"b":1}"#).unwrap(), (json!({"a": null}), 9));
        let deep = format!(r#"{{"a":1,"deep":{}"x"{},"b":2}}"#, "[".repeat(500), "]".repeat(500));
        let read = whole(&deep).unwrap();
        assert_eq!((&read["a"], &read["b"]), (&json!(1), &json!(2)));
        let half = "[".repeat(500);
        assert!(first(&half).is_err());
    }
}
