//! What is here of all that a file names.
//! Must never write: a dry run is nothing but this and a comparison.

use std::collections::{BTreeMap, BTreeSet};

use store::exchange::{Seen, SeenWorkflow};
use workflow::{
    AgentId, AgentSpec, TemplateId,
    exchange::{Bundle, Here, Known},
    json::n_bytes,
};

use crate::{Error, OpContext, Result, id, templates};

/// What is here of one file at most, of agents and of workflows: more is not read to compare with 6 MiB.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// With what has to be as it is until the file is stored.
pub(super) async fn here(ctx: &OpContext, bundle: &Bundle) -> Result<(Here, Seen)> {
    let slugs: Vec<String> = bundle.workflows.keys().cloned().collect();
    let found = ctx.store().slugs(&[], &slugs).await?;
    let (mut here, mut seen) = (Here::default(), Seen::default());
    let mut size = 0;
    for (id, slug) in found {
        let (known, as_seen) = known(ctx, id).await?;
        size += n_bytes(&known.draft) + known.live.as_ref().map_or(0, n_bytes);
        if size > MOST_BYTES {
            return Err(too_much("workflows"));
        }
        here.workflows.insert(slug, known);
        seen.workflows.insert(id, as_seen);
    }
    let unknown = slugs.into_iter().filter(|slug| !here.workflows.contains_key(slug));
    here.ids = unknown.map(|slug| (slug, TemplateId(id::new_id()))).collect();
    let steps = bundle.workflows.values().flatten().flat_map(|workflow| workflow.definition.steps.values());
    // No agent has another id, and Postgres cannot hold every text that is none.
    let is_known = |id: &&AgentId| id.is_well_formed();
    let told: BTreeSet<&AgentId> = bundle.agents.keys().filter(is_known).collect();
    let named: BTreeSet<&AgentId> = steps.map(|step| &step.agent_id).filter(is_known).collect();
    let others: Vec<AgentId> = named.difference(&told).map(|id| (*id).clone()).collect();
    let told: Vec<AgentId> = told.into_iter().cloned().collect();
    here.retired = ctx.store().retired_agents(&told).await?.into_iter().collect();
    here.granted = ctx.store().granted_secrets(&told).await?;
    let size = ctx.store().agent_history_bytes(&told, &others).await?;
    if usize::try_from(size).is_ok_and(|size| size > MOST_BYTES) {
        return Err(too_much("agents"));
    }
    let mut agents: BTreeMap<AgentId, Vec<AgentSpec>> = BTreeMap::new();
    for spec in ctx.store().agent_history(&told, &others).await? {
        agents.entry(spec.id.clone()).or_default().push(spec);
    }
    let latest = |id: &AgentId| agents.get(id).and_then(|known| known.last()).map(|spec| spec.version);
    let as_seen = |id: AgentId| {
        let version = latest(&id);
        (id, version)
    };
    seen.agents = told.into_iter().chain(others).map(as_seen).collect();
    here.agents = agents;
    here.providers = ctx.settings().providers.iter().map(|provider| provider.name.to_lowercase()).collect();
    Ok((here, seen))
}

fn too_much(what: &str) -> Error {
    let detail = format!("The {what} that the file names are larger than 64 MiB here. Split the file.");
    Error::too_large("file", detail)
}

async fn known(ctx: &OpContext, id: TemplateId) -> Result<(Known, SeenWorkflow)> {
    let view = templates::get(ctx, id).await?;
    let live = match view.published_version {
        Some(version) => Some(templates::version(ctx, id, version).await?.definition),
        None => None,
    };
    let versions = ctx.store().version_marks(id).await?;
    let is_archived = view.archived_at.is_some();
    let seen = SeenWorkflow { revision: view.draft_revision, published: view.published_version, is_archived };
    let known = Known {
        id,
        revision: view.draft_revision,
        name: view.name,
        description: view.description,
        draft: view.definition,
        live,
        versions,
        has_unpublished_changes: view.has_unpublished_changes,
        is_archived,
    };
    Ok((known, seen))
}
