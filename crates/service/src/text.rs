//! Checks of what people type, each naming its field: length, emptiness, and the one character that Postgres cannot hold.

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use workflow::words::count;

use crate::{Error, Result};

/// Of one search.
const MAX_SEARCH_CHARS: usize = 200;
const MAX_SEARCH_WORDS: usize = 10;

/// An empty text names nothing.
pub(crate) fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// A name: trimmed, on one line, with something to see.
pub(crate) fn name(field: &str, text: &str, max_chars: usize) -> Result<String> {
    let text = text.trim();
    // A control character has its own word.
    if text.chars().all(|c| is_blank(c) && !c.is_control()) {
        return Err(Error::invalid(field, "It is empty. Give it a name."));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "It holds a control character. Use plain text on one line."));
    }
    if text.chars().count() > max_chars {
        return Err(Error::invalid(field, format!("It is longer than {}. Shorten it.", count(max_chars, "character"))));
    }
    Ok(text.to_owned())
}

/// A text of any number of lines.
pub(crate) fn prose(field: &str, text: &str, max_chars: usize) -> Result<String> {
    no_nul(field, text)?;
    if text.chars().count() > max_chars {
        return Err(Error::invalid(field, format!("It is longer than {}. Shorten it.", count(max_chars, "character"))));
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

/// The one spelling of an email under which an account is kept and found: NFKC and lower case, so that what looks the same because
/// it is the same letters is the same. Letters of other scripts that only look alike stay different.
pub(crate) fn email_form(text: &str) -> String {
    // Letter by letter: `str::to_lowercase` writes a sigma by what follows it.
    let lower = |text: String| -> String { text.chars().flat_map(char::to_lowercase).collect() };
    let once = lower(text.trim().nfkc().collect()).replace('ς', "σ");
    // Again: some letters come apart when they are made small.
    lower(once.nfkc().collect()).trim().to_owned()
}

/// Words to look for; none where nothing is searched for.
pub(crate) fn searched(search: Option<&str>) -> Result<Option<String>> {
    let Some(search) = given(search) else { return Ok(None) };
    no_nul("search", search)?;
    if search.chars().count() > MAX_SEARCH_CHARS {
        return Err(Error::invalid("search", format!("It is longer than {MAX_SEARCH_CHARS} characters. Shorten it.")));
    }
    if search.split_whitespace().count() > MAX_SEARCH_WORDS {
        return Err(Error::invalid("search", format!("It has more than {MAX_SEARCH_WORDS} words. Leave some out.")));
    }
    Ok(Some(search.to_owned()))
}

/// Characters of which a name alone would show nothing: also those that only join or vary what stands beside them.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_invisible(c) || matches!(c, '\u{200c}' | '\u{200d}' | '\u{2800}' | '\u{fe00}'..='\u{fe0f}')
}

/// Characters that change nothing that is seen, or only the direction of what follows.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Enough of a check to catch a typo; only a message that arrives would prove more. Gives the form under which it is kept.
pub(crate) fn email(text: &str) -> Result<String> {
    let is_short = text.len() <= 1024;
    let text = if is_short { email_form(text) } else { String::new() };
    let is_joiner = |c| matches!(c, '\u{200c}' | '\u{200d}');
    let is_plausible = text.len() <= 254
        && text.chars().count() >= 3
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || is_invisible(c) || is_joiner(c))
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
        Ok(text)
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
    fn a_name_shows_something() {
        for blank in ["", " \u{3000}", "\u{200b}", "\u{2060}\u{202e}", "\u{3164}", "\u{200d}\u{fe0f}", "\u{2800}"] {
            let refused = name("title", blank, 9).unwrap_err().to_api();
            assert!(
                refused.field.as_deref() == Some("title") && refused.detail.contains("empty"),
                "{blank:?} {refused:?}"
            );
        }
        for seen in ["x", "👩\u{200d}👧", "🌧\u{fe0f}", "می\u{200c}خواهم", "\u{202e}x"] {
            assert_eq!(name("title", seen, 9).unwrap(), seen);
        }
        assert!(name("title", "a\nb", 9).unwrap_err().to_api().detail.contains("control"));
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
        for bad in
            ["", "a", "@b", "a@", "a b@c", "a@b@c", "a@.b", "a@b..c", "a@b\0", "a@b\nX: y", "a\u{200b}b@c", "a＠b@c"]
        {
            assert!(email(bad).is_err(), "{bad}");
        }
        assert!(email(&format!("{}@b", "\u{fdfa}".repeat(30))).is_err(), "what a letter stands for may be long");
    }

    #[test]
    fn an_email_is_the_same_in_every_spelling_and_not_in_another_script() {
        let same = |one: &str, other: &str| email(one).unwrap() == email(other).unwrap();
        for (one, other) in [
            ("ada@example.org", "ADA@Example.ORG"),
            ("Zoë@example.org", "zoe\u{308}@example.org"),
            ("ada@example.org", "ａｄａ@example.org"),
            ("fine@b.c", "ﬁne@b.c"),
            ("ΟΔΟΣ@b.c", "οδος@b.c"),
            ("οδοσ@b.c", "οδος@b.c"),
            ("kelvin@b.c", "\u{212a}elvin@b.c"),
            ("a@b.c", "a＠b.c"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [("ada@b.c", "аdа@b.c"), ("strasse@b.c", "straße@b.c"), ("l@b.c", "1@b.c")] {
            assert!(!same(one, other), "{one} {other}");
        }
        for text in ["İ@b.c", "ΐ@b.c", "ǰ@b.c", "K\u{323}\u{307}@b.c", "ẞ@b.c"] {
            let form = email(text).unwrap();
            assert_eq!(email(&form).unwrap(), form, "{text}");
        }
    }
}
