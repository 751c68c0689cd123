//! Secrets by name: how a header says which one belongs in it, where one may be sent, and a text that is never printed.
//! Must never hold a value longer than a request does, and never take a name from anything but what the author of an agent wrote: what is
//! inserted into a template is no part of it.

mod host;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

pub use host::{BadHost, Host};

use crate::id::SecretName;

/// Characters of a value at least: a shorter one stands in words by chance, and could not be taken out of what is written down.
pub const MIN_VALUE_CHARS: usize = 8;
/// Bytes of a value.
pub const MAX_VALUE_BYTES: usize = 8 * 1024;
/// Hosts to which one may be sent.
pub const MAX_HOSTS: usize = 20;
/// Agents that may use one.
pub const MAX_AGENTS: usize = 200;
/// Characters of what it is for.
pub const MAX_DESCRIPTION_CHARS: usize = 500;

/// What begins a reference; a name and `}` follow.
const OPENING: &str = "${secret.";
/// What whoever writes a reference wrongly has written.
const HINT: &str = "${secret";
/// What begins a part of a template.
const INSERTS: [&str; 3] = ["{{", "{%", "{#"];
/// Words that say how somebody lets himself in. They tell nothing.
const SCHEMES: [&str; 6] = ["", "bearer", "basic", "token", "apikey", "key"];

/// A value on its way in: no log, no message and no dump shows it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            // serde's own words would repeat what was given.
            _ => Err(D::Error::custom("the value of a secret is a text")),
        }
    }
}

/// A piece of a header that names secrets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part<'a> {
    Text(&'a str),
    Secret(SecretName),
}

/// Why a header cannot name a secret like this.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadReference {
    #[error(
        "a secret is written `${{secret.NAME}}`, its name of lower-case letters, digits, `_` and `-`, beginning with a letter"
    )]
    Malformed,
    #[error("a header with a secret inserts nothing else: write it without `{{{{ }}}}` and `{{% %}}`")]
    Inserts,
}

/// The pieces of a header that names secrets. None: it names none, and is a template like any other.
pub fn parts(value: &str) -> Result<Option<Vec<Part<'_>>>, BadReference> {
    if !mentions(value) {
        return Ok(None);
    }
    if INSERTS.iter().any(|opening| value.contains(opening)) {
        return Err(BadReference::Inserts);
    }
    let (mut parts, mut rest) = (Vec::new(), value);
    while let Some((before, after)) = rest.split_once(OPENING) {
        let (name, after) = after.split_once('}').ok_or(BadReference::Malformed)?;
        let name = SecretName::new(name);
        if !name.is_well_formed() || mentions(before) {
            return Err(BadReference::Malformed);
        }
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        parts.push(Part::Secret(name));
        rest = after;
    }
    if mentions(rest) {
        return Err(BadReference::Malformed);
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(Some(parts))
}

/// Whether somebody meant a secret here.
pub fn mentions(text: &str) -> bool {
    text.contains(HINT)
}

/// Whether a header names secrets and holds nothing beside them that could be one: such a header tells no more than names.
pub fn is_only_named(value: &str) -> bool {
    let Ok(Some(parts)) = parts(value) else { return false };
    parts.iter().all(|part| match part {
        Part::Secret(_) => true,
        Part::Text(text) => SCHEMES.iter().any(|word| word.eq_ignore_ascii_case(text.trim())),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(value: &str) -> String {
        match parts(value) {
            Ok(None) => "none".to_owned(),
            Ok(Some(parts)) => parts
                .into_iter()
                .map(|part| match part {
                    Part::Text(text) => format!("({text})"),
                    Part::Secret(name) => format!("<{name}>"),
                })
                .collect(),
            Err(bad) => format!("{bad:?}"),
        }
    }

    #[test]
    fn a_header_names_secrets_and_inserts_nothing_beside_them() {
        for (value, expected) in [
            ("text/plain", "none"),
            ("Bearer {{ token }}", "none"),
            ("$secret.a ${other.a}", "none"),
            ("${secret.github}", "<github>"),
            ("Bearer ${secret.git-hub_2}", "(Bearer )<git-hub_2>"),
            ("a=${secret.a}; b=${secret.b};", "(a=)<a>(; b=)<b>(;)"),
            ("${secret.}", "Malformed"),
            ("${secret.A}", "Malformed"),
            ("${secret.a", "Malformed"),
            ("${secret}", "Malformed"),
            ("${secrets.a}", "Malformed"),
            ("${secret.a${secret.b}}", "Malformed"),
            ("${secret.a} ${secret b}", "Malformed"),
            ("${secret b} ${secret.a}", "Malformed"),
            ("${secret.{{ name }}}", "Inserts"),
            ("${secret.a}{{ x }}", "Inserts"),
            ("{% if x %}${secret.a}{% endif %}", "Inserts"),
        ] {
            assert_eq!(shown(value), expected, "{value}");
        }
    }

    #[test]
    fn words_say_how_it_is_written_rightly() {
        assert!(BadReference::Malformed.to_string().contains("`${secret.NAME}`"));
        assert!(BadReference::Inserts.to_string().contains("`{{ }}` and `{% %}`"));
    }

    #[test]
    fn a_header_that_holds_more_than_names_is_told_from_one_that_does_not() {
        for value in ["${secret.a}", "Bearer ${secret.a}", "token  ${secret.a}", "Basic ${secret.a}"] {
            assert!(is_only_named(value), "{value}");
        }
        for value in ["s3cr3t", "s3cr3t ${secret.a}", "${secret.a}:s3cr3t", "${secret.A}", "{{ x }}", ""] {
            assert!(!is_only_named(value), "{value}");
        }
    }

    #[test]
    fn a_value_is_printed_nowhere_and_not_repeated_when_it_is_no_text() {
        let value: Hidden = serde_json::from_value(json!("c4n4ry-c4n4ry")).unwrap();
        assert_eq!(format!("{value:?}"), "[hidden]");
        let refused = serde_json::from_value::<Hidden>(json!({"a": "c4n4ry-c4n4ry"})).unwrap_err();
        assert!(!refused.to_string().contains("c4n4ry"), "{refused}");
        let refused = serde_json::from_value::<Hidden>(json!(8_765_432_101_234_u64)).unwrap_err();
        assert!(!refused.to_string().contains("8765432101234"), "{refused}");
    }
}
