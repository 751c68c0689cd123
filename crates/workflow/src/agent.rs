//! Agents as library objects: typed ports and the configuration of each kind. What a kind *does* lives in the `agents` crate.
//! A version is immutable; nothing here may hold a secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{
    id::{AgentId, StepKey, TemplateId},
    json::Tagged,
    limits,
    problem::{Problem, ProblemCode},
    schema::{Kind, Schema},
    template::{Target, sentence},
};

/// One immutable version of an agent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
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

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputPort {
    pub name: String,
    #[serde(default)]
    pub schema: Schema,
    #[serde(default)]
    pub required: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputPort {
    pub name: String,
    #[serde(default)]
    pub schema: Schema,
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
            other => Err(D::Error::unknown_variant(other, &["llm", "http", "template", "human", "workflow"])),
        }
    }
}

/// Asks a language model. A first output that is no text makes the model answer in JSON of that schema.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
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

/// Calls a URL. The first output is the body: text, or JSON where its schema is no text.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    pub method: HttpMethod,
    /// A template; each inserted value is percent-encoded.
    pub url: String,
    /// Name to template.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A template; empty sends no body.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    #[default]
    Get,
    Post,
}

/// Renders a template over the inputs. A first output that is no text must render to JSON of its schema.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TemplateConfig {
    pub template: String,
}

/// Asks a person: the outputs are the fields of the form, the answers its artifacts. The step's review says who is asked and until when.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HumanConfig {
    /// What the person is asked, a template over the inputs.
    pub instructions: String,
}

/// Runs a published version of a template as one step: the inputs are its inputs by name.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowConfig {
    pub template_id: TemplateId,
    pub version: i32,
    /// Which artifact of the run each output is.
    pub outputs: BTreeMap<String, OutputOf>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
        }
    }

    /// The text that a step or a run may override, if the kind has one.
    pub fn prompt(&self) -> Option<&str> {
        match self {
            Self::Llm(config) => Some(&config.prompt),
            Self::Template(config) => Some(&config.template),
            Self::Human(config) => Some(&config.instructions),
            Self::Http(_) | Self::Workflow(_) => None,
        }
    }

    /// The same configuration with another prompt; kinds without one are returned as they are.
    #[must_use]
    pub fn with_prompt(&self, prompt: &str) -> Self {
        match self.clone() {
            Self::Llm(config) => Self::Llm(LlmConfig { prompt: prompt.to_owned(), ..config }),
            Self::Template(_) => Self::Template(TemplateConfig { template: prompt.to_owned() }),
            Self::Human(_) => Self::Human(HumanConfig { instructions: prompt.to_owned() }),
            promptless @ (Self::Http(_) | Self::Workflow(_)) => promptless,
        }
    }
}

impl AgentSpec {
    pub fn kind(&self) -> &'static str {
        self.config.kind()
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

    /// What is wrong with the agent itself, before it may be saved.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut error = |field: String, code: ProblemCode, message: String| {
            problems.push(Problem::error(None, Some(field), code, message));
        };
        if !self.id.is_well_formed() {
            error(
                "id".into(),
                ProblemCode::InvalidKey,
                "Use lower-case letters, digits, `_` and `-`, beginning with a letter, at most 64 characters".into(),
            );
        }
        if self.name.trim().is_empty() || self.name.chars().count() > limits::MAX_NAME_CHARS {
            error("name".into(), ProblemCode::InvalidValue, "Give the agent a name of 1 to 200 characters".into());
        }
        if self.description.chars().count() > limits::MAX_DESCRIPTION_CHARS {
            error(
                "description".into(),
                ProblemCode::InvalidValue,
                "Keep the description under 4,000 characters".into(),
            );
        }
        for (list, names) in [
            ("inputs", self.inputs.iter().map(|port| &port.name).collect::<Vec<_>>()),
            ("outputs", self.outputs.iter().map(|port| &port.name).collect()),
        ] {
            for (n, name) in names.iter().enumerate() {
                if !is_port_name(name) {
                    error(
                        format!("{list}.{n}.name"),
                        ProblemCode::InvalidKey,
                        format!("`{name}` is no port name: use letters, digits and `_`, beginning with a letter"),
                    );
                } else if names[..n].contains(name) {
                    error(
                        format!("{list}.{n}.name"),
                        ProblemCode::Duplicate,
                        format!("The name `{name}` is used twice"),
                    );
                }
            }
        }
        for (list, schemas) in [
            ("inputs", self.inputs.iter().map(|port| &port.schema).collect::<Vec<_>>()),
            ("outputs", self.outputs.iter().map(|port| &port.schema).collect()),
        ] {
            for (n, schema) in schemas.iter().enumerate() {
                for (at, fault) in schema.problems() {
                    error(format!("{list}.{n}.schema{at}"), ProblemCode::InvalidValue, fault);
                }
            }
        }
        if self.max_parallel.is_some_and(|n| !(1..=limits::MAX_PARALLEL).contains(&n)) {
            error("max_parallel".into(), ProblemCode::InvalidValue, "Allow from 1 to 10,000 attempts at once".into());
        }
        if self.outputs.is_empty() {
            error("outputs".into(), ProblemCode::MissingOutput, "Add at least one output".into());
        }
        self.config_problems(&mut problems);
        problems
    }

    /// What is wrong with the configuration of its kind.
    fn config_problems(&self, problems: &mut Vec<Problem>) {
        let mut error = |field: String, code: ProblemCode, message: String| {
            problems.push(Problem::error(None, Some(field), code, message));
        };
        for (field, template, target) in self.templates() {
            for (code, message) in self.template_faults(template, target) {
                error(field.clone(), code, message);
            }
        }
        match &self.config {
            AgentConfig::Llm(config) => {
                if config.prompt.trim().is_empty() {
                    error(
                        "config.prompt".into(),
                        ProblemCode::InvalidValue,
                        "Write the prompt that the model is asked".into(),
                    );
                }
                if config.temperature.is_some_and(|t| !(0.0..=2.0).contains(&t)) {
                    error(
                        "config.temperature".into(),
                        ProblemCode::InvalidValue,
                        "Use a temperature from 0 to 2".into(),
                    );
                }
                if config.max_tokens == Some(0) {
                    error("config.max_tokens".into(), ProblemCode::InvalidValue, "Allow at least 1 token".into());
                }
            }
            AgentConfig::Http(config) => {
                if config.url.trim().is_empty() {
                    error("config.url".into(), ProblemCode::InvalidValue, "Give the address to call".into());
                }
                for (name, fault) in config.header_faults() {
                    error(format!("config.headers.{name}"), ProblemCode::InvalidValue, fault);
                }
                if let Err(fault) = config.body_kind(&self.inputs) {
                    error("config.headers".into(), ProblemCode::InvalidValue, sentence(&fault));
                }
                if config.method == HttpMethod::Get && !config.body.is_empty() {
                    error(
                        "config.body".into(),
                        ProblemCode::InvalidValue,
                        "A GET request has no body; use POST".into(),
                    );
                }
            }
            AgentConfig::Human(config) => {
                if config.instructions.trim().is_empty() {
                    error(
                        "config.instructions".into(),
                        ProblemCode::InvalidValue,
                        "Write what the person is asked".into(),
                    );
                }
            }
            AgentConfig::Workflow(config) => {
                for port in self.outputs.iter().filter(|port| !config.outputs.contains_key(&port.name)) {
                    error(
                        format!("config.outputs.{}", port.name),
                        ProblemCode::MissingOutput,
                        format!("Say which artifact of the sub-workflow the output `{}` is", port.name),
                    );
                }
            }
            AgentConfig::Template(config) => {
                if config.template.is_empty() {
                    error("config.template".into(), ProblemCode::InvalidValue, "Write the template".into());
                }
            }
        }
    }

    /// Each template of the configuration with its field, and with what it becomes.
    fn templates(&self) -> Vec<(String, &str, Target)> {
        match &self.config {
            AgentConfig::Llm(config) => vec![
                ("config.prompt".to_owned(), config.prompt.as_str(), Target::Text),
                ("config.system".to_owned(), config.system.as_str(), Target::Text),
            ],
            AgentConfig::Template(config) => {
                vec![("config.template".to_owned(), config.template.as_str(), Target::Text)]
            }
            AgentConfig::Human(config) => {
                vec![("config.instructions".to_owned(), config.instructions.as_str(), Target::Text)]
            }
            AgentConfig::Http(config) => {
                let headers = config.headers.iter();
                let headers =
                    headers.map(|(name, value)| (format!("config.headers.{name}"), value.as_str(), Target::Header));
                let url =
                    (!config.url.trim().is_empty()).then(|| ("config.url".to_owned(), config.url.trim(), Target::Url));
                let body = config
                    .body_kind(&self.inputs)
                    .ok()
                    .filter(|_| !config.body.trim().is_empty())
                    .map(|kind| ("config.body".to_owned(), config.body.as_str(), Target::Body(kind)));
                url.into_iter().chain(headers).chain(body).collect()
            }
            AgentConfig::Workflow(_) => Vec::new(),
        }
    }

    /// Whether the main output is text; otherwise it is JSON.
    pub fn answers_in_text(&self) -> bool {
        self.outputs.first().is_none_or(|port| port.schema.kind == Some(Kind::String))
    }
}

fn is_port_name(name: &str) -> bool {
    name.len() <= 64
        && name.chars().next().is_some_and(|c| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
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
