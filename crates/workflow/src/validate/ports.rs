//! Checks of a step's ports against its agent: every required one is fed, every fed one exists, and the types agree.

use super::{Told, sources};
use crate::{
    agent::{AgentCatalog, AgentSpec},
    definition::{Definition, Step},
    problem::ProblemCode,
    schema::Compatibility,
    source::{Source, is_pointer},
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
    for name in step.prompt.iter().flat_map(|prompt| spec.unknown_names(prompt)) {
        let message = spec.unknown_name(&name);
        told.error("prompt", ProblemCode::UnknownName, message);
    }
    for port in spec.inputs.iter().filter(|port| port.required && !step.inputs.contains_key(&port.name)) {
        told.error(
            format!("inputs.{}", port.name),
            ProblemCode::MissingInput,
            format!("The input `{}` needs a value: map it to an artifact, a run input or a constant", port.name),
        );
    }
    for (name, source) in &step.inputs {
        let field = format!("inputs.{name}");
        let Some(port) = spec.input(name) else {
            told.error(field, ProblemCode::UnknownPort, format!("The agent `{}` has no input `{name}`", spec.id));
            continue;
        };
        if let Source::Const(value) = source {
            for (path, fault) in port.schema.check(value) {
                let at = if path.is_empty() { path } else { format!(" at `{path}`") };
                told.error(field.clone(), ProblemCode::TypeMismatch, format!("The constant{at} {fault}"));
            }
            continue;
        }
        let given = match source {
            // A path that leads nowhere is told with the sources.
            Source::Run { path, .. } | Source::Step { path, .. } | Source::Item { path } if !is_pointer(path) => None,
            Source::Item { path } => sources::item_schema(definition, agents, step, path),
            source => sources::source_schema(definition, agents, source),
        };
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
