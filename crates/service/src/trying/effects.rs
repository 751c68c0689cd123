//! What a try would do to the world outside: steps that say so of themselves or through their agents, also inside sub-workflows.
//! Must never leave one out: what is found here is all that is asked about.

use std::collections::{BTreeMap, BTreeSet};

use workflow::{
    AgentCatalog, AgentSpec, Definition, Problem, ProblemCode, StepKey, TemplateId,
    agent::{AgentConfig, WorkflowConfig},
    trying::acts_outside,
};

use crate::{Error, OpContext, Result, templates::nesting, validation, versions};

/// A problem for each step that runs and acts outside, in words for whoever has to agree.
pub(super) async fn acting(
    ctx: &OpContext,
    definition: &Definition,
    catalog: &AgentCatalog,
    given: &BTreeSet<StepKey>,
) -> Result<Vec<Problem>> {
    let mut found = Vec::new();
    for (key, step) in definition.steps.iter().filter(|(key, _)| !given.contains(*key)) {
        if acts_outside(step, catalog) {
            let message = format!("“{}” acts on the world outside.", step.title_or(key));
            found.push(problem(Some(key), message));
        }
    }
    let mut known = BTreeMap::new();
    for (key, config) in nesting::runs(definition, catalog) {
        let Some(step) = definition.steps.get(key).filter(|step| !given.contains(key) && !acts_outside(step, catalog))
        else {
            continue;
        };
        if let Some(inner) = inside(ctx, config, &mut known).await? {
            let title = step.title_or(key);
            found.push(problem(Some(key), format!("“{title}” acts on the world outside, in its step “{inner}”.")));
        }
    }
    Ok(found)
}

/// Passes if the agent does nothing outside, or somebody agreed to that.
pub(crate) async fn agreed_agent(ctx: &OpContext, spec: &AgentSpec, is_agreed: bool) -> Result<()> {
    let inner = match &spec.config {
        AgentConfig::Workflow(config) if !is_agreed => inside(ctx, config, &mut BTreeMap::new()).await?,
        _ => None,
    };
    let message = match inner {
        Some(inner) => format!("“{}” acts on the world outside, in its step “{inner}”.", spec.name),
        None if spec.acts_outside() => format!("“{}” acts on the world outside.", spec.name),
        None => return Ok(()),
    };
    if is_agreed { Ok(()) } else { Err(Error::ConfirmSideEffects { problems: vec![problem(None, message)] }) }
}

fn problem(step: Option<&StepKey>, message: String) -> Problem {
    Problem::error(step, Some("side_effects".into()), ProblemCode::ActsOutside, message)
}

/// The first step of a workflow, or of one inside it, that acts outside. Each version is looked at once, so this ends, and versions are
/// pinned, so none is asked about while it is looked at.
async fn inside(
    ctx: &OpContext,
    config: &WorkflowConfig,
    known: &mut BTreeMap<(TemplateId, i32), Option<String>>,
) -> Result<Option<String>> {
    let place = (config.template_id, config.version);
    if let Some(found) = known.get(&place) {
        return Ok(found.clone());
    }
    known.insert(place, None);
    let version = versions::stored(ctx, config.template_id, config.version).await?;
    let agents = validation::pinned(ctx, &version.definition).await?;
    let acting = version.definition.steps.iter().find(|(_, step)| acts_outside(step, &agents));
    let mut found = acting.map(|(key, step)| step.title_or(key).to_owned());
    for (_, inner) in nesting::runs(&version.definition, &agents) {
        if found.is_none() {
            found = Box::pin(inside(ctx, inner, known)).await?;
        }
    }
    known.insert(place, found.clone());
    Ok(found)
}
