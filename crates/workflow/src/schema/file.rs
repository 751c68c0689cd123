//! Files as values: `{"type": "object", "format": "file"}` in a schema, and `{blob, media_type, name, size}` where a value is one.
//! Must never say that the bytes are there, or whose they are: a value is only a name for them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, Schema};
use crate::{hash::canonical_json, json};

/// Bytes of one file.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;
/// Characters of its name, as of most file systems.
const MAX_NAME_CHARS: usize = 255;
const MAX_MEDIA_TYPE_CHARS: usize = 200;

/// A file as a value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The SHA-256 of its bytes, in hex.
    pub blob: String,
    pub media_type: String,
    pub name: String,
    pub size: u64,
}

/// Whether a text is a SHA-256 as we write it.
pub fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl Schema {
    pub fn file() -> Self {
        Self { format: "file".to_owned(), ..Self::of(Kind::Object) }
    }

    /// Whether its values are files; a text with this format is the content itself.
    pub fn is_file(&self) -> bool {
        self.kind == Some(Kind::Object) && self.format == "file"
    }

    /// The files in a value that fits, wherever they are.
    pub fn files(&self, value: &Value) -> Vec<File> {
        let mut found = Vec::new();
        self.files_in(value, &mut found);
        found
    }

    fn files_in(&self, value: &Value, found: &mut Vec<File>) {
        if self.is_file() {
            found.extend(read(value));
            return;
        }
        match value {
            Value::Object(map) => {
                for (name, part) in &self.properties {
                    if let Some(value) = map.get(name) {
                        part.files_in(value, found);
                    }
                }
            }
            Value::Array(values) => {
                if let Some(items) = &self.items {
                    for value in values {
                        items.files_in(value, found);
                    }
                }
            }
            _ => {}
        }
    }

    /// What a file is made of, for those who read a part of it.
    pub(super) fn part_of_file(name: &str) -> Option<Self> {
        match name {
            "blob" | "media_type" | "name" => Some(Self::text()),
            "size" => Some(Self::of(Kind::Integer)),
            _ => None,
        }
    }
}

fn read(value: &Value) -> Option<File> {
    let Value::Object(map) = value else { return None };
    let text = |name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(File {
        blob: text("blob")?,
        media_type: text("media_type")?,
        name: text("name")?,
        size: size(map.get("size"))?,
    })
}

/// A whole number, however it is written.
fn size(value: Option<&Value>) -> Option<u64> {
    let number = value.and_then(Value::as_number).filter(|number| json::is_whole(number))?;
    number.as_u64().or_else(|| canonical_json(&Value::Number(number.clone())).parse().ok())
}

/// Why an object is no file, as (JSON Pointer, reason).
pub(super) fn check(value: &Value, path: &str, faults: &mut Vec<(String, String)>) {
    let Value::Object(map) = value else { return };
    let text = |name: &str| map.get(name).and_then(Value::as_str);
    let mut fault = |name: &str, reason: &str| faults.push((format!("{path}/{name}"), reason.to_owned()));
    if !text("blob").is_some_and(is_hash) {
        fault("blob", "must be the SHA-256 of the file, as 64 hexadecimal digits in lower case");
    }
    let is_media_type = |text: &str| {
        text.chars().count() <= MAX_MEDIA_TYPE_CHARS
            && text.split_once('/').is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty())
            && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    };
    if !text("media_type").is_some_and(is_media_type) {
        fault("media_type", "must be a media type such as application/pdf");
    }
    let is_name = |text: &str| {
        let chars = text.chars().count();
        (1..=MAX_NAME_CHARS).contains(&chars)
            && !text.contains(['/', '\\'])
            && !text.chars().any(char::is_control)
            && !matches!(text, "." | "..")
    };
    if !text("name").is_some_and(is_name) {
        fault("name", "must be a file name of 1 to 255 characters, without a folder");
    }
    if size(map.get("size")).is_none_or(|size| size > MAX_FILE_BYTES) {
        fault("size", "must be the number of bytes, at most 1 GiB");
    }
    for name in map.keys().filter(|name| Schema::part_of_file(name).is_none()) {
        fault(name, "is no part of a file: there are blob, media_type, name and size");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Compatibility;

    fn faults(value: &Value) -> Vec<String> {
        Schema::file().check(value).into_iter().map(|(place, _)| place).collect()
    }

    fn file() -> Value {
        json!({"blob": "a".repeat(64), "media_type": "application/pdf", "name": "Büro.pdf", "size": 10})
    }

    #[test]
    fn a_value_is_a_file_only_with_all_its_parts_as_they_must_be() {
        assert_eq!(faults(&file()), Vec::<String>::new());
        assert_eq!(faults(&json!("text")), [""]);
        assert_eq!(faults(&json!({})), ["/blob", "/media_type", "/name", "/size"]);
        for (part, bad) in [
            ("blob", json!("A".repeat(64))),
            ("blob", json!("../secret")),
            ("media_type", json!("pdf")),
            ("media_type", json!("a/b\r\nX: y")),
            ("name", json!("../etc/passwd")),
            ("name", json!("")),
            ("name", json!("..")),
            ("name", json!("a\nb")),
            ("size", json!(-1)),
            ("size", json!(1.5)),
            ("size", json!(MAX_FILE_BYTES + 1)),
            ("size", serde_json::from_str("1e400").unwrap()),
            ("more", json!(1)),
        ] {
            let mut value = file();
            value[part] = bad.clone();
            assert_eq!(faults(&value), [format!("/{part}")], "{part}: {bad}");
        }
    }

    #[test]
    fn a_file_fits_a_file_and_what_takes_anything_and_nothing_else() {
        let object = Schema::of(Kind::Object);
        let feeds = |from: &Schema, to: &Schema| match from.feeds(to) {
            Compatibility::Yes => "yes",
            Compatibility::Unsure(_) => "unsure",
            Compatibility::No(_) => "no",
        };
        let list = |of: Schema| Schema { items: Some(Box::new(of)), ..Schema::of(Kind::Array) };
        for (from, to, expected) in [
            (Schema::file(), Schema::file(), "yes"),
            (Schema::file(), Schema::any(), "yes"),
            (Schema::any(), Schema::file(), "unsure"),
            (Schema::file(), object.clone(), "no"),
            (object, Schema::file(), "no"),
            (Schema::file(), Schema::text(), "no"),
            (list(Schema::file()), list(Schema::file()), "yes"),
            (list(Schema::of(Kind::Object)), list(Schema::file()), "no"),
        ] {
            assert_eq!(feeds(&from, &to), expected, "{from:?} -> {to:?}");
        }
    }

    #[test]
    fn files_are_found_where_the_type_has_them() {
        let schema: Schema = serde_json::from_value(json!({"type": "object", "properties": {
            "all": {"type": "array", "items": {"type": "object", "format": "file"}},
            "text": {"type": "string"}, "free": {}}}))
        .unwrap();
        let found = schema.files(&json!({"all": [file(), file()], "text": "x", "free": file()}));
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name.as_str(), found[0].size), ("Büro.pdf", 10));
    }

    #[test]
    fn a_part_of_a_file_has_a_type() {
        assert_eq!(Schema::file().at_path("/size").kind, Some(Kind::Integer));
        assert!(Schema::file().part("pages").is_err());
    }
}
