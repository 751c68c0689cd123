//! The verbs of a person on one step: trigger, retry or re-run it, approve it, see its prompt.
//! Must never act on what the person did not see: generations and digests are compared in the store.

use std::collections::BTreeMap;

use serde_json::Value;
use store::{
    access::StepOfRun,
    verbs::{Approval, Trigger},
};
use workflow::{
    AgentSpec, RunId, RunView, StepKey, StepStatus,
    api::{ContinueStep, StepPrompt, TriggerStep},
    limits,
};

use crate::{
    Error, OpContext, Result,
    runs::{self, refused, values},
    text,
};

/// Retries, re-runs or starts a step, perhaps with another prompt or other inputs for this run.
pub async fn trigger(ctx: &OpContext, run: RunId, key: &StepKey, trigger: TriggerStep) -> Result<RunView> {
    let actor = ctx.user()?;
    let step = find(ctx, run, key).await?;
    if trigger.prompt_override.is_some() || trigger.inputs.is_some() {
        let spec = agent_of(ctx, &step).await?;
        if let Some(Some(prompt)) = &trigger.prompt_override {
            check_prompt(&spec, prompt)?;
        }
        if let Some(inputs) = &trigger.inputs {
            check_inputs(&spec, inputs)?;
        }
    }
    let wanted = Trigger {
        prompt: trigger.prompt_override,
        inputs: trigger.inputs,
        expect_generation: trigger.expect_generation,
    };
    let outcome = ctx.store().trigger_step(run, key, &wanted, actor).await?;
    let view = runs::get(ctx, run).await?;
    refused(&outcome, || why_it_cannot_start(&view, key))?;
    Ok(view)
}

/// Lets a step that waits for review go on.
pub async fn approve(ctx: &OpContext, run: RunId, key: &StepKey, decision: ContinueStep) -> Result<RunView> {
    let actor = ctx.user()?;
    find(ctx, run, key).await?;
    text::no_nul("content_hash", decision.content_hash.as_deref().unwrap_or_default())?;
    let approval = Approval { digest: decision.content_hash, expect_generation: decision.expect_generation };
    let outcome = ctx.store().approve_step(run, key, &approval, actor).await?;
    refused(&outcome, || "The step does not wait for a review, so there is nothing to continue.".into())?;
    runs::get(ctx, run).await
}

/// The prompt in force, what the template says, and the ports that a trigger may fill.
pub async fn prompt(ctx: &OpContext, run: RunId, key: &StepKey) -> Result<StepPrompt> {
    ctx.user()?;
    let step = find(ctx, run, key).await?;
    let spec = agent_of(ctx, &step).await?;
    let of_template = spec.config.prompt().map(|of_agent| step.step.prompt.unwrap_or_else(|| of_agent.to_owned()));
    let effective = of_template.clone().map(|of_template| step.overrides.prompt.unwrap_or(of_template));
    Ok(StepPrompt { effective, of_template, inputs: spec.inputs, outputs: spec.outputs })
}

async fn find(ctx: &OpContext, run: RunId, key: &StepKey) -> Result<StepOfRun> {
    // A key with a character that Postgres cannot hold names no step.
    if !key.is_well_formed() {
        return Err(Error::NotFound);
    }
    ctx.store().step_of_run(run, key, ctx.user()?).await?.ok_or(Error::NotFound)
}

async fn agent_of(ctx: &OpContext, step: &StepOfRun) -> Result<AgentSpec> {
    // A version that a run uses is never removed.
    ctx.store().agent(&step.agent_id, Some(step.agent_version)).await?.ok_or(Error::NotFound)
}

fn check_prompt(spec: &AgentSpec, prompt: &str) -> Result<()> {
    const FIELD: &str = "prompt_override";
    if spec.config.prompt().is_none() {
        let detail = format!("Agents of kind `{}` have no prompt. Leave it out.", spec.kind());
        return Err(Error::invalid(FIELD, detail));
    }
    if prompt.trim().is_empty() {
        return Err(Error::invalid(FIELD, "The prompt is empty. Write one, or take the override back."));
    }
    if prompt.len() > limits::MAX_PROMPT_BYTES {
        return Err(Error::too_large(FIELD, "The prompt is larger than 256 KiB. Shorten it."));
    }
    text::no_nul(FIELD, prompt)
}

fn check_inputs(spec: &AgentSpec, inputs: &BTreeMap<String, Value>) -> Result<()> {
    values::fits(inputs)?;
    for (port, value) in inputs {
        let Some(known) = spec.input(port) else {
            let detail = format!("The agent `{}` has no input `{port}`.", spec.id);
            return Err(Error::invalid(format!("inputs.{port}"), detail));
        };
        if let Some((path, fault)) = known.schema.check(value).into_iter().next() {
            let field = format!("inputs.{port}{}", path.replace('/', "."));
            return Err(Error::invalid(field, format!("`{port}` {fault}.")));
        }
    }
    Ok(())
}

/// What a step that does not start waits for.
fn why_it_cannot_start(run: &RunView, key: &StepKey) -> String {
    match run.step(key).map(|step| step.status) {
        Some(StepStatus::Pending) => {
            let open: Vec<&str> = run
                .run_definition
                .steps
                .get(key)
                .into_iter()
                .flat_map(workflow::Step::direct_dependencies)
                .filter_map(|dependency| run.step(dependency))
                .filter(|dependency| !dependency.status.is_terminal())
                .map(|dependency| dependency.title.as_str())
                .take(5)
                .collect();
            if open.is_empty() {
                "The step is about to start. Look again in a moment.".to_owned()
            } else {
                format!("The step waits for {}. It starts by itself.", open.join(", "))
            }
        }
        Some(StepStatus::Running) => "The step is running. Wait for it to finish, then run it again.".to_owned(),
        Some(StepStatus::AwaitingReview) => {
            "The step waits for a review. Continue it first, then run it again.".to_owned()
        }
        Some(StepStatus::Cancelled) => "The run was cancelled, which is final. Start a new one.".to_owned(),
        _ => "The step has just changed. Look at it, then try again.".to_owned(),
    }
}
