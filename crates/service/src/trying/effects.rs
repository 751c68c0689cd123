//! What a try would do to the world outside: steps that say so of themselves or through their agents, also inside sub-workflows.
//! Must never leave one out: what is found here is all that is asked about.

use std::collections::BTreeSet;

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
    for (key, config) in nesting::runs(definition, catalog) {
        let is_known = given.contains(key) || found.iter().any(|problem| problem.step.as_ref() == Some(key));
        if !is_known && let Some(inner) = inside(ctx, config, &mut BTreeSet::new()).await? {
            let title = definition.steps.get(key).map_or(key.as_str(), |step| step.title_or(key));
            found.push(problem(Some(key), format!("“{title}” acts on the world outside, in its step “{inner}”.")));
        }
    }
    Ok(found)
}

/// Passes if the agent does nothing outside, or somebody agreed to that.
pub(crate) async fn agreed_agent(ctx: &OpContext, spec: &AgentSpec, is_agreed: bool) -> Result<()> {
    let inner = match &spec.config {
        AgentConfig::Workflow(config) if !is_agreed => inside(ctx, config, &mut BTreeSet::new()).await?,
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

/// The first step of a workflow, or of one inside it, that acts outside. Each version is looked at once, so this ends.
async fn inside(
    ctx: &OpContext,
    config: &WorkflowConfig,
    seen: &mut BTreeSet<(TemplateId, i32)>,
) -> Result<Option<String>> {
    if !seen.insert((config.template_id, config.version)) {
        return Ok(None);
    }
    let version = versions::stored(ctx, config.template_id, config.version).await?;
    let agents = validation::pinned(ctx, &version.definition).await?;
    let acting = version.definition.steps.iter().find(|(_, step)| acts_outside(step, &agents));
    if let Some((key, step)) = acting {
        return Ok(Some(step.title_or(key).to_owned()));
    }
    for (_, inner) in nesting::runs(&version.definition, &agents) {
        if let Some(found) = Box::pin(inside(ctx, inner, seen)).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
