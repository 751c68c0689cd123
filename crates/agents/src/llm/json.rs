//! Finds the JSON in what a model said: the last complete value, whatever fences or prose stand around it.
//! It only points at it. A value is whole or not there: a piece of one that broke off or is malformed is never taken for another.

use std::ops::Range;

use workflow::schema::Kind;

/// Values nest this deep at most, which is what the parser after this one takes.
const MAX_DEPTH: usize = 127;
/// How often, on average, each byte may be looked at: a text of nothing but open brackets is not worth more.
const LOOKS: usize = 64;

/// Where the value stands that was most likely meant: the last one of the wanted kind, else the last list or object.
pub(super) fn find(text: &str, kind: Option<Kind>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let (mut wanted, mut other) = (None, None);
    let mut looks = bytes.len().saturating_mul(LOOKS).max(1024 * 1024);
    let wants_scalar = matches!(kind, Some(Kind::Number | Kind::Integer | Kind::Boolean | Kind::Null | Kind::String));
    let mut at = 0;
    while at < bytes.len() {
        let is_open = matches!(bytes[at], b'{' | b'[');
        let is_start = is_open || wants_scalar && begins_scalar(bytes, at);
        if !is_start {
            at += 1;
            continue;
        }
        let mut scan = Scan { bytes, at, depth: 0 };
        let result = scan.value();
        looks = looks.checked_sub(scan.at - at + 1)?;
        match result {
            Ok(()) if is_open || !is_part_of_word(bytes.get(scan.at), bytes.get(scan.at + 1)) => {
                let found = Some(at..scan.at);
                if fits(bytes[at], kind) {
                    wanted = found;
                } else if is_open {
                    other = found;
                }
                at = scan.at;
            }
            // It broke off; what is inside was never meant to stand alone.
            Err(Wrong::Ended) if is_open => break,
            // It was meant as JSON, and is malformed: nor is what is inside of it the answer.
            Err(Wrong::Malformed) if is_open && scan.has_begun(at) => at = after_brackets(bytes, at),
            _ => at += 1,
        }
    }
    wanted.or(other)
}

fn fits(first: u8, kind: Option<Kind>) -> bool {
    match kind {
        None => true,
        Some(Kind::Object) => first == b'{',
        Some(Kind::Array) => first == b'[',
        Some(Kind::String) => first == b'"',
        Some(Kind::Boolean) => matches!(first, b't' | b'f'),
        Some(Kind::Null) => first == b'n',
        Some(Kind::Number | Kind::Integer) => first == b'-' || first.is_ascii_digit(),
    }
}

fn begins_scalar(bytes: &[u8], at: usize) -> bool {
    let is_free =
        at == 0 || !(bytes[at - 1].is_ascii_alphanumeric() || matches!(bytes[at - 1], b'_' | b'.' | b'-' | b'\\'));
    is_free && matches!(bytes[at], b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')
}

/// `42.` ends a sentence, `42.5.1` and `42nd` are no numbers.
fn is_part_of_word(next: Option<&u8>, after: Option<&u8>) -> bool {
    match next {
        Some(b'.' | b'-') => after.is_some_and(u8::is_ascii_alphanumeric),
        Some(byte) => byte.is_ascii_alphanumeric() || *byte == b'_',
        None => false,
    }
}

/// Behind the bracket that closes the one at a place, counting those outside of strings.
fn after_brackets(bytes: &[u8], from: usize) -> usize {
    let (mut depth, mut in_string, mut at) = (0_usize, false, from);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if in_string => at += 1,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wrong {
    Ended,
    Malformed,
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl Scan<'_> {
    /// Whether what began at a place was more than a bracket in prose: a key with its colon, or a first item with its comma.
    fn has_begun(&self, from: usize) -> bool {
        let mut scan = Scan { bytes: self.bytes, at: from + 1, depth: 1 };
        scan.space();
        if self.bytes[from] == b'{' {
            scan.string().is_ok() && scan.after_space(b':').is_ok()
        } else {
            scan.value().is_ok() && scan.after_space(b',').is_ok()
        }
    }

    fn peek(&self) -> Result<u8, Wrong> {
        self.bytes.get(self.at).copied().ok_or(Wrong::Ended)
    }

    fn space(&mut self) {
        while self.bytes.get(self.at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Wrong> {
        if self.peek()? != byte {
            return Err(Wrong::Malformed);
        }
        self.at += 1;
        Ok(())
    }

    fn after_space(&mut self, byte: u8) -> Result<(), Wrong> {
        self.space();
        self.expect(byte)
    }

    fn value(&mut self) -> Result<(), Wrong> {
        self.space();
        match self.peek()? {
            b'{' => self.members(b'}', |scan| {
                scan.string()?;
                scan.after_space(b':')?;
                scan.value()
            }),
            b'[' => self.members(b']', Self::value),
            b'"' => self.string(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    fn members(&mut self, close: u8, member: impl Fn(&mut Self) -> Result<(), Wrong>) -> Result<(), Wrong> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Wrong::Malformed);
        }
        self.space();
        if self.peek()? == close {
            self.at += 1;
        } else {
            loop {
                self.space();
                member(self)?;
                self.space();
                let next = self.peek()?;
                self.at += 1;
                if next == close {
                    break;
                }
                if next != b',' {
                    return Err(Wrong::Malformed);
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), Wrong> {
        self.expect(b'"')?;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => {
                    self.at += 1;
                    match self.peek()? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => {
                            for _ in 0..4 {
                                self.at += 1;
                                if !self.peek()?.is_ascii_hexdigit() {
                                    return Err(Wrong::Malformed);
                                }
                            }
                        }
                        _ => return Err(Wrong::Malformed),
                    }
                }
                0..0x20 => return Err(Wrong::Malformed),
                _ => {}
            }
            self.at += 1;
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Wrong> {
        for byte in word {
            self.expect(*byte)?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Wrong> {
        if !self.peek()?.is_ascii_digit() {
            return Err(Wrong::Malformed);
        }
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Wrong> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        if self.peek()? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        // A full stop behind a number may end the sentence.
        if self.bytes.get(self.at) == Some(&b'.') && self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
            self.digits()?;
        }
        if self.bytes.get(self.at).is_some_and(|byte| matches!(byte, b'e' | b'E')) {
            let before = self.at;
            self.at += 1;
            if self.bytes.get(self.at).is_some_and(|byte| matches!(byte, b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits().is_err() {
                self.at = before;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_complete_value_is_found_whatever_stands_around_it() {
        let object = Some(Kind::Object);
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
            (r#"{"n":2} as in [1]"#, None, Some("[1]")),
            (r#"[{"n":1},{"n":2}]"#, object, Some(r#"[{"n":1},{"n":2}]"#)),
            (r#"[{"n":1},{"n":2}]"#, Some(Kind::Array), Some(r#"[{"n":1},{"n":2}]"#)),
            // What broke off, or is malformed, is not there; nor is a piece of it.
            (r#"{"a":{"n":1},"c":"#, object, None),
            (r#"{"n":1} no: {"a":{"n":2},"c"#, object, Some(r#"{"n":1}"#)),
            (r#"{"a":{"n":1},}"#, object, None),
            (r#"{"a":{"n":1}, // b"#, object, None),
            (r#"{"a":{"n":1},} then {"n":2}"#, object, Some(r#"{"n":2}"#)),
            (r#"{n} {'n':1} {"n":3}"#, object, Some(r#"{"n":3}"#)),
            ("[see below] and {later}", object, None),
            ("Sure!", object, None),
            ("", None, None),
            // Bare scalars, where one is wanted.
            ("42", Some(Kind::Integer), Some("42")),
            ("The answer is 42.", Some(Kind::Integer), Some("42")),
            ("It is **-1.50e3**, the 2nd", Some(Kind::Number), Some("-1.50e3")),
            ("v1.2.3 is 100000000000000000001", Some(Kind::Integer), Some("100000000000000000001")),
            ("That is false, not true.", Some(Kind::Boolean), Some("true")),
            ("It is `null`", Some(Kind::Null), Some("null")),
            ("nothing", Some(Kind::Null), None),
            ("I have 2 options", object, None),
        ];
        for (text, kind, expected) in table {
            assert_eq!(find(text, kind).map(|range| &text[range]), expected, "{text}");
        }
    }

    #[test]
    fn what_is_found_is_what_the_parser_takes() {
        for text in ["[0]", "[-0.5e+7, 1E2]", r#"{"":"\/\b"}"#, "[[[]],{}]", "[true,false,null]"] {
            assert_eq!(find(text, None), Some(0..text.len()), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
        }
        for text in ["[01]", "[+1]", "[.5]", "[1,]", r#"["\x"]"#, "[\"\n\"]", "{,}", "{1:2}", "[nul]"] {
            assert_eq!(find(text, Some(Kind::Array)).or(find(text, Some(Kind::Object))), None, "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_hostile_text_costs_little() {
        for text in
            ["[".repeat(1 << 20), "[{\"a\":".repeat(1 << 17), "{\"a\":[1,".repeat(1 << 17), "[1,x".repeat(1 << 18)]
        {
            let began = std::time::Instant::now();
            assert_eq!(find(&text, None), None);
            assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
        }
    }
}
