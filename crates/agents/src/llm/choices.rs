//! Takes an answer that is one of several choices for that choice, however it is dressed: `Good.`, `"good"`, `**good**`.
//! It must never choose where two choices could be meant, nor pick one out of a sentence.

use serde_json::Value;
use workflow::schema::Schema;

/// What stands around a word and is no part of it.
const DRESS: [char; 14] = ['"', '\'', '`', '*', '_', '“', '”', '‘', '’', '«', '»', '.', '!', ' '];

/// The choice that a text means; none where it is not clear, or is one as it stands.
pub(super) fn meant<'a>(choices: &'a [Value], said: &str) -> Option<&'a str> {
    let texts = || choices.iter().filter_map(Value::as_str);
    if texts().any(|choice| choice == said) {
        return None;
    }
    let bare = |text: &str| text.trim_matches(|c: char| DRESS.contains(&c) || c.is_whitespace()).to_lowercase();
    let said_bare = said.trim_matches(|c: char| DRESS.contains(&c) || c.is_whitespace());
    // With its case, where that tells one from another.
    if let Some(choice) = texts().find(|choice| *choice == said_bare) {
        return Some(choice);
    }
    let wanted = bare(said);
    let mut alike = texts().filter(|choice| !wanted.is_empty() && bare(choice) == wanted);
    let only = alike.next()?;
    alike.next().is_none().then_some(only)
}

/// Puts the choices that are meant into a value. Says whether there was any.
pub(super) fn settle(schema: &Schema, value: &mut Value) -> bool {
    match value {
        Value::String(said) => match meant(schema.choices(), said) {
            Some(choice) => {
                choice.clone_into(said);
                true
            }
            None => false,
        },
        Value::Object(map) => map.iter_mut().fold(false, |has_changed, (name, value)| {
            schema.properties.get(name).is_some_and(|part| settle(part, value)) | has_changed
        }),
        Value::Array(items) => match &schema.items {
            Some(part) => items.iter_mut().fold(false, |has_changed, item| settle(part, item) | has_changed),
            None => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_choice_is_known_however_it_is_dressed() {
        let table = [
            (json!(["good", "bad"]), "Good", Some("good")),
            (json!(["good", "bad"]), "\"good\"", Some("good")),
            (json!(["good", "bad"]), "good.", Some("good")),
            (json!(["good", "bad"]), "**Good.**", Some("good")),
            (json!(["good", "bad"]), "good", None),
            (json!(["good", "bad"]), "rather good", None),
            (json!(["good", "bad"]), "", None),
            (json!(["a", "A"]), "**A**", Some("A")),
            (json!(["a", "A", "b"]), "B", Some("b")),
            (json!(["Ab", "aB"]), "AB", None),
            (json!(["n/a", "1.5"]), "N/A", Some("n/a")),
            (json!([1, 2]), "1", None),
        ];
        for (choices, said, expected) in table {
            assert_eq!(meant(choices.as_array().unwrap(), said), expected, "{said}");
        }
    }
}
