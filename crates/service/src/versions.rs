//! What follows from a version of a workflow, worked out once in a process and shared by every run of it: the agents that it is pinned to,
//! and how it is judged. Versions and agent versions never change, so neither does this.

use std::{collections::BTreeSet, sync::Arc};

use store::templates::Version;
use workflow::{AgentCatalog, AgentId, Definition, Plan, RunId, StepKey, TemplateId, run::State};

use crate::{Error, OpContext, Result, recent::Recent, runs::looking, validation};

/// Steps of the versions that are kept.
const MOST_STEPS: usize = 50_000;
/// What a version weighs besides its steps.
const OF_VERSION: usize = 20;

type Key = (TemplateId, i32);
/// A version that a failover or a restore undid may come again as another one.
type Kept = (u64, Key);

#[derive(Debug)]
pub(crate) struct Versions {
    agents: Recent<Kept, Arc<AgentCatalog>>,
    judged: Recent<Kept, Arc<Judged>>,
}

impl Default for Versions {
    fn default() -> Self {
        Self { agents: Recent::new(MOST_STEPS), judged: Recent::new(MOST_STEPS) }
    }
}

/// A version as a run goes by it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Judged {
    pub(crate) template_id: TemplateId,
    pub(crate) version: i32,
    pub(crate) name: String,
    pub(crate) definition: Arc<Definition>,
    pub(crate) plan: Plan,
    pub(crate) agents: Arc<AgentCatalog>,
}

/// A version as it was published, whatever became of its template.
pub(crate) async fn stored(ctx: &OpContext, template: TemplateId, version: i32) -> Result<Version> {
    let (version, _) = ctx.store().version(template, version).await?.ok_or(Error::NotFound)?;
    Ok(version)
}

/// A version as it was published, judged by today's rules.
pub(crate) async fn judged(ctx: &OpContext, template: TemplateId, version: i32) -> Result<Arc<Judged>> {
    match ctx.versions().judged.get(&(ctx.store().history(), (template, version))) {
        Some(known) => Ok(known),
        None => judge(ctx, stored(ctx, template, version).await?).await,
    }
}

/// Judges a version by today's rules: it was valid when it was published; an older program may have thought so with other rules.
pub(crate) async fn judge(ctx: &OpContext, version: Version) -> Result<Arc<Judged>> {
    judge_but(ctx, version, &BTreeSet::new()).await
}

/// The same, but for what is wrong with steps that do not run.
pub(crate) async fn judge_but(ctx: &OpContext, version: Version, idle: &BTreeSet<StepKey>) -> Result<Arc<Judged>> {
    let Version { template_id, version, name, definition } = version;
    let key = (ctx.store().history(), (template_id, version));
    let agents = validation::pinned(ctx, &definition).await?;
    let (definition, plan, agents, problems) = validation::validate(definition, agents).await?;
    if validation::keeps_from_running(&problems, idle) {
        return Err(Error::InvalidDefinition { problems });
    }
    let (weight, agents) = (weight(&definition), Arc::new(agents));
    ctx.versions().agents.put(key, Arc::clone(&agents), weight);
    let judged = Arc::new(Judged { template_id, version, name, definition: Arc::new(definition), plan, agents });
    ctx.versions().judged.put(key, Arc::clone(&judged), weight);
    Ok(judged)
}

/// The agents that a run is pinned to. The caller has made sure that it may be seen.
pub(crate) async fn agents_of(ctx: &OpContext, run: RunId, key: Key) -> Result<Arc<AgentCatalog>> {
    let history = ctx.store().history();
    if let Some(known) = ctx.versions().agents.get(&(history, key)) {
        return Ok(known);
    }
    // It may have moved on since; then it is that version that is known from now on.
    let (key, weight, pins) = looking::read(ctx, run, 0, |state| {
        let definition = &state.design.definition;
        (key_of(state), weight(definition), validation::pins(definition).collect::<Vec<(AgentId, i32)>>())
    })
    .await?;
    let agents = Arc::new(AgentCatalog::new(ctx.store().agent_versions(pins).await?));
    ctx.versions().agents.put((history, key), Arc::clone(&agents), weight);
    Ok(agents)
}

pub(crate) fn key_of(state: &State) -> Key {
    (state.birth.template_id, state.template_version)
}

fn weight(definition: &Definition) -> usize {
    OF_VERSION + definition.steps.len()
}
