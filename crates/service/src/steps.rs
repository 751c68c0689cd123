//! The verbs of a person on one step, a file for each concern: running it, deciding at its gate, skipping it.
//! Must never act on what the person did not see: generations and digests are compared in the store.

mod deciding;
mod outputs;
mod running;
mod skipping;

use store::access::StepOfRun;
use workflow::{
    AgentId, AgentSpec, RunId, StepKey,
    access::Actor,
    api::{AttemptTranscript, StepPrompt},
};

pub use deciding::{approve, edit, reject, supply};
pub use running::{rerun, stop, trigger};
pub use skipping::{skip, skip_needs};

use crate::{Error, OpContext, Result, runs::overrides::check_prompt};

/// The prompt in force, what the template says, and the ports that a trigger may fill.
pub async fn prompt(ctx: &OpContext, run: RunId, key: &StepKey) -> Result<StepPrompt> {
    ctx.user()?;
    let step = find(ctx, run, key, Some(ctx.user()?)).await?;
    let spec = agent(ctx, &step.agent_id, step.agent_version).await?;
    let is_collected = outputs::is_collected(&step, key);
    let of_template = spec.config.prompt().map(|of_agent| step.step.prompt.unwrap_or_else(|| of_agent.to_owned()));
    let effective = of_template.clone().map(|of_template| step.overrides.prompt.unwrap_or(of_template));
    let outputs = outputs::ports(&spec, is_collected);
    Ok(StepPrompt { effective, of_template, inputs: spec.inputs, outputs })
}

/// Why a trigger or a re-run with this prompt would be refused, in words.
pub async fn prompt_fault(ctx: &OpContext, run: RunId, key: &StepKey, prompt: &str) -> Result<Option<String>> {
    let step = find(ctx, run, key, Some(ctx.user()?)).await?;
    let spec = agent(ctx, &step.agent_id, step.agent_version).await?;
    Ok(check_prompt(&spec, prompt).err().map(|refusal| refusal.to_api().detail))
}

/// What an attempt told a language model and what came back. Whoever may see what the step made may see it.
pub async fn transcript(ctx: &OpContext, run: RunId, key: &StepKey, attempt: i32) -> Result<AttemptTranscript> {
    find(ctx, run, key, Some(ctx.user()?)).await?;
    Ok(AttemptTranscript { transcript: ctx.store().transcript(run, key, attempt).await? })
}

async fn find(ctx: &OpContext, run: RunId, key: &StepKey, viewer: Option<&Actor>) -> Result<StepOfRun> {
    if !key.is_addressable() {
        return Err(Error::NotFound);
    }
    ctx.store().step_of_run(run, key, viewer).await?.ok_or(Error::NotFound)
}

async fn agent(ctx: &OpContext, id: &AgentId, version: i32) -> Result<AgentSpec> {
    // A version that a run uses is never removed.
    ctx.store().agent(id, Some(version)).await?.ok_or(Error::NotFound)
}
