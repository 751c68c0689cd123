//! Workflows inside workflows: what an author may publish about them. Versions are pinned, so the walk is over what never changes.
//! Must never let a workflow lead back to itself, or deeper than a run would go.

use std::collections::{BTreeMap, BTreeSet};

use store::templates::Startable;
use workflow::{
    AgentCatalog, Definition, Problem, ProblemCode, StepKey, TemplateId,
    agent::{AgentConfig, WorkflowConfig},
    limits::MAX_WORKFLOW_DEPTH,
};

use crate::{OpContext, Result, validation, versions};

/// What is wrong, and how it is told.
type Fault = (ProblemCode, String);

/// What is wrong with the workflows that the steps of a definition run. However many run the same one, it is looked at once.
pub(crate) async fn problems(
    ctx: &OpContext,
    template: TemplateId,
    definition: &Definition,
    agents: &AgentCatalog,
) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let mut faults: BTreeMap<(TemplateId, i32), Option<Fault>> = BTreeMap::new();
    let mut walk = Walk { ctx, template, path: Vec::new(), seen: BTreeSet::new() };
    for (key, config) in runs(definition, agents) {
        let place = (config.template_id, config.version);
        let fault = if let Some(known) = faults.get(&place) {
            known.clone()
        } else {
            walk.path.clear();
            let fault = walk.fault(config).await?;
            faults.insert(place, fault.clone());
            fault
        };
        if let Some((code, message)) = fault {
            problems.push(Problem::error(Some(key), Some("agent_id".into()), code, message));
        }
    }
    Ok(problems)
}

/// The steps that run a workflow.
pub(crate) fn runs<'a>(
    definition: &'a Definition,
    agents: &'a AgentCatalog,
) -> impl Iterator<Item = (&'a StepKey, &'a WorkflowConfig)> {
    definition.steps.iter().filter_map(|(key, step)| match &agents.get(&step.agent_id, step.agent_version)?.config {
        AgentConfig::Workflow(config) => Some((key, config)),
        _ => None,
    })
}

struct Walk<'a> {
    ctx: &'a OpContext,
    /// The workflow that is to be published.
    template: TemplateId,
    /// The names of the workflows down to here.
    path: Vec<String>,
    /// Versions that were walked without a fault. One that is reached by a longer way may be too deep there, so the depth counts.
    seen: BTreeSet<(TemplateId, i32, usize)>,
}

impl Walk<'_> {
    /// The first fault of a workflow and of those inside it.
    async fn fault(&mut self, config: &WorkflowConfig) -> Result<Option<Fault>> {
        let place = (config.template_id, config.version, self.path.len());
        if self.seen.contains(&place) {
            return Ok(None);
        }
        let name = self.ctx.store().draft(config.template_id).await?.map(|draft| draft.name);
        self.path.push(name.unwrap_or_else(|| config.template_id.to_string()));
        let path = self.path.join(" → ");
        if config.template_id == self.template {
            return Ok(Some((
                ProblemCode::WorkflowCycle,
                format!("The workflow leads back to itself: this workflow → {path}. Use another agent"),
            )));
        }
        // The workflow that is published is the first level.
        if self.path.len() >= MAX_WORKFLOW_DEPTH {
            return Ok(Some((
                ProblemCode::WorkflowTooDeep,
                format!("Workflows inside workflows, more than {MAX_WORKFLOW_DEPTH} deep: this workflow → {path}"),
            )));
        }
        match self.ctx.store().startable(config.template_id, Some(config.version)).await? {
            Startable::Version(_) => {}
            Startable::Archived => {
                return Ok(Some((
                    ProblemCode::Archived,
                    format!("“{path}” was archived. Use another agent, or take it back from the archive"),
                )));
            }
            Startable::NotPublished | Startable::NotFound => {
                return Ok(Some((
                    ProblemCode::UnknownWorkflow,
                    format!("“{path}” has no version {}. Save the agent with another one", config.version),
                )));
            }
        }
        let version = versions::stored(self.ctx, config.template_id, config.version).await?;
        let agents = validation::pinned(self.ctx, &version.definition).await?;
        for (_, inner) in runs(&version.definition, &agents) {
            if let Some(fault) = Box::pin(self.fault(inner)).await? {
                return Ok(Some(fault));
            }
        }
        self.path.pop();
        self.seen.insert(place);
        Ok(None)
    }
}
