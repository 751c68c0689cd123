//! Finds the JSON in what a model said, whatever fences or prose stand around it. It only points at it: a value is whole or not
//! there, and a piece of one that broke off or is malformed is never taken for another.

mod scalar;
mod scan;

use std::{collections::VecDeque, ops::Range};

use workflow::schema::Kind;

use self::scan::{Scan, Wrong};

/// How often, on average, each byte may be looked at: a text of nothing but open brackets is not worth more.
const LOOKS: usize = 16;
/// The last values of a text that may be meant.
const MAX_VALUES: usize = 200;

/// What a text holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Where whole values stand, the likeliest first: the last of the wanted kind, then of another, and only then what prose is full
    /// of: `[1]`, `{}`.
    pub(super) values: Vec<Range<usize>>,
    /// Where the last value begins that is not whole, or is malformed. What stands before it was not the model's last word.
    pub(super) broken: Option<usize>,
}

pub(super) fn find(text: &str, kind: Option<Kind>) -> Found {
    match kind {
        Some(kind @ (Kind::Number | Kind::Integer | Kind::Boolean | Kind::Null | Kind::String)) => {
            Found { values: scalar::find(text, kind).into_iter().collect(), broken: None }
        }
        _ => find_brackets(text, kind),
    }
}

fn find_brackets(text: &str, kind: Option<Kind>) -> Found {
    let bytes = text.as_bytes();
    let mut looks = bytes.len().saturating_mul(LOOKS).max(1024 * 1024);
    let mut values = VecDeque::new();
    let mut broken = None;
    let mut at = 0;
    while let Some(place) = bytes[at..].iter().position(|byte| matches!(byte, b'{' | b'[')) {
        at += place;
        let mut scan = Scan::new(bytes, at);
        let result = scan.value();
        // Once to read it, once to see whether it had begun.
        let Some(left) = looks.checked_sub(2 * (scan.at - at) + 1) else {
            return Found::default();
        };
        looks = left;
        match result {
            Ok(()) => {
                if values.len() == MAX_VALUES {
                    values.pop_front();
                }
                values.push_back(at..scan.at);
                at = scan.at;
            }
            Err(Wrong::TooDeep) => {
                broken = Some(at);
                // No parser takes it, and what is inside of it was never meant to stand alone.
                let Some(after) = after_brackets(bytes, at) else { break };
                looks = looks.saturating_sub(after - at);
                at = after;
            }
            Err(wrong) if wrong == Wrong::Ended && holds_more(bytes, at) || Scan::has_begun(bytes, at) => {
                if fits(bytes[at], kind) {
                    broken = Some(at);
                }
                let after = after_brackets(bytes, at);
                if after.is_none() {
                    // It looked to the end.
                    looks = looks.saturating_sub(bytes.len() - at);
                }
                at = match (wrong, after) {
                    // It was meant as JSON, and is malformed: nor is what is inside of it the answer.
                    (Wrong::Malformed, Some(after)) => after,
                    // A list of nothing but words and numbers holds no answer that could be mistaken.
                    (Wrong::Malformed, None) if !bytes[at..scan.at].contains(&b'{') && bytes[at] == b'[' => scan.at,
                    // It broke off; what is inside was never meant to stand alone.
                    _ => break,
                };
            }
            Err(_) => at += 1,
        }
    }
    let rank = |range: &Range<usize>| (is_of_prose(text, range), !fits(bytes[range.start], kind));
    let mut values: Vec<Range<usize>> = values.into_iter().rev().collect();
    values.sort_by_cached_key(rank);
    Found { values, broken }
}

/// Whether anything stands behind a bracket. What reads as JSON up to the end of a text was meant as it.
fn holds_more(bytes: &[u8], at: usize) -> bool {
    !bytes[at + 1..].iter().all(u8::is_ascii_whitespace)
}

fn fits(first: u8, kind: Option<Kind>) -> bool {
    match kind {
        Some(Kind::Object) => first == b'{',
        Some(Kind::Array) => first == b'[',
        _ => true,
    }
}

/// What stands in a line of prose and is nothing (unless announced by a colon), or the number of a source.
fn is_of_prose(text: &str, range: &Range<usize>) -> bool {
    let is_markup = |c: char| c.is_whitespace() || matches!(c, '*' | '`' | '_' | '.');
    let before = text[..range.start].rsplit('\n').next().unwrap_or_default();
    let after = text[range.end..].split('\n').next().unwrap_or_default();
    let is_alone = before.chars().all(is_markup) && after.chars().all(is_markup);
    let inside = &text[range.start + 1..range.end - 1];
    let is_nothing = inside.trim().is_empty() && !before.trim_end_matches(is_markup).ends_with(':');
    let is_source = text[range.start..].starts_with('[')
        && inside.chars().any(|c| c.is_ascii_digit())
        && inside.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | ','));
    !is_alone && (is_nothing || is_source)
}

/// Behind the bracket that closes the one at a place, counting those outside of strings.
fn after_brackets(bytes: &[u8], from: usize) -> Option<usize> {
    let (mut depth, mut in_string, mut at) = (0_usize, false, from);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if in_string => at += 1,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str, kind: Option<Kind>) -> Option<&str> {
        let found = find(text, kind);
        // What a value was broken behind is not the last word.
        let first = found.values.first().filter(|range| found.broken.is_none_or(|broken| broken < range.start));
        first.map(|range| &text[range.clone()])
    }

    #[test]
    fn the_last_complete_value_is_found_whatever_stands_around_it() {
        let (object, list) = (Some(Kind::Object), Some(Kind::Array));
        let table = [
            (r#"{"n":2}"#, object, Some(r#"{"n":2}"#)),
            (
                "Sure:\n```json\n{\"n\":1}\n```\nNo, rather\n```json\n{\"n\":2}\n```\nEnjoy {it}!",
                object,
                Some("{\"n\":2}"),
            ),
            (
                r#"{"code":"```js\nf({\"a\":[1]})\n```","n":2}"#,
                object,
                Some(r#"{"code":"```js\nf({\"a\":[1]})\n```","n":2}"#),
            ),
            (r#"a {"s":"} ] \" { [ \u00e9 \\"} b"#, object, Some(r#"{"s":"} ] \" { [ \u00e9 \\"}"#)),
            (r#"{"n":2} as in [1]"#, object, Some(r#"{"n":2}"#)),
            (r#"[{"n":1},{"n":2}]"#, object, Some(r#"[{"n":1},{"n":2}]"#)),
            (r#"[{"n":1},{"n":2}]"#, list, Some(r#"[{"n":1},{"n":2}]"#)),
            // What prose is full of comes last.
            (r#"{"n":2} as in [1]"#, None, Some(r#"{"n":2}"#)),
            (r#"{"a":1} See [1]."#, None, Some(r#"{"a":1}"#)),
            (r#"{"a":1} and no options {}"#, object, Some(r#"{"a":1}"#)),
            ("[\"a\",\"b\"]\n\nSources: [1]", list, Some(r#"["a","b"]"#)),
            ("Draft: [\"a\"]. Final: []", list, Some("[]")),
            ("Draft: [\"a\"], but:\n[]\nEnjoy", list, Some("[]")),
            ("Draft [1, 2]. Final: [3]", list, Some("[3]")),
            ("See [1].", None, Some("[1]")),
            ("It is [1, 2]", list, Some("[1, 2]")),
            // What broke off, or is malformed, is not there; nor is a piece of it, nor what came before it.
            (r#"{"a":{"n":1},"c":"#, object, None),
            (r#"{"n":1} no: {"a":{"n":2},"c"#, object, None),
            (r#"Draft {"n":1}. Final: {"n":2"#, object, None),
            (r#"Draft {"n":1}. Final: {"n":2,}"#, object, None),
            (r#"Draft ["a"]. Final: ["b","#, list, None),
            (r#"Draft ["a"]. Final: ["b"#, list, None),
            (r#"Draft {"n":1}. Final: {"n"#, object, None),
            (r#"{"a":{"n":1},}"#, object, None),
            (r#"{"a":{"n":1}, // b"#, object, None),
            (r#"{"a":{"n":1},} then {"n":2}"#, object, Some(r#"{"n":2}"#)),
            // A bracket in a string of what is malformed is none.
            (r#"{"s":"{", b:1} then {"n":2}"#, object, Some(r#"{"n":2}"#)),
            (r#"{"s":"} [1]", b:1}"#, None, None),
            (r#"{n} {'n':1} {"n":3}"#, object, Some(r#"{"n":3}"#)),
            (r#"{"n":3} and so on { or ["#, object, Some(r#"{"n":3}"#)),
            (r#"On the interval [0, 1) we get {"n":2}"#, object, Some(r#"{"n":2}"#)),
            (r#"On [0, ∞) we get {"n":2}"#, object, Some(r#"{"n":2}"#)),
            (r#"["a","b"] on the interval [0, 1)"#, list, Some(r#"["a","b"]"#)),
            ("[see below] and {later}", object, None),
            ("Sure!", object, None),
            ("", None, None),
            ("I have 2 options", object, None),
            ("The answer is 42.", Some(Kind::Integer), Some("42")),
        ];
        for (text, kind, expected) in table {
            assert_eq!(first(text, kind), expected, "{text}");
        }
    }

    #[test]
    fn a_piece_of_what_is_nested_too_deep_is_no_answer() {
        let nested =
            |n_open: usize, n_closed: usize| format!("{{\"out\":{}{}", "[".repeat(n_open), "]".repeat(n_closed));
        let whole = format!("{}}}", nested(10_000, 10_000));
        let kinds = [None, Some(Kind::Object), Some(Kind::Array)];
        for text in [whole.clone(), nested(10_000, 9_999), nested(10_000, 5_000), nested(10_000, 0)] {
            for kind in kinds {
                assert_eq!(first(&text, kind), None, "{kind:?}");
            }
        }
        // What the model said behind it stands alone.
        let corrected = format!("{whole}\nRather: {{\"n\":1}}");
        assert_eq!(first(&corrected, Some(Kind::Object)), Some("{\"n\":1}"));
    }

    #[test]
    fn what_is_found_is_what_the_parser_takes() {
        for text in ["[0]", "[-0.5e+7, 1E2]", r#"{"":"\/\b"}"#, "[[[]],{}]", "[true,false,null]"] {
            assert_eq!(first(text, None), Some(text));
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
        }
        for text in ["[01]", "[+1]", "[.5]", "[1,]", r#"["\x"]"#, "[\"\n\"]", "{,}", "{1:2}", "[nul]"] {
            assert_eq!(find(text, Some(Kind::Array)).values.len(), 0, "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_hostile_text_costs_little() {
        let texts = [
            "[".repeat(1 << 20),
            "[{\"a\":".repeat(1 << 17),
            "{\"a\":[1,".repeat(1 << 17),
            "[1,x".repeat(1 << 18),
            "[1,x]".repeat(1 << 18),
            "{}".repeat(1 << 19),
            "[1]".repeat(1 << 18),
            "[\"".repeat(1 << 19),
        ];
        for text in texts {
            let began = std::time::Instant::now();
            assert!(find(&text, Some(Kind::Array)).values.len() <= MAX_VALUES);
            assert!(began.elapsed().as_secs() < 5, "{:?} {}", began.elapsed(), &text[..6]);
        }
    }
}
