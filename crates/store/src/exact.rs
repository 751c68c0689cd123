//! Values as they are stored: JSONB sorts keys and writes numbers anew, so what it would change stands beside it, or inside it, as text.
//! Must give back exactly what was put in; what cannot be read names its table, column and row.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use workflow::{Definition, definition::Step, schema::Schema, source::Source};

use crate::{Error, Result, decode::document, protocol::NewArtifact};

/// Digits that every JSONB number can have.
const MAX_DIGITS: usize = 1_000;

/// A value inside a JSONB document: its text.
pub(crate) fn text_of(value: &impl serde::Serialize) -> Value {
    Value::String(serde_json::to_string(value).expect("values have only string keys, so they are always JSON"))
}

/// A definition as its two columns hold it: the document, and its text where JSONB would change something that counts.
pub(crate) fn columns(definition: &Definition) -> (Value, Option<String>) {
    let document = definition.to_value();
    let is_kept =
        definition.inputs.values().all(|input| keeps_schema(&input.schema) && input.default.as_ref().is_none_or(keeps))
            && definition.steps.values().all(keeps_step);
    if is_kept {
        return (document, None);
    }
    let text = document.to_string();
    (with_storable_numbers(document), Some(text))
}

/// A definition from its two columns.
pub(crate) fn definition<T: DeserializeOwned>(
    value: Value,
    text: Option<&str>,
    table: &'static str,
    column: &'static str,
    row: &impl ToString,
) -> Result<T> {
    match text {
        None => document(value, table, column, row),
        Some(text) => read(text, table, column, row),
    }
}

/// What stands in a column as text.
pub(crate) fn read<T: DeserializeOwned>(
    text: &str,
    table: &'static str,
    column: &'static str,
    row: &impl ToString,
) -> Result<T> {
    serde_json::from_str(text).map_err(|_| Error::Inconsistent { table, column, row: row.to_string() })
}

/// The inputs of a run.
pub(crate) fn inputs(text: &str, run: &impl ToString) -> Result<BTreeMap<String, Value>> {
    workflow::json::exact(&mut serde_json::Deserializer::from_str(text)).map_err(|_| Error::Inconsistent {
        table: "workflow_runs",
        column: "inputs",
        row: run.to_string(),
    })
}

/// Puts the values of an override, which are stored as one text, in their place.
pub(crate) fn open_override(value: &mut Value) {
    if let Some(inputs) = value.get_mut("inputs") {
        open(inputs);
    }
}

/// The same for the overrides of many steps.
pub(crate) fn open_overrides(overrides: &mut Value) {
    overrides.as_object_mut().into_iter().flat_map(Map::values_mut).for_each(open_override);
}

/// A text that `text_of` made; anything else stays, for its reader to refuse.
pub(crate) fn open(value: &mut Value) {
    if let Value::String(text) = value
        && let Some(inner) = workflow::json::kept(text.as_bytes())
    {
        *value = inner;
    }
}

/// Remembers what new artifacts mean where that is not their bytes.
pub(crate) async fn remember_values(
    connection: &mut PgConnection,
    artifacts: impl IntoIterator<Item = &NewArtifact>,
) -> Result<()> {
    let meaning = |artifact: &NewArtifact| Some((artifact.hash.clone(), artifact.value_hash.clone()?));
    remember(connection, artifacts.into_iter().filter_map(meaning).collect()).await
}

/// Pairs of a content's hash and its value's. Content-addressed: written before the content, and harmless without it.
pub(crate) async fn remember(connection: &mut PgConnection, pairs: BTreeSet<(String, String)>) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    // A set has one order, so that two writers never wait for each other.
    let (hashes, values): (Vec<String>, Vec<String>) = pairs.into_iter().unzip();
    sqlx::query!(
        "INSERT INTO value_hashes (content_hash, value_hash) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING",
        &hashes,
        &values,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn keeps_step(step: &Step) -> bool {
    let sources = step.sources().chain(step.concurrency.iter().map(|concurrency| &concurrency.key));
    let mut literals = sources.filter_map(|source| match source {
        Source::Const(value) => Some(value),
        Source::Run { .. } | Source::Step { .. } | Source::Item { .. } => None,
    });
    literals.all(keeps) && step.default_output.as_ref().is_none_or(keeps)
}

fn keeps_schema(schema: &Schema) -> bool {
    in_order(schema.properties.keys())
        && schema.properties.values().all(keeps_schema)
        && schema.items.as_deref().is_none_or(keeps_schema)
        && schema.choices().iter().all(keeps)
}

/// Whether JSONB gives the value back as it is.
fn keeps(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => {
            let text = number.as_str();
            let is_negative_zero = text.starts_with('-') && workflow::json::canonical_number(number) == "0";
            is_storable(text) && !is_negative_zero
        }
        Value::Array(items) => items.iter().all(keeps),
        Value::Object(map) => in_order(map.keys()) && map.values().all(keeps),
    }
}

fn is_storable(number: &str) -> bool {
    number.len() <= MAX_DIGITS && !number.contains(['e', 'E'])
}

/// The order in which JSONB has keys: short ones first.
fn in_order<'a>(keys: impl Iterator<Item = &'a String>) -> bool {
    keys.map(|key| (key.len(), key.as_bytes())).is_sorted()
}

/// The document without numbers that JSONB cannot hold: 1e400000 is larger than any of its.
fn with_storable_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) if !is_storable(number.as_str()) => Value::String(number.to_string()),
        Value::Array(items) => items.into_iter().map(with_storable_numbers).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, with_storable_numbers(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_jsonb_would_change_is_noticed() {
        for text in [
            "null",
            "\"1e2\"",
            "1.10",
            "-1.50",
            "100000000000000000001",
            "12345678901234567.89",
            r#"{"b":1,"aa":{"a":[1,2.0]}}"#,
        ] {
            assert!(keeps(&serde_json::from_str(text).unwrap()), "{text}");
        }
        for text in
            ["1e2", "-0.0", "1E2", "-0", "[1e400]", r#"{"b":1,"a":2}"#, r#"{"aa":1,"b":2}"#, r#"{"a":{"d":1,"c":1}}"#]
        {
            assert!(!keeps(&serde_json::from_str(text).unwrap()), "{text}");
        }
    }

    #[test]
    fn inputs_come_back_as_they_were() {
        let text = r#"{"a":1E2,"b":[-0,1e+02],"c":{"z":1E400,"y":1.10}}"#;
        assert_eq!(serde_json::to_string(&inputs(text, &"run").unwrap()).unwrap(), text);
        assert!(inputs("[]", &"run").is_err());
    }

    #[test]
    fn an_override_comes_back_as_it_was() {
        let inputs = r#"{"z":{"b":[1E2,-0],"a":1.10}}"#;
        let value = workflow::json::kept(inputs.as_bytes()).unwrap();
        let mut stored = serde_json::json!({"step": {"prompt": "p", "inputs": text_of(&value)}});
        open_overrides(&mut stored);
        assert_eq!(stored.to_string(), format!(r#"{{"step":{{"prompt":"p","inputs":{inputs}}}}}"#));
    }
}
