//! What is wrong with an agent, before it may be saved, and with a prompt that stands in for its own.
//! It never stops early: a half-written agent is a normal value with problems.

use std::collections::BTreeSet;

use super::{
    AgentConfig, AgentSpec,
    http::{HttpConfig, HttpMethod},
    port,
};
use crate::{
    limits,
    problem::{Problem, ProblemCode},
    secret,
    template::{self, Target, sentence},
};

impl AgentSpec {
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
        if self.max_parallel.is_some_and(|n| !(1..=limits::MAX_PARALLEL).contains(&n)) {
            error("max_parallel".into(), ProblemCode::InvalidValue, "Allow from 1 to 10,000 attempts at once".into());
        }
        if self.outputs.is_empty() {
            error("outputs".into(), ProblemCode::MissingOutput, "Add at least one output".into());
        }
        self.port_problems(&mut problems);
        self.config_problems(&mut problems);
        problems
    }

    /// What is wrong with names and types of ports.
    fn port_problems(&self, problems: &mut Vec<Problem>) {
        let mut error = |field: String, code: ProblemCode, message: String| {
            problems.push(Problem::error(None, Some(field), code, message));
        };
        let inputs: Vec<_> = self.inputs.iter().map(|port| (port.name.as_str(), &port.schema)).collect();
        let outputs: Vec<_> = self.outputs.iter().map(|port| (port.name.as_str(), &port.schema)).collect();
        for (list, ports) in [("inputs", inputs), ("outputs", outputs)] {
            if ports.len() > limits::MAX_PORTS {
                error(
                    list.into(),
                    ProblemCode::InvalidValue,
                    format!("There are {} of them; an agent has at most {}", ports.len(), limits::MAX_PORTS),
                );
            }
            let mut known = BTreeSet::new();
            for (n, (name, schema)) in ports.into_iter().enumerate().take(limits::MAX_PORTS) {
                let is_new = known.insert(name);
                if !port::is_name(name) {
                    error(
                        format!("{list}.{n}.name"),
                        ProblemCode::InvalidKey,
                        format!("`{name}` is no port name: use letters, digits and `_`, beginning with a letter"),
                    );
                } else if !is_new {
                    error(
                        format!("{list}.{n}.name"),
                        ProblemCode::Duplicate,
                        format!("The name `{name}` is used twice"),
                    );
                }
                for (at, fault) in schema.problems() {
                    error(format!("{list}.{n}.schema{at}"), ProblemCode::InvalidValue, fault);
                }
            }
        }
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
            AgentConfig::Http(config) => self.http_problems(config, &mut error),
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
            AgentConfig::Worker(config) => {
                if config.hash != super::offer_hash(&self.inputs, &self.outputs, config.side_effects) {
                    error(
                        "config.hash".into(),
                        ProblemCode::InvalidValue,
                        "The ports are not those that the worker offers: change them there, and accept its next offer"
                            .into(),
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

    fn http_problems(&self, config: &HttpConfig, error: &mut impl FnMut(String, ProblemCode, String)) {
        if config.url.trim().is_empty() {
            error("config.url".into(), ProblemCode::InvalidValue, "Give the address to call".into());
        }
        for (name, fault) in config.header_faults() {
            error(format!("config.headers.{name}"), ProblemCode::InvalidValue, fault);
        }
        for (name, value) in &config.headers {
            if let Err(fault) = secret::parts(value) {
                error(format!("config.headers.{name}"), ProblemCode::InvalidValue, sentence(&fault.to_string()));
            }
        }
        for (field, text) in [("config.url", &config.url), ("config.body", &config.body)] {
            if secret::mentions(text) {
                let fault = "A secret is sent in a header only: addresses and bodies are written down in many places";
                error(field.into(), ProblemCode::InvalidValue, fault.into());
            }
        }
        if let Err(fault) = config.body_kind(&self.inputs) {
            error("config.headers".into(), ProblemCode::InvalidValue, sentence(&fault));
        }
        if config.method == HttpMethod::Get && !config.body.is_empty() {
            error("config.body".into(), ProblemCode::InvalidValue, "A GET request has no body; use POST".into());
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
            AgentConfig::Workflow(_) | AgentConfig::Worker(_) => Vec::new(),
        }
    }

    /// What is wrong with a prompt of this agent, in the words of one problem each.
    pub fn prompt_faults(&self, prompt: &str) -> Vec<(ProblemCode, String)> {
        self.template_faults(prompt, Target::Text)
    }

    fn template_faults(&self, source: &str, target: Target) -> Vec<(ProblemCode, String)> {
        let inputs: Vec<_> = self.inputs.iter().map(|port| (port.name.as_str(), &port.schema)).collect();
        template::check(source, &inputs, target).into_iter().map(|fault| (fault.code, fault.message(source))).collect()
    }
}
