//! What a server says when it fails, as one can read it: decoded by its charset, and of a page only its words.
//! It must never fail itself: what cannot be read is left out. Whoever shows the words takes keys out of them.

use reqwest::header::{CONTENT_TYPE, HeaderMap};

use super::answer::{encoding, is_text};
use crate::charset::split;

/// The entities that pages of errors use; others are left as they are.
const ENTITIES: [(&str, &str); 8] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("mdash", "-"),
    ("hellip", "..."),
];
/// Elements whose text nobody is meant to read.
const HIDDEN: [&str; 4] = ["script", "style", "svg", "template"];

/// The text of a body that may have been cut anywhere; nothing of what is no text.
pub(super) fn decoded(headers: &HeaderMap, body: &[u8], is_whole: bool) -> String {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (media_type, charset) = split(declared);
    if !media_type.is_empty() && !is_text(&media_type) && std::str::from_utf8(body).is_err() {
        return String::new();
    }
    let body = match std::str::from_utf8(body) {
        // A character that was cut is no sign of another charset.
        Err(error) if !is_whole && error.error_len().is_none() => &body[..error.valid_up_to()],
        _ => body,
    };
    let encoding = encoding(&media_type, charset.as_deref(), body).unwrap_or(encoding_rs::UTF_8);
    let text = encoding.decode(body).0;
    if is_whole { text.into_owned() } else { text.trim_end_matches('\u{fffd}').to_owned() }
}

/// The words of a page, in one line; any other text as it is.
pub(super) fn words(text: &str) -> String {
    if !is_page(text) {
        return text.to_owned();
    }
    let mut words = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        words.push_str(&rest[..at]);
        words.push(' ');
        rest = &rest[at..];
        rest = if rest.starts_with("<!--") {
            after(rest, "-->")
        } else if let Some(name) = HIDDEN.into_iter().find(|name| is_tag(&rest[1..], name)) {
            let end = rest.match_indices("</").find(|(at, _)| is_tag(&rest[at + 2..], name));
            after(end.map_or("", |(at, _)| &rest[at..]), ">")
        } else if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            after(rest, ">")
        } else {
            words.push('<');
            &rest[1..]
        };
    }
    words.push_str(rest);
    unescaped(&words).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_page(text: &str) -> bool {
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    // XML has its words in its names too.
    let mut rest = start;
    while rest.starts_with("<!--") {
        rest = after(rest, "-->").trim_start();
    }
    ["!doctype", "html", "head", "body", "title", "h1", "h2", "p", "div", "center", "pre"]
        .into_iter()
        .any(|name| rest.starts_with('<') && is_tag(&rest[1..], name))
}

/// Whether a tag of this name begins here, behind its bracket.
fn is_tag(text: &str, name: &str) -> bool {
    text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        && !text[name.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-')
}

fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or("", |(_, rest)| rest)
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let entity = rest.split_once(';').filter(|(name, _)| name.len() <= 8);
        match entity.and_then(|(name, after)| Some((character(name)?, after))) {
            Some((character, after)) => {
                plain.push_str(&character);
                rest = after;
            }
            None => plain.push('&'),
        }
    }
    plain.push_str(rest);
    plain
}

fn character(name: &str) -> Option<String> {
    if let Some((_, text)) = ENTITIES.iter().find(|(known, _)| *known == name) {
        return Some((*text).to_owned());
    }
    let number = name.strip_prefix('#')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code).filter(|c| !c.is_control()).map(String::from)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn said(content_type: &str, body: &[u8], is_whole: bool) -> String {
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
        }
        words(&decoded(&headers, body, is_whole))
    }

    #[test]
    fn an_error_is_decoded_by_its_charset() {
        let table: [(&str, &[u8], &str); 9] = [
            ("text/plain; charset=Shift_JIS", b"\x93\xfa\x96\x7b", "日本"),
            ("text/html; charset=Shift_JIS", b"<html><h1>\x93\xfa\x96\x7b</h1>", "日本"),
            ("text/html", b"<html><meta charset=\"shift_jis\"><p>\x93\xfa", "日"),
            ("text/plain; charset=latin1", b"caf\xe9", "café"),
            ("text/plain", b"caf\xe9", "café"),
            ("text/plain; charset=none", "café".as_bytes(), "café"),
            ("text/plain; charset=none", b"caf\xe9", "caf\u{fffd}"),
            ("", b"\xef\xbb\xbfplain", "plain"),
            ("image/png", b"\x89PNG", ""),
        ];
        for (content_type, body, expected) in table {
            assert_eq!(said(content_type, body, true), expected, "{content_type} {body:?}");
        }
        // A body that was cut within a character.
        assert_eq!(said("text/plain", b"caf\xc3", false), "caf");
        assert_eq!(said("text/plain; charset=shift_jis", b"\x93\xfa\x96", false), "日");
    }

    #[test]
    fn of_a_page_only_the_words_are_told() {
        let table = [
            (
                "<!DOCTYPE html>\n<html><head><style>p{a:\"<b>\"}</style><title>502 Bad Gateway</title><script>if (1 < 2) x('</p>')</script></head><body><h1>Bad&nbsp;Gateway</h1><p>a &lt; b &amp;&#38; c&#x21;</p></body></html>",
                "502 Bad Gateway Bad Gateway a < b && c!",
            ),
            ("<html>\r\n<head><title>404 Not Found</title></head>\r\n<body><center>nginx", "404 Not Found nginx"),
            ("<!-- a > b --><h1>no</h1><!-- <p>hidden</p> -->way", "no way"),
            ("<p>1 < 2 &nosuch; & <br/>x", "1 < 2 &nosuch; & x"),
            ("<html><style>never ends", ""),
            ("<html><scripted>words</scripted>", "words"),
            // What is no page is told as it is.
            ("a < b &amp; c > d", "a < b &amp; c > d"),
            ("<?xml version='1.0'?><error code=\"7\"/>", "<?xml version='1.0'?><error code=\"7\"/>"),
            ("{\"error\": \"<p>\"}", "{\"error\": \"<p>\"}"),
        ];
        for (page, expected) in table {
            assert_eq!(words(page), expected, "{page}");
        }
    }
}
