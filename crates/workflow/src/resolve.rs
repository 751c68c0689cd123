//! Turns a step's sources into the values its agent gets, and says which required one is missing.
//! Pure: the caller brings the artifacts that are latest at claim. What is recorded here is what staleness compares later, so a
//! source that gave nothing is recorded too.

mod items;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    agent::AgentSpec,
    decide::item_source_value,
    definition::{Definition, MapOver, RunInput, Step},
    hash,
    id::{ArtifactId, StepKey},
    source::{Source, at_path},
    view::{Basis, ConsumedInput, StepOverride},
};

pub use items::{ItemRecorder, item_basis};

/// The port under which a map step's own attempt records the list it was made over.
pub const MAP_PORT: &str = "map.over";

/// An artifact as an input sees it.
#[derive(Clone, PartialEq, Debug)]
pub struct InputArtifact {
    pub id: ArtifactId,
    pub version: i32,
    /// Of what it means: `ArtifactMeta::meaning`.
    pub value_hash: String,
    /// Shared: many steps may read one version.
    pub value: Arc<Value>,
}

/// The latest artifacts of the steps that are read, by step and name.
pub type InputArtifacts = BTreeMap<(StepKey, String), InputArtifact>;

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

/// Resolves every port of a step. Overrides of the run win over the definition; a fed port that the agent does not know is passed on all
/// the same. `item` is the value of the map's item where the step is one.
pub fn resolve(
    definition: &Definition,
    step: &Step,
    agent: &AgentSpec,
    overrides: Option<&StepOverride>,
    run_inputs: &BTreeMap<String, Value>,
    artifacts: &InputArtifacts,
    item: Option<&Value>,
) -> Result<Resolved, MissingInput> {
    let mut resolved = Resolved::default();
    let literals = overrides.map(|overrides| &overrides.inputs);
    let reader = Reader { definition, run_inputs, artifacts, item };
    for port in ports(step, agent, literals) {
        let literal = literals.and_then(|inputs| inputs.get(port));
        let (value, artifact) = match (literal, step.inputs.get(port)) {
            (Some(value), _) => (Some(value), None),
            (None, Some(source)) => reader.read(source),
            (None, None) if agent.requires(port) => return Err(MissingInput { port: port.to_owned() }),
            (None, None) => continue,
        };
        if agent.requires(port) && value.is_none_or(Value::is_null) {
            return Err(MissingInput { port: port.to_owned() });
        }
        resolved.consumed.push(consumed(port, value, artifact));
        if let Some(value) = value {
            resolved.values.insert(port.to_owned(), value.clone());
        }
    }
    Ok(resolved)
}

/// The ports of the agent, then what else the step or the run feeds.
fn ports<'a>(
    step: &'a Step,
    agent: &'a AgentSpec,
    literals: Option<&'a BTreeMap<String, Value>>,
) -> impl Iterator<Item = &'a str> {
    let fed = step.inputs.keys().chain(literals.into_iter().flat_map(BTreeMap::keys));
    let others: BTreeSet<&str> = fed.map(String::as_str).filter(|port| agent.input(port).is_none()).collect();
    agent.inputs.iter().map(|port| port.name.as_str()).chain(others)
}

/// The list that a map goes over, and the record of it for the map step's own attempt.
pub fn resolve_map(
    definition: &Definition,
    map: &MapOver,
    run_inputs: &BTreeMap<String, Value>,
    artifacts: &InputArtifacts,
) -> (Option<Value>, ConsumedInput) {
    let reader = Reader { definition, run_inputs, artifacts, item: None };
    let (value, artifact) = reader.read(&map.over);
    (value.cloned(), consumed(MAP_PORT, value, artifact))
}

/// What a source gives now, for a condition.
pub fn value_now(
    definition: &Definition,
    run_inputs: &BTreeMap<String, Value>,
    artifacts: &InputArtifacts,
    source: &Source,
) -> Option<Value> {
    Reader { definition, run_inputs, artifacts, item: None }.read(source).0.cloned()
}

/// What the run changes about a step: of an item, its own over those of its map step, port by port.
pub fn effective_override(overrides: &BTreeMap<StepKey, StepOverride>, key: &StepKey) -> Option<StepOverride> {
    let (of, item) = key.split();
    let general = overrides.get(&of);
    let own = item.and_then(|_| overrides.get(key));
    match (general, own) {
        (None, None) => None,
        (Some(only), None) | (None, Some(only)) => Some(only.clone()),
        (Some(general), Some(own)) => {
            let mut merged = general.clone();
            if own.prompt.is_some() {
                merged.prompt.clone_from(&own.prompt);
            }
            merged.inputs.extend(own.inputs.clone());
            Some(merged)
        }
    }
}

/// The prompt in force, unrendered: the run's override, else the step's, else the agent's own; none for kinds without one.
pub fn effective_prompt<'a>(
    step: &'a Step,
    agent: &'a AgentSpec,
    overrides: Option<&'a StepOverride>,
) -> Option<&'a str> {
    let own = agent.config.prompt()?;
    Some(overrides.and_then(|overrides| overrides.prompt.as_deref()).or(step.prompt.as_deref()).unwrap_or(own))
}

/// What an attempt is made with besides its inputs. `dependencies` are the direct ones of the definition; an item has its map step's.
pub fn basis<'a>(
    prompt: Option<&str>,
    agent_version: i32,
    dependencies: impl IntoIterator<Item = &'a StepKey>,
) -> Basis {
    Basis {
        prompt: prompt.map(|text| hash::sha256_hex(text.as_bytes())),
        agent_version,
        dependencies: hash::dependencies_hash(dependencies),
    }
}

/// The record of a port that was fed: an artifact by its content, everything else by its value, nothing as null.
fn consumed(port: &str, value: Option<&Value>, artifact: Option<&InputArtifact>) -> ConsumedInput {
    ConsumedInput {
        port: port.to_owned(),
        artifact_id: artifact.map(|artifact| artifact.id),
        version: artifact.map(|artifact| artifact.version),
        hash: artifact
            .map_or_else(|| hash::value_hash(value.unwrap_or(&Value::Null)), |artifact| artifact.value_hash.clone()),
    }
}

struct Reader<'a> {
    definition: &'a Definition,
    run_inputs: &'a BTreeMap<String, Value>,
    artifacts: &'a InputArtifacts,
    item: Option<&'a Value>,
}

impl Reader<'_> {
    fn read<'s>(&'s self, source: &'s Source) -> (Option<&'s Value>, Option<&'s InputArtifact>) {
        match source {
            Source::Const(value) => (Some(value), None),
            Source::Run { key, path } => (run_input(self.definition, self.run_inputs, key, path), None),
            Source::Step { step, artifact, path } => {
                let found = self.artifacts.get(&(step.clone(), artifact.clone()));
                (found.and_then(|found| at_path(&found.value, path)), found)
            }
            Source::Item { path } => (item_source_value(self.item, path), None),
        }
    }
}

/// The one rule for what a declared input is given: the starter's value, and where that is absent or null, its default.
pub fn given<'a>(declared: Option<&'a RunInput>, key: &str, values: &'a BTreeMap<String, Value>) -> Option<&'a Value> {
    let is_something = |value: &&Value| !value.is_null();
    values.get(key).filter(is_something).or_else(|| declared?.default.as_ref()).filter(is_something)
}

/// What a run input gives at a path.
pub fn run_input<'a>(
    definition: &'a Definition,
    run_inputs: &'a BTreeMap<String, Value>,
    key: &str,
    path: &str,
) -> Option<&'a Value> {
    given(definition.inputs.get(key), key, run_inputs).and_then(|value| at_path(value, path))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn world() -> (Definition, AgentSpec, InputArtifacts) {
        let definition = Definition::from_value(&json!({
            "inputs": {"topic": {"default": "cats"}},
            "steps": {"a": {"agent_id": "x"}, "b": {"agent_id": "x", "inputs": {
                "main": {"from": "step", "step": "a", "artifact": "out", "path": "/t"},
                "topic": {"from": "run", "key": "topic"},
                "section": {"from": "item", "path": "/title"},
                "extra": {"const": 1}}}}}))
        .unwrap();
        let agent = serde_json::from_value(json!({"id": "x", "version": 2, "name": "X",
            "inputs": [{"name": "main", "required": true}, {"name": "topic"}, {"name": "section"}],
            "outputs": [{"name": "out"}], "config": {"kind": "template", "template": "own"}}))
        .unwrap();
        let artifact = InputArtifact {
            id: ArtifactId(uuid::Uuid::from_u128(1)),
            version: 3,
            value_hash: "hash".into(),
            value: Arc::new(json!({"t": "text"})),
        };
        (definition, agent, BTreeMap::from([(("a".into(), "out".into()), artifact)]))
    }

    #[test]
    fn every_source_gives_its_value_and_its_record() {
        let (definition, agent, artifacts) = world();
        let item = json!({"title": "One"});
        let step = &definition.steps["b"];
        let resolved = resolve(&definition, step, &agent, None, &BTreeMap::new(), &artifacts, Some(&item)).unwrap();
        assert_eq!(json!(resolved.values), json!({"main": "text", "topic": "cats", "section": "One", "extra": 1}));
        let record = |port: &str| resolved.consumed.iter().find(|input| input.port == port).unwrap();
        assert_eq!((record("main").version, record("main").hash.as_str()), (Some(3), "hash"));
        assert_eq!(record("section").hash, hash::value_hash(&json!("One")));
    }

    #[test]
    fn null_for_an_input_is_its_default() {
        let (definition, agent, artifacts) = world();
        let step = &definition.steps["b"];
        let values = BTreeMap::from([("topic".to_owned(), Value::Null)]);
        let resolved = resolve(&definition, step, &agent, None, &values, &artifacts, None).unwrap();
        assert_eq!(resolved.values["topic"], json!("cats"));
        let topic = Source::Run { key: "topic".into(), path: String::new() };
        assert_eq!(value_now(&definition, &values, &artifacts, &topic), Some(json!("cats")));
        assert_eq!(given(None, "topic", &values), None);
    }

    #[test]
    fn what_gave_nothing_is_recorded_as_null_and_a_required_port_fails() {
        let (definition, agent, mut artifacts) = world();
        let step = &definition.steps["b"];
        let resolved = resolve(&definition, step, &agent, None, &BTreeMap::new(), &artifacts, None).unwrap();
        let section = resolved.consumed.iter().find(|input| input.port == "section").unwrap();
        assert_eq!(section.hash, hash::value_hash(&Value::Null));
        assert!(!resolved.values.contains_key("section"));
        artifacts.clear();
        let missing = resolve(&definition, step, &agent, None, &BTreeMap::new(), &artifacts, None).unwrap_err();
        assert_eq!(missing.port, "main");
        let null =
            StepOverride { inputs: BTreeMap::from([("main".to_owned(), Value::Null)]), ..StepOverride::default() };
        let missing = resolve(&definition, step, &agent, Some(&null), &BTreeMap::new(), &artifacts, None).unwrap_err();
        assert_eq!(missing.port, "main", "null is nothing given");
    }

    #[test]
    fn an_items_override_wins_over_its_map_steps_port_by_port() {
        let overrides = serde_json::from_value::<BTreeMap<StepKey, StepOverride>>(json!({
            "b": {"prompt": "all", "inputs": {"main": "m", "topic": "t"}}, "b[x]": {"inputs": {"main": "mine"}}}))
        .unwrap();
        let merged = effective_override(&overrides, &"b[x]".into()).unwrap();
        assert_eq!(json!(merged), json!({"prompt": "all", "inputs": {"main": "mine", "topic": "t"}}));
        assert_eq!(effective_override(&overrides, &"b[y]".into()), overrides.get("b").cloned());
        assert_eq!(effective_override(&overrides, &"c".into()), None);
    }

    #[test]
    fn the_basis_is_of_the_prompt_in_force_and_of_the_sorted_dependencies() {
        let (definition, agent, _) = world();
        let step = &definition.steps["b"];
        let over = StepOverride { prompt: Some("run's".into()), ..StepOverride::default() };
        assert_eq!(effective_prompt(step, &agent, Some(&over)), Some("run's"));
        assert_eq!(effective_prompt(step, &agent, None), Some("own"));
        let one = basis(Some("p"), 2, [&"b".into(), &"a".into()]);
        assert_eq!(one, basis(Some("p"), 2, [&"a".into(), &"b".into()]));
        assert_eq!(one.dependencies, hash::sha256_hex(b"a\nb\n"));
        assert_eq!(one.prompt, Some(hash::sha256_hex(b"p")));
    }
}
