//! Checks of one step: its key, its agent, its edges, its sources and its settings.

use crate::{
    agent::{AgentCatalog, AgentSpec},
    definition::{Definition, OnError, Review, Step, TriggerRule},
    graph::Graph,
    id::StepKey,
    limits,
    problem::{Problem, ProblemCode},
    schema::{Compatibility, Schema},
    source::{Source, is_pointer},
};

pub(super) fn check(
    definition: &Definition,
    agents: &AgentCatalog,
    graph: &Graph<'_>,
    key: &StepKey,
    step: &Step,
    problems: &mut Vec<Problem>,
) {
    let mut error = |field: &str, code: ProblemCode, message: String| {
        problems.push(Problem::error(Some(key), Some(field.to_owned()), code, message));
    };
    if !key.is_well_formed() {
        error(
            "key",
            ProblemCode::InvalidKey,
            format!("`{key}` is no step key: use lower-case letters, digits and `_`, beginning with a letter"),
        );
    }
    if step.title.chars().count() > limits::MAX_NAME_CHARS {
        error("title", ProblemCode::InvalidValue, "Keep the title under 200 characters".into());
    }
    for dependency in &step.depends_on {
        if dependency == key {
            error("depends_on", ProblemCode::SelfDependency, "A step cannot depend on itself".into());
        } else if !definition.steps.contains_key(dependency) {
            error("depends_on", ProblemCode::UnknownStep, format!("There is no step `{dependency}`"));
        }
    }
    if step.timeout_s == 0 || step.timeout_s > limits::MAX_TIMEOUT_S {
        error("timeout_s", ProblemCode::InvalidValue, "Use a time limit from 1 second to 24 hours".into());
    }
    if step.max_retries() > limits::MAX_RETRIES {
        error("retry.max", ProblemCode::InvalidValue, format!("At most {} retries", limits::MAX_RETRIES));
    }
    if !(0.0..=1.0).contains(&step.retry.jitter) {
        error("retry.jitter", ProblemCode::InvalidValue, "Use a jitter from 0 to 1".into());
    }
    if step.prompt.as_ref().is_some_and(|prompt| prompt.len() > limits::MAX_PROMPT_BYTES) {
        error("prompt", ProblemCode::InvalidValue, "Keep the prompt under 256 KiB".into());
    }
    problems.extend(unsupported(step).into_iter().map(|field| super::not_supported_yet(Some(key), field)));

    let spec = agents.get(&step.agent_id, step.agent_version);
    if let Some(spec) = spec {
        ports(definition, agents, spec, key, step, problems);
    } else {
        problems.push(unknown_agent(agents, key, step));
    }
    sources(definition, agents, graph, key, step, problems);
}

fn unknown_agent(agents: &AgentCatalog, key: &StepKey, step: &Step) -> Problem {
    let (code, message) = match step.agent_version {
        Some(version) if agents.knows(&step.agent_id) => {
            (ProblemCode::UnknownAgentVersion, format!("The agent `{}` has no version {version}", step.agent_id))
        }
        _ => (ProblemCode::UnknownAgent, format!("There is no agent `{}`", step.agent_id)),
    };
    Problem::error(Some(key), Some("agent_id".into()), code, message)
}

/// Fields that are stored and round-tripped, but which the engine does not execute yet.
fn unsupported(step: &Step) -> Vec<&'static str> {
    let plain = Review { mode: step.review.mode, ..Review::default() };
    [
        ("map", step.map.is_some()),
        ("when", step.when.is_some()),
        ("trigger_rule", step.trigger_rule != TriggerRule::NoneFailed),
        ("on_error", step.on_error != OnError::Fail),
        ("default_output", step.default_output.is_some()),
        ("review", step.review != plain),
        ("cache", step.cache),
    ]
    .into_iter()
    .filter_map(|(field, is_set)| is_set.then_some(field))
    .collect()
}

/// Every required port is fed, every fed port exists, and the types agree.
fn ports(
    definition: &Definition,
    agents: &AgentCatalog,
    spec: &AgentSpec,
    key: &StepKey,
    step: &Step,
    problems: &mut Vec<Problem>,
) {
    if step.prompt.is_some() && spec.config.prompt().is_none() {
        problems.push(Problem::error(
            Some(key),
            Some("prompt".into()),
            ProblemCode::NoPrompt,
            format!("Agents of kind `{}` have no prompt to override", spec.kind()),
        ));
    }
    for port in spec.inputs.iter().filter(|port| port.required && !step.inputs.contains_key(&port.name)) {
        problems.push(Problem::error(
            Some(key),
            Some(format!("inputs.{}", port.name)),
            ProblemCode::MissingInput,
            format!("The input `{}` needs a value: map it to an artifact, a run input or a constant", port.name),
        ));
    }
    for (name, source) in &step.inputs {
        let field = Some(format!("inputs.{name}"));
        let Some(port) = spec.input(name) else {
            let message = format!("The agent `{}` has no input `{name}`", spec.id);
            problems.push(Problem::error(Some(key), field, ProblemCode::UnknownPort, message));
            continue;
        };
        if let Source::Const(value) = source {
            for (path, fault) in port.schema.check(value) {
                let message =
                    format!("The constant{} {fault}", if path.is_empty() { path } else { format!(" at `{path}`") });
                problems.push(Problem::error(Some(key), field.clone(), ProblemCode::TypeMismatch, message));
            }
            continue;
        }
        match source_schema(definition, agents, source).map(|schema| schema.feeds(&port.schema)) {
            Some(Compatibility::No(reason)) => {
                let message = format!("The input `{name}` does not fit: {reason}");
                problems.push(Problem::error(Some(key), field, ProblemCode::TypeMismatch, message));
            }
            Some(Compatibility::Unsure(reason)) => {
                let message = format!("The input `{name}` may not fit: {reason}");
                problems.push(Problem::warning(Some(key), field, ProblemCode::TypeUnknown, message));
            }
            Some(Compatibility::Yes) | None => {}
        }
    }
}

/// The type of what a source gives; none where the source itself is broken, which is told elsewhere.
pub fn source_schema(definition: &Definition, agents: &AgentCatalog, source: &Source) -> Option<Schema> {
    match source {
        Source::Const(_) => None,
        Source::Item { .. } => Some(Schema::any()),
        Source::Run { key, path } => Some(definition.inputs.get(key)?.schema.at_path(path)),
        Source::Step { step, artifact, path } => {
            let producer = definition.steps.get(step)?;
            let spec = agents.get(&producer.agent_id, producer.agent_version)?;
            Some(spec.output(artifact)?.schema.at_path(path))
        }
    }
}

fn sources(
    definition: &Definition,
    agents: &AgentCatalog,
    graph: &Graph<'_>,
    key: &StepKey,
    step: &Step,
    problems: &mut Vec<Problem>,
) {
    let named = step
        .inputs
        .iter()
        .map(|(name, source)| (format!("inputs.{name}"), source))
        .chain(step.when.iter().flat_map(|when| when.sources()).map(|source| ("when".to_owned(), source)))
        .chain(step.map.iter().map(|map| ("map.over".to_owned(), &map.over)));
    for (field, source) in named {
        let mut error = |code, message: String| {
            problems.push(Problem::error(Some(key), Some(field.clone()), code, message));
        };
        match source {
            Source::Const(_) => {}
            Source::Run { key: input, path } => {
                if !definition.inputs.contains_key(input) {
                    error(ProblemCode::UnknownRunInput, format!("The workflow has no input `{input}`"));
                }
                pointer(path, &mut error);
            }
            Source::Item { path } => {
                if step.map.is_none() {
                    error(ProblemCode::InvalidValue, "Only a step with `map` has items".into());
                }
                pointer(path, &mut error);
            }
            Source::Step { step: producer, artifact, path } => {
                pointer(path, &mut error);
                let Some(upstream) = definition.steps.get(producer) else {
                    error(ProblemCode::UnknownStep, format!("There is no step `{producer}`"));
                    continue;
                };
                if producer == key {
                    error(ProblemCode::SelfDependency, "A step cannot read its own artifact".into());
                } else if !step.depends_on.contains(producer) && !is_upstream(definition, graph, producer, step) {
                    error(
                        ProblemCode::SourceNotUpstream,
                        format!("`{producer}` is no earlier step: connect it to this one first"),
                    );
                }
                if let Some(spec) = agents.get(&upstream.agent_id, upstream.agent_version)
                    && spec.output(artifact).is_none()
                {
                    error(
                        ProblemCode::UnknownArtifact,
                        format!("The step `{producer}` makes no artifact `{artifact}`"),
                    );
                }
            }
        }
    }
}

/// Whether `producer` is reached over drawn edges, not only over the mapping in question.
fn is_upstream(definition: &Definition, graph: &Graph<'_>, producer: &StepKey, step: &Step) -> bool {
    step.depends_on
        .iter()
        .filter(|dependency| definition.steps.contains_key(*dependency))
        .any(|dependency| graph.ancestors(dependency).contains(producer))
}

fn pointer(path: &str, error: &mut impl FnMut(ProblemCode, String)) {
    if !is_pointer(path) {
        error(ProblemCode::InvalidValue, format!("`{path}` is no JSON Pointer: begin it with `/`"));
    }
}
