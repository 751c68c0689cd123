//! Templates over a step's inputs: the `template` kind, and the prompts, addresses and bodies of the other kinds.
//! People write them into a running server, so what a template may cost is known before it runs here; all others run in the sandbox.
//! A render must never reach a file, the network, or another step's data, and ends when nobody waits for it.

mod bounds;
mod compare;
mod filters;
mod lists;
mod numbers;
mod ops;
mod plain;
mod program;
mod rewrite;
mod values;
mod write;

use std::{collections::BTreeMap, ops::Range, sync::LazyLock};

use async_trait::async_trait;
use minijinja::{Environment, ErrorKind, Value, machinery::ast::Stmt};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use workflow::{agent::AgentConfig, limits::MAX_PROMPT_BYTES, status::Reason, template as grammar};

use crate::{Agent, AgentContext, AgentError, Sandbox, StepInput, StepOutput, output};

pub(crate) use write::{Insert, PercentEncoder};

/// Fuel of a render in this process besides what its inputs take: about a millisecond. Almost every template ends within it.
const QUICK_FUEL: u64 = 20_000;
/// Fuel of a render in the sandbox besides what its inputs take: some tens of milliseconds and of MiB.
const SANDBOX_FUEL: u64 = 300_000;
/// Bytes of inputs up to which a template is rendered in this process.
const MAX_QUICK_BYTES: usize = 1024 * 1024;
/// Bytes of all inputs that a template can be given.
const MAX_INPUT_BYTES: usize = 32 * 1024 * 1024;

pub(crate) const TOO_MUCH_WORK: &str = "it does too much work: loop over less, or give it smaller inputs";

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(filters::environment);
static JSON_ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(filters::json_environment);

/// What a template sees: the step's values, null for each declared port without one, and as `feedback` and `previous` what a person
/// rejected (null in the first round), where no value has that name.
pub(crate) struct Scope<'a> {
    values: BTreeMap<String, Json>,
    names: Vec<String>,
    n_bytes: usize,
    sandbox: Option<&'a Sandbox>,
}

/// What a child of the sandbox is asked, as it is written.
#[derive(Serialize)]
struct Asked<'a> {
    what: &'a str,
    source: &'a str,
    insert: Insert,
    values: &'a BTreeMap<String, Json>,
    names: &'a [String],
}

/// The same, as the child reads it.
#[derive(Deserialize)]
struct Request<'a> {
    what: &'a str,
    source: String,
    insert: Insert,
    #[serde(deserialize_with = "workflow::json::exact")]
    values: BTreeMap<String, Json>,
    names: Vec<String>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(input: &StepInput, sandbox: Option<&'a Sandbox>) -> Result<Self, AgentError> {
        let (feedback, previous) = match &input.revision {
            None => (Json::Null, Json::Null),
            Some(revision) => {
                (revision.feedback.clone().into(), Json::Object(revision.previous.clone().into_iter().collect()))
            }
        };
        let ports = input.spec.inputs.iter().map(|port| (port.name.clone(), Json::Null));
        let given = input.values.iter().map(|(name, value)| (name.clone(), value.clone()));
        let round = [("feedback".to_owned(), feedback), ("previous".to_owned(), previous)];
        let values: BTreeMap<String, Json> = ports.chain(round).chain(given).collect();
        let n_bytes = values.values().map(size).sum();
        if n_bytes > MAX_INPUT_BYTES {
            return Err(AgentError::new(
                Reason::Template,
                format!("The inputs take {} MiB together, but a template reads at most 32 MiB", n_bytes >> 20),
            ));
        }
        let names = values.keys().filter(|name| input.is_port(name)).cloned().collect();
        Ok(Self { values, names, n_bytes, sandbox })
    }

    /// Renders a template; `what` names it in messages, such as "The prompt". Dropping this ends the work.
    pub(crate) async fn render(&self, what: &'static str, source: &str, insert: Insert) -> Result<String, AgentError> {
        if source.len() > MAX_PROMPT_BYTES {
            return Err(AgentError::new(
                Reason::Template,
                format!("{what} is longer than {} KiB: pass long texts as inputs", MAX_PROMPT_BYTES / 1024),
            ));
        }
        if !source.contains('{') {
            return Ok(source.to_owned());
        }
        if let Some(result) = self.render_here(what, source, insert)? {
            return Ok(result);
        }
        let Some(sandbox) = self.sandbox else {
            return Err(AgentError::new(
                Reason::Template,
                format!("{what} cannot be rendered: it needs the sandbox, which this process was not given"),
            ));
        };
        let asked = Asked { what, source, insert, values: &self.values, names: &self.names };
        let request = serde_json::to_vec(&asked)
            .map_err(|error| AgentError::new(Reason::Template, "The inputs cannot be passed on").with_source(error))?;
        sandbox.run(what, &request).await
    }

    /// The text of a template that is plain, small and cheap; nothing for the others.
    fn render_here(&self, what: &str, source: &str, insert: Insert) -> Result<Option<String>, AgentError> {
        let parsed = parsed(what, source)?;
        let is_plain = matches!(&parsed, Stmt::Template(template) if plain::is_plain(&template.children));
        if !is_plain || self.n_bytes > MAX_QUICK_BYTES {
            return Ok(None);
        }
        let fuel = QUICK_FUEL + 4 * bounds::fuel_for(self.n_bytes);
        match run(source, &parsed, &self.values, insert, fuel, false) {
            Ok(text) => Ok(Some(text)),
            Err(fault) if fault.error.kind() == ErrorKind::OutOfFuel && self.sandbox.is_some() => Ok(None),
            Err(fault) => Err(explain(what, source, &self.names, &fault)),
        }
    }
}

/// What the sandbox's child does with a request.
pub(crate) fn render_request(request: &[u8]) -> Result<String, AgentError> {
    let request: Request<'_> = serde_json::from_slice(request)
        .map_err(|error| AgentError::new(Reason::Server, "The sandbox was asked in a wrong way").with_source(error))?;
    let parsed = parsed(request.what, &request.source)?;
    let n_bytes: usize = request.values.values().map(size).sum();
    let fuel = SANDBOX_FUEL + 2 * bounds::fuel_for(n_bytes);
    run(&request.source, &parsed, &request.values, request.insert, fuel, true)
        .map_err(|fault| explain(request.what, &request.source, &request.names, &fault))
}

fn parsed<'a>(what: &str, source: &'a str) -> Result<Stmt<'a>, AgentError> {
    grammar::parse(source).map_err(|fault| {
        AgentError::new(Reason::Template, format!("{what} cannot be rendered: line {}: {}", fault.line, fault.reason))
    })
}

fn run(
    source: &str,
    parsed: &Stmt<'_>,
    values: &BTreeMap<String, Json>,
    insert: Insert,
    fuel: u64,
    is_careful: bool,
) -> Result<String, program::Fault> {
    let root = Value::from_pairs(values.iter().map(|(name, value)| (name.as_str(), values::from_json(value))));
    let env = if insert == Insert::IntoJson { &JSON_ENVIRONMENT } else { &ENVIRONMENT };
    program::run(env, source, parsed, root, is_careful, insert, fuel)
}

fn explain(what: &str, source: &str, names: &[String], fault: &program::Fault) -> AgentError {
    if fault.is_full {
        return AgentError::new(
            Reason::OutputTooLarge,
            format!("{what} becomes longer than {} MiB", bounds::MAX_RENDERED_BYTES >> 20),
        );
    }
    let error = &fault.error;
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    let reason = match error.kind() {
        ErrorKind::OutOfFuel => TOO_MUCH_WORK.to_owned(),
        ErrorKind::UndefinedError => {
            let place = error.range().map_or("something", |range| name_at(source, range));
            format!("there is no `{place}`; the inputs are {}", list(names))
        }
        kind => error.detail().map_or_else(|| kind.to_string(), str::to_owned),
    };
    AgentError::new(Reason::Template, format!("{what} cannot be rendered: {line}{reason}"))
}

/// The dotted name at a place that may point only at its last attributes.
fn name_at(source: &str, range: Range<usize>) -> &str {
    let before = source.get(..range.start).unwrap_or_default();
    let start = before.trim_end_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.')).len();
    source.get(start..range.end).unwrap_or("something")
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    }
}

/// Bytes that a value holds, roughly as a template's fuel counts them.
fn size(value: &Json) -> usize {
    let mut n_bytes = 0;
    let mut stack = vec![value];
    while let Some(value) = stack.pop() {
        n_bytes += 32;
        match value {
            Json::String(text) => n_bytes += text.len(),
            Json::Array(items) => stack.extend(items),
            Json::Object(map) => {
                n_bytes += map.keys().map(String::len).sum::<usize>();
                stack.extend(map.values());
            }
            // Its digits, of which there may be any number.
            Json::Number(number) => n_bytes += number.to_string().len(),
            _ => {}
        }
    }
    n_bytes
}

/// The `template` kind: its output is the rendered text.
pub(crate) struct TemplateAgent {
    pub(crate) sandbox: Option<Sandbox>,
}

#[async_trait]
impl Agent for TemplateAgent {
    async fn run(&self, input: StepInput, ctx: &AgentContext) -> Result<StepOutput, AgentError> {
        let AgentConfig::Template(config) = &input.spec.config else {
            return Err(AgentError::wrong_kind(&input.spec));
        };
        let source = input.prompt.as_deref().unwrap_or(&config.template);
        let scope = Scope::new(&input, self.sandbox.as_ref())?;
        let text = tokio::select! {
            biased;
            () = ctx.cancel.cancelled() => return Err(AgentError::stopped()),
            text = scope.render("The template", source, Insert::AsIs) => text?,
        };
        let outputs = output::from_text(&input.spec, text)
            .map_err(|fault| AgentError::new(fault.class, format!("The template {}", fault.reason)))?;
        Ok(StepOutput { outputs, ..StepOutput::default() })
    }
}

#[cfg(test)]
mod tests;
