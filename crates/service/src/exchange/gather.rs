//! Gathers what a workflow needs: the agents of its steps, the workflows that these run, and so on.
//! Must never follow a chain forever: each version is looked at once, and their number is bounded, and so is their size.

use std::collections::BTreeSet;

use workflow::{
    AgentId, Definition, TemplateId,
    agent::AgentConfig,
    exchange::{Gathered, Workflow},
    json::n_bytes,
    limits::{MAX_FILE_BYTES, MAX_FILE_ENTRIES},
    words::count,
};

use crate::{Error, OpContext, Result};

pub(super) async fn gather(ctx: &OpContext, id: TemplateId) -> Result<Gathered> {
    let draft = ctx.store().draft(id).await?.ok_or(Error::NotFound)?;
    let mut gathered = Gathered::default();
    let mut size = n_bytes(&draft.definition);
    let mut pending = vec![draft.definition.clone()];
    let mut seen = BTreeSet::new();
    while let Some(definition) = pending.pop() {
        for (agent, version) in named(&definition) {
            if !seen.insert((agent.clone(), version)) {
                continue;
            }
            // A draft may name what is not there.
            let Some(spec) = ctx.store().agent(&agent, version).await? else { continue };
            let key = (agent, spec.version);
            if gathered.agents.contains_key(&key) {
                continue;
            }
            size += n_bytes(&spec);
            if let AgentConfig::Workflow(config) = &spec.config {
                let key = (config.template_id, config.version);
                if !gathered.versions.contains_key(&key)
                    && let Some(workflow) = ctx.store().version_content(config.template_id, config.version).await?
                {
                    size += n_bytes(&workflow.definition);
                    pending.push(workflow.definition.clone());
                    gathered.versions.insert(key, workflow);
                }
            }
            gathered.agents.insert(key, spec);
            // With the draft itself.
            if 1 + gathered.agents.len() + gathered.versions.len() > MAX_FILE_ENTRIES {
                let most = count(MAX_FILE_ENTRIES, "agent");
                let detail = format!("It needs more than {most} and workflows, the most that a file holds.");
                return Err(Error::Conflict(detail));
            }
            // Written as a file it is larger still, by its line ends.
            if size > MAX_FILE_BYTES {
                let detail =
                    "The agents and workflows that it needs are larger than 6 MiB together. Split the workflow.";
                return Err(Error::too_large("file", detail));
            }
        }
    }
    let ids: BTreeSet<TemplateId> = gathered.versions.keys().map(|(id, _)| *id).chain([id]).collect();
    let ids: Vec<TemplateId> = ids.into_iter().collect();
    gathered.slugs = ctx.store().slugs(&ids, &[]).await?.into_iter().collect();
    let Some(slug) = gathered.slugs.get(&id).cloned() else {
        return Err(untitled("The workflow has no name of its own yet."));
    };
    let main = Workflow { name: draft.name, description: draft.description, definition: draft.definition };
    gathered.main = (slug, Some(main));
    Ok(gathered)
}

pub(super) fn untitled(what: &str) -> Error {
    Error::Conflict(format!("{what} Files know workflows by their first name: give it one, then export it."))
}

/// The agents of the steps, each with the version that it is wanted in.
fn named(definition: &Definition) -> BTreeSet<(AgentId, Option<i32>)> {
    let steps = definition.steps.values().filter(|step| step.agent_id.is_well_formed());
    steps.map(|step| (step.agent_id.clone(), step.agent_version)).collect()
}
