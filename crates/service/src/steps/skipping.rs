//! Skipping a step: its dependents go on as if it were done, so what they wanted from it is asked for first.
//! Must never let a dependent start without a value that it requires.

use std::collections::BTreeMap;

use serde_json::Value;
use store::verbs::{Call, Skip};
use workflow::{
    AgentCatalog, RunId, RunView, StepKey,
    api::{SkipNeed, SkipStep},
    skipping,
    source::Source,
    verbs::Verb,
};

use super::find;
use crate::{
    Error, OpContext, Result, agents,
    runs::{
        self, access, conflict, idempotency,
        overrides::{check_inputs, check_total},
    },
};

/// The values that skipping the step asks for.
pub async fn skip_needs(ctx: &OpContext, run: RunId, key: &StepKey) -> Result<Vec<SkipNeed>> {
    access::steer(ctx, run).await?;
    find(ctx, run, key).await?;
    let view = runs::get(ctx, run).await?;
    let agents = agents::pinned(ctx, &view.run_definition).await?;
    let needs = skipping::needs(&view, &agents, key).into_iter().map(|(step, port)| {
        let step_view = view.step(&step);
        let spec = step_view.and_then(|step| agents.get(&step.agent_id, Some(step.agent_version)));
        SkipNeed {
            step_title: step_view.map_or_else(|| step.to_string(), |step| step.title.clone()),
            schema: spec.and_then(|spec| spec.input(&port)).map(|port| port.schema.clone()).unwrap_or_default(),
            step,
            port,
        }
    });
    Ok(needs.collect())
}

/// Skips a step; values for its dependents' ports become overrides of this run.
pub async fn skip(ctx: &OpContext, run: RunId, key: &StepKey, skip: SkipStep, once: Option<String>) -> Result<RunView> {
    let idempotency = idempotency::of(once, "skip", &[&run.to_string(), key.as_str()], &skip)?;
    access::steer(ctx, run).await?;
    find(ctx, run, key).await?;
    let view = runs::get(ctx, run).await?;
    let agents = agents::pinned(ctx, &view.run_definition).await?;
    check_given(&view, &agents, key, &skip.inputs)?;
    for (step, port) in skipping::needs(&view, &agents, key) {
        let given = skip.inputs.get(&step).and_then(|inputs| inputs.get(&port));
        if given.is_none_or(Value::is_null) {
            let title = view.step(&step).map_or(step.as_str(), |step| step.title.as_str());
            let detail = format!("“{title}” needs `{port}`, which this step would have made. Give it a value.");
            return Err(Error::invalid(format!("inputs.{step}.{port}"), detail));
        }
    }
    let call = Call { run, actor: ctx.user()?, idempotency, only_at_gate: false };
    let wish = Skip { inputs: skip.inputs, seq: None, expect_generation: skip.expect_generation };
    let outcome = ctx.store().skip_step(&call, key, &wish).await?;
    let view = runs::get(ctx, run).await?;
    conflict::step(&outcome, Verb::Skip, &view, key)?;
    Ok(view)
}

/// Only ports that read the step may be given, with values of their type.
fn check_given(
    view: &RunView,
    agents: &AgentCatalog,
    key: &StepKey,
    given: &BTreeMap<StepKey, BTreeMap<String, Value>>,
) -> Result<()> {
    let (skipped, _) = key.split();
    for (step, inputs) in given {
        let field = format!("inputs.{step}");
        let of_definition = view.run_definition.steps.get(&step.split().0);
        let (Some(dependent), Some(known)) = (of_definition, view.step(step)) else {
            return Err(Error::invalid(field, format!("The run has no step `{step}`. Leave it out.")));
        };
        for port in inputs.keys() {
            if dependent.inputs.get(port).and_then(Source::step) != Some(&skipped) {
                let detail = format!("`{port}` of `{step}` does not read this step. Leave it out.");
                return Err(Error::invalid(format!("{field}.{port}"), detail));
            }
        }
        if let Some(spec) = agents.get(&known.agent_id, Some(known.agent_version)) {
            check_inputs(spec, &field, inputs)?;
        }
    }
    let merged = given.iter().map(|(step, inputs)| {
        let mut merged = view.overrides.get(step).cloned().unwrap_or_default();
        merged.inputs.extend(inputs.clone());
        merged
    });
    let merged: Vec<_> = merged.collect();
    let others = view.overrides.iter().filter(|(step, _)| !given.contains_key(*step)).map(|(_, value)| value);
    check_total(others.chain(&merged))
}
