//! Takes the values of secrets out of what is kept and shown: answers that repeat them, messages, and lines of the log. A value is found as
//! it is, and in the spellings in which honest servers and libraries repeat one.
//! Must never be what keeps a secret: a server that means harm can spell it as it likes, and so is sent only what was granted to it.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
    sync::{PoisonError, RwLock},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use workflow::{SecretName, secret::MIN_VALUE_CHARS};

use crate::{AgentError, Output, StepOutput};

/// Spellings that a process remembers; when there are more it begins anew.
const MAX_KNOWN: usize = 20_000;

/// What was opened in this process, for the log.
static KNOWN: RwLock<Redactor> = RwLock::new(Redactor { needles: Vec::new() });

/// Secrets that were opened, as what to look for and what to put there.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    /// The longest first, so that none is cut up by a shorter one within it.
    needles: Vec<(String, String)>,
}

/// A process' log has no value in it that was opened here.
pub fn remember(name: &SecretName, value: &str) {
    let is_known = KNOWN.read().unwrap_or_else(PoisonError::into_inner).knows(value);
    if !is_known {
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        if known.needles.len() > MAX_KNOWN {
            known.needles.clear();
        }
        known.add(name, value);
    }
}

/// A line for the log without what this process has opened.
pub fn redacted(line: &str) -> Cow<'_, str> {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).text(line)
}

impl Redactor {
    pub(crate) fn add(&mut self, name: &SecretName, value: &str) {
        let mut needles: BTreeMap<String, String> = std::mem::take(&mut self.needles).into_iter().collect();
        for needle in spellings(value) {
            needles.insert(needle, format!("[secret {name}]"));
        }
        self.needles = needles.into_iter().collect();
        self.needles.sort_by_key(|(needle, _)| std::cmp::Reverse(needle.len()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.needles.is_empty()
    }

    fn knows(&self, value: &str) -> bool {
        self.needles.iter().any(|(needle, _)| needle == value)
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        self.needles.iter().any(|(needle, _)| text.contains(needle.as_str()))
    }

    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for (needle, instead) in &self.needles {
            if text.contains(needle.as_str()) {
                text = Cow::Owned(text.replace(needle.as_str(), instead));
            }
        }
        text
    }

    /// What an agent made, without what it was given.
    pub(crate) fn output(&self, output: StepOutput) -> StepOutput {
        if self.is_empty() {
            return output;
        }
        let outputs = output.outputs.into_iter().map(|output| Output {
            // A type is told in small letters.
            media_type: if self.is_in_small_letters(&output.media_type) {
                "application/octet-stream".to_owned()
            } else {
                output.media_type
            },
            bytes: self.bytes(output.bytes),
            ..output
        });
        StepOutput {
            outputs: outputs.collect(),
            message: output.message.map(|text| self.text(&text).into_owned()),
            ..output
        }
    }

    /// How it failed, in the same words without them; what led to it is left out with all that it may say.
    pub(crate) fn error(&self, error: AgentError) -> AgentError {
        if self.is_empty() {
            return error;
        }
        let told = AgentError::new(error.class, self.text(&error.message)).with_retry_after(error.retry_after_ms);
        match error.usage {
            Some(usage) => told.with_usage(*usage),
            None => told,
        }
    }

    fn is_in_small_letters(&self, text: &str) -> bool {
        self.needles.iter().any(|(needle, _)| text.contains(&needle.to_ascii_lowercase()))
    }

    fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        match String::from_utf8(bytes) {
            Ok(text) if self.contains(&text) => self.text(&text).into_owned().into_bytes(),
            Ok(text) => text.into_bytes(),
            Err(error) => {
                let replace = |bytes, (needle, instead): &(String, String)| replaced(bytes, needle, instead);
                self.needles.iter().fold(error.into_bytes(), replace)
            }
        }
    }
}

/// Neither what is looked for nor how often it is the same is told.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// In bytes that are no text.
fn replaced(bytes: Vec<u8>, needle: &str, instead: &str) -> Vec<u8> {
    let Some((first, rest)) = needle.as_bytes().split_first() else { return bytes };
    let (mut made, mut done, mut at) = (Vec::new(), 0, 0);
    while let Some(n) = bytes[at..].iter().position(|byte| byte == first) {
        let start = at + n;
        if bytes[start + 1..].starts_with(rest) {
            made.extend_from_slice(&bytes[done..start]);
            made.extend_from_slice(instead.as_bytes());
            done = start + needle.len();
            at = done;
        } else {
            at = start + 1;
        }
    }
    if done == 0 {
        return bytes;
    }
    made.extend_from_slice(&bytes[done..]);
    made
}

/// The ways in which a value is repeated.
fn spellings(value: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // Headers lose the white space at their ends.
    for value in [value, value.trim()] {
        add_spellings(value, &mut found);
    }
    // Who signs in by name and password sends both in base64; a server that reads them repeats them as they are.
    if let Some(pair) = STANDARD.decode(value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
        add_spellings(&pair, &mut found);
        if let Some((_, password)) = pair.split_once(':') {
            add_spellings(password, &mut found);
        }
    }
    found
}

fn add_spellings(value: &str, found: &mut BTreeSet<String>) {
    // Words, not keys: hiding them would make what is kept unreadable.
    if value.chars().count() < MIN_VALUE_CHARS {
        return;
    }
    found.insert(value.to_owned());
    let json = serde_json::Value::from(value).to_string();
    if let Some(inner) = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')) {
        found.insert(inner.to_owned());
        found.insert(inner.replace('/', "\\/"));
    }
    let percent = percent_encoded(value);
    found.insert(percent.replace("%20", "+"));
    found.insert(lower_hex(&percent));
    found.insert(percent);
    let html = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    found.insert(html.replace('\'', "&#x27;"));
    found.insert(html.replace('\'', "&#39;"));
    let digits = hex::encode(value);
    found.insert(digits.to_ascii_uppercase());
    found.insert(digits);
    for before in 0..3 {
        let text = [&[0; 3][..before], value.as_bytes()].concat();
        // Whole letters of its own: what stands before and after it makes part of the others.
        let (from, to) = ((before * 8).div_ceil(6), text.len() * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            if let Some(own) = encoded.get(from..to) {
                found.insert(own.to_owned());
            }
        }
    }
}

fn percent_encoded(value: &str) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// `%2F` as `%2f`.
fn lower_hex(percent: &str) -> String {
    let mut parts = percent.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at(part.len().min(2));
        lower.push('%');
        lower.push_str(&digits.to_ascii_lowercase());
        lower.push_str(rest);
    }
    lower
}

#[cfg(test)]
mod tests {
    use workflow::status::Reason;

    use super::*;

    const VALUE: &str = "s3cr3t/&\"value\"";

    fn redactor(value: &str) -> Redactor {
        let mut redactor = Redactor::default();
        redactor.add(&"key".into(), value);
        redactor
    }

    #[test]
    fn a_value_is_found_in_every_spelling() {
        let redactor = redactor(VALUE);
        let basic = STANDARD.encode(format!("me:{VALUE}"));
        let shifted = STANDARD.encode(format!("abcd{VALUE}xyz"));
        for (spelled, left) in [
            (VALUE.to_owned(), "[secret key]"),
            (serde_json::json!({"echo": VALUE}).to_string(), r#"{"echo":"[secret key]"}"#),
            (r#"{"echo":"s3cr3t\/&\"value\""}"#.to_owned(), r#"{"echo":"[secret key]"}"#),
            ("a?k=s3cr3t%2F%26%22value%22&x".to_owned(), "a?k=[secret key]&x"),
            ("s3cr3t%2f%26%22value%22".to_owned(), "[secret key]"),
            ("<b>s3cr3t/&amp;&quot;value&quot;</b>".to_owned(), "<b>[secret key]</b>"),
            (hex::encode(VALUE), "[secret key]"),
        ] {
            assert_eq!(redactor.text(&spelled), left, "{spelled}");
        }
        for encoded in [basic, shifted] {
            let left = redactor.text(&encoded);
            assert!(left.contains("[secret key]") && left.len() < encoded.len() + 4, "{encoded} {left}");
        }
        assert_eq!(redactor.text("s3cr3t value"), "s3cr3t value");
    }

    #[test]
    fn who_signs_in_by_name_and_password_is_hidden_as_the_server_reads_it() {
        let redactor = redactor(&STANDARD.encode("me:long-password"));
        assert_eq!(redactor.text("hello me, long-password is right"), "hello me, [secret key] is right");
    }

    #[test]
    fn an_output_and_an_error_are_told_without_it() {
        let redactor = redactor("c4n4ry-c4n4ry");
        let output = |media_type: &str, bytes: &[u8]| StepOutput {
            outputs: vec![Output { name: "body".into(), media_type: media_type.into(), bytes: bytes.to_vec() }],
            ..StepOutput::default()
        };
        let made = redactor.output(output("image/png", b"\xff\x00c4n4ry-c4n4ry\xffcc4n4ry-c4n4ry"));
        assert_eq!(made.outputs[0].bytes, b"\xff\x00[secret key]\xffc[secret key]");
        let made = redactor.output(output("text/c4n4ry-c4n4ry", b"plain"));
        assert_eq!(
            (made.outputs[0].media_type.as_str(), &made.outputs[0].bytes[..]),
            ("application/octet-stream", &b"plain"[..])
        );
        let error = AgentError::new(Reason::Server, "It said c4n4ry-c4n4ry").with_retry_after(Some(7));
        let told = redactor.error(error.with_source("c4n4ry-c4n4ry"));
        assert_eq!((told.to_string().as_str(), told.retry_after_ms), ("It said [secret key]", Some(7)));
        assert!(!format!("{told:?} {redactor:?}").contains("c4n4ry"));
    }

    #[test]
    fn a_line_of_the_log_is_without_what_was_opened() {
        assert_eq!(redacted("a log-c4n4ry-value"), "a log-c4n4ry-value");
        remember(&"log".into(), "log-c4n4ry-value");
        remember(&"log".into(), "log-c4n4ry-value");
        assert_eq!(redacted("a log-c4n4ry-value"), "a [secret log]");
        assert!(matches!(redacted("nothing"), Cow::Borrowed(_)));
    }
}
