//! Content hashes and the digest that a review is bound to.
//! Must never depend on map order: objects are hashed with sorted keys.

use std::io;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{id::StepKey, json};

/// SHA-256 as lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// SHA-256 of what is written, as it is written: no text is made of what is large.
#[derive(Clone, Default)]
pub struct Hashing(Sha256);

impl Hashing {
    /// As `sha256_hex` of all that was written.
    pub fn hex(self) -> String {
        hex::encode(self.0.finalize())
    }
}

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The one byte form of a JSON value: keys sorted, numbers by their value, no white space.
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

/// The hash of a JSON value, the same however it was written.
pub fn value_hash(value: &Value) -> String {
    sha256_hex(canonical_json(value).as_bytes())
}

/// The hash of JSON bytes with that of the value in them; none where the two are one.
pub fn content_and_value(bytes: &[u8], value: &Value) -> Option<(String, String)> {
    let canonical = canonical_json(value);
    (canonical.as_bytes() != bytes).then(|| (sha256_hex(bytes), sha256_hex(canonical.as_bytes())))
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (n, key) in keys.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Number(number) => out.push_str(&json::canonical_number(number)),
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// The hash of a set of dependencies: their keys sorted, a line each.
pub fn dependencies_hash<'a>(keys: impl IntoIterator<Item = &'a StepKey>) -> String {
    let mut keys: Vec<&str> = keys.into_iter().map(StepKey::as_str).collect();
    keys.sort_unstable();
    let mut text = String::new();
    for key in keys {
        text.push_str(key);
        text.push('\n');
    }
    sha256_hex(text.as_bytes())
}

/// The digest over all (output, version, hash) that a reviewer was shown: an approval names it and is refused once it is no longer current.
pub fn review_digest<'a>(shown: impl IntoIterator<Item = (&'a str, i32, &'a str)>) -> String {
    let shown = shown.into_iter();
    let mut lines: Vec<String> =
        shown.map(|(output, version, hash)| format!("{output}\n{version}\n{hash}\n")).collect();
    lines.sort();
    sha256_hex(lines.concat().as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn key_order_does_not_change_the_canonical_form() {
        let one = serde_json::from_str::<Value>(r#"{"b":[1,{"d":1,"c":2}],"a":"x"}"#).unwrap();
        let two = json!({"a":"x","b":[1,{"c":2,"d":1}]});
        assert_eq!(canonical_json(&one), canonical_json(&two));
        assert_eq!(canonical_json(&one), r#"{"a":"x","b":[1,{"c":2,"d":1}]}"#);
    }

    #[test]
    fn equal_values_have_one_hash_and_others_have_others() {
        let hash = |text: &str| value_hash(&serde_json::from_str(text).unwrap());
        assert_eq!(hash(r#"{"a":1.10,"b":[1e2,-0]}"#), hash(r#"{"b":[100.0,0],"a":11e-1}"#));
        assert_ne!(hash("100000000000000000001"), hash("100000000000000000002"));
        assert_ne!(hash("12345678901234567.89"), hash("12345678901234567.9"));
        assert_ne!(hash("1e400"), hash("1e401"));
    }
}
