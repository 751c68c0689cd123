//! A schema in the form that providers can hold a model to, if it can be put so: an object whose every part has a type.
//! The author's order of properties is kept: a model writes them in this order, and so thinks before it answers where it is asked to.

use serde_json::{Map, Value, json};
use workflow::schema::{Kind, Schema};

use super::Ask;
use crate::refusals::Parameter;

/// How a provider wants to hear of what may be absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Absent {
    /// Everything is required, and what may be absent may be null.
    Null,
    /// It is not listed as required.
    Unlisted,
}

/// Whether the least and the greatest of numbers are said. The prompt says them all the same, and an answer beyond them is asked for again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bounds {
    Said,
    LeftOut,
}

pub(in crate::llm) fn is_strict(schema: &Schema) -> bool {
    schema.kind == Some(Kind::Object) && strict(schema, Absent::Unlisted, Bounds::LeftOut).is_some()
}

/// What an answer is held to, unless the model refused that. With bounds of numbers where the protocol has them: a model behind a gateway
/// may not take them, and is then asked without.
pub(super) fn wanted(
    ask: &Ask<'_>,
    absent: Absent,
    bounds: Bounds,
    optional: &mut Vec<(Parameter, String)>,
) -> Option<Value> {
    let schema = ask.schema?;
    let forms: &[Bounds] = match bounds {
        Bounds::Said => &[Bounds::Said, Bounds::LeftOut],
        Bounds::LeftOut => &[Bounds::LeftOut],
    };
    forms
        .iter()
        .filter_map(|bounds| strict(schema, absent, *bounds))
        .find(|document| ask.refused.take(Parameter::Schema, &document.to_string(), optional))
}

fn strict(schema: &Schema, absent: Absent, bounds: Bounds) -> Option<Value> {
    let kind = schema.kind?;
    let mut document = Map::new();
    document.insert("type".to_owned(), json!(kind));
    if !schema.choices().is_empty() {
        document.insert("enum".to_owned(), Value::Array(schema.choices().to_vec()));
    }
    if !schema.description.is_empty() {
        document.insert("description".to_owned(), json!(schema.description));
    }
    if bounds == Bounds::Said {
        for (name, bound) in [("minimum", &schema.minimum), ("maximum", &schema.maximum)] {
            if let Some(bound) = bound {
                document.insert(name.to_owned(), Value::Number(bound.clone()));
            }
        }
    }
    // Our formats are hints for forms, which providers would refuse: they are left out.
    match kind {
        Kind::Object if schema.properties.is_empty() => return None,
        Kind::Object => {
            let mut properties = Map::new();
            for (name, part) in &schema.properties {
                let part_document = strict(part, absent, bounds)?;
                let may_be_null = absent == Absent::Null && !schema.required.contains(name);
                properties.insert(name.clone(), if may_be_null { or_null(part_document) } else { part_document });
            }
            let required: Vec<&String> = match absent {
                Absent::Null => schema.properties.keys().collect(),
                Absent::Unlisted => {
                    schema.required.iter().filter(|name| schema.properties.contains_key(*name)).collect()
                }
            };
            document.insert("required".to_owned(), json!(required));
            document.insert("properties".to_owned(), Value::Object(properties));
            document.insert("additionalProperties".to_owned(), json!(false));
        }
        Kind::Array => {
            document.insert("items".to_owned(), strict(schema.items.as_deref()?, absent, bounds)?);
        }
        _ => {}
    }
    Some(Value::Object(document))
}

fn or_null(mut part: Value) -> Value {
    if let Some(kind) = part.get_mut("type")
        && *kind != "null"
    {
        *kind = json!([kind.take(), "null"]);
    }
    if let Some(Value::Array(choices)) = part.get_mut("enum")
        && !choices.contains(&Value::Null)
    {
        choices.push(Value::Null);
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(document: Value) -> Schema {
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn a_schema_is_sent_only_where_a_provider_can_enforce_it() {
        let table = [
            (json!({"type":"object","properties":{"a":{"type":"string","format":"multiline"}},"required":["a"]}), true),
            (json!({"type":"object","properties":{"a":{"type":"array","items":{"type":"number"}}}}), true),
            (json!({"type":"object"}), false),
            (json!({"type":"object","properties":{"a":{}}}), false),
            (json!({"type":"object","properties":{"a":{"type":"array"}}}), false),
            (json!({"type":"array","items":{"type":"string"}}), false),
            (json!({}), false),
        ];
        for (document, expected) in table {
            let schema = schema(document.clone());
            assert_eq!(is_strict(&schema), expected, "{document}");
            assert!(
                !strict(&schema, Absent::Null, Bounds::Said).unwrap_or_default().to_string().contains("format"),
                "{document}"
            );
        }
    }

    #[test]
    fn what_may_be_absent_may_be_null_where_all_is_required() {
        let schema = schema(json!({"type":"object","required":["a"],"properties":{
            "a": {"type":"integer"}, "b": {"type":"string","enum":["x"]},
        }}));
        let all = strict(&schema, Absent::Null, Bounds::Said).unwrap();
        assert_eq!(all["required"], json!(["a", "b"]));
        assert_eq!(all["properties"]["a"], json!({"type":"integer"}));
        assert_eq!(all["properties"]["b"], json!({"type":["string","null"],"enum":["x",null]}));
        assert_eq!(strict(&schema, Absent::Unlisted, Bounds::LeftOut).unwrap()["required"], json!(["a"]));
    }

    #[test]
    fn bounds_of_numbers_are_kept_as_they_were_written_or_left_out() {
        let schema = schema(json!({"type":"object","properties":{
            "n": {"type":"integer","minimum":1,"maximum":10}, "list": {"type":"array","items":{"type":"number","maximum":0.5}},
        }}));
        let said = strict(&schema, Absent::Null, Bounds::Said).unwrap();
        assert_eq!(said["properties"]["n"], json!({"type":["integer","null"],"minimum":1,"maximum":10}));
        assert_eq!(said["properties"]["list"]["items"], json!({"type":"number","maximum":0.5}));
        let left_out = strict(&schema, Absent::Null, Bounds::LeftOut).unwrap().to_string();
        assert!(!left_out.contains("imum"), "{left_out}");
    }
}
