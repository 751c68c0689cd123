//! Templates over a step's inputs: the `template` kind, and the prompts, addresses and bodies of the other kinds.
//! People write them into a running server, so a render is bounded in output, memory and work, and must never reach a file, the
//! network, or another step's data.

mod check;
mod filters;

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, LazyLock},
};

use async_trait::async_trait;
use minijinja::{Environment, Error, ErrorKind, Value};
use serde_json::json;
use workflow::{agent::AgentConfig, limits::MAX_PROMPT_BYTES, status::Reason};

use crate::{Agent, AgentContext, AgentError, StepInput, StepOutput, output};

pub(crate) use filters::Insert;

/// Fuel for the first try, on the caller's thread: about a millisecond. Almost every template ends within it.
const QUICK_FUEL: u64 = 20_000;
/// Fuel for the second try, on a thread of its own: some tens of milliseconds and of MiB, and twice what the inputs take.
const BASE_FUEL: u64 = 300_000;
/// Bytes of inputs up to which the first try is made at all.
const QUICK_INPUT_BYTES: usize = 256 * 1024;
/// Bytes that comparisons may go through, which fuel does not see: less than a second.
const COMPARED_BYTES: u64 = 2_000_000_000;
/// Fuel that a comparison takes at least, with the loop around it.
const FUEL_PER_COMPARISON: u64 = 5;
/// Bytes of all inputs that a template can be given.
const MAX_INPUT_BYTES: usize = 32 * 1024 * 1024;

static AS_IS: LazyLock<Environment<'static>> = LazyLock::new(|| filters::environment(Insert::AsIs));
static INTO_URL: LazyLock<Environment<'static>> = LazyLock::new(|| filters::environment(Insert::IntoUrl));

/// What a template sees: the step's values, null for each declared port without one, and as `feedback` and `previous` what a person
/// rejected (null in the first round), where no value has that name.
#[derive(Clone)]
pub(crate) struct Scope {
    root: Value,
    names: Arc<[String]>,
    n_bytes: usize,
}

impl Scope {
    pub(crate) fn new(input: &StepInput) -> Result<Self, AgentError> {
        const NULL: &serde_json::Value = &serde_json::Value::Null;
        let (feedback, previous) = match &input.revision {
            None => (serde_json::Value::Null, serde_json::Value::Null),
            Some(revision) => (revision.feedback.clone().into(), json!(revision.previous)),
        };
        let ports = input.spec.inputs.iter().map(|port| (port.name.as_str(), NULL));
        let given = input.values.iter().map(|(name, value)| (name.as_str(), value));
        let round = [("feedback", &feedback), ("previous", &previous)];
        let values: BTreeMap<&str, &serde_json::Value> = ports.chain(round).chain(given).collect();
        let n_bytes = values.values().copied().map(size).sum();
        if n_bytes > MAX_INPUT_BYTES {
            return Err(AgentError::new(
                Reason::Template,
                format!("The inputs take {} MiB together, but a template reads at most 32 MiB", n_bytes >> 20),
            ));
        }
        let names = values.keys().filter(|name| input.is_port(name)).map(|name| (*name).to_owned()).collect();
        Ok(Self { root: Value::from(minijinja::value::Serde(&values)), names, n_bytes })
    }

    /// Renders a template; `what` names it in messages, such as "the prompt".
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
        let shape = check::check(source, &filters::syntax()).map_err(|refusal| {
            AgentError::new(
                Reason::Template,
                format!("{what} cannot be rendered: line {}: {}", refusal.line, refusal.reason),
            )
        })?;
        if self.n_bytes <= QUICK_INPUT_BYTES {
            match self.render_with(source, insert, QUICK_FUEL) {
                Err(Fault { error, .. }) if error.kind() == ErrorKind::OutOfFuel => {}
                other => return other.map_err(|fault| self.explain(what, source, &fault)),
            }
        }
        let mut fuel = BASE_FUEL + 2 * filters::fuel_for(self.n_bytes);
        if shape.compares_often {
            fuel = fuel.min(COMPARED_BYTES / (self.n_bytes as u64 + 1) * FUEL_PER_COMPARISON);
        }
        let (scope, source) = (self.clone(), source.to_owned());
        let rendered = tokio::task::spawn_blocking(move || {
            scope.render_with(&source, insert, fuel).map_err(|fault| scope.explain(what, &source, &fault))
        });
        match rendered.await {
            Ok(result) => result,
            Err(panic) => {
                Err(AgentError::new(Reason::Template, format!("{what} cannot be rendered")).with_source(panic))
            }
        }
    }

    fn render_with(&self, source: &str, insert: Insert, fuel: u64) -> Result<String, Fault> {
        // Cloning shares the filters; only the fuel is this render's own.
        let mut env: Environment<'_> = match insert {
            Insert::AsIs => AS_IS.clone(),
            Insert::IntoUrl => INTO_URL.clone(),
        };
        env.set_fuel(Some(fuel));
        let mut out = filters::Bounded::default();
        let result = env
            .template_from_named_str("prompt", source)
            .and_then(|template| template.render_captured_to(self.root.clone(), &mut out).map(drop));
        match result {
            Ok(()) => Ok(String::from_utf8(out.bytes).expect("a template writes whole characters")),
            Err(error) => Err(Fault { error, is_full: out.is_full }),
        }
    }

    fn explain(&self, what: &str, source: &str, fault: &Fault) -> AgentError {
        if fault.is_full {
            return AgentError::new(
                Reason::OutputTooLarge,
                format!("{what} becomes longer than {} MiB", filters::MAX_RENDERED_BYTES >> 20),
            );
        }
        let error = &fault.error;
        let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
        let reason = match error.kind() {
            ErrorKind::OutOfFuel => "it does too much work: loop over less, or give it smaller inputs".to_owned(),
            ErrorKind::UndefinedError => {
                let place = error.range().map_or("something", |range| name_at(source, range));
                format!("there is no `{place}`; the inputs are {}", list(&self.names))
            }
            kind => error.detail().map_or_else(|| kind.to_string(), str::to_owned),
        };
        AgentError::new(Reason::Template, format!("{what} cannot be rendered: {line}{reason}"))
    }
}

struct Fault {
    error: Error,
    is_full: bool,
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
fn size(value: &serde_json::Value) -> usize {
    let mut n_bytes = 0;
    let mut stack = vec![value];
    while let Some(value) = stack.pop() {
        n_bytes += 32;
        match value {
            serde_json::Value::String(text) => n_bytes += text.len(),
            serde_json::Value::Array(items) => stack.extend(items),
            serde_json::Value::Object(map) => {
                n_bytes += map.keys().map(String::len).sum::<usize>();
                stack.extend(map.values());
            }
            _ => {}
        }
    }
    n_bytes
}

/// The `template` kind: its output is the rendered text.
pub(crate) struct TemplateAgent;

#[async_trait]
impl Agent for TemplateAgent {
    async fn run(&self, input: StepInput, _ctx: &AgentContext) -> Result<StepOutput, AgentError> {
        let AgentConfig::Template(config) = &input.spec.config else {
            return Err(crate::registry::wrong_kind(&input.spec));
        };
        let source = input.prompt.as_deref().unwrap_or(&config.template);
        let text = Scope::new(&input)?.render("The template", source, Insert::AsIs).await?;
        let outputs = output::from_text(&input.spec, text)
            .map_err(|fault| AgentError::new(fault.class, format!("The template {}", fault.reason)))?;
        Ok(StepOutput { outputs, ..StepOutput::default() })
    }
}

#[cfg(test)]
mod tests;
