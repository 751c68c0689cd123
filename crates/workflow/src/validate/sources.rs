//! What sources give, and whether they may be read where they stand: only from earlier steps, only what those make.

use super::{Told, WHEN};
use crate::{
    agent::{AgentCatalog, OutputPort},
    definition::{Definition, Step},
    graph::Graph,
    problem::ProblemCode,
    schema::{Kind, Schema},
    source::{Source, is_pointer},
    words::{QUOTED_CHARS, shortened},
};

/// The type of what a source gives; none where the source itself is broken, which is told elsewhere.
/// What an item gives depends on its map, which a source alone does not know: any.
pub fn source_schema(definition: &Definition, agents: &AgentCatalog, source: &Source) -> Option<Schema> {
    match source {
        Source::Const(_) => None,
        Source::Item { .. } => Some(Schema::any()),
        Source::Run { key, path } => Some(definition.inputs.get(key)?.schema.at_path(path)),
        Source::Step { step, artifact, path } => {
            let producer = definition.steps.get(step)?;
            let spec = agents.get(&producer.agent_id, producer.agent_version)?;
            Some(output_schema(producer, spec.output(artifact)?).at_path(path))
        }
    }
}

/// The type of an output as other steps see it: of a map step, the list of what its items made.
pub fn output_schema(producer: &Step, port: &OutputPort) -> Schema {
    if producer.map.is_some() {
        Schema { items: Some(Box::new(port.schema.clone())), ..Schema::of(Kind::Array) }
    } else {
        port.schema.clone()
    }
}

/// The type of what an item gives to the step that is mapped.
pub(super) fn item_schema(definition: &Definition, agents: &AgentCatalog, step: &Step, path: &str) -> Option<Schema> {
    let over = &step.map.as_ref()?.over;
    if matches!(over, Source::Item { .. }) {
        return None;
    }
    Some(given(definition, agents, step, over)?.item().at_path(path))
}

/// What a source gives before a part of it is taken, and that part's path; none where that is not known.
fn whole(definition: &Definition, agents: &AgentCatalog, step: &Step, source: &Source) -> Option<(Schema, String)> {
    let mut whole = source.clone();
    let (Source::Run { path, .. } | Source::Step { path, .. } | Source::Item { path }) = &mut whole else {
        return None;
    };
    let path = std::mem::take(path);
    let schema = match &whole {
        Source::Item { .. } => item_schema(definition, agents, step, ""),
        whole => source_schema(definition, agents, whole),
    };
    Some((schema?, path))
}

/// The type of what a source gives to a step; none where the source is broken, or its path leads nowhere, which is told elsewhere.
pub(super) fn given(definition: &Definition, agents: &AgentCatalog, step: &Step, source: &Source) -> Option<Schema> {
    let (schema, path) = whole(definition, agents, step, source)?;
    if is_pointer(&path) { schema.part_at(&path).ok() } else { None }
}

pub(super) fn check(
    definition: &Definition,
    agents: &AgentCatalog,
    graph: &Graph<'_>,
    step: &Step,
    told: &mut Told<'_>,
) {
    let inputs = step.inputs.iter().map(|(name, source)| (format!("inputs.{name}"), source));
    let when = step.when.iter().flat_map(|when| when.placed_sources(WHEN));
    let over = step.map.iter().map(|map| ("map.over".to_owned(), &map.over));
    let key = step.concurrency.iter().map(|concurrency| ("concurrency.key".to_owned(), &concurrency.key));
    for (field, source) in inputs.chain(when).chain(over).chain(key) {
        let is_of_condition = field.starts_with(WHEN);
        let is_unfinished = match source {
            Source::Run { key, .. } => key.is_empty(),
            Source::Step { step, artifact, .. } => step.as_str().is_empty() || artifact.is_empty(),
            Source::Const(_) | Source::Item { .. } => false,
        };
        if is_unfinished {
            told.invalid(field, "This is not finished: choose where the value comes from");
            continue;
        }
        if field == "concurrency.key" && !matches!(source, Source::Run { .. }) {
            // Told with the limit.
            continue;
        }
        if let Source::Run { path, .. } | Source::Item { path } | Source::Step { path, .. } = source
            && !is_pointer(path)
        {
            told.invalid(field.as_str(), format!("`{path}` is no JSON Pointer: begin it with `/`"));
        } else if let Some((schema, path)) = whole(definition, agents, step, source) {
            no_part(&schema, &path, &field, told);
        }
        match source {
            Source::Const(_) => {}
            Source::Run { key: input, .. } => {
                if !definition.inputs.contains_key(input) {
                    told.error(field, ProblemCode::UnknownRunInput, format!("The workflow has no input `{input}`"));
                }
            }
            Source::Item { .. } => {
                if is_of_condition {
                    told.invalid(field, "A condition is judged before there are items: it cannot read one");
                } else if step.map.is_none() {
                    told.invalid(field, "Only a step with `map` has items");
                }
            }
            Source::Step { step: producer, artifact, .. } => {
                let Some(upstream) = definition.steps.get(producer) else {
                    told.error(field, ProblemCode::UnknownStep, format!("There is no step `{producer}`"));
                    continue;
                };
                // Many may name the same one, whatever it is called.
                let title = || shortened(upstream.title_or(producer), QUOTED_CHARS);
                if producer == told.key {
                    told.error(field.as_str(), ProblemCode::SelfDependency, "A step cannot read its own artifact");
                } else if !step.depends_on.contains(producer) && !is_upstream(definition, graph, producer, step) {
                    told.error(
                        field.as_str(),
                        ProblemCode::SourceNotUpstream,
                        format!("`{}` is no earlier step: connect it to this one first", title()),
                    );
                }
                if let Some(spec) = agents.get(&upstream.agent_id, upstream.agent_version)
                    && spec.output(artifact).is_none()
                {
                    told.error(
                        field,
                        ProblemCode::UnknownArtifact,
                        format!("The step `{}` makes no artifact `{artifact}`", title()),
                    );
                }
            }
        }
    }
}

/// Tells about a path that leads to a part that is not there.
pub(super) fn no_part(schema: &Schema, path: &str, field: &str, told: &mut Told<'_>) {
    if let Err(missing) = schema.part_at(path) {
        told.error(
            field,
            ProblemCode::UnknownPath,
            format!("The path `{path}` leads nowhere: there is no `{}`; {}", missing.name, missing.there_is),
        );
    }
}

/// Whether `producer` is reached over drawn edges, not only over the mapping in question.
fn is_upstream(definition: &Definition, graph: &Graph<'_>, producer: &crate::StepKey, step: &Step) -> bool {
    step.depends_on
        .iter()
        .filter(|dependency| definition.steps.contains_key(*dependency))
        .any(|dependency| graph.ancestors(dependency).contains(producer))
}
