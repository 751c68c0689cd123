//! Turns a step's sources into the values its agent gets, and says which required one is missing.
//! Pure: the caller brings the artifacts that are latest at claim.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    agent::AgentSpec,
    definition::{Definition, Step},
    hash,
    id::{ArtifactId, StepKey},
    source::{Source, at_path},
    view::{ConsumedInput, StepOverride},
};

/// An artifact as an input sees it.
#[derive(Clone, PartialEq, Debug)]
pub struct InputArtifact {
    pub id: ArtifactId,
    pub version: i32,
    pub content_hash: String,
    pub value: Value,
}

/// The values of all ports, and the record of what they were made of.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Resolved {
    pub values: BTreeMap<String, Value>,
    pub consumed: Vec<ConsumedInput>,
}

/// A required port got nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the input `{port}` has no value")]
pub struct MissingInput {
    pub port: String,
}

/// Resolves every port of a step. Overrides of the run win over the definition; a fed port that the agent does not know is passed on all the same.
pub fn resolve(
    definition: &Definition,
    step: &Step,
    agent: &AgentSpec,
    overrides: Option<&StepOverride>,
    run_inputs: &BTreeMap<String, Value>,
    artifacts: &BTreeMap<(StepKey, String), InputArtifact>,
) -> Result<Resolved, MissingInput> {
    let mut resolved = Resolved::default();
    let overridden = overrides.map(|overrides| &overrides.inputs);
    let ports = agent
        .inputs
        .iter()
        .map(|port| port.name.as_str())
        .chain(step.inputs.keys().map(String::as_str).filter(|name| agent.input(name).is_none()));
    for port in ports {
        let literal = overridden.and_then(|inputs| inputs.get(port));
        let (value, artifact) = match (literal, step.inputs.get(port)) {
            (Some(value), _) => (Some(value.clone()), None),
            (None, Some(source)) => from_source(definition, source, run_inputs, artifacts),
            (None, None) => (None, None),
        };
        match value {
            Some(value) if !value.is_null() || agent.input(port).is_none_or(|known| !known.required) => {
                resolved.consumed.push(ConsumedInput {
                    port: port.to_owned(),
                    artifact_id: artifact.map(|artifact| artifact.id),
                    version: artifact.map(|artifact| artifact.version),
                    hash: artifact.map_or_else(
                        || hash::sha256_hex(hash::canonical_json(&value).as_bytes()),
                        |artifact| artifact.content_hash.clone(),
                    ),
                });
                resolved.values.insert(port.to_owned(), value);
            }
            _ if agent.input(port).is_some_and(|known| known.required) => {
                return Err(MissingInput { port: port.to_owned() });
            }
            _ => {}
        }
    }
    Ok(resolved)
}

fn from_source<'a>(
    definition: &Definition,
    source: &Source,
    run_inputs: &BTreeMap<String, Value>,
    artifacts: &'a BTreeMap<(StepKey, String), InputArtifact>,
) -> (Option<Value>, Option<&'a InputArtifact>) {
    match source {
        Source::Const(value) => (Some(value.clone()), None),
        Source::Run { key, path } => {
            let default = || definition.inputs.get(key).and_then(|input| input.default.as_ref());
            let value = run_inputs.get(key).or_else(default).and_then(|value| at_path(value, path));
            (value.cloned(), None)
        }
        Source::Step { step, artifact, path } => {
            let found = artifacts.get(&(step.clone(), artifact.clone()));
            let value = found.and_then(|found| at_path(&found.value, path)).cloned();
            (value, found)
        }
        Source::Item { .. } => (None, None),
    }
}
