//! Makes a file of what was gathered from one Weft: numbers of versions become places, and ids of workflows become slugs.
//! Must never leave a hole: what a step names and what is not gathered stays unnamed in its version, and is told when it is imported.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    bundle::{Agent, Bundle, Workflow},
    secrets::without_secrets,
};
use crate::{
    agent::{AgentConfig, AgentSpec},
    id::{AgentId, TemplateId},
    limits::MAX_STEPS,
};

/// All that a workflow needs, as it is stored.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Gathered {
    /// The slug of the workflow that it is about, and its draft.
    pub main: (String, Option<Workflow>),
    /// The published versions that agents run.
    pub versions: BTreeMap<(TemplateId, i32), Workflow>,
    pub slugs: BTreeMap<TemplateId, String>,
    /// The versions of agents that steps name, and the latest of those that they name without one.
    pub agents: BTreeMap<(AgentId, i32), AgentSpec>,
}

/// Why it cannot be told in a file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Untold {
    #[error("a workflow has no slug yet")]
    NoSlug(TemplateId),
    #[error("the workflow leads back to itself")]
    Cycle,
    #[error("there is nothing to tell")]
    Nothing,
    /// So many in all workflows: more than a file that is read may have.
    #[error("there are {0} steps in all workflows together")]
    TooManySteps(usize),
}

/// The file of it.
pub fn assemble(gathered: Gathered) -> Result<Bundle, Untold> {
    let (main, Some(draft)) = gathered.main else { return Err(Untold::Nothing) };
    let workflows = std::iter::once(&draft).chain(gathered.versions.values());
    let n_steps: usize = workflows.map(|workflow| workflow.definition.steps.len()).sum();
    if n_steps > MAX_STEPS {
        return Err(Untold::TooManySteps(n_steps));
    }
    let workflow_places = places(gathered.versions.keys().copied());
    let agent_places = places(gathered.agents.keys().cloned());
    let told = |mut workflow: Workflow| {
        for step in workflow.definition.steps.values_mut() {
            step.agent_version =
                step.agent_version.and_then(|n| agent_places.get(&(step.agent_id.clone(), n)).copied());
        }
        workflow
    };
    let slug_of = |id: &TemplateId| gathered.slugs.get(id).ok_or(Untold::NoSlug(*id));
    let mut workflows: BTreeMap<String, Vec<Workflow>> = BTreeMap::new();
    for ((id, _), workflow) in gathered.versions {
        let slug = slug_of(&id)?;
        if *slug == main {
            return Err(Untold::Cycle);
        }
        // In the order of the keys, so oldest first.
        workflows.entry(slug.clone()).or_default().push(told(workflow));
    }
    workflows.insert(main.clone(), vec![told(draft)]);
    let mut agents: BTreeMap<AgentId, Vec<Agent>> = BTreeMap::new();
    for ((id, version), spec) in &gathered.agents {
        let mut spec = without_secrets(spec);
        spec.version = agent_places.get(&(id.clone(), *version)).copied().unwrap_or(1);
        let mut runs = None;
        if let AgentConfig::Workflow(config) = &mut spec.config {
            runs = Some(slug_of(&config.template_id)?.clone());
            config.version = workflow_places.get(&(config.template_id, config.version)).copied().unwrap_or(1);
            config.template_id = TemplateId(uuid::Uuid::nil());
        }
        agents.entry(id.clone()).or_default().push(Agent { spec, runs });
    }
    Ok(Bundle { main, workflows, agents })
}

/// Of each the numbers of its versions from 1, oldest first.
fn places<T: Ord + Clone>(versions: impl Iterator<Item = (T, i32)>) -> BTreeMap<(T, i32), i32> {
    let mut places = BTreeMap::new();
    let mut last: Option<(T, i32)> = None;
    for (of, version) in versions.collect::<BTreeSet<_>>() {
        let place = match last {
            Some((before, place)) if before == of => place + 1,
            _ => 1,
        };
        last = Some((of.clone(), place));
        places.insert((of, version), place);
    }
    places
}
