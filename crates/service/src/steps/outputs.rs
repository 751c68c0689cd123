//! Content that a person writes in place of an agent: judged by the agent's output ports, and made into artifacts.
//! Must never make another media type or another byte form than the agent would have.

use std::collections::BTreeMap;

use ::runs::Content;
use serde_json::Value;
use workflow::{
    AgentSpec, ArtifactId,
    agent::OutputPort,
    hash, limits,
    run::state::NewVersion,
    schema::{Kind, Schema},
};

use crate::{Error, OpContext, Result, id, runs::asking::Brings, text};

/// One output as it will be stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Written {
    name: String,
    media_type: &'static str,
    bytes: Vec<u8>,
    value_hash: Option<String>,
}

/// What can be given for a step: the outputs of its agent, or the lists of them.
pub(super) fn ports(spec: &AgentSpec, is_collected: bool) -> Vec<OutputPort> {
    let schema = |port: &OutputPort| if is_collected { list_of(&port.schema) } else { port.schema.clone() };
    spec.outputs.iter().map(|port| OutputPort { name: port.name.clone(), schema: schema(port) }).collect()
}

/// Judges the given content; faults are named under `field`.
pub(crate) fn check(
    spec: &AgentSpec,
    is_collected: bool,
    field: &str,
    given: &BTreeMap<String, Value>,
) -> Result<Vec<Written>> {
    given
        .iter()
        .map(|(name, value)| {
            let at = format!("{field}.{name}");
            let Some(port) = spec.output(name) else {
                let known: Vec<&str> = spec.outputs.iter().map(|port| port.name.as_str()).collect();
                let detail = format!("The step has no output `{name}`. It has: {}.", known.join(", "));
                text::no_nul(field, name)?;
                return Err(Error::invalid(at, detail));
            };
            if limits::depth(value) > limits::MAX_DEPTH {
                let detail = format!("It is nested deeper than {} levels. Flatten it.", limits::MAX_DEPTH);
                return Err(Error::invalid(at, detail));
            }
            text::no_nul_inside(&at, value)?;
            let schema = if is_collected { list_of(&port.schema) } else { port.schema.clone() };
            if let Some((path, fault)) = schema.check(value).into_iter().next() {
                return Err(Error::invalid(format!("{at}{}", path.replace('/', ".")), format!("`{name}` {fault}.")));
            }
            let (media_type, bytes) = bytes(port, is_collected, value);
            if bytes.len() > limits::MAX_ARTIFACT_BYTES {
                let mib = limits::MAX_ARTIFACT_BYTES / (1024 * 1024);
                return Err(Error::too_large(at, format!("It is larger than {mib} MiB. Shorten it.")));
            }
            let value_hash = match media_type {
                "application/json" => hash::content_and_value(&bytes, value).map(|(_, value)| value),
                _ => None,
            };
            Ok(Written { name: name.clone(), media_type, bytes, value_hash })
        })
        .collect()
}

fn list_of(schema: &Schema) -> Schema {
    // What failed or was skipped stands in the list as null, so the items are not judged.
    Schema { description: schema.description.clone(), ..Schema::of(Kind::Array) }
}

/// Text outputs hold the text itself, all others JSON as it was given.
fn bytes(port: &OutputPort, is_collected: bool, value: &Value) -> (&'static str, Vec<u8>) {
    match value {
        Value::String(text) if port.schema.kind == Some(Kind::String) && !is_collected => {
            let media_type = if port.schema.format == "markdown" { "text/markdown" } else { "text/plain" };
            (media_type, text.clone().into_bytes())
        }
        value => ("application/json", value.to_string().into_bytes()),
    }
}

/// Hashes the content, and writes what is large ahead of the verb. What is small goes with it.
pub(crate) async fn store(ctx: &OpContext, written: Vec<Written>) -> Result<(Vec<NewVersion>, Brings)> {
    let by = ctx.user()?.id;
    let (mut versions, mut brings) = (Vec::with_capacity(written.len()), Brings::default());
    for Written { name, media_type, bytes, value_hash } in written {
        let version = NewVersion::of(ArtifactId(id::new_id()), name, media_type, &bytes);
        let hash = version.content_hash.clone();
        versions.push(NewVersion { value_hash, ..version });
        if bytes.len() > limits::INLINE_ARTIFACT_BYTES {
            // Counted there, as far as it is new.
            ctx.store().put_blob_of(by, &hash, &bytes).await?;
        } else {
            brings.n_bytes += bytes.len();
            brings.contents.push(Content { hash, bytes: bytes.into() });
        }
    }
    Ok((versions, brings))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec() -> AgentSpec {
        serde_json::from_value(json!({
            "id": "a", "name": "A", "config": {"kind": "template", "template": "x"},
            "outputs": [
                {"name": "text", "schema": {"type": "string"}},
                {"name": "page", "schema": {"type": "string", "format": "markdown"}},
                {"name": "verdict", "schema": {"type": "object", "required": ["kind"],
                    "properties": {"kind": {"type": "string"}}}},
                {"name": "any"}
            ]
        }))
        .unwrap()
    }

    fn written(is_collected: bool, given: Value) -> Result<Vec<(String, &'static str, String)>> {
        let given: BTreeMap<String, Value> = serde_json::from_value(given).unwrap();
        let written = check(&spec(), is_collected, "outputs", &given)?.into_iter();
        Ok(written.map(|one| (one.name, one.media_type, String::from_utf8(one.bytes).unwrap())).collect())
    }

    #[test]
    fn content_takes_the_form_that_the_agent_would_have_given_it() {
        let table = [
            (false, json!({"text": "hi"}), ("text", "text/plain", "hi")),
            (false, json!({"page": "# hi"}), ("page", "text/markdown", "# hi")),
            (
                false,
                json!({"verdict": {"z": 1, "kind": "x"}}),
                ("verdict", "application/json", r#"{"z":1,"kind":"x"}"#),
            ),
            (false, json!({"any": "hi"}), ("any", "application/json", r#""hi""#)),
            (true, json!({"text": ["a", null]}), ("text", "application/json", r#"["a",null]"#)),
        ];
        for (is_collected, given, (name, media_type, bytes)) in table {
            let expected = vec![(name.to_owned(), media_type, bytes.to_owned())];
            assert_eq!(written(is_collected, given.clone()).unwrap(), expected, "{given}");
        }
    }

    #[test]
    fn every_fault_names_its_output() {
        let deep = (0..70).fold(json!(1), |inner, _| json!([inner]));
        let table = [
            (false, json!({"text": 7}), (422, "outputs.text")),
            (false, json!({"text": "a\0"}), (422, "outputs.text")),
            (false, json!({"other": "x"}), (422, "outputs.other")),
            (false, json!({"verdict": {}}), (422, "outputs.verdict.kind")),
            (false, json!({"any": deep}), (422, "outputs.any")),
            (true, json!({"text": "no list"}), (422, "outputs.text")),
            (false, json!({"any": "x".repeat(limits::MAX_ARTIFACT_BYTES)}), (413, "outputs.any")),
        ];
        for (is_collected, given, expected) in table {
            let error = written(is_collected, given).unwrap_err().to_api();
            assert_eq!((error.status, error.field.as_deref().unwrap()), expected);
        }
    }
}
