//! Judges the values a person gives for declared inputs, naming the field of each fault.
//! Must never let through what Postgres cannot hold, or more than a run may carry.

use std::collections::BTreeMap;

use serde_json::Value;
use workflow::{definition::RunInput, limits, resolve};

use crate::{Error, Result, text};

/// Values of all inputs: nothing unknown, nothing required missing, everything of its type.
pub(crate) fn check(declared: &BTreeMap<String, RunInput>, given: &BTreeMap<String, Value>) -> Result<()> {
    fits("inputs", given)?;
    for (key, value) in given {
        let Some(input) = declared.get(key) else {
            let known: Vec<&str> = declared.keys().map(String::as_str).take(20).collect();
            let known = if known.is_empty() { "It has none.".into() } else { format!("It has: {}.", known.join(", ")) };
            return Err(Error::invalid(format!("inputs.{key}"), format!("There is no input `{key}`. {known}")));
        };
        // Null stands for nothing given, whatever the type.
        if value.is_null() {
            continue;
        }
        if let Some((path, fault)) = input.schema.check(value).into_iter().next() {
            let field = format!("inputs.{key}{}", path.replace('/', "."));
            return Err(Error::invalid(field, format!("{} {fault}.", title(key, input))));
        }
    }
    for (key, input) in declared.iter().filter(|(_, input)| input.required) {
        match resolve::given(Some(input), key, given) {
            None => {
                let detail = format!("{} is required. Give it a value.", title(key, input));
                return Err(Error::invalid(format!("inputs.{key}"), detail));
            }
            Some(Value::String(text)) if text.trim().is_empty() => {
                let detail = format!("{} is empty. Give it some text.", title(key, input));
                return Err(Error::invalid(format!("inputs.{key}"), detail));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Size, depth and characters of values that are going to be stored.
pub(crate) fn fits(field: &str, given: &BTreeMap<String, Value>) -> Result<()> {
    for (key, value) in given {
        if limits::depth(value) > limits::MAX_DEPTH {
            let detail = format!("It is nested deeper than {} levels. Flatten it.", limits::MAX_DEPTH);
            return Err(Error::invalid(format!("{field}.{key}"), detail));
        }
        text::no_nul(field, key)?;
        text::no_nul_inside(&format!("{field}.{key}"), value)?;
    }
    let n_bytes: usize = given.iter().map(|(key, value)| key.len() + n_bytes(value)).sum();
    if n_bytes > limits::MAX_RUN_INPUT_BYTES {
        return Err(Error::too_large(field, "The inputs are larger than 4 MiB together. Shorten them."));
    }
    Ok(())
}

/// Bytes of the value as JSON; a text counts as it is, so that escapes do not shrink what fits.
fn n_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    }
}

fn title(key: &str, input: &RunInput) -> String {
    if input.title.is_empty() { format!("`{key}`") } else { format!("“{}”", input.title) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_fault_names_its_field() {
        let declared = serde_json::from_value(json!({
            "topic": {"title": "Topic", "schema": {"type": "string"}, "required": true},
            "tone": {"schema": {"type": "string", "enum": ["formal", "plain"]}, "required": true, "default": "plain"},
            "data": {"schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
        }))
        .unwrap();
        let deep = (0..70).fold(json!(1), |inner, _| json!([inner]));
        let table = [
            (json!({"topic": "x"}), None),
            (json!({"topic": "x", "data": {"n": 1}, "tone": null}), None),
            (json!({}), Some((422, "inputs.topic"))),
            (json!({"topic": null}), Some((422, "inputs.topic"))),
            (json!({"topic": "  "}), Some((422, "inputs.topic"))),
            (json!({"topic": 1}), Some((422, "inputs.topic"))),
            (json!({"topic": "a\0b"}), Some((422, "inputs.topic"))),
            (json!({"topic": "x", "tone": "loud"}), Some((422, "inputs.tone"))),
            (json!({"topic": "x", "data": {"n": "1"}}), Some((422, "inputs.data.n"))),
            (json!({"topic": "x", "data": deep}), Some((422, "inputs.data"))),
            (json!({"topic": "x", "other": 1}), Some((422, "inputs.other"))),
            (json!({"topic": "x".repeat(4 * 1024 * 1024 + 1)}), Some((413, "inputs"))),
        ];
        for (given, expected) in table {
            let given_map: BTreeMap<String, Value> = serde_json::from_value(given.clone()).unwrap();
            let answer = check(&declared, &given_map).err().map(|error| error.to_api());
            let answer = answer.as_ref().map(|error| (error.status, error.field.as_deref().unwrap_or_default()));
            assert_eq!(answer, expected, "{}", given.to_string().chars().take(100).collect::<String>());
        }
    }
}
