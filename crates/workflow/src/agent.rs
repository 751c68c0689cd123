//! Agents as library objects: typed ports and the configuration of each kind. What a kind *does* lives in the `agents` crate.
//! A version is immutable; nothing here may hold a secret.

mod difference;
mod http;
mod port;
mod problems;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

pub use difference::differences;
pub use http::{HttpConfig, HttpMethod};
pub use port::{InputPort, OutputPort, port_words};
pub use worker::{SideEffects, WorkerConfig, matches, offer_hash, queue, queued};

use crate::{
    id::{AgentId, StepKey, TemplateId},
    json::Tagged,
    schema::Kind,
};

/// One immutable version of an agent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentSpec {
    pub id: AgentId,
    #[serde(default)]
    pub version: i32,
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub inputs: Vec<InputPort>,
    #[serde(default)]
    pub outputs: Vec<OutputPort>,
    /// Attempts of this agent that run at once, over all runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u32>,
    pub config: AgentConfig,
}

/// The kind of an agent and its configuration.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AgentConfig {
    Llm(LlmConfig),
    Http(HttpConfig),
    Template(TemplateConfig),
    Human(HumanConfig),
    Workflow(WorkflowConfig),
    Worker(WorkerConfig),
}

impl<'de> Deserialize<'de> for AgentConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tagged = Tagged::read(deserializer, "kind")?;
        match tagged.tag.as_str() {
            "llm" => tagged.rest().map(Self::Llm),
            "http" => tagged.rest().map(Self::Http),
            "template" => tagged.rest().map(Self::Template),
            "human" => tagged.rest().map(Self::Human),
            "workflow" => tagged.rest().map(Self::Workflow),
            "worker" => tagged.rest().map(Self::Worker),
            other => Err(D::Error::unknown_variant(other, &["llm", "http", "template", "human", "workflow", "worker"])),
        }
    }
}

/// Asks a language model. A first output that is no text makes the model answer in JSON of that schema.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct LlmConfig {
    /// The provider's name, as in `WEFT_PROVIDER_<NAME>_*`; empty for the only or the default one.
    pub provider: String,
    /// Empty for the provider's own model.
    pub model: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub system: String,
    /// The user prompt, a template over the inputs.
    pub prompt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
}

/// Renders a template over the inputs. A first output that is no text must render to JSON of its schema.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TemplateConfig {
    pub template: String,
}

/// Asks a person: the outputs are the fields of the form, the answers its artifacts. The step's review says who is asked and until when.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct HumanConfig {
    /// What the person is asked, a template over the inputs.
    pub instructions: String,
}

/// Runs a published version of a template as one step: the inputs are its inputs by name.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WorkflowConfig {
    pub template_id: TemplateId,
    pub version: i32,
    /// Which artifact of the run each output is.
    pub outputs: BTreeMap<String, OutputOf>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OutputOf {
    pub step: StepKey,
    pub artifact: String,
}

impl AgentConfig {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Llm(_) => "llm",
            Self::Http(_) => "http",
            Self::Template(_) => "template",
            Self::Human(_) => "human",
            Self::Workflow(_) => "workflow",
            Self::Worker(_) => "worker",
        }
    }

    /// The text that a step or a run may override, if the kind has one.
    pub fn prompt(&self) -> Option<&str> {
        match self {
            Self::Llm(config) => Some(&config.prompt),
            Self::Template(config) => Some(&config.template),
            Self::Human(config) => Some(&config.instructions),
            Self::Http(_) | Self::Workflow(_) | Self::Worker(_) => None,
        }
    }
}

impl AgentSpec {
    pub fn kind(&self) -> &'static str {
        self.config.kind()
    }

    /// Whether a second try would act twice outside, as the agent itself says.
    pub fn acts_outside(&self) -> bool {
        matches!(&self.config, AgentConfig::Worker(config) if config.side_effects == SideEffects::External)
    }

    /// What its steps are claimed by: the kind, and for an outside agent also its id and the ports that it was accepted with, so that
    /// tasks go only to sessions that offer these.
    pub fn queue(&self) -> String {
        match &self.config {
            AgentConfig::Worker(config) => queue(&self.id, &config.hash),
            config => config.kind().to_owned(),
        }
    }

    pub fn requires(&self, port: &str) -> bool {
        self.input(port).is_some_and(|known| known.required)
    }

    pub fn input(&self, name: &str) -> Option<&InputPort> {
        self.inputs.iter().find(|port| port.name == name)
    }

    pub fn output(&self, name: &str) -> Option<&OutputPort> {
        self.outputs.iter().find(|port| port.name == name)
    }

    /// Whether the main output is text; otherwise it is JSON.
    pub fn answers_in_text(&self) -> bool {
        self.outputs.first().is_none_or(|port| port.schema.kind == Some(Kind::String))
    }
}

/// The agents a definition may refer to: the latest version of each, and every pinned version that is needed.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct AgentCatalog {
    agents: BTreeMap<AgentId, BTreeMap<i32, AgentSpec>>,
}

impl AgentCatalog {
    pub fn new(specs: impl IntoIterator<Item = AgentSpec>) -> Self {
        let mut catalog = Self::default();
        for spec in specs {
            catalog.insert(spec);
        }
        catalog
    }

    pub fn insert(&mut self, spec: AgentSpec) {
        self.agents.entry(spec.id.clone()).or_default().insert(spec.version, spec);
    }

    pub fn knows(&self, id: &AgentId) -> bool {
        self.agents.contains_key(id)
    }

    /// The pinned version, or the latest where none is pinned.
    pub fn get(&self, id: &AgentId, version: Option<i32>) -> Option<&AgentSpec> {
        let versions = self.agents.get(id)?;
        match version {
            Some(version) => versions.get(&version),
            None => versions.values().next_back(),
        }
    }

    /// The latest version of every agent, by id.
    pub fn latest(&self) -> impl Iterator<Item = &AgentSpec> {
        self.agents.values().filter_map(|versions| versions.values().next_back())
    }
}
