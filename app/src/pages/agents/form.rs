//! The form of an agent: what is typed, and the agent that it stands for.
//! Must never lose a part of an agent that it was opened with.

use std::collections::BTreeMap;

use leptos::prelude::*;
use workflow::{
    AgentId, AgentSpec, Problem, ProblemCode, StepKey, TemplateId,
    agent::{
        AgentConfig, HttpConfig, HttpMethod, HumanConfig, InputPort, LlmConfig, OutputOf, OutputPort, TemplateConfig,
        WorkerConfig, WorkflowConfig,
    },
    api::SaveAgent,
    schema::Schema,
};

use crate::pages::types::TypeForm;

/// A port as it is being edited; `uid` tells rows apart while their names change.
#[derive(Clone, Copy)]
pub(super) struct PortForm {
    pub uid: u32,
    pub name: RwSignal<String>,
    pub description: RwSignal<String>,
    pub required: RwSignal<bool>,
    pub kind: TypeForm,
    /// Of a sub-workflow's output: the artifact that it is, as `encode_output` writes it.
    pub from: RwSignal<String>,
}

/// Between step and artifact; no key has it.
const SEPARATOR: char = '\n';

/// An artifact of a step as the value of a control.
pub(super) fn encode_output(of: &OutputOf) -> String {
    format!("{}{SEPARATOR}{}", of.step, of.artifact)
}

pub(super) fn decode_output(value: &str) -> Option<OutputOf> {
    let (step, artifact) = value.split_once(SEPARATOR)?;
    Some(OutputOf { step: StepKey::new(step), artifact: artifact.to_owned() })
}

/// A header of an HTTP call.
#[derive(Clone, Copy)]
pub(super) struct HeaderForm {
    pub uid: u32,
    pub name: RwSignal<String>,
    pub value: RwSignal<String>,
}

#[derive(Clone, Copy)]
pub(super) struct AgentForm {
    pub id: RwSignal<String>,
    pub name: RwSignal<String>,
    pub description: RwSignal<String>,
    pub kind: RwSignal<String>,
    pub provider: RwSignal<String>,
    pub model: RwSignal<String>,
    pub system: RwSignal<String>,
    pub prompt: RwSignal<String>,
    pub temperature: RwSignal<Option<f64>>,
    pub max_tokens: RwSignal<Option<f64>>,
    pub method: RwSignal<String>,
    pub url: RwSignal<String>,
    pub headers: RwSignal<Vec<HeaderForm>>,
    pub body: RwSignal<String>,
    pub template: RwSignal<String>,
    pub instructions: RwSignal<String>,
    /// The workflow that a step runs, and its version.
    pub workflow: RwSignal<String>,
    pub workflow_version: RwSignal<String>,
    /// What an outside worker offered.
    outside: RwSignal<Option<WorkerConfig>>,
    pub max_parallel: RwSignal<Option<f64>>,
    pub inputs: RwSignal<Vec<PortForm>>,
    pub outputs: RwSignal<Vec<PortForm>>,
    /// Problems are shown from the first try to save on: an empty form is no mistake.
    pub is_tried: RwSignal<bool>,
    last_uid: StoredValue<u32>,
    owner: StoredValue<Option<Owner>>,
}

impl AgentForm {
    pub(super) fn new(spec: &AgentSpec) -> Self {
        let form = Self {
            id: RwSignal::new(String::new()),
            name: RwSignal::new(String::new()),
            description: RwSignal::new(String::new()),
            kind: RwSignal::new(String::new()),
            provider: RwSignal::new(String::new()),
            model: RwSignal::new(String::new()),
            system: RwSignal::new(String::new()),
            prompt: RwSignal::new(String::new()),
            temperature: RwSignal::new(None),
            max_tokens: RwSignal::new(None),
            method: RwSignal::new("get".to_owned()),
            url: RwSignal::new(String::new()),
            headers: RwSignal::new(Vec::new()),
            body: RwSignal::new(String::new()),
            template: RwSignal::new(String::new()),
            instructions: RwSignal::new(String::new()),
            workflow: RwSignal::new(String::new()),
            workflow_version: RwSignal::new(String::new()),
            outside: RwSignal::new(None),
            max_parallel: RwSignal::new(None),
            inputs: RwSignal::new(Vec::new()),
            outputs: RwSignal::new(Vec::new()),
            is_tried: RwSignal::new(false),
            last_uid: StoredValue::new(0),
            owner: StoredValue::new(Owner::current()),
        };
        form.show(spec);
        form
    }

    /// What a new agent begins with: a language model that takes a text and gives one.
    pub(super) fn blank() -> AgentSpec {
        AgentSpec {
            id: AgentId::new(""),
            version: 0,
            name: String::new(),
            description: String::new(),
            inputs: vec![InputPort {
                name: "text".to_owned(),
                schema: Schema { format: "multiline".to_owned(), ..Schema::text() },
                required: true,
            }],
            outputs: vec![OutputPort { name: "text".to_owned(), schema: Schema::text() }],
            max_parallel: None,
            config: AgentConfig::Llm(LlmConfig::default()),
        }
    }

    /// Fills the form from an agent. Fields of the other kinds keep what was typed.
    pub(super) fn show(self, spec: &AgentSpec) {
        self.id.set(spec.id.to_string());
        self.name.set(spec.name.clone());
        self.description.set(spec.description.clone());
        self.kind.set(spec.kind().to_owned());
        self.max_parallel.set(spec.max_parallel.map(f64::from));
        match &spec.config {
            AgentConfig::Llm(config) => {
                self.provider.set(config.provider.clone());
                self.model.set(config.model.clone());
                self.system.set(config.system.clone());
                self.prompt.set(config.prompt.clone());
                self.temperature.set(config.temperature);
                self.max_tokens.set(config.max_tokens.map(f64::from));
            }
            AgentConfig::Http(config) => {
                self.method.set(if config.method == HttpMethod::Post { "post" } else { "get" }.to_owned());
                self.url.set(config.url.clone());
                let headers = config.headers.iter().map(|(name, value)| self.header(name, value)).collect();
                self.headers.set(headers);
                self.body.set(config.body.clone());
            }
            AgentConfig::Template(config) => self.template.set(config.template.clone()),
            AgentConfig::Human(config) => self.instructions.set(config.instructions.clone()),
            AgentConfig::Workflow(config) => {
                self.workflow.set(config.template_id.to_string());
                self.workflow_version.set(config.version.to_string());
            }
            AgentConfig::Worker(config) => self.outside.set(Some(config.clone())),
        }
        self.inputs.set(spec.inputs.iter().map(|port| self.port(&port.name, &port.schema, port.required)).collect());
        let outputs = spec.outputs.iter().map(|port| {
            let form = self.port(&port.name, &port.schema, false);
            if let AgentConfig::Workflow(config) = &spec.config
                && let Some(of) = config.outputs.get(&port.name)
            {
                form.from.set(encode_output(of));
            }
            form
        });
        self.outputs.set(outputs.collect());
    }

    /// Rows are made in event handlers too; their signals belong to the form.
    fn owned<T>(self, make: impl FnOnce() -> T) -> T {
        match self.owner.get_value() {
            Some(owner) => owner.with(make),
            None => make(),
        }
    }

    fn uid(self) -> u32 {
        self.last_uid.update_value(|uid| *uid += 1);
        self.last_uid.get_value()
    }

    pub(super) fn port(self, name: &str, schema: &Schema, required: bool) -> PortForm {
        self.owned(|| PortForm {
            uid: self.uid(),
            name: RwSignal::new(name.to_owned()),
            description: RwSignal::new(schema.description.clone()),
            required: RwSignal::new(required),
            kind: TypeForm::new(schema),
            from: RwSignal::new(String::new()),
        })
    }

    pub(super) fn header(self, name: &str, value: &str) -> HeaderForm {
        self.owned(|| HeaderForm {
            uid: self.uid(),
            name: RwSignal::new(name.to_owned()),
            value: RwSignal::new(value.to_owned()),
        })
    }

    fn config(self) -> AgentConfig {
        match self.kind.get().as_str() {
            "http" => AgentConfig::Http(HttpConfig {
                method: if self.method.get() == "post" { HttpMethod::Post } else { HttpMethod::Get },
                url: self.url.get(),
                headers: self.header_map(),
                body: self.body.get(),
            }),
            "template" => AgentConfig::Template(TemplateConfig { template: self.template.get() }),
            "human" => AgentConfig::Human(HumanConfig { instructions: self.instructions.get() }),
            "workflow" => AgentConfig::Workflow(WorkflowConfig {
                template_id: self.workflow.get().parse().unwrap_or(TemplateId(uuid::Uuid::nil())),
                version: self.workflow_version.get().parse().unwrap_or(0),
                outputs: self.output_map(),
            }),
            // What a worker offered is kept as it is.
            "worker" => AgentConfig::Worker(self.outside.get().unwrap_or_default()),
            _ => AgentConfig::Llm(LlmConfig {
                provider: self.provider.get(),
                model: self.model.get().trim().to_owned(),
                system: self.system.get(),
                prompt: self.prompt.get(),
                temperature: self.temperature.get(),
                max_tokens: self.max_tokens.get().map(whole),
            }),
        }
    }

    fn output_map(self) -> BTreeMap<String, OutputOf> {
        self.outputs.with(|ports| {
            ports
                .iter()
                .filter_map(|port| Some((port.name.get().trim().to_owned(), decode_output(&port.from.get())?)))
                .collect()
        })
    }

    /// Rows without a name are rows that were not filled in.
    fn header_map(self) -> BTreeMap<String, String> {
        self.headers.with(|headers| {
            headers
                .iter()
                .map(|header| (header.name.get().trim().to_owned(), header.value.get()))
                .filter(|(name, _)| !name.is_empty())
                .collect()
        })
    }

    /// The agent as it stands in the form, and what is wrong with it, for reactive places.
    pub(super) fn read(self) -> (AgentSpec, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut schema_of = |list: &str, n: usize, port: &PortForm| match port.kind.read() {
            Ok(schema) => Schema { description: port.description.get().trim().to_owned(), ..schema },
            Err(reason) => {
                let field = Some(format!("{list}.{n}.schema"));
                problems.push(Problem::error(None, field, ProblemCode::InvalidValue, reason));
                Schema::any()
            }
        };
        let name_of = |port: &PortForm| port.name.get().trim().to_owned();
        let inputs = self.inputs.with(|ports| {
            let ports = ports.iter().enumerate();
            ports
                .map(|(n, port)| InputPort {
                    name: name_of(port),
                    schema: schema_of("inputs", n, port),
                    required: port.required.get(),
                })
                .collect()
        });
        let outputs = self.outputs.with(|ports| {
            let ports = ports.iter().enumerate();
            ports.map(|(n, port)| OutputPort { name: name_of(port), schema: schema_of("outputs", n, port) }).collect()
        });
        let spec = AgentSpec {
            id: AgentId::new(self.id.get().trim()),
            version: 0,
            name: self.name.get().trim().to_owned(),
            description: self.description.get().trim().to_owned(),
            inputs,
            outputs,
            max_parallel: self.max_parallel.get().map(whole),
            config: self.config(),
        };
        problems.extend(spec.problems());
        // Of two rows of one name only the last would be saved.
        let names = self.headers.with(|headers| headers.iter().map(|header| header.name.get()).collect::<Vec<_>>());
        if let AgentConfig::Http(_) = &spec.config
            && let Some(twice) = names.iter().enumerate().find_map(|(n, name)| {
                let name = name.trim();
                (!name.is_empty() && names[..n].iter().any(|known| known.trim() == name)).then_some(name)
            })
        {
            let message = format!("The header `{twice}` is set twice");
            problems.push(Problem::error(
                None,
                Some(format!("config.headers.{twice}")),
                ProblemCode::Duplicate,
                message,
            ));
        }
        if let AgentConfig::Workflow(config) = &spec.config
            && (config.template_id.0.is_nil() || config.version < 1)
        {
            let field = Some("config.template_id".to_owned());
            problems.push(Problem::error(None, field, ProblemCode::UnknownWorkflow, "Choose a published workflow"));
        }
        // Its page would be this form.
        if spec.id.as_str() == "new" {
            let message = "Choose another id: `new` is the address of this form";
            problems.push(Problem::error(None, Some("id".to_owned()), ProblemCode::InvalidKey, message));
        }
        (spec, problems)
    }
}

pub(super) fn save_request(spec: AgentSpec, base_version: Option<i32>) -> SaveAgent {
    SaveAgent {
        id: spec.id,
        name: spec.name,
        description: spec.description,
        inputs: spec.inputs,
        outputs: spec.outputs,
        max_parallel: spec.max_parallel,
        config: spec.config,
        base_version,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of u32 right before")]
fn whole(number: f64) -> u32 {
    number.round().clamp(0.0, f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_agent_comes_out_of_the_form_as_it_went_in() {
        let owner = Owner::new();
        owner.with(|| {
            for document in [
                json!({"id": "sum", "name": "Sum", "description": "D",
                    "inputs": [{"name": "text", "schema": {"type": "string", "format": "multiline", "description": "What"}, "required": true}],
                    "outputs": [{"name": "out", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}],
                    "config": {"kind": "llm", "provider": "local", "model": "m", "system": "s", "prompt": "{{ text }}", "temperature": 0.3, "max_tokens": 120}}),
                json!({"id": "get", "name": "Get", "outputs": [{"name": "body", "schema": {}}],
                    "config": {"kind": "http", "method": "POST", "url": "https://h/u", "headers": {"Accept": "text/plain"}, "body": "b"}}),
                json!({"id": "t", "name": "T", "outputs": [{"name": "out", "schema": {"enum": [1, 2]}}],
                    "config": {"kind": "template", "template": "x"}}),
            ] {
                let spec: AgentSpec = serde_json::from_value(document).unwrap();
                let (read, problems) = AgentForm::new(&spec).read();
                assert_eq!(read, spec);
                assert_eq!(problems, []);
            }
        });
    }

    #[test]
    fn a_wrong_schema_is_a_problem_at_its_port() {
        let owner = Owner::new();
        owner.with(|| {
            let form = AgentForm::new(&AgentForm::blank());
            form.outputs.with_untracked(|ports| {
                ports[0].kind.word.set("custom".into());
                ports[0].kind.custom.set("{".into());
            });
            let fields: Vec<_> = form.read().1.into_iter().filter_map(|problem| problem.field).collect();
            assert_eq!(fields, ["outputs.0.schema", "id", "name", "config.prompt"]);
        });
    }
}
