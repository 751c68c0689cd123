//! What sources give, and whether they may be read where they stand: only from earlier steps, only what those make.

use super::Told;
use crate::{
    agent::{AgentCatalog, OutputPort},
    definition::{Definition, Step},
    graph::Graph,
    problem::ProblemCode,
    schema::{Kind, Schema},
    source::{Source, is_pointer},
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
    let list = source_schema(definition, agents, over)?;
    Some(list.items.map_or_else(Schema::any, |items| items.at_path(path)))
}

pub(super) fn check(
    definition: &Definition,
    agents: &AgentCatalog,
    graph: &Graph<'_>,
    step: &Step,
    told: &mut Told<'_>,
) {
    let inputs = step.inputs.iter().map(|(name, source)| (format!("inputs.{name}"), source));
    let when = step.when.iter().flat_map(|when| when.sources()).map(|source| ("when".to_owned(), source));
    let over = step.map.iter().map(|map| ("map.over".to_owned(), &map.over));
    for (field, source) in inputs.chain(when).chain(over) {
        if let Source::Run { path, .. } | Source::Item { path } | Source::Step { path, .. } = source
            && !is_pointer(path)
        {
            told.invalid(field.as_str(), format!("`{path}` is no JSON Pointer: begin it with `/`"));
        }
        match source {
            Source::Const(_) => {}
            Source::Run { key: input, .. } => {
                if !definition.inputs.contains_key(input) {
                    told.error(field, ProblemCode::UnknownRunInput, format!("The workflow has no input `{input}`"));
                }
            }
            Source::Item { .. } => {
                if field == "when" {
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
                if producer == told.key {
                    told.error(field.as_str(), ProblemCode::SelfDependency, "A step cannot read its own artifact");
                } else if !step.depends_on.contains(producer) && !is_upstream(definition, graph, producer, step) {
                    told.error(
                        field.as_str(),
                        ProblemCode::SourceNotUpstream,
                        format!("`{producer}` is no earlier step: connect it to this one first"),
                    );
                }
                if let Some(spec) = agents.get(&upstream.agent_id, upstream.agent_version)
                    && spec.output(artifact).is_none()
                {
                    told.error(
                        field,
                        ProblemCode::UnknownArtifact,
                        format!("The step `{producer}` makes no artifact `{artifact}`"),
                    );
                }
            }
        }
    }
}

/// Whether `producer` is reached over drawn edges, not only over the mapping in question.
fn is_upstream(definition: &Definition, graph: &Graph<'_>, producer: &crate::StepKey, step: &Step) -> bool {
    step.depends_on
        .iter()
        .filter(|dependency| definition.steps.contains_key(*dependency))
        .any(|dependency| graph.ancestors(dependency).contains(producer))
}
