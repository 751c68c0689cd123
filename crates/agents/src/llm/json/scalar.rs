//! Finds a number, a truth value or null in what a model said: the whole of it, or the only one in a sentence that says it plainly.
//! It must never take a part of a number for one (`1,234`, `12:30`, `4²`), nor a value that the sentence denies. Where that cannot be
//! told, there is none, and the model is asked again: a wrong value is worse than a round.

use std::ops::Range;

use workflow::schema::Kind;

use super::scan::Scan;

/// Words that turn what is said around them into something else, in the languages that models answer in most.
const DENYING: [&str; 40] = [
    "minus",
    "negative",
    "moins",
    "menos",
    "least",
    "half",
    "not",
    "no",
    "never",
    "nor",
    "neither",
    "cannot",
    "none",
    "without",
    "if",
    "whether",
    "or",
    "unless",
    "than",
    "wrong",
    "incorrect",
    "untrue",
    "nicht",
    "kein",
    "keine",
    "nie",
    "non",
    "pas",
    "jamais",
    "nunca",
    "não",
    "ni",
    "né",
    "не",
    "нет",
    "不",
    "没",
    "非",
    "hardly",
    "except",
];
/// Words behind a number that make it another.
const SCALES: [&str; 28] = [
    "hundreds",
    "thousands",
    "dozens",
    "squared",
    "cubed",
    "thirds",
    "quarters",
    "tenths",
    "hundred",
    "thousand",
    "million",
    "millions",
    "billion",
    "billions",
    "trillion",
    "dozen",
    "percent",
    "per",
    "pct",
    "k",
    "m",
    "mn",
    "bn",
    "mio",
    "mrd",
    "lakh",
    "crore",
    "x",
];

pub(super) fn find(text: &str, kind: Kind) -> Option<Range<usize>> {
    let bare = bare(text);
    let found = if is_value(bare, kind) {
        Some(bare)
    } else if bare.starts_with(['{', '[', '"']) || is_denied(bare) {
        None
    } else {
        match kind {
            Kind::Number | Kind::Integer => number(bare),
            Kind::Boolean => word(bare, &["true", "false"]),
            Kind::Null => word(bare, &["null"]),
            _ => None,
        }
    };
    found.map(|found| {
        let begin = found.as_ptr() as usize - text.as_ptr() as usize;
        begin..begin + found.len()
    })
}

/// A text without fences and emphasis around all of it.
fn bare(text: &str) -> &str {
    let mut bare = text.trim();
    if let Some(inside) = bare.strip_prefix("```").and_then(|rest| rest.strip_suffix("```")) {
        // The first line names a language.
        bare = inside.split_once('\n').map_or(inside, |(_, rest)| rest).trim();
    }
    for mark in ["**", "__", "*", "`"] {
        let inside = bare.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
        bare = inside.map_or(bare, str::trim);
    }
    bare
}

fn is_value(text: &str, kind: Kind) -> bool {
    let mut scan = Scan::new(text.as_bytes(), 0);
    let is_of_kind = matches!(
        (kind, text.as_bytes().first()),
        (Kind::Number | Kind::Integer, Some(b'-' | b'0'..=b'9'))
            | (Kind::Boolean, Some(b't' | b'f'))
            | (Kind::Null, Some(b'n'))
            | (Kind::String, Some(b'"'))
    );
    is_of_kind && scan.value().is_ok() && scan.at == text.len()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn is_denied(text: &str) -> bool {
    let is_contraction = ["n't", "n’t"].iter().any(|end| text.contains(end));
    is_contraction || words(text).any(|word| DENYING.contains(&word.to_lowercase().as_str()))
}

/// The only number of a sentence.
fn number(text: &str) -> Option<&str> {
    let mut found = None;
    let mut chars = text.char_indices().peekable();
    while let Some((begin, c)) = chars.next() {
        if !is_of_number(c) {
            continue;
        }
        let mut end = begin + c.len_utf8();
        while let Some((place, c)) = chars.next_if(|(_, c)| is_of_number(*c)) {
            end = place + c.len_utf8();
        }
        for token in tokens(&text[begin..end]) {
            if !token.contains(char::is_numeric) || token.starts_with(char::is_alphabetic) || is_ordinal(token) {
                continue;
            }
            if found.replace(token).is_some() || !is_value(token, Kind::Number) {
                return None;
            }
        }
    }
    let found: &str = found?;
    let begin = found.as_ptr() as usize - text.as_ptr() as usize;
    let is_signed =
        text[..begin].trim_end().ends_with(['-', '+', '−', '–', '—', '<', '>', '≤', '≥', '≈', '~', '±', '∓', '－']);
    let next = words(&text[begin + found.len()..]).next().unwrap_or_default().to_lowercase();
    (!is_signed && !SCALES.contains(&next.as_str())).then_some(found)
}

/// What stands in numbers as people write them, or makes another of one.
fn is_of_number(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(
            c,
            '_' | '.'
                | ','
                | '\''
                | '’'
                | ':'
                | '/'
                | '-'
                | '+'
                | '−'
                | '–'
                | '%'
                | '‰'
                | '^'
                | '*'
                | '٫'
                | '٬'
                | '·'
                | '－'
        )
}

/// The words of a run without gaps: parted where no digit stands on either side, and without what ends a sentence.
fn tokens(run: &str) -> impl Iterator<Item = &str> {
    let bytes = run.as_bytes();
    let mut begin = 0;
    let mut parts = Vec::new();
    for (place, byte) in run.bytes().enumerate() {
        let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        if matches!(byte, b':' | b',' | b'*') && !(is_digit(place.checked_sub(1)) && is_digit(Some(place + 1))) {
            parts.push(&run[begin..place]);
            begin = place + 1;
        }
    }
    parts.push(&run[begin..]);
    parts.into_iter().map(|part| part.trim_end_matches(['.', '\'', '’', '_']).trim_start_matches(['\'', '’', '_']))
}

fn is_ordinal(token: &str) -> bool {
    let digits = token.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let is_end = matches!(&token[digits.len()..], "st" | "nd" | "rd" | "th");
    is_end && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The only one of these words, where it closes a line or opens the text.
fn word<'a>(text: &'a str, wanted: &[&str]) -> Option<&'a str> {
    let mut found = words(text).filter(|word| wanted.contains(&word.to_lowercase().as_str()));
    let (only, None) = (found.next()?, found.next()) else { return None };
    if !wanted.contains(&only) {
        return None;
    }
    let begin = only.as_ptr() as usize - text.as_ptr() as usize;
    let after = text[begin + only.len()..].split('\n').next().unwrap_or_default();
    let is_last = !after.contains(char::is_alphanumeric);
    let is_first = begin == 0 && after.trim_start().starts_with([',', '.', ':', ';', '-', '–', '—']);
    (is_last || is_first).then_some(only)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_is_the_whole_answer_or_the_only_one() {
        let table = [
            (Kind::Integer, "42", Some("42")),
            (Kind::Integer, " 42\n", Some("42")),
            (Kind::Integer, "```json\n42\n```", Some("42")),
            (Kind::Integer, "**42**", Some("42")),
            (Kind::Integer, "`42`", Some("42")),
            (Kind::Integer, "-5", Some("-5")),
            (Kind::Number, "1.10", Some("1.10")),
            (Kind::Integer, "The answer is 42.", Some("42")),
            (Kind::Integer, "Answer:42", Some("42")),
            (Kind::Integer, "Answer: **42**", Some("42")),
            (Kind::Integer, "That makes $42, as asked.", Some("42")),
            (Kind::Number, "It is **-1.50e3**, the 2nd", Some("-1.50e3")),
            (Kind::Integer, "v1.2.3 is 100000000000000000001", Some("100000000000000000001")),
            (Kind::Integer, "1,234", None),
            (Kind::Integer, "The total is 1,234.", None),
            (Kind::Integer, "1,234,567 items", None),
            (Kind::Number, "$1,234.50", None),
            (Kind::Integer, "1 000 000", None),
            (Kind::Integer, "1\u{202f}234", None),
            (Kind::Number, "€ 1.234,56", None),
            (Kind::Number, "1'234.5", None),
            (Kind::Number, "1’234.5", None),
            (Kind::Number, "1/2", None),
            (Kind::Number, "1½", None),
            (Kind::Integer, "12:30", None),
            (Kind::Integer, "−5", None),
            (Kind::Integer, "–5", None),
            (Kind::Integer, "- 5", None),
            (Kind::Integer, "− 5", None),
            (Kind::Integer, "+5", None),
            (Kind::Integer, "< 5", None),
            (Kind::Integer, "about ~5", None),
            (Kind::Integer, "4²", None),
            (Kind::Integer, "10^6", None),
            (Kind::Integer, "2*3", None),
            (Kind::Integer, "5%", None),
            (Kind::Integer, "42 million", None),
            (Kind::Integer, "5m", None),
            (Kind::Integer, "minus 5", None),
            (Kind::Integer, "at least 5", None),
            (Kind::Integer, "3 quarters", None),
            (Kind::Integer, "1. 42", None),
            (Kind::Integer, "**Answer:** 42", Some("42")),
            (Kind::Integer, "n=42", Some("42")),
            (Kind::Integer, "0x1F", None),
            (Kind::Integer, "2026-11-28", None),
            (Kind::Integer, "Answer: 42\n\nStep 1 was hard.", None),
            (Kind::Integer, "It is 42 (not 41).", None),
            (Kind::Integer, "It is not 42", None),
            (Kind::Integer, "{\"n\": 42}", None),
            (Kind::Integer, "forty-two", None),
            (Kind::Integer, "", None),
            (Kind::Boolean, "true", Some("true")),
            (Kind::Boolean, "That is **false**.", Some("false")),
            (Kind::Boolean, "true, because it holds", Some("true")),
            (Kind::Boolean, "It is not true", None),
            (Kind::Boolean, "It isn't true", None),
            (Kind::Boolean, "That is false, not true.", None),
            (Kind::Boolean, "It is true that it holds", None),
            (Kind::Boolean, "Untrue", None),
            (Kind::Null, "It is `null`", Some("null")),
            (Kind::Null, "nothing", None),
        ];
        for (kind, text, expected) in table {
            assert_eq!(find(text, kind).map(|range| &text[range]), expected, "{text}");
        }
    }
}
