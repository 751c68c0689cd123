//! The one validator: the same code, words and positions in the editor and on the server.
//! It never fails and never stops early: a half-drawn definition is a normal value with problems.

mod conditions;
mod control;
mod inputs;
mod limits_of_run;
mod ports;
mod review;
mod sources;
mod steps;
#[cfg(test)]
mod tests;

pub use control::RETRYABLE;
pub use sources::{output_schema, source_schema};

use crate::{
    agent::AgentCatalog,
    definition::{Definition, SCHEMA_VERSION},
    graph::Graph,
    limits,
    plan::{Plan, PlannedStep},
    problem::{Problem, ProblemCode},
    words::{QUOTED_CHARS, count, number, shortened},
};

/// Judges a definition against the agents it may use.
pub fn validate(definition: &Definition, agents: &AgentCatalog) -> (Plan, Vec<Problem>) {
    let mut problems = Vec::new();
    whole(definition, &mut problems);
    inputs::check(definition, &mut problems);

    let graph = Graph::of(definition);
    for (key, step) in &definition.steps {
        steps::check(definition, agents, &graph, key, step, &mut problems);
    }
    if graph.n_edges() > limits::MAX_DEPENDENCIES {
        problems.push(Problem::error(
            None,
            Some("steps".into()),
            ProblemCode::TooManyDependencies,
            format!("{} dependencies; at most {} are allowed", graph.n_edges(), limits::MAX_DEPENDENCIES),
        ));
    }
    let order = match graph.order() {
        Ok(order) => order.into_iter().cloned().collect(),
        Err(on_cycle) => {
            // Each of them is told all of these.
            let names = on_cycle.iter().take(10).map(|key| shortened(key.as_str(), QUOTED_CHARS));
            let names = names.collect::<Vec<_>>().join(", ");
            for key in &on_cycle {
                problems.push(Problem::error(
                    Some(key),
                    Some("depends_on".into()),
                    ProblemCode::Cycle,
                    format!("The step waits for itself: it stands on a cycle through {names}"),
                ));
            }
            Vec::new()
        }
    };
    problems.sort_by(|a, b| (a.severity, &a.step, &a.field).cmp(&(b.severity, &b.step, &b.field)));

    let steps = definition
        .steps
        .iter()
        .map(|(key, step)| {
            let planned = PlannedStep {
                agent_id: step.agent_id.clone(),
                agent_version: agents.get(&step.agent_id, step.agent_version).map(|spec| spec.version),
                dependencies: step.direct_dependencies().into_iter().cloned().collect(),
            };
            (key.clone(), planned)
        })
        .collect();
    (Plan { order, steps }, problems)
}

fn whole(definition: &Definition, problems: &mut Vec<Problem>) {
    if definition.schema_version != SCHEMA_VERSION {
        problems.push(Problem::error(
            None,
            Some("schema_version".into()),
            ProblemCode::UnsupportedSchemaVersion,
            format!("Only schema_version {SCHEMA_VERSION} is understood"),
        ));
    }
    if definition.steps.is_empty() {
        problems.push(Problem::error(
            None,
            Some("steps".into()),
            ProblemCode::NoSteps,
            "The workflow has no steps: drag an agent onto the canvas",
        ));
    }
    if definition.steps.len() > limits::MAX_STEPS {
        problems.push(Problem::error(
            None,
            Some("steps".into()),
            ProblemCode::TooManySteps,
            format!("{}; at most {} are allowed", count(definition.steps.len(), "step"), number(limits::MAX_STEPS)),
        ));
    }
    limits_of_run::check(&definition.limits, problems);
}

/// The field of a step's condition: the paths within it begin with it.
const WHEN: &str = "when";

/// Problems of one step, told field by field.
struct Told<'a> {
    key: &'a crate::StepKey,
    problems: &'a mut Vec<Problem>,
}

impl Told<'_> {
    fn error(&mut self, field: impl Into<String>, code: ProblemCode, message: impl Into<String>) {
        self.problems.push(Problem::error(Some(self.key), Some(field.into()), code, message));
    }

    fn warning(&mut self, field: impl Into<String>, code: ProblemCode, message: impl Into<String>) {
        self.problems.push(Problem::warning(Some(self.key), Some(field.into()), code, message));
    }

    fn invalid(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.error(field, ProblemCode::InvalidValue, message);
    }
}

fn not_supported_yet(step: Option<&crate::StepKey>, field: &str) -> Problem {
    Problem::error(
        step,
        Some(field.into()),
        ProblemCode::NotSupportedYet,
        format!("`{field}` is stored, but not executed by this version of Weft; remove it to publish"),
    )
}
