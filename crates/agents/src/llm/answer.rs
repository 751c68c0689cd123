//! What a model is told about the form of its answer, and how the answer is read.
//! It must never change what the model said beyond taking off white space, what stands around the JSON, nulls where nothing was asked,
//! and the dress of a choice.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use workflow::{
    AgentSpec,
    schema::{Kind, Schema},
};

use super::{choices, json, wire};
use crate::{
    Output,
    output::{self, Unfit, Wanted},
};

/// What is said after the prompt.
pub(super) fn instructions(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Text(schema) if schema.choices().is_empty() => String::new(),
        Wanted::Text(schema) => format!("\n\n{}", only(schema)),
        Wanted::Json(schema) => format!("\n\n{}", json_only(schema)),
    }
}

/// What is said after an answer that cannot be used.
pub(super) fn repair(wanted: &Wanted, unfit: &Unfit) -> String {
    let again = match wanted {
        Wanted::Text(schema) => only(schema),
        Wanted::Json(schema) => json_only(schema),
    };
    format!("That answer cannot be used: you {}. {again}", unfit.reason)
}

/// What is said after an answer that a person wants changed.
pub(super) fn revise(wanted: &Wanted, feedback: &str) -> String {
    format!(
        "That answer was not accepted. Write it anew, whole, and change what is asked for here:\n\n{feedback}{}",
        instructions(wanted)
    )
}

/// An earlier answer as the model gave it; none where its main output is not there any more.
pub(super) fn said(spec: &AgentSpec, previous: &BTreeMap<String, Value>) -> Option<String> {
    match spec.outputs.as_slice() {
        [] => None,
        [only] => Some(match previous.get(&only.name)? {
            Value::String(text) if only.schema.kind == Some(Kind::String) => text.clone(),
            value => value.to_string(),
        }),
        several => {
            let whole: Option<Map<String, Value>> =
                several.iter().map(|port| Some((port.name.clone(), previous.get(&port.name)?.clone()))).collect();
            Some(Value::Object(whole?).to_string())
        }
    }
}

fn only(schema: &Schema) -> String {
    let choices: Vec<String> = schema
        .choices()
        .iter()
        .map(|choice| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned))
        .collect();
    format!("Answer with exactly one of these and nothing else: {}", choices.join(", "))
}

fn json_only(schema: &Schema) -> String {
    let schema = serde_json::to_string(schema).expect("a schema is plain data");
    format!("Answer with JSON only, without any other text. It must fit this JSON Schema:\n{schema}")
}

/// The schema that a provider can be asked to enforce, if it can be put so.
pub(super) fn strict_schema(wanted: &Wanted) -> Option<&Schema> {
    match wanted {
        Wanted::Json(schema) if wire::is_strict(schema) => Some(schema),
        _ => None,
    }
}

/// The declared outputs from what a model said, which may have been cut at its longest.
pub(super) fn read(spec: &AgentSpec, wanted: &Wanted, said: &str, is_cut: bool) -> Result<Vec<Output>, Unfit> {
    let said = said.trim();
    if said.is_empty() {
        return Err(Unfit::new("gave an empty answer"));
    }
    match wanted {
        Wanted::Text(schema) => {
            let text = choices::meant(schema.choices(), said).unwrap_or(said);
            output::from_text(spec, text.to_owned())
        }
        Wanted::Json(schema) => {
            let (text, value, is_changed) = read_json(schema, said, is_cut)?;
            output::from_json(spec, value, (!is_changed).then_some(text))
        }
    }
}

/// The likeliest value that fits, its text, and whether it is not quite the same. Where a later one was begun and is broken, or was
/// meant as the answer and does not fit, that was the model's last word.
fn read_json<'a>(schema: &Schema, said: &'a str, is_cut: bool) -> Result<(&'a str, Value, bool), Unfit> {
    let found = json::find(said, schema.kind);
    let broken = found.broken.map(|place| &said[place..]);
    let mut first_fault = None;
    for range in found.values {
        let is_before_broken = found.broken.is_some_and(|broken| range.start < broken);
        // A number may go on behind the cut.
        let is_perhaps_cut = is_cut && range.end == said.len() && said.ends_with(|c: char| c.is_ascii_digit());
        if is_before_broken || is_perhaps_cut {
            break;
        }
        let text = &said[range];
        match fit(schema, text) {
            Ok((value, is_changed)) => return Ok((text, value, is_changed)),
            Err((fault, value)) => {
                if value.is_some_and(|value| resembles(schema, &value)) {
                    return Err(fault);
                }
                first_fault.get_or_insert(fault);
            }
        }
    }
    let not_json = |text: &str| match output::parse_json(text) {
        Ok(_) => Unfit::new("did not give valid JSON: it broke off"),
        Err(unfit) => unfit,
    };
    Err(first_fault.filter(|_| broken.is_none()).unwrap_or_else(|| not_json(broken.unwrap_or(said))))
}

type Misfit = (Unfit, Option<Value>);

fn fit(schema: &Schema, text: &str) -> Result<(Value, bool), Misfit> {
    let mut value = output::parse_json(text).map_err(|unfit| (unfit, None))?;
    let is_changed = drop_nulls(schema, &mut value) | choices::settle(schema, &mut value);
    match output::check(schema, &value) {
        Ok(()) => Ok((value, is_changed)),
        Err(unfit) => Err((unfit, Some(value))),
    }
}

/// Whether a value that does not fit was meant as the answer all the same: it has a property of what is wanted.
fn resembles(schema: &Schema, value: &Value) -> bool {
    match value {
        Value::Object(map) => map.keys().any(|name| schema.properties.contains_key(name)),
        Value::Array(items) => {
            schema.items.as_deref().is_some_and(|part| items.iter().any(|item| resembles(part, item)))
        }
        _ => false,
    }
}

/// A provider that enforces a schema makes every property required, and has the model say null where one was optional.
/// Says whether there was any.
fn drop_nulls(schema: &Schema, value: &mut Value) -> bool {
    match value {
        Value::Object(map) => {
            let n_before = map.len();
            map.retain(|name, value| {
                let is_absent = value.is_null()
                    && !schema.required.contains(name)
                    && schema.properties.get(name).is_some_and(|part| part.kind.is_some_and(|kind| kind != Kind::Null));
                !is_absent
            });
            let mut has_dropped = map.len() < n_before;
            for (name, value) in map.iter_mut() {
                if let Some(part) = schema.properties.get(name) {
                    has_dropped |= drop_nulls(part, value);
                }
            }
            has_dropped
        }
        Value::Array(items) => match &schema.items {
            Some(part) => items.iter_mut().fold(false, |has_dropped, item| drop_nulls(part, item) | has_dropped),
            None => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(document: &Value) -> AgentSpec {
        serde_json::from_value(json!({
            "id": "a", "name": "A", "config": {"kind": "llm", "prompt": "x"},
            "outputs": [{"name": "out", "schema": document}],
        }))
        .unwrap()
    }

    #[test]
    fn an_answer_is_read_with_or_without_a_fence() {
        let wanted =
            json!({"type":"object","required":["a"],"properties":{"a":{"type":"integer"},"b":{"type":"string"}}});
        let table = [
            (r#"{"a":1}"#, Ok(r#"{"a":1}"#)),
            ("  {\"a\":1}\n", Ok(r#"{"a":1}"#)),
            ("```json\n{\"a\":1}\n```", Ok(r#"{"a":1}"#)),
            ("Here you are:\n```\n{\"a\":1}\n```\nEnjoy!", Ok(r#"{"a":1}"#)),
            (r#"{"a":1,"b":null}"#, Ok(r#"{"a":1}"#)),
            (r#"{"b":"x"}"#, Err("gave a result that does not fit: `/a` is required")),
            (r#"{"a":"x"}"#, Err("gave a result that does not fit: `/a` must be a whole number")),
            ("  ", Err("gave an empty answer")),
            ("Sure!", Err("did not give valid JSON: expected value at line 1 column 1")),
        ];
        let spec = spec(&wanted);
        for (said, expected) in table {
            let result = read(&spec, &Wanted::of(&spec), said, false);
            let shown = result.map(|outputs| String::from_utf8(outputs[0].bytes.clone()).unwrap());
            assert_eq!(shown.as_deref().map_err(|unfit| unfit.reason.as_str()), expected, "{said}");
        }
    }

    #[test]
    fn the_last_value_that_fits_is_the_answer_unless_a_later_one_was_meant() {
        let object = json!({"type":"object","required":["n"],"properties":{"n":{"type":"integer"}, "mood":{"type":"string","enum":["good","bad"]}}});
        let list = json!({"type":"array","items":{"type":"string"}});
        let table = [
            (&object, r#"{"n":2}. I used {"type":"integer"}"#, false, Ok(r#"{"n":2}"#)),
            (&object, r#"{"n":1} and no options {}"#, false, Ok(r#"{"n":1}"#)),
            (
                &object,
                r#"Draft {"n":1}. Final: {"n":"two"}"#,
                false,
                Err("gave a result that does not fit: `/n` must be a whole number"),
            ),
            (
                &object,
                r#"Draft {"n":1}. Final: {"n":2,}"#,
                false,
                Err("did not give valid JSON: key must be a string at line 1 column 8"),
            ),
            (
                &object,
                r#"Draft {"n":1}. Final: {"n":2"#,
                true,
                Err("did not give valid JSON: EOF while parsing an object at line 1 column 6"),
            ),
            (&object, r#"{"n":1,"mood":"Good"}"#, false, Ok(r#"{"n":1,"mood":"good"}"#)),
            (&list, "[\"a\",\"b\"]\n\nSources: [1]", false, Ok(r#"["a","b"]"#)),
            (&json!({"type":"integer"}), "4", true, Err("did not give valid JSON: it broke off")),
            (&json!({"type":"integer"}), "4", false, Ok("4")),
            (
                &json!({"type":"integer"}),
                "1,234",
                false,
                Err("did not give valid JSON: trailing characters at line 1 column 2"),
            ),
        ];
        for (wanted, said, is_cut, expected) in table {
            let spec = spec(wanted);
            let result = read(&spec, &Wanted::of(&spec), said, is_cut);
            let shown = result.map(|outputs| String::from_utf8(outputs[0].bytes.clone()).unwrap());
            assert_eq!(shown.as_deref().map_err(|unfit| unfit.reason.as_str()), expected, "{said}");
        }
    }

    #[test]
    fn a_choice_is_told_and_held_to() {
        let spec = spec(&json!({"type":"string","enum":["good","bad"]}));
        let wanted = Wanted::of(&spec);
        assert_eq!(instructions(&wanted), "\n\nAnswer with exactly one of these and nothing else: good, bad");
        assert_eq!(read(&spec, &wanted, " good\n", false).unwrap()[0].bytes, b"good");
        assert_eq!(read(&spec, &wanted, "**Good.**", false).unwrap()[0].bytes, b"good");
        let unfit = read(&spec, &wanted, "rather good", false).unwrap_err();
        assert!(
            repair(&wanted, &unfit).starts_with("That answer cannot be used: you gave a result that does not fit"),
            "{unfit:?}"
        );
    }
}
