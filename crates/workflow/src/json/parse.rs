//! The strict reader of JSON that comes from outside: what `serde_json` lets pass is refused with its place.
//! A key twice would lose an author's work without a word, and nesting and the number of values must be bounded before they take
//! memory. Values and texts are the library's; the walk over them is here, since the library tells no places, spells exponents anew, and
//! hands numbers over as objects of a certain key, which a document could hold too.

mod refused;

use std::{borrow::Cow, fmt::Write as _};

use serde::{Deserialize as _, de::IgnoredAny};
use serde_json::{Map, Number, Value};

pub use self::refused::Refused;
use crate::{limits, words::shortened};

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

/// Whether a key is one that `serde_json` uses itself: a document that holds it would become something else where it is read again.
pub fn is_reserved(key: &str) -> bool {
    key.starts_with(RESERVED)
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
mod tests;
