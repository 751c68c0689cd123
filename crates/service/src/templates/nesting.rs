//! Workflows inside workflows: what an author may publish about them. Versions are pinned, so the walk is over what never changes.
//! Must never let a workflow lead back to itself, or deeper than a run would go.

use std::collections::BTreeSet;

use store::templates::Startable;
use workflow::{
    AgentCatalog, Definition, Problem, ProblemCode, StepKey, TemplateId,
    agent::{AgentConfig, WorkflowConfig},
    limits::MAX_WORKFLOW_DEPTH,
};

use crate::{OpContext, Result, validation, versions};

/// What is wrong with the workflows that the steps of a definition run.
pub(crate) async fn problems(
    ctx: &OpContext,
    template: TemplateId,
    definition: &Definition,
    agents: &AgentCatalog,
) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for (key, config) in runs(definition, agents) {
        let mut walk = Walk { ctx, template, path: Vec::new(), seen: BTreeSet::new() };
        if let Some((code, message)) = walk.fault(config).await? {
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
    async fn fault(&mut self, config: &WorkflowConfig) -> Result<Option<(ProblemCode, String)>> {
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
        if !self.seen.insert((config.template_id, config.version, self.path.len())) {
            self.path.pop();
            return Ok(None);
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
        Ok(None)
    }
}
