//! The agents that a definition may use, and what the validator says of it with them.
//! Must never ask who wants to know: whoever calls has.

use std::collections::BTreeSet;

use workflow::{AgentCatalog, AgentId, Definition, Plan, Problem, StepKey};

use crate::{OpContext, Result};

/// Steps from which validating leaves the async threads.
const MANY_STEPS: usize = 200;

/// All latest versions, and those that the definition pins.
pub(crate) async fn catalog_for(ctx: &OpContext, definition: &Definition) -> Result<AgentCatalog> {
    let mut catalog = AgentCatalog::new(ctx.store().agents().await?);
    // What is not in the library is kept for tests alone: it was never saved, or was deleted. A draft that names it names nothing.
    let pinned =
        pins(definition).filter(|(id, version)| catalog.knows(id) && catalog.get(id, Some(*version)).is_none());
    let pinned: Vec<(AgentId, i32)> = pinned.collect();
    for spec in ctx.store().agent_versions(pinned).await? {
        catalog.insert(spec);
    }
    Ok(catalog)
}

/// The agent versions that a definition names.
pub(crate) fn pins(definition: &Definition) -> impl Iterator<Item = (AgentId, i32)> {
    let pins: BTreeSet<(AgentId, i32)> =
        definition.steps.values().filter_map(|step| Some((step.agent_id.clone(), step.agent_version?))).collect();
    pins.into_iter()
}

/// The agents of a definition whose versions are all pinned: a published one, or a run's.
pub(crate) async fn pinned(ctx: &OpContext, definition: &Definition) -> Result<AgentCatalog> {
    Ok(AgentCatalog::new(ctx.store().agent_versions(pins(definition)).await?))
}

/// A definition with what was needed to judge it and what came of it.
pub(crate) type Validated = (Definition, Plan, AgentCatalog, Vec<Problem>);

/// Whether an error is of a step that runs, or of the whole.
pub(crate) fn keeps_from_running(problems: &[Problem], idle: &BTreeSet<StepKey>) -> bool {
    let is_idle = |problem: &Problem| problem.step.as_ref().is_some_and(|key| idle.contains(key));
    problems.iter().any(|problem| problem.is_error() && !is_idle(problem))
}

/// Validates; large ones beside the async threads.
pub(crate) async fn validate(definition: Definition, agents: AgentCatalog) -> Result<Validated> {
    let is_large = definition.steps.len() >= MANY_STEPS;
    let work = move || {
        let (plan, problems) = workflow::validate(&definition, &agents);
        (definition, plan, agents, problems)
    };
    if is_large { Ok(tokio::task::spawn_blocking(work).await?) } else { Ok(work()) }
}
