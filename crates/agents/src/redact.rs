//! Takes the values of secrets out of what is kept and shown: answers that repeat them, messages, and lines of the log. A value is found as
//! it is, and in the spellings in which honest servers and libraries repeat one: in base64, in hex, and however much of it is escaped.
//! Must never be what keeps a secret: a server that means harm can spell it as it likes, and so is sent only what was granted to it.

mod hits;
mod known;
mod spellings;
mod undone;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use workflow::SecretName;

pub use self::known::{redacted, remember};
use self::{
    hits::Hits,
    spellings::spellings,
    undone::{BEGINS, Undone},
};
use crate::AgentError;

/// Escapes within escapes, such as an address in a page in JSON.
const MAX_LAYERS: usize = 3;
/// Letters of an escape at the end of a text that was cut, and of one within another.
const MAX_ESCAPE_CHARS: usize = 16;
/// Letters by which the beginning of a value is known where a text was cut.
const MIN_BEGINNING: usize = 4;

/// Secrets that were opened, as what to look for and what to put there.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    /// The longest first, so that none is cut up by a shorter one within it.
    needles: Vec<(String, String)>,
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

#[cfg(test)]
mod tests;
