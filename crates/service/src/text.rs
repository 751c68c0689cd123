//! Checks of what people type, each naming its field: length, emptiness, and the one character that Postgres cannot hold.

use serde_json::Value;

use crate::{Error, Result};

/// A name: trimmed, on one line, not empty.
pub(crate) fn name(field: &str, text: &str, max_chars: usize) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::invalid(field, "It is empty. Give it a name."));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "It holds a control character. Use plain text on one line."));
    }
    if text.chars().count() > max_chars {
        return Err(Error::invalid(field, format!("It is longer than {max_chars} characters. Shorten it.")));
    }
    Ok(text.to_owned())
}

/// A text of any number of lines.
pub(crate) fn prose(field: &str, text: &str, max_chars: usize) -> Result<String> {
    no_nul(field, text)?;
    if text.chars().count() > max_chars {
        return Err(Error::invalid(field, format!("It is longer than {max_chars} characters. Shorten it.")));
    }
    Ok(text.trim().to_owned())
}

pub(crate) fn no_nul(field: &str, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::invalid(field, "It holds a NUL character, which cannot be stored. Remove it."));
    }
    Ok(())
}

/// Every text and key inside a JSON value.
pub(crate) fn no_nul_inside(field: &str, value: &Value) -> Result<()> {
    match value {
        Value::String(text) => no_nul(field, text),
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(n, item)| no_nul_inside(&format!("{field}.{n}"), item))
        }
        Value::Object(map) => map.iter().try_for_each(|(key, item)| {
            no_nul(field, key)?;
            no_nul_inside(&format!("{field}.{key}"), item)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Enough of a check to catch a typo; only a message that arrives would prove more.
pub(crate) fn email(text: &str) -> Result<String> {
    let text = text.trim();
    let is_plausible = text.len() <= 254
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && local.len() <= 64
                && !domain.is_empty()
                && !domain.contains('@')
                && !domain.starts_with(['.', '-'])
                && !domain.ends_with(['.', '-'])
                && !domain.contains("..")
        });
    if is_plausible {
        Ok(text.to_owned())
    } else {
        Err(Error::invalid("email", "This is no email address. Write it like name@example.org."))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(result: Result<()>) -> Option<String> {
        result.err().and_then(|error| error.to_api().field)
    }

    #[test]
    fn a_nul_is_found_wherever_it_hides() {
        assert_eq!(field(no_nul_inside("inputs", &json!({"a": [1, {"b": "x\0"}]}))).as_deref(), Some("inputs.a.1.b"));
        assert_eq!(field(no_nul_inside("inputs", &json!({"a\0": 1}))).as_deref(), Some("inputs"));
        assert_eq!(field(no_nul_inside("inputs", &json!({"a": "plain"}))), None);
    }

    #[test]
    fn an_email_is_checked_for_plausibility() {
        for good in ["a@b", " ada@example.org ", "a+b@x.y.z", "ä@ö.de"] {
            assert!(email(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a b@c", "a@b@c", "a@.b", "a@b..c", "a@b\0", "a@b\nX: y"] {
            assert!(email(bad).is_err(), "{bad}");
        }
    }
}
