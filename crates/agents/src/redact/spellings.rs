//! The spellings in which honest servers and libraries repeat a value: in base64, in hex, and escaped.
//! Must not hold what is shorter than a key: words would be hidden, and what is kept could not be read.

use std::{collections::BTreeSet, fmt::Write};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use workflow::secret::MIN_VALUE_CHARS;

use super::undone::Undone;
use crate::template::PercentEncoder;

/// The ways in which a value is repeated.
pub(super) fn spellings(value: &str) -> BTreeSet<String> {
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
