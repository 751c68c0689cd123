//! The plain words for types that admins choose from, and what stands beside a word that needs more than itself.
//! A schema that the words cannot say is kept as JSON: no part of it may be lost by being looked at.

use std::collections::BTreeSet;

use serde_json::{Number, Value};
use workflow::{
    json,
    schema::{Kind, Schema},
};

/// The words, as (value, label).
pub(super) const WORDS: [(&str, &str); 12] = [
    ("text", "Text"),
    ("multiline", "Long text"),
    ("markdown", "Markdown"),
    ("number", "Number"),
    ("integer", "Whole number"),
    ("boolean", "Yes or no"),
    ("choice", "Choice"),
    ("file", "Text file"),
    ("list", "List"),
    ("object", "Object"),
    ("any", "Anything"),
    ("custom", "JSON Schema"),
];

/// The first choice that was written before.
pub(super) fn twice(choices: &str) -> Option<&str> {
    let mut known = BTreeSet::new();
    lines(choices).find(|line| !known.insert(*line))
}

/// The choices, one a line.
pub(super) fn lines(choices: &str) -> impl Iterator<Item = &str> {
    choices.lines().map(str::trim).filter(|line| !line.is_empty())
}

pub(super) fn pretty(schema: &Schema) -> String {
    serde_json::to_string_pretty(schema).unwrap_or_default()
}

/// The word for a type, and what stands beside it.
pub(super) fn words_of(schema: &Schema) -> (&'static str, String) {
    let plain = match (schema.kind, schema.format.as_str()) {
        _ if schema.choices.is_some() => "choice",
        (Some(Kind::String), "multiline") => "multiline",
        (Some(Kind::String), "markdown") => "markdown",
        (Some(Kind::String), "file") => "file",
        (Some(Kind::String), _) => "text",
        (Some(Kind::Number), _) => "number",
        (Some(Kind::Integer), _) => "integer",
        (Some(Kind::Boolean), _) => "boolean",
        (Some(Kind::Array), _) => "list",
        (Some(Kind::Object), _) => "object",
        (Some(Kind::Null), _) => "custom",
        (None, _) => "any",
    };
    let beside = match plain {
        "choice" => schema.choices().iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        word if is_number(word) && schema.is_bounded() => {
            let text = |bound: Option<&Number>| bound.map(ToString::to_string).unwrap_or_default();
            format!("{}\n{}", text(schema.minimum.as_ref()), text(schema.maximum.as_ref()))
        }
        "list" | "object" if *schema != Schema::of(schema.kind.unwrap_or(Kind::Object)) => pretty(schema),
        _ => String::new(),
    };
    if schema_of(plain, &beside).as_ref() == Ok(schema) { (plain, beside) } else { ("custom", pretty(schema)) }
}

/// Whether it is a word beside which the least and the greatest stand.
pub(super) fn is_number(word: &str) -> bool {
    matches!(word, "number" | "integer")
}

/// The word for the type of a field, whose description stands beside it. What has more than fields can show is none of the words.
pub(super) fn field_word(schema: &Schema) -> &'static str {
    let has_more = !schema.format.is_empty()
        || schema.is_bounded()
        || match schema.kind {
            Some(Kind::Object) => schema.items.is_some(),
            Some(Kind::Array) => !schema.properties.is_empty() || !schema.required.is_empty(),
            _ => false,
        };
    if has_more && matches!(schema.kind, Some(Kind::Object | Kind::Array)) {
        return "custom";
    }
    words_of(&Schema { description: String::new(), ..schema.clone() }).0
}

pub(super) fn schema_of(word: &str, beside: &str) -> Result<Schema, String> {
    let text = |format: &str| Schema { format: format.to_owned(), ..Schema::text() };
    Ok(match word {
        "multiline" | "markdown" | "file" => text(word),
        "number" => bounded(Kind::Number, beside)?,
        "integer" => bounded(Kind::Integer, beside)?,
        "boolean" => Schema::of(Kind::Boolean),
        "choice" => {
            let mut known: Vec<Value> = Vec::new();
            for line in lines(beside) {
                if !known.iter().any(|choice| choice == line) {
                    known.push(line.into());
                }
            }
            Schema { choices: Some(known), ..Schema::text() }
        }
        "list" => inside(beside, Kind::Array)?,
        "object" => inside(beside, Kind::Object)?,
        "any" => Schema::any(),
        "custom" => parse(beside)?,
        _ => Schema::text(),
    })
}

/// A number by the least and the greatest that it may be, a line each.
fn bounded(kind: Kind, beside: &str) -> Result<Schema, String> {
    let (least, greatest) = beside.split_once('\n').unwrap_or((beside, ""));
    Ok(Schema { minimum: bound(least)?, maximum: bound(greatest)?, ..Schema::of(kind) })
}

/// A bound as it was typed; none where nothing was.
pub(super) fn bound(text: &str) -> Result<Option<Number>, String> {
    match text.trim() {
        "" => Ok(None),
        text => match json::number(text) {
            Some(number) => Ok(Some(number)),
            None => Err("Enter a number, such as 12 or 0.5, or leave it empty".to_owned()),
        },
    }
}

pub(super) fn inside(json: &str, kind: Kind) -> Result<Schema, String> {
    if json.trim().is_empty() {
        return Ok(Schema::of(kind));
    }
    let schema = parse(json)?;
    match schema.kind {
        None => Ok(Schema { kind: Some(kind), ..schema }),
        Some(known) if known == kind => Ok(schema),
        Some(other) => Err(format!("This describes a {}, but a {} is chosen", other.as_str(), kind.as_str())),
    }
}

fn parse(text: &str) -> Result<Schema, String> {
    let words = |fault: &dyn std::fmt::Display| format!("This is no schema that Weft understands: {fault}");
    let document = json::parse(text, json::Bounds::VALUE).map_err(|fault| words(&fault))?;
    serde_json::from_value(document).map_err(|fault| words(&fault))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_schema_comes_back_as_it_was() {
        for (document, expected) in [
            (json!({"type":"string"}), "text"),
            (json!({"type":"string","format":"multiline"}), "multiline"),
            (json!({"type":"string","enum":["a","b"]}), "choice"),
            (json!({"type":"string","enum":[]}), "choice"),
            (json!({"type":"integer"}), "integer"),
            (json!({"type":"integer","enum":[1,2]}), "custom"),
            (json!({"type":"integer","minimum":1,"maximum":10}), "integer"),
            (json!({"type":"number","maximum":0.5}), "number"),
            (json!({"type":"string","maximum":5}), "custom"),
            (json!({"type":"string","format":"date"}), "custom"),
            (json!({"type":"array"}), "list"),
            (json!({"type":"array","items":{"type":"string"}}), "list"),
            (json!({"type":"object","properties":{"a":{}},"required":["a"]}), "object"),
            (json!({}), "any"),
            (json!({"enum":["a"]}), "custom"),
            (json!({"type":"null"}), "custom"),
        ] {
            let schema: Schema = serde_json::from_value(document.clone()).unwrap();
            let (word, beside) = words_of(&schema);
            assert_eq!(word, expected, "{document}");
            assert_eq!(schema_of(word, &beside), Ok(schema), "{document}");
        }
    }

    #[test]
    fn a_bound_is_a_number_or_nothing() {
        assert!(schema_of("number", "x\n").is_err() && schema_of("integer", "1\n1,5").is_err());
        assert_eq!(schema_of("number", " \n "), Ok(Schema::of(Kind::Number)));
        let bounded = schema_of("integer", "\n10").unwrap();
        assert_eq!((bounded.minimum.is_none(), field_word(&bounded)), (true, "integer"));
        for odd in [json!({"type": "object", "maximum": 1}), json!({"type": "string", "maximum": 1})] {
            assert_eq!(field_word(&serde_json::from_value(odd.clone()).unwrap()), "custom", "{odd}");
        }
    }

    #[test]
    fn what_is_inside_must_be_of_the_chosen_kind() {
        assert!(schema_of("list", "{\"type\":\"object\"}").is_err());
        assert_eq!(schema_of("list", "{\"items\":{}}").unwrap().kind, Some(Kind::Array));
        assert!(schema_of("object", "{\"propertys\":{}}").unwrap_err().contains("propertys"));
    }
}
