//! The strict reader of JSON that comes from outside: what `serde_json` lets pass is refused with its place.
//! A key twice would lose an author's work without a word, and nesting and the number of values must be bounded before they take
//! memory. Values and texts are the library's; the walk over them is here, since the library tells no places, spells exponents anew, and
//! hands numbers over as objects of a certain key, which a document could hold too.

use std::{borrow::Cow, fmt::Write as _};

use serde::{Deserialize as _, de::IgnoredAny};
use serde_json::{Map, Number, Value};

use crate::{
    limits,
    words::{count, shortened},
};

/// How the keys begin under which `serde_json` tells its readers something else. A document may not use them: it would become that.
const RESERVED: &str = "$serde_json::private::";
/// A number's text.
pub(super) const NUMBER_KEY: &str = "$serde_json::private::Number";
/// A value's text.
pub(super) const RAW_KEY: &str = "$serde_json::private::RawValue";

/// As much of a key as a place quotes.
const MAX_KEY_CHARS: usize = 200;

/// How much a document may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    pub depth: usize,
    pub nodes: usize,
}

impl Bounds {
    /// One value: an input, an answer, a file.
    pub const VALUE: Self = Self { depth: limits::MAX_DEPTH, nodes: limits::MAX_JSON_NODES };
    /// A request, in which values are some levels down.
    pub const BODY: Self = Self { depth: limits::MAX_DEPTH + 16, nodes: limits::MAX_JSON_NODES };
    /// What was judged when it came, or never left: only the stack is guarded, as `serde_json` guards it.
    pub(super) const KEPT: Self = Self { depth: 127, nodes: usize::MAX };
}

/// Why a text was not read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// `serde_json`'s words, which name line and column.
    #[error("{message}")]
    Malformed { message: String, is_cut_off: bool },
    #[error("`{place}` is there twice: keep one of them")]
    Duplicate { place: String },
    #[error("`{place}` is nested deeper than {max} levels")]
    TooDeep { place: String, max: usize },
    #[error("it holds more than {}", count(*.max, "value"))]
    TooMany { max: usize },
    #[error("`{place}` is a number of more than {}: give it as a text", count(*.max, "character"))]
    LongNumber { place: String, max: usize },
    /// What a program cut within a character, such as an emoji: JSON allows it, and no text can hold it.
    #[error(
        "{} half a character (`\\u{unit:04x}` without its other half): send the whole of it, or leave it out",
        holder(.place)
    )]
    HalfCharacter { place: String, unit: u32 },
    #[error("`{place}` has a key that JSON readers use themselves: it begins with {RESERVED}")]
    ReservedKey { place: String },
}

/// Whether a key is one that `serde_json` uses itself: a document that holds it would become something else where it is read again.
pub fn is_reserved(key: &str) -> bool {
    key.starts_with(RESERVED)
}

impl Refused {
    /// The place it is about, written `steps.draft` or `items[3].id`.
    pub fn place(&self) -> Option<&str> {
        match self {
            Self::Duplicate { place }
            | Self::TooDeep { place, .. }
            | Self::LongNumber { place, .. }
            | Self::HalfCharacter { place, .. }
            | Self::ReservedKey { place } => (!place.is_empty()).then_some(place),
            Self::Malformed { .. } | Self::TooMany { .. } => None,
        }
    }
}

/// What has something in it; the outermost value has no name.
fn holder(place: &str) -> String {
    if place.is_empty() { "it holds".to_owned() } else { format!("`{place}` holds") }
}

/// The first half of a surrogate pair that stands alone in a quoted text.
fn lone_half(quoted: &str) -> Option<u32> {
    let bytes = quoted.as_bytes();
    // Of an escape at a place, if there is one.
    let unit = |at: usize| {
        let is_escape = bytes.get(at) == Some(&b'\\') && bytes.get(at + 1) == Some(&b'u');
        let digits = is_escape.then(|| bytes.get(at + 2..at + 6)).flatten()?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut at = 0;
    while at < bytes.len() {
        match unit(at) {
            Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(half @ 0xD800..=0xDFFF) => return Some(half),
            _ if bytes[at] == b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

/// Reads a text that is one JSON value and nothing else.
pub fn parse(text: &str, bounds: Bounds) -> Result<Value, Refused> {
    let mut reader = Reader::new(text, bounds);
    let value = reader.value(1)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.malformed()),
    }
}

/// Reads the value that a text begins with, and says how many bytes it takes.
pub fn parse_first(text: &str, bounds: Bounds) -> Result<(Value, usize), Refused> {
    let mut reader = Reader::new(text, bounds);
    let value = reader.value(1)?;
    Ok((value, reader.at))
}

/// Reads a text that is a number and nothing else.
pub fn number(text: &str) -> Option<Number> {
    let mut reader = Reader::new(text, Bounds::VALUE);
    let number = reader.number().ok()?;
    reader.peek().is_none().then_some(number)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    bounds: Bounds,
    n_nodes: usize,
    path: Vec<Segment<'a>>,
}

enum Segment<'a> {
    Key(Cow<'a, str>),
    Index(usize),
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, bounds: Bounds) -> Self {
        Self { text, at: 0, bounds, n_nodes: 0, path: Vec::new() }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Called at each depth once, so the stack is bounded by `bounds.depth`.
    fn value(&mut self, depth: usize) -> Result<Value, Refused> {
        self.n_nodes += 1;
        if self.n_nodes > self.bounds.nodes {
            return Err(Refused::TooMany { max: self.bounds.nodes });
        }
        if depth > self.bounds.depth {
            return Err(Refused::TooDeep { place: self.place(), max: self.bounds.depth });
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Value::String(self.string()?.into_owned())),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, Refused> {
        for (word, value) in [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.malformed())
    }

    fn list(&mut self, depth: usize) -> Result<Value, Refused> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.eat(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            self.path.push(Segment::Index(items.len()));
            items.push(self.value(depth + 1)?);
            self.path.pop();
            self.skip_space();
            if self.eat(b']') {
                return Ok(Value::Array(items));
            }
            if !self.eat(b',') {
                return Err(self.malformed());
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Refused> {
        self.at += 1;
        let mut map = Map::new();
        self.skip_space();
        if self.eat(b'}') {
            return Ok(Value::Object(map));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.malformed());
            }
            let key = self.string()?;
            if is_reserved(&key) && self.bounds != Bounds::KEPT {
                return Err(Refused::ReservedKey { place: self.place() });
            }
            let name = key.clone().into_owned();
            let is_twice = map.contains_key(&name);
            self.path.push(Segment::Key(key));
            if is_twice {
                return Err(Refused::Duplicate { place: self.place() });
            }
            self.skip_space();
            if !self.eat(b':') {
                return Err(self.malformed());
            }
            let value = self.value(depth + 1)?;
            self.path.pop();
            map.insert(name, value);
            self.skip_space();
            if self.eat(b'}') {
                return Ok(Value::Object(map));
            }
            if !self.eat(b',') {
                return Err(self.malformed());
            }
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Refused> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut is_plain = true;
        let mut end = start + 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => {
                    is_plain = false;
                    end += 2;
                }
                Some(byte) if *byte >= b' ' => end += 1,
                _ => return Err(self.malformed()),
            }
        }
        self.at = end + 1;
        if is_plain {
            return Ok(Cow::Borrowed(&self.text[start + 1..end]));
        }
        // Escapes are the library's business.
        let quoted = &self.text[start..=end];
        let read: Result<String, _> = serde_json::from_str(quoted);
        read.map(Cow::Owned).map_err(|_| match lone_half(quoted) {
            Some(unit) => Refused::HalfCharacter { place: self.place(), unit },
            None => self.malformed(),
        })
    }

    fn number(&mut self) -> Result<Number, Refused> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') && self.digits() == 0 {
            return Err(self.malformed());
        }
        if self.eat(b'.') && self.digits() == 0 {
            return Err(self.malformed());
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _sign = self.eat(b'+') || self.eat(b'-');
            if self.digits() == 0 {
                return Err(self.malformed());
            }
        }
        if self.at - start > limits::MAX_NUMBER_CHARS && self.bounds != Bounds::KEPT {
            return Err(Refused::LongNumber { place: self.place(), max: limits::MAX_NUMBER_CHARS });
        }
        // Just judged. The library's own way would write 1E2 as 1e+2.
        Ok(Number::from_string_unchecked(self.text[start..self.at].to_owned()))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn place(&self) -> String {
        let mut place = String::new();
        for segment in &self.path {
            match segment {
                Segment::Key(key) => {
                    if !place.is_empty() {
                        place.push('.');
                    }
                    place.push_str(&shortened(key, MAX_KEY_CHARS));
                }
                Segment::Index(n) => write!(place, "[{n}]").expect("a text takes whatever is written"),
            }
        }
        place
    }

    /// What is wrong in words that people know, for a text that is no JSON.
    fn malformed(&self) -> Refused {
        let mut deserializer = serde_json::Deserializer::from_str(self.text);
        let fault = IgnoredAny::deserialize(&mut deserializer).and_then(|_| deserializer.end());
        match fault {
            Err(error) => Refused::Malformed { message: error.to_string(), is_cut_off: error.is_eof() },
            Ok(()) => Refused::Malformed { message: format!("no JSON from byte {} on", self.at), is_cut_off: false },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::json::{testing::SPELLINGS, to_value};

    fn refused(text: &str) -> Refused {
        parse(text, Bounds::VALUE).expect_err(text)
    }

    #[test]
    fn a_key_twice_is_refused_with_its_place() {
        for (text, place) in [
            (r#"{"steps":{"draft":{"agent_id":"a"},"draft":{"agent_id":"b"}}}"#, "steps.draft"),
            (r#"{"steps":{"a":{"title":"x","title":"x"}}}"#, "steps.a.title"),
            (r#"{"a":1,"\u0061":2}"#, "a"),
            (r#"{"list":[1,{"b":[{},{"c":1,"c":1}]}]}"#, "list[1].b[1].c"),
            (r#"{"":1,"":1}"#, ""),
        ] {
            assert_eq!(refused(text), Refused::Duplicate { place: place.to_owned() });
        }
        assert_eq!(parse(r#"[{"a":1},{"a":1}]"#, Bounds::VALUE).unwrap(), json!([{"a":1},{"a":1}]));
    }

    #[test]
    fn a_long_key_is_not_repeated() {
        let key = "k".repeat(3_000_000);
        let refused = refused(&format!(r#"{{"{key}":1,"{key}":2}}"#));
        assert!(refused.to_string().len() < 1_000);
        assert!(refused.place().is_some_and(|place| place.starts_with("kkk") && place.len() < 1_000));
    }

    #[test]
    fn a_number_has_so_many_characters_and_no_more() {
        let longest = "7".repeat(limits::MAX_NUMBER_CHARS);
        assert_eq!(number(&longest).unwrap().as_str(), longest);
        for text in [format!("{longest}7"), format!("-{longest}"), format!("0.{longest}"), format!("1e{longest}")] {
            assert!(number(&text).is_none());
            let refused = refused(&format!(r#"{{"a":[1,{text}]}}"#));
            assert_eq!(refused, Refused::LongNumber { place: "a[1]".to_owned(), max: limits::MAX_NUMBER_CHARS });
        }
    }

    #[test]
    fn digits_and_order_are_kept() {
        let text = format!(r#"{{"b":[{}],"a":{{"z":null,"y":""}}}}"#, SPELLINGS.join(","));
        assert_eq!(parse(&text, Bounds::VALUE).unwrap().to_string(), text);
    }

    #[test]
    fn a_number_is_read_as_it_is_or_not_at_all() {
        for text in SPELLINGS {
            assert_eq!(number(text).unwrap().as_str(), text);
        }
        for text in ["", "-", "+1", "01", "1.", ".5", "1e", "1e+", "1 ", " 1", "0x1", "NaN", "1,5", "--1", "1e5.0"] {
            assert!(number(text).is_none(), "{text}");
        }
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(&nested(64), Bounds::VALUE).is_ok());
        assert!(matches!(refused(&nested(65)), Refused::TooDeep { max: 64, .. }));
        assert!(matches!(refused(&"[".repeat(6_000_000)), Refused::TooDeep { .. }));
        let bounds = Bounds { depth: 4, nodes: 3 };
        assert!(parse("[1,2]", bounds).is_ok());
        assert_eq!(parse("[1,2,3]", bounds), Err(Refused::TooMany { max: 3 }));
        assert_eq!(parse(r#"{"a":1,"b":2,"c":3}"#, bounds), Err(Refused::TooMany { max: 3 }));
    }

    #[test]
    fn a_document_cannot_pass_for_a_number() {
        for under in
            ["\"17\"", "\"1\\u0037\"", "17", "null", "true", "[1]", "{}", "{\"$serde_json::private::Number\":\"1\"}"]
        {
            let text = format!(r#"{{"x":{{"$serde_json::private::Number":{under}}}}}"#);
            assert_eq!(refused(&text), Refused::ReservedKey { place: "x".to_owned() }, "{text}");
            let late = format!(r#"{{"x":{{"a":1,"\u0024serde_json::private::Number":{under}}}}}"#);
            assert_eq!(refused(&late), Refused::ReservedKey { place: "x".to_owned() }, "{late}");
            let raw = format!(r#"{{"x":{{"$serde_json::private::RawValue":{under}}}}}"#);
            assert_eq!(refused(&raw), Refused::ReservedKey { place: "x".to_owned() }, "{raw}");
        }
    }

    #[test]
    fn what_is_no_json_says_where() {
        for text in ["", "{", "[1,]", "{\"a\" 1}", "nul", "01", "1.", "\"\u{1}\"", "1 2", "NaN", "{\"a\":1}}"] {
            let Refused::Malformed { message, .. } = refused(text) else { panic!("{text}") };
            assert!(message.contains("line 1 column"), "{message}");
        }
        assert!(matches!(refused("[1, 2"), Refused::Malformed { is_cut_off: true, .. }));
        assert!(matches!(refused("[1, 2}"), Refused::Malformed { is_cut_off: false, .. }));
    }

    #[test]
    fn half_a_character_is_told_by_its_place_and_is_not_called_malformed() {
        let half = |place: &str, unit| Refused::HalfCharacter { place: place.to_owned(), unit };
        for (text, expected) in [
            (r#"{"inputs":{"text":"cut \ud83d"}}"#, half("inputs.text", 0xD83D)),
            (r#"["a","\uDE00b"]"#, half("[1]", 0xDE00)),
            (r#""\ud83d\ud83d\ude00""#, half("", 0xD83D)),
            (r#""\ud83d\u0041""#, half("", 0xD83D)),
            (r#"{"a":{"\ud800":1}}"#, half("a", 0xD800)),
        ] {
            let refused = refused(text);
            assert_eq!(refused, expected, "{text}");
            assert!(refused.to_string().contains(" holds half a character (`\\ud"), "{refused}");
        }
        // A whole one, and what only looks like half of one.
        for text in [r#""\ud83d\ude00""#, r#""\\ud83d""#, "\"😀\""] {
            assert!(parse(text, Bounds::VALUE).is_ok(), "{text}");
        }
        // What is malformed besides is told as that.
        for text in [r#""\x""#, r#""\u12""#, r#""\ud83d"#] {
            assert!(matches!(refused(text), Refused::Malformed { .. }), "{text}");
        }
    }

    #[test]
    fn the_first_value_ends_where_it_ends() {
        let (value, n_bytes) = parse_first(r#"  {"a": "}"} and more"#, Bounds::VALUE).unwrap();
        assert_eq!((value, n_bytes), (json!({"a": "}"}), 12));
        assert!(parse_first("{\"a\":1,\"a\":2} x", Bounds::VALUE).is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?"
                .prop_map(|text| Value::Number(number(&text).unwrap())),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_written_comes_back(value in any_json()) {
            let text = value.to_string();
            let read = parse(&text, Bounds::VALUE).unwrap();
            prop_assert!(crate::json::is_same(&read, &value));
            prop_assert_eq!(&read.to_string(), &text);
            prop_assert_eq!(to_value(&read).unwrap().to_string(), text);
        }

        #[test]
        fn it_refuses_all_that_serde_json_refuses(text in "[\\[\\]{}\",:0-9a-z\\\\ .eE+-]{0,24}") {
            match serde_json::from_str::<Value>(&text) {
                Err(_) => prop_assert!(parse(&text, Bounds::VALUE).is_err()),
                Ok(value) => if let Ok(read) = parse(&text, Bounds::VALUE) {
                    prop_assert!(crate::json::is_same(&read, &value));
                },
            }
        }
    }
}
