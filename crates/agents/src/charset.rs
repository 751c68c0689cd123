//! The charset that an answer declares, for agents that call addresses and for providers of models alike.
//! It must never guess: what declares none that is known is left as it is.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};
use reqwest::header::{CONTENT_TYPE, HeaderMap};

/// The media type in small letters, and the charset, if it has one. A header that was set twice arrives as one, parted by a comma: then
/// the first of each counts.
pub(crate) fn split(declared: &str) -> (String, Option<String>) {
    let mut parts = declared.split([';', ',']);
    let media_type = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then(|| value.to_owned())
    });
    let is_well_formed = media_type.split_once('/').is_some_and(|(kind, sub)| {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$&^_.+-".contains(c);
        !kind.is_empty() && !sub.is_empty() && kind.chars().all(is_token) && sub.chars().all(is_token)
    });
    (if is_well_formed { media_type } else { String::new() }, charset)
}

/// What an answer is to be decoded by before it is read as UTF-8; none where it is that, or says nothing that is known.
pub(crate) fn other_than_utf8(headers: &HeaderMap) -> Option<&'static Encoding> {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (_, charset) = split(declared);
    Encoding::for_label_no_replacement(charset?.as_bytes()).filter(|encoding| *encoding != UTF_8)
}

/// A whole body as UTF-8.
pub(crate) fn as_utf8<'a>(headers: &HeaderMap, body: &'a [u8]) -> Cow<'a, [u8]> {
    match other_than_utf8(headers) {
        // A byte order mark wins over what is declared.
        Some(encoding) => Cow::Owned(encoding.decode(body).0.into_owned().into_bytes()),
        None => Cow::Borrowed(body),
    }
}
