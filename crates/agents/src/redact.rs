//! Takes the values of secrets out of what is kept and shown: answers that repeat them, messages, and lines of the log. A value is found as
//! it is, and in the spellings in which honest servers and libraries repeat one: in base64, in hex, and however much of it is escaped.
//! Must never be what keeps a secret: a server that means harm can spell it as it likes, and so is sent only what was granted to it.

mod undone;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::{self, Write},
    sync::{PoisonError, RwLock},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use workflow::{SecretName, secret::MIN_VALUE_CHARS};

use self::undone::{BEGINS, Undone};
use crate::{AgentError, template::PercentEncoder};

/// Escapes within escapes, such as an address in a page in JSON.
const MAX_LAYERS: usize = 3;
/// Letters of an escape at the end of a text that was cut, and of one within another.
const MAX_ESCAPE_CHARS: usize = 16;
/// Letters by which the beginning of a value is known where a text was cut.
const MIN_BEGINNING: usize = 4;

/// Bytes of the spellings that a process remembers; beyond that it forgets the oldest.
const MAX_KNOWN_BYTES: usize = 16 * 1024 * 1024;

/// What was opened in this process, for the log.
static KNOWN: RwLock<Known> =
    RwLock::new(Known { redactor: Redactor { needles: Vec::new() }, values: VecDeque::new(), n_bytes: 0 });

/// What a process has opened.
struct Known {
    redactor: Redactor,
    /// The spellings of each, the oldest first.
    values: VecDeque<BTreeSet<String>>,
    n_bytes: usize,
}

/// Secrets that were opened, as what to look for and what to put there.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    /// The longest first, so that none is cut up by a shorter one within it.
    needles: Vec<(String, String)>,
}

/// A process' log has no value in it that was opened here.
pub fn remember(name: &SecretName, value: &str) {
    let is_known = KNOWN.read().unwrap_or_else(PoisonError::into_inner).redactor.knows(value);
    if !is_known {
        // Before every line of the log has to wait.
        let spellings = spellings(value);
        KNOWN.write().unwrap_or_else(PoisonError::into_inner).add(name, spellings, MAX_KNOWN_BYTES);
    }
}

/// A line for the log without what this process has opened.
pub fn redacted(line: &str) -> Cow<'_, str> {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).redactor.text(line)
}

impl Known {
    fn add(&mut self, name: &SecretName, spellings: BTreeSet<String>, max_bytes: usize) {
        self.n_bytes += n_bytes(&spellings);
        self.redactor.put(name, &spellings);
        self.values.push_back(spellings);
        // The newest is what is about to be sent.
        while self.n_bytes > max_bytes && self.values.len() > 1 {
            let Some(oldest) = self.values.pop_front() else { return };
            self.n_bytes -= n_bytes(&oldest);
            let is_gone =
                |needle: &String| oldest.contains(needle) && !self.values.iter().any(|value| value.contains(needle));
            self.redactor.needles.retain(|(needle, _)| !is_gone(needle));
        }
    }
}

fn n_bytes(spellings: &BTreeSet<String>) -> usize {
    spellings.iter().map(String::len).sum()
}

impl Redactor {
    pub(crate) fn add(&mut self, name: &SecretName, value: &str) {
        self.put(name, &spellings(value));
    }

    fn put(&mut self, name: &SecretName, spellings: &BTreeSet<String>) {
        let mut needles: BTreeMap<String, String> = std::mem::take(&mut self.needles).into_iter().collect();
        for needle in spellings {
            needles.insert(needle.clone(), format!("[secret {name}]"));
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

    /// Whatever its escapes and the size of its letters.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let mut text = text.to_ascii_lowercase();
        for _ in 0..=MAX_LAYERS {
            if self.needles.iter().any(|(needle, _)| text.contains(&needle.to_ascii_lowercase())) {
                return true;
            }
            match Undone::of(&text) {
                Some(undone) => text = undone.text.to_ascii_lowercase(),
                None => return false,
            }
        }
        false
    }

    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        // Nothing is longer than that.
        self.within(text, usize::MAX).unwrap_or_default()
    }

    /// The same, given up as soon as it is longer than `max`: names may be longer than what they stand for.
    fn within<'a>(&self, text: &'a str, max: usize) -> Result<Cow<'a, str>, TooLong> {
        let mut text = Cow::Borrowed(text);
        if self.is_empty() {
            return Ok(text);
        }
        if let Some(made) = self.replaced(&text, &[], max)? {
            text = Cow::Owned(made);
        }
        let mut layers: Vec<Undone> = Vec::new();
        // Whatever is replaced begins anew, and it ends though a name should look like a value.
        for _ in 0..2 * MAX_LAYERS {
            let Some(undone) = Undone::of(layers.last().map_or(&*text, |undone| undone.text.as_str())) else { break };
            layers.push(undone);
            if let Some(made) = self.replaced(&text, &layers, max)? {
                text = Cow::Owned(made);
                layers.clear();
            }
        }
        Ok(text)
    }

    /// With what is found beneath these layers of escapes replaced; none where nothing is.
    fn replaced(&self, source: &str, layers: &[Undone], max: usize) -> Result<Option<String>, TooLong> {
        let seen = layers.last().map_or(source, |undone| undone.text.as_str());
        let (mut made, mut done) = (String::new(), 0);
        for (start, end, instead) in Hits::of(&self.needles, seen) {
            made.push_str(&source[done..source_of(layers, start)]);
            made.push_str(instead);
            done = source_of(layers, end);
            if made.len() > max {
                return Err(TooLong);
            }
        }
        if done == 0 {
            return Ok(None);
        }
        made.push_str(&source[done..]);
        if made.len() > max { Err(TooLong) } else { Ok(Some(made)) }
    }

    /// A text of its own.
    pub(crate) fn owned(&self, text: String, max: usize) -> Result<String, TooLong> {
        let made = match self.within(&text, max)? {
            Cow::Borrowed(_) => None,
            Cow::Owned(made) => Some(made),
        };
        Ok(made.unwrap_or(text))
    }

    /// Of what may be no text.
    pub(crate) fn bytes(&self, bytes: Vec<u8>, max: usize) -> Result<Vec<u8>, TooLong> {
        match String::from_utf8(bytes) {
            Ok(text) => self.owned(text, max).map(String::into_bytes),
            Err(error) => {
                let replace = |bytes, (needle, instead): &(String, String)| replaced(bytes, needle, instead, max);
                self.needles.iter().try_fold(error.into_bytes(), replace)
            }
        }
    }

    /// What is left of a text that was cut at its end, where a value may have begun that is none any more.
    pub(crate) fn cut<'a>(&self, text: &'a str) -> &'a str {
        if self.is_empty() {
            return text;
        }
        let last = text.char_indices().rev().nth(MAX_ESCAPE_CHARS - 1).map_or(0, |(at, _)| at);
        let text = text[last..].find(BEGINS).map_or(text, |at| &text[..last + at]);
        let mut end = text.len();
        let mut layers: Vec<Undone> = Vec::new();
        for _ in 0..=MAX_LAYERS {
            let seen = layers.last().map_or(text, |undone| undone.text.as_str());
            let begun = self.needles.iter().filter_map(|(needle, _)| begun(seen, needle)).max();
            end = begun.map_or(end, |n| end.min(source_of(&layers, seen.len() - n)));
            let Some(undone) = Undone::of(seen) else { break };
            layers.push(undone);
        }
        &text[..end]
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
}

/// Neither what is looked for nor how often it is the same is told.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// Without what was found it would be longer than it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLong;

/// Where which needle is, one behind the other; of several at one place the longest.
struct Hits<'a> {
    text: &'a str,
    at: usize,
    /// Those that are there at all, the longest first.
    found: Vec<Found<'a>>,
}

struct Found<'a> {
    needle: &'a str,
    instead: &'a str,
    /// None behind its last place.
    next: Option<usize>,
}

impl<'a> Hits<'a> {
    fn of(needles: &'a [(String, String)], text: &'a str) -> Self {
        let found = needles.iter().filter_map(|(needle, instead)| {
            let first = text.find(needle.as_str())?;
            Some(Found { needle, instead, next: Some(first) })
        });
        Self { text, at: 0, found: found.collect() }
    }
}

impl<'a> Iterator for Hits<'a> {
    /// From, to, and what to put there.
    type Item = (usize, usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (text, at) = (self.text, self.at);
        let mut first: Option<(usize, usize, &'a str)> = None;
        for Found { needle, instead, next } in &mut self.found {
            if next.is_some_and(|next| next < at) {
                *next = text[at..].find(*needle).map(|n| at + n);
            }
            if let Some(start) = *next
                && first.is_none_or(|(found, ..)| start < found)
            {
                first = Some((start, start + needle.len(), *instead));
            }
        }
        self.at = first?.1;
        first
    }
}

fn source_of(layers: &[Undone], at: usize) -> usize {
    layers.iter().rev().fold(at, |at, undone| undone.source_of(at))
}

/// Bytes at the end of the text with which the needle begins.
fn begun(text: &str, needle: &str) -> Option<usize> {
    let most = text.len().min(needle.len());
    (MIN_BEGINNING..=most).rev().find(|n| needle.get(..*n).is_some_and(|begin| text.ends_with(begin)))
}

/// In bytes that are no text.
fn replaced(bytes: Vec<u8>, needle: &str, instead: &str, max: usize) -> Result<Vec<u8>, TooLong> {
    let Some((first, rest)) = needle.as_bytes().split_first() else { return Ok(bytes) };
    let (mut made, mut done, mut at) = (Vec::new(), 0, 0);
    while let Some(n) = bytes[at..].iter().position(|byte| byte == first) {
        let start = at + n;
        if bytes[start + 1..].starts_with(rest) {
            made.extend_from_slice(&bytes[done..start]);
            made.extend_from_slice(instead.as_bytes());
            done = start + needle.len();
            at = done;
            if made.len() > max {
                return Err(TooLong);
            }
        } else {
            at = start + 1;
        }
    }
    if done == 0 {
        return Ok(bytes);
    }
    made.extend_from_slice(&bytes[done..]);
    if made.len() > max { Err(TooLong) } else { Ok(made) }
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
    // What looks like an escape in the value itself is undone with the others.
    if let Some(undone) = Undone::of(value) {
        add_spellings(&undone.text, found);
    }
    let json = serde_json::Value::from(value).to_string();
    if let Some(inner) = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')) {
        found.insert(inner.to_owned());
        found.insert(inner.replace('/', "\\/"));
    }
    let mut percent = String::new();
    // Writing to a string cannot fail.
    let _ = PercentEncoder(&mut percent).write_str(value);
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
    fn a_value_is_found_however_much_of_it_is_escaped() {
        let plain = redactor("abc+def/ghi==<'4'>");
        for (serializer, spelled) in [
            ("Gson", r"abc+def/ghi\u003d\u003d\u003c\u00274\u0027\u003e"),
            (".NET", r"abc\u002Bdef/ghi==\u003C\u00274\u0027\u003E"),
            ("Go, Rails", r"abc+def/ghi==\u003c'4'\u003e"),
            ("Go's pages", "abc&#43;def/ghi==&lt;&#39;4&#39;&gt;"),
            ("Handlebars", "abc+def/ghi&#x3D;&#x3D;&lt;&#x27;4&#x27;&gt;"),
            ("Mustache", "abc+def&#x2F;ghi&#x3D;&#x3D;&lt;&#39;4&#39;&gt;"),
            ("an address", "abc%2Bdef/ghi%3d%3D%3C'4'%3E"),
            ("a page in JSON", r"abc\u0026#43;def\/ghi==\u0026lt;\u0026#39;4\u0026#39;\u0026gt;"),
            ("JSON in JSON", r"abc+def/ghi\\u003d=\\u003c'4'>"),
            ("all of it", r"\u0061\u0062\u0063+def/ghi==<'4'>"),
        ] {
            assert_eq!(plain.text(&format!("é{spelled}é{spelled}")), "é[secret key]é[secret key]", "{serializer}");
            assert!(plain.is_in(&spelled.to_ascii_uppercase().replace("\\U", "\\u")), "{serializer}");
        }
        assert_eq!(plain.text(r"a\u003db %20 &amp; &#43;"), r"a\u003db %20 &amp; &#43;", "the rest is as it was");
        let escaped = redactor("ab%41cd%3Def\\/g");
        assert_eq!(escaped.text("x ab%41cd%3Def\\/g x ab%41cd\\u00253Def\\/g"), "x [secret key] x [secret key]");
        let named = redactor("[secret key]%41");
        assert!(named.text("[secret key]%41 [secret key]A").starts_with("[secret key]"), "it ends");
    }

    #[test]
    fn no_beginning_of_a_value_is_left_where_a_text_was_cut() {
        let value = "c4n4ry+of/a=secret";
        let redactor = redactor(value);
        let mut percent = String::new();
        PercentEncoder(&mut percent).write_str(value).unwrap();
        let unicode = value.replace('+', "\\u002b").replace('/', "\\/").replace('=', "\\u003d");
        let base64 = STANDARD.encode(format!("user:{value}"));
        let digits = hex::encode(value);
        for spelled in [value, percent.as_str(), unicode.as_str(), digits.as_str(), "c4n4ry&#43;of&#x2F;a&#61;secret"] {
            for n in 1..spelled.len() {
                let left = redactor.cut(&spelled[..n]);
                assert!(left.len() < 5, "{left} of {spelled}");
            }
            let told = format!("é words {spelled}");
            assert_eq!(redactor.cut(&told[..told.len() - 1]).trim_end(), "é words", "{spelled}");
        }
        for n in 1..base64.len() {
            let told = redactor.text(&base64[..n]);
            assert!(!redactor.cut(&told).contains(&base64[7..12]), "{n}");
        }
        assert_eq!(redactor.cut("all is well"), "all is well");
    }

    #[test]
    fn what_would_be_longer_than_it_may_be_is_given_up() {
        let redactor = redactor("c4n4ry-c");
        let many = "c4n4ry-c".repeat(1_000);
        assert!(redactor.owned(many.clone(), 9_000).is_err());
        assert_eq!(redactor.owned(many.clone(), 12_000).unwrap().len(), 12_000);
        let bytes = [&b"\xff"[..], many.as_bytes()].concat();
        assert!(redactor.bytes(bytes.clone(), 9_000).is_err());
        assert_eq!(redactor.bytes(bytes, 12_001).unwrap().len(), 12_001);
    }

    #[test]
    fn bytes_and_an_error_are_told_without_it() {
        let redactor = redactor("c4n4ry-c4n4ry");
        let made = redactor.bytes(b"\xff\x00c4n4ry-c4n4ry\xffcc4n4ry-c4n4ry".to_vec(), 1_000).unwrap();
        assert_eq!(made, b"\xff\x00[secret key]\xffc[secret key]");
        assert!(redactor.is_in("text/C4N4RY-c4n4ry") && !redactor.is_in("text/plain"));
        let error = AgentError::new(Reason::Server, "It said c4n4ry-c4n4ry").with_retry_after(Some(7));
        let told = redactor.error(error.with_source("c4n4ry-c4n4ry"));
        assert_eq!((told.to_string().as_str(), told.retry_after_ms), ("It said [secret key]", Some(7)));
        assert!(!format!("{told:?} {redactor:?}").contains("c4n4ry"));
    }

    #[test]
    fn a_process_forgets_the_oldest_and_not_what_it_just_opened() {
        let mut known = Known { redactor: Redactor::default(), values: VecDeque::new(), n_bytes: 0 };
        let one = n_bytes(&spellings("the-value-0"));
        for n in 0..10 {
            known.add(&"key".into(), spellings(&format!("the-value-{n}")), 4 * one);
            assert!(known.redactor.knows(&format!("the-value-{n}")) && known.n_bytes <= 4 * one, "{n}");
        }
        assert!(!known.redactor.knows("the-value-0") && known.redactor.knows("the-value-8"));
        assert_eq!(known.values.len(), 4);
        known.add(&"key".into(), spellings(&"large".repeat(1_000)), 4 * one);
        assert!(known.redactor.knows(&"large".repeat(1_000)), "though it alone is more");
        assert_eq!((known.values.len(), known.redactor.needles.len()), (1, known.values[0].len()));
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
