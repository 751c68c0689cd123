//! What is here of all that a file names.
//! Must never write: a dry run is nothing but this and a comparison.

use std::collections::{BTreeMap, BTreeSet};

use workflow::{
    AgentId, AgentSpec, TemplateId,
    exchange::{Bundle, Here, Known},
};

use crate::{OpContext, Result, id, templates};

pub(super) async fn here(ctx: &OpContext, bundle: &Bundle) -> Result<Here> {
    let slugs: Vec<String> = bundle.workflows.keys().cloned().collect();
    let found = ctx.store().slugs(&[], &slugs).await?;
    let mut here = Here::default();
    for (id, slug) in found {
        here.workflows.insert(slug, known(ctx, id).await?);
    }
    let unknown = slugs.into_iter().filter(|slug| !here.workflows.contains_key(slug));
    here.ids = unknown.map(|slug| (slug, TemplateId(id::new_id()))).collect();
    let steps = bundle.workflows.values().flatten().flat_map(|workflow| workflow.definition.steps.values());
    let named: BTreeSet<&AgentId> = bundle.agents.keys().chain(steps.map(|step| &step.agent_id)).collect();
    // No agent has another id, and Postgres cannot hold every text that is none.
    let named: Vec<AgentId> = named.into_iter().filter(|id| id.is_well_formed()).cloned().collect();
    let mut agents: BTreeMap<AgentId, Vec<AgentSpec>> = BTreeMap::new();
    for spec in ctx.store().agent_history(&named).await? {
        agents.entry(spec.id.clone()).or_default().push(spec);
    }
    here.agents = agents;
    here.providers = ctx.settings().providers.iter().map(|provider| provider.name.to_lowercase()).collect();
    Ok(here)
}

async fn known(ctx: &OpContext, id: TemplateId) -> Result<Known> {
    let view = templates::get(ctx, id).await?;
    let live = templates::live(ctx, id).await?;
    let versions = ctx.store().version_marks(id).await?;
    Ok(Known {
        id,
        revision: view.draft_revision,
        name: view.name,
        description: view.description,
        draft: view.definition,
        live,
        versions,
        has_unpublished_changes: view.has_unpublished_changes,
        is_archived: view.archived_at.is_some(),
    })
}
