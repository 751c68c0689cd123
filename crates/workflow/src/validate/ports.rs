//! Checks of a step's ports against its agent: every required one is fed, every fed one exists, and the types agree.

use serde_json::Value;

use super::{Told, sources};
use crate::{
    agent::{AgentCatalog, AgentSpec},
    definition::{Definition, Step},
    problem::ProblemCode,
    schema::Compatibility,
    source::Source,
};

pub(super) fn check(
    definition: &Definition,
    agents: &AgentCatalog,
    spec: &AgentSpec,
    step: &Step,
    told: &mut Told<'_>,
) {
    if step.prompt.is_some() && spec.config.prompt().is_none() {
        told.error(
            "prompt",
            ProblemCode::NoPrompt,
            format!("Agents of kind `{}` have no prompt to override", spec.kind()),
        );
    }
    for (code, message) in step.prompt.iter().flat_map(|prompt| spec.prompt_faults(prompt)) {
        told.error("prompt", code, message);
    }
    // Null is nothing given, as it is when a run is started.
    let is_fed = |port: &str| step.inputs.get(port).is_some_and(|source| *source != Source::Const(Value::Null));
    for port in spec.inputs.iter().filter(|port| port.required && !is_fed(&port.name)) {
        told.error(
            format!("inputs.{}", port.name),
            ProblemCode::MissingInput,
            format!(
                "The input `{}` needs a value: choose the result of an earlier step, a run input or a constant value",
                port.name
            ),
        );
    }
    for (name, source) in &step.inputs {
        let field = format!("inputs.{name}");
        let Some(port) = spec.input(name) else {
            told.error(field, ProblemCode::UnknownPort, format!("The agent `{}` has no input `{name}`", spec.id));
            continue;
        };
        if let Source::Const(value) = source {
            if value.is_null() {
                continue;
            }
            for (path, fault) in port.schema.check(value) {
                let at = if path.is_empty() { path } else { format!(" at `{path}`") };
                told.error(field.clone(), ProblemCode::TypeMismatch, format!("The constant{at} {fault}"));
            }
            continue;
        }
        let given = sources::given(definition, agents, step, source);
        match given.map(|schema| schema.feeds(&port.schema)) {
            Some(Compatibility::No(reason)) => {
                told.error(field, ProblemCode::TypeMismatch, format!("The input `{name}` does not fit: {reason}"));
            }
            Some(Compatibility::Unsure(reason)) => {
                told.warning(field, ProblemCode::TypeUnknown, format!("The input `{name}` may not fit: {reason}"));
            }
            Some(Compatibility::Yes) | None => {}
        }
    }
}
