//! The verbs of a person on one step, a file for each concern: running it, deciding at its gate, skipping it.
//! Must never act on what the person did not see: generations and digests are compared where the verb is decided.

mod deciding;
pub(crate) mod outputs;
mod running;
mod skipping;

use workflow::{
    AgentCatalog, AgentId, AgentSpec, RunId, StepKey, TemplateId,
    api::{AttemptLogs, AttemptTranscript, StepPrompt},
    resolve::effective_override,
    run::State,
    view::StepOverride,
};

pub use deciding::{approve, edit, reject, supply};
pub(crate) use deciding::{approving, checked_feedback, rejecting};
pub use running::{rerun, stop, trigger};
pub use skipping::{skip, skip_needs};

use crate::{
    Error, OpContext, Result,
    runs::{looking, overrides::check_prompt},
    versions,
};

/// A step as a verb needs it before it acts.
#[derive(Clone, PartialEq, Debug)]
struct StepOfRun {
    version: (TemplateId, i32),
    agent_id: AgentId,
    agent_version: i32,
    /// Its outputs are the lists that a map collects from its items.
    is_collected: bool,
    /// What the frozen definition puts in place of its agent's prompt; an item's is its map step's.
    prompt: Option<String>,
    overrides: StepOverride,
}

impl StepOfRun {
    fn of(state: &State, key: &StepKey) -> Option<Self> {
        let of_definition = state.step(key)?.definition_key();
        let (plan, step) = (state.design.plan(of_definition)?, state.design.step(of_definition)?);
        let both = [of_definition, key].into_iter();
        let overrides = both.filter_map(|key| Some((key.clone(), state.overrides.get(key)?.clone()))).collect();
        Some(Self {
            version: versions::key_of(state),
            agent_id: plan.agent_id.clone(),
            agent_version: plan.agent_version,
            is_collected: step.map.is_some() && key.split().1.is_none(),
            prompt: step.prompt.clone(),
            overrides: effective_override(&overrides, key).unwrap_or_default(),
        })
    }

    /// A version that a run uses is never removed.
    fn agent<'a>(&self, agents: &'a AgentCatalog) -> Result<&'a AgentSpec> {
        agents.get(&self.agent_id, Some(self.agent_version)).ok_or(Error::NotFound)
    }
}

/// The prompt in force, what the template says, and the ports that a trigger may fill.
pub async fn prompt(ctx: &OpContext, run: RunId, key: &StepKey) -> Result<StepPrompt> {
    let (step, spec) = find(ctx, run, key).await?;
    let of_template = spec.config.prompt().map(|of_agent| step.prompt.clone().unwrap_or_else(|| of_agent.to_owned()));
    let effective = of_template.clone().map(|of_template| step.overrides.prompt.unwrap_or(of_template));
    let outputs = outputs::ports(&spec, step.is_collected);
    Ok(StepPrompt { effective, of_template, inputs: spec.inputs, outputs })
}

/// Why a trigger or a re-run with this prompt would be refused, in words.
pub async fn prompt_fault(ctx: &OpContext, run: RunId, key: &StepKey, prompt: &str) -> Result<Option<String>> {
    let (_, spec) = find(ctx, run, key).await?;
    Ok(check_prompt(&spec, prompt).err().map(|refusal| refusal.to_api().detail))
}

/// What an attempt told a language model and what came back. Whoever may see what the step made may see it.
pub async fn transcript(ctx: &OpContext, run: RunId, key: &StepKey, attempt: i32) -> Result<AttemptTranscript> {
    find(ctx, run, key).await?;
    Ok(AttemptTranscript { transcript: ctx.store().transcript(run, key, attempt).await? })
}

/// The last lines that an attempt logged, for whoever may see what it made.
pub async fn logs(ctx: &OpContext, run: RunId, key: &StepKey, attempt: i32) -> Result<AttemptLogs> {
    find(ctx, run, key).await?;
    Ok(ctx.store().attempt_logs(run, key, attempt).await?)
}

/// A step of a run that the viewer may see, and its agent.
async fn find(ctx: &OpContext, run: RunId, key: &StepKey) -> Result<(StepOfRun, AgentSpec)> {
    let of = key.clone();
    let step = looking::look(ctx, run, move |state, _| StepOfRun::of(state, &of)).await?;
    let step = step.ok_or(Error::NotFound)?;
    let agents = versions::agents_of(ctx, run, step.version).await?;
    let spec = step.agent(&agents)?.clone();
    Ok((step, spec))
}
