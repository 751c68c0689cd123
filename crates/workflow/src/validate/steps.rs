//! Checks of one step: its key, its agent and its edges here, everything else in the files beside this one.

use super::{Told, conditions, control, ports, review, sources};
use crate::{
    agent::AgentCatalog,
    definition::{Definition, Step},
    graph::Graph,
    id::StepKey,
    limits,
    problem::{Problem, ProblemCode},
};

pub(super) fn check(
    definition: &Definition,
    agents: &AgentCatalog,
    graph: &Graph<'_>,
    key: &StepKey,
    step: &Step,
    problems: &mut Vec<Problem>,
) {
    let told = &mut Told { key, problems };
    if !key.is_well_formed() {
        told.error(
            "key",
            ProblemCode::InvalidKey,
            format!("`{key}` is no step key: use lower-case letters, digits and `_`, beginning with a letter"),
        );
    }
    if step.title.chars().count() > limits::MAX_NAME_CHARS {
        told.invalid("title", "Keep the title under 200 characters");
    }
    for dependency in &step.depends_on {
        if dependency == key {
            told.error("depends_on", ProblemCode::SelfDependency, "A step cannot depend on itself");
        } else if !definition.steps.contains_key(dependency) {
            told.error("depends_on", ProblemCode::UnknownStep, format!("There is no step `{dependency}`"));
        }
    }
    if step.queue_timeout_s.is_some_and(|seconds| !(1..=limits::MAX_QUEUE_TIMEOUT_S).contains(&seconds)) {
        told.invalid("queue_timeout_s", "Let it wait for a worker from 1 second to 30 days, or leave the time-out out");
    }
    if step.timeout_s == 0 || step.timeout_s > limits::MAX_TIMEOUT_S {
        told.invalid("timeout_s", "Use a time limit from 1 second to 24 hours");
    }
    if step.prompt.as_ref().is_some_and(|prompt| prompt.len() > limits::MAX_PROMPT_BYTES) {
        told.invalid("prompt", "Keep the prompt under 256 KiB");
    }
    if step.cache {
        told.problems.push(super::not_supported_yet(Some(key), "cache"));
    }

    let spec = agents.get(&step.agent_id, step.agent_version);
    match spec {
        Some(spec) => ports::check(definition, agents, spec, step, told),
        None => unknown_agent(agents, step, told),
    }
    sources::check(definition, agents, graph, step, told);
    conditions::check(definition, agents, step, told);
    control::check(definition, agents, spec, step, told);
    review::check(step, spec.is_some_and(|spec| spec.kind() == "human"), told);
}

fn unknown_agent(agents: &AgentCatalog, step: &Step, told: &mut Told<'_>) {
    match step.agent_version {
        Some(version) if agents.knows(&step.agent_id) => told.error(
            "agent_id",
            ProblemCode::UnknownAgentVersion,
            format!("The agent `{}` has no version {version}", step.agent_id),
        ),
        _ => told.error("agent_id", ProblemCode::UnknownAgent, format!("There is no agent `{}`", step.agent_id)),
    }
}
