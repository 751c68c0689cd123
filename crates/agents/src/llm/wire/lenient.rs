//! JSON as servers write it: what a strict reader refuses is replaced, so that one odd character in a field that nobody reads does not
//! lose a whole answer. It must never turn a text that is no JSON into some, nor half a document into a whole one.

use std::collections::BTreeSet;

use serde_json::Value;

/// The parser after this one takes 127.
const MAX_DEPTH: usize = 120;

/// What stands for half a character whose other half is nowhere.
const NO_CHARACTER: &str = "\u{FFFD}";

/// A document of several, of which one may begin with the half of a character that the one before ended with.
pub(super) struct Piece {
    pub(super) document: Value,
    pub(super) n_bytes: usize,
    /// A text of it began with the other half of what was handed on.
    pub(super) goes_on: bool,
    pub(super) half: Option<Half>,
}

/// A text of a document ended with the first half of a surrogate pair, for which it has U+FFFD.
pub(super) struct Half {
    pub(super) unit: u16,
    /// The document without it.
    pub(super) without: Value,
}

/// The document that a text begins with, and how many bytes it takes; an error as the strict reader tells it.
pub(super) fn first(text: &str) -> Result<(Value, usize), serde_json::Error> {
    piece(text, None).map(|piece| (piece.document, piece.n_bytes))
}

/// The same of one that comes behind others. `half`: what the one before ended with.
pub(super) fn piece(text: &str, half: Option<u16>) -> Result<Piece, serde_json::Error> {
    match strict(text) {
        Ok((document, n_bytes)) => Ok(Piece { document, n_bytes, goes_on: false, half: None }),
        Err(error) if error.is_eof() || !text.trim_start().starts_with(['{', '[']) => Err(error),
        Err(error) => {
            let cleaned = clean(text, half, NO_CHARACTER);
            match strict(&cleaned.text) {
                Ok((document, n_read)) if n_read == cleaned.text.len() => {
                    let without = |unit: u16| {
                        let (without, _) = strict(&clean(text, half, "").text).ok()?;
                        Some(Half { unit, without })
                    };
                    let half = cleaned.half.and_then(without);
                    Ok(Piece { document, n_bytes: cleaned.n_bytes, goes_on: cleaned.goes_on, half })
                }
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

/// What was made strict.
struct Cleaned {
    text: String,
    /// Of the text that it was.
    n_bytes: usize,
    goes_on: bool,
    /// The one with which texts of it end.
    half: Option<u16>,
}

/// The list or object that a text begins with, made strict; and how many bytes of the text that was. Of half a surrogate pair becomes
/// U+FFFD, of a control character its escape, of NaN and the infinities null, and of what is nested too deep null as well.
/// `half`: the first half of a pair whose second one a text may begin with. `open_end`: for a first half that a text ends with.
fn clean(text: &str, half: Option<u16>, open_end: &str) -> Cleaned {
    let bytes = text.as_bytes();
    let mut cleaned = String::with_capacity(text.len() + 16);
    let (mut at, mut depth, mut in_string) = (0, 0_usize, false);
    // Where the text began that is read.
    let mut begin = 0;
    let (mut goes_on, mut ends) = (false, BTreeSet::new());
    // All that is not special is copied in one piece.
    let mut copied = 0;
    while at < bytes.len() {
        let is_shown = depth <= MAX_DEPTH;
        let mut replaced: Option<(&str, usize)> = None;
        let escape;
        match bytes[at] {
            b'\\' if in_string && bytes.get(at + 1) == Some(&b'u') => {
                match (code_unit(bytes, at), half.filter(|_| at == begin)) {
                    (Some(0xD800..=0xDBFF), _) if matches!(code_unit(bytes, at + 6), Some(0xDC00..=0xDFFF)) => at += 11,
                    (Some(high @ 0xD800..=0xDBFF), _) if bytes.get(at + 6) == Some(&b'"') => {
                        ends.insert(high);
                        replaced = Some((open_end, 6));
                    }
                    (Some(low @ 0xDC00..=0xDFFF), Some(high)) => {
                        goes_on = true;
                        escape = format!("\\u{high:04x}\\u{low:04x}");
                        replaced = Some((&escape, 6));
                    }
                    (Some(0xD800..=0xDFFF), _) => replaced = Some((NO_CHARACTER, 6)),
                    _ => at += 1,
                }
            }
            b'\\' if in_string => at += 1,
            b'"' => {
                in_string = !in_string;
                begin = at + 1;
            }
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
    // Of two that differ nobody knows which goes on.
    let half = ends.pop_first().filter(|_| ends.is_empty());
    Cleaned { text: cleaned, n_bytes: end, goes_on, half }
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
    fn a_text_goes_on_with_the_other_half_of_what_the_one_before_ended_with() {
        let one = piece(r#"{"a":"x\ud83d","b":1}"#, None).unwrap();
        assert_eq!((one.document, one.goes_on), (json!({"a": "x\u{FFFD}", "b": 1}), false));
        let half = one.half.unwrap();
        assert_eq!((half.unit, &half.without), (0xD83D, &json!({"a": "x", "b": 1})));
        let next = piece(r#"{"c":"\ude00\ud83d"}"#, Some(half.unit)).unwrap();
        assert_eq!((next.document, next.goes_on), (json!({"c": "😀\u{FFFD}"}), true));
        assert_eq!(next.half.unwrap().without, json!({"c": "😀"}));
        for (text, expected) in [
            (r#"{"c":"y\ude00"}"#, json!({"c": "y\u{FFFD}"})),
            (r#"{"c":"\"\ude00"}"#, json!({"c": "\"\u{FFFD}"})),
            (r#"{"c":"y"}"#, json!({"c": "y"})),
        ] {
            let other = piece(text, Some(half.unit)).unwrap();
            assert_eq!((other.document, other.goes_on), (expected, false), "{text}");
        }
        assert!(piece(r#"{"a":"\ud83d","b":"\ud83e"}"#, None).unwrap().half.is_none(), "nobody knows which");
    }

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
