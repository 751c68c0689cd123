//! What a run knows of its steps beside the definition: the agents they are pinned to, what they give when they fail, and which limits
//! across runs they are under. Made once, when a run begins or moves, and told by that event: deciding never looks into the library.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    AgentCatalog, AgentSpec, Definition, Plan, Step,
    agent::OutputPort,
    hash,
    id::{AgentId, StepKey},
    resolve::run_input,
    schema::Kind,
    source::Source,
};

/// Characters of a concurrency key that is kept as it was given. An index takes no row of more than some 2,700 bytes, and a run's input
/// may have millions.
const MAX_KEY_CHARS: usize = 500;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StepPlan {
    pub key: StepKey,
    pub title: String,
    pub agent_id: AgentId,
    pub agent_version: i32,
    /// What it is claimed by: `AgentSpec::queue`.
    pub kind: String,
    /// SHA-256 of the agent version's own prompt; absent for kinds without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_hash: Option<String>,
    /// What `on_error: default` completes the step with; its content is in the definition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub defaults: Vec<DefaultOutput>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyLimit>,
    /// Its agent says that a second try would act twice outside, whatever the step says.
    #[serde(default, skip_serializing_if = "crate::view::is_zero")]
    pub acts_outside: bool,
}

impl StepPlan {
    /// The kind of its agent alone.
    pub fn word(&self) -> &str {
        self.kind.split(':').next().unwrap_or_default()
    }

    /// What people call the step, or the item of it that has this key.
    pub fn title_of(&self, key: &StepKey) -> String {
        match key.split().1 {
            Some(item) => format!("{} [{item}]", self.title),
            None => self.title.clone(),
        }
    }

    /// Whether it is a form, which a person answers.
    pub fn is_form(&self) -> bool {
        self.kind == "human"
    }

    /// Whether these are its concurrency keys, however many steps each lets.
    pub fn is_under(&self, limits: &[KeyLimit]) -> bool {
        self.keys.iter().map(|limit| &limit.key).eq(limits.iter().map(|limit| &limit.key))
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DefaultOutput {
    pub name: String,
    pub media_type: String,
    pub content_hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_hash: Option<String>,
    pub size: i64,
}

/// A limit across runs: at most `max` steps hold the key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct KeyLimit {
    pub key: String,
    pub max: u32,
}

/// The steps of a definition, every step after its dependencies.
pub fn plans(
    definition: &Definition,
    plan: &Plan,
    agents: &AgentCatalog,
    inputs: &BTreeMap<String, Value>,
) -> Vec<StepPlan> {
    let planned = plan.order.iter().filter_map(|key| {
        let (step, planned) = (definition.steps.get(key)?, plan.steps.get(key)?);
        let agent = agents.get(&planned.agent_id, planned.agent_version);
        let outputs = step.default_output.as_ref().zip(agent);
        Some(StepPlan {
            key: key.clone(),
            title: step.title_or(key).to_owned(),
            agent_id: planned.agent_id.clone(),
            agent_version: planned.agent_version.unwrap_or_default(),
            kind: agent.map(AgentSpec::queue).unwrap_or_default(),
            prompt_hash: agent.and_then(|agent| agent.config.prompt()).map(|text| hash::sha256_hex(text.as_bytes())),
            defaults: outputs.map(|(outputs, agent)| defaults(agent, outputs)).unwrap_or_default(),
            keys: keys(definition, step, agent, inputs),
            acts_outside: agent.is_some_and(AgentSpec::acts_outside),
        })
    });
    planned.collect()
}

fn keys(
    definition: &Definition,
    step: &Step,
    agent: Option<&AgentSpec>,
    inputs: &BTreeMap<String, Value>,
) -> Vec<KeyLimit> {
    let of_agent = agent.and_then(|agent| {
        let max = agent.max_parallel?;
        // What was not saved yet takes its places among those of the saved one.
        Some(KeyLimit { key: format!("agent:{}", agent.id.saved()), max })
    });
    let of_step = step.concurrency.as_ref().and_then(|concurrency| {
        let text = key_text(definition, &concurrency.key, inputs)?;
        Some(KeyLimit { key: format!("key:{}", bounded(text)), max: concurrency.limit })
    });
    // In one order everywhere: who takes several keys takes them sorted.
    let mut keys: Vec<KeyLimit> = of_agent.into_iter().chain(of_step).collect();
    keys.sort();
    keys
}

fn key_text(definition: &Definition, source: &Source, inputs: &BTreeMap<String, Value>) -> Option<String> {
    let value = match source {
        Source::Const(value) => Some(value),
        Source::Run { key, path } => run_input(definition, inputs, key, path),
        Source::Step { .. } | Source::Item { .. } => None,
    }?;
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(hash::canonical_json(other)),
    }
}

/// The same text for the same key, and another for another, however long they are.
fn bounded(text: String) -> String {
    match text.char_indices().nth(MAX_KEY_CHARS) {
        None => text,
        Some((end, _)) => format!("{}… {}", text.get(..end).unwrap_or_default(), hash::sha256_hex(text.as_bytes())),
    }
}

fn defaults(agent: &AgentSpec, outputs: &Value) -> Vec<DefaultOutput> {
    let made = agent.outputs.iter().filter_map(|port| {
        let (media_type, content) = default_content(port, outputs.get(&port.name)?);
        let value_hash = match media_type {
            "application/json" => hash::content_and_value(content.as_bytes(), outputs.get(&port.name)?),
            _ => None,
        };
        Some(DefaultOutput {
            name: port.name.clone(),
            media_type: media_type.to_owned(),
            content_hash: hash::sha256_hex(content.as_bytes()),
            value_hash: value_hash.map(|(_, value)| value),
            size: i64::try_from(content.len()).unwrap_or(i64::MAX),
        })
    });
    made.collect()
}

/// A default output as content: text stays text, in the type that the agent would have given it; everything else is JSON as its author
/// wrote it.
pub fn default_content(port: &OutputPort, value: &Value) -> (&'static str, String) {
    match value {
        Value::String(text) if port.schema.kind == Some(Kind::String) => {
            let media_type = if port.schema.format == "markdown" { "text/markdown" } else { "text/plain" };
            (media_type, text.clone())
        }
        other => ("application/json", other.to_string()),
    }
}
