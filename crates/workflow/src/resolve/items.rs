//! What the items of a map would be made with, so that a map which runs again keeps those for which that is unchanged.
//! Must record exactly as `resolve` does: what an attempt consumed is compared with what is recorded here.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{InputArtifacts, MissingInput, Reader, consumed, ports};
use crate::{
    agent::AgentSpec,
    decide::item_source_value,
    definition::{Definition, Step},
    hash,
    source::Source,
    view::{Basis, ConsumedInput, StepOverride},
};

/// What an item was made with, or would be: two equal ones make an equal item, as far as anybody can tell.
/// Staleness compares the same facts.
pub fn item_basis(consumed: &[ConsumedInput], basis: &Basis) -> String {
    let ports: BTreeMap<&str, &str> = consumed.iter().map(|input| (input.port.as_str(), input.hash.as_str())).collect();
    hash::value_hash(&json!({"ports": ports, "basis": basis}))
}

/// What is the same for all items is looked at once: there may be ten thousand.
pub struct ItemRecorder<'a> {
    agent: &'a AgentSpec,
    ports: BTreeMap<&'a str, Fed<'a>>,
}

enum Fed<'a> {
    /// The same for every item; `is_null` when it gives nothing.
    Alike {
        record: ConsumedInput,
        is_null: bool,
    },
    Item {
        path: &'a str,
    },
    Nothing,
}

impl<'a> ItemRecorder<'a> {
    /// `general` is what the run changes about the map step.
    pub fn new(
        definition: &'a Definition,
        step: &'a Step,
        agent: &'a AgentSpec,
        general: Option<&'a StepOverride>,
        run_inputs: &'a BTreeMap<String, Value>,
        artifacts: &'a InputArtifacts,
    ) -> Self {
        let reader = Reader { definition, run_inputs, artifacts, item: None };
        let literals = general.map(|general| &general.inputs);
        let alike = |port: &str, value: Option<&Value>, artifact| Fed::Alike {
            record: consumed(port, value, artifact),
            is_null: value.is_none_or(Value::is_null),
        };
        let fed = |port: &'a str| match (literals.and_then(|inputs| inputs.get(port)), step.inputs.get(port)) {
            (Some(value), _) => alike(port, Some(value), None),
            (None, Some(Source::Item { path })) => Fed::Item { path },
            (None, Some(source)) => {
                let (value, artifact) = reader.read(source);
                alike(port, value, artifact)
            }
            (None, None) => Fed::Nothing,
        };
        Self { agent, ports: ports(step, agent, literals).map(|port| (port, fed(port))).collect() }
    }

    /// The record of one item; `own` is what the run changes about it alone.
    pub fn of(&self, item: &Value, own: Option<&StepOverride>) -> Result<Vec<ConsumedInput>, MissingInput> {
        let own = own.map(|own| &own.inputs);
        let mut records = Vec::with_capacity(self.ports.len());
        let mut feed = |port: &str, value: Option<&Value>| {
            if self.agent.requires(port) && value.is_none_or(Value::is_null) {
                return Err(MissingInput { port: port.to_owned() });
            }
            records.push(consumed(port, value, None));
            Ok(())
        };
        let mut alike = Vec::new();
        for (port, fed) in &self.ports {
            match (own.and_then(|own| own.get(*port)), fed) {
                (Some(value), _) => feed(port, Some(value))?,
                (None, Fed::Item { path }) => feed(port, item_source_value(Some(item), path))?,
                (None, Fed::Alike { is_null: true, .. } | Fed::Nothing) if self.agent.requires(port) => {
                    return Err(MissingInput { port: (*port).to_owned() });
                }
                (None, Fed::Alike { record, .. }) => alike.push(record.clone()),
                (None, Fed::Nothing) => {}
            }
        }
        for (port, value) in own.into_iter().flatten().filter(|(port, _)| !self.ports.contains_key(port.as_str())) {
            feed(port, Some(value))?;
        }
        records.extend(alike);
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::resolve;

    #[test]
    fn an_item_is_recorded_as_its_attempt_records_it() {
        let definition = Definition::from_value(&json!({
            "inputs": {"topic": {"default": "cats"}},
            "steps": {"a": {"agent_id": "x"}, "m": {"agent_id": "x", "map": {"over": {"from": "run", "key": "list"}}, "inputs": {
                "main": {"from": "step", "step": "a", "artifact": "out"},
                "absent": {"from": "step", "step": "a", "artifact": "no such"},
                "topic": {"from": "run", "key": "topic"},
                "title": {"from": "item", "path": "/title"},
                "extra": {"const": 1}}}}}))
        .unwrap();
        let step = &definition.steps["m"];
        let agent: AgentSpec = serde_json::from_value(json!({"id": "x", "version": 2, "name": "X",
            "inputs": [{"name": "title", "required": true}, {"name": "topic"}, {"name": "unfed"}],
            "outputs": [{"name": "out"}], "config": {"kind": "template", "template": "own"}}))
        .unwrap();
        let artifact = crate::resolve::InputArtifact {
            id: crate::ArtifactId(uuid::Uuid::from_u128(1)),
            version: 3,
            value_hash: "hash".into(),
            value: std::sync::Arc::new(json!("text")),
        };
        let artifacts: InputArtifacts = [(("a".into(), "out".into()), artifact)].into();
        let run_inputs = BTreeMap::new();
        let over = |inputs: Value| serde_json::from_value::<StepOverride>(json!({"inputs": inputs})).unwrap();
        let generals = [None, Some(over(json!({"topic": "dogs", "new": 1}))), Some(over(json!({"title": "all"})))];
        let owns = [None, Some(over(json!({"topic": null, "title": "mine", "other": [1]})))];
        let basis = crate::resolve::basis(Some("p"), 2, []);
        for general in &generals {
            let recorder = ItemRecorder::new(&definition, step, &agent, general.as_ref(), &run_inputs, &artifacts);
            for own in &owns {
                for item in [json!({"title": "one"}), json!({"title": null}), json!("no title")] {
                    let mut merged = general.clone().unwrap_or_default();
                    merged.inputs.extend(own.clone().unwrap_or_default().inputs);
                    let attempt =
                        resolve(&definition, step, &agent, Some(&merged), &run_inputs, &artifacts, Some(&item));
                    let attempt = attempt.map(|resolved| item_basis(&resolved.consumed, &basis));
                    let told = recorder.of(&item, own.as_ref()).map(|records| item_basis(&records, &basis));
                    assert_eq!(told, attempt, "{general:?} {own:?} {item}");
                }
            }
        }
    }
}
