//! Skipping a step: its dependents go on as if it were done, so what they wanted from it is asked for first.
//! Must never let a dependent start without a value that it requires.

use std::collections::BTreeMap;

use serde_json::Value;
use store::verbs::{Conflict, Skip, VerbOutcome};
use workflow::{
    AgentCatalog, Problem, ProblemCode, RunId, RunView, StepKey,
    api::{SkipNeed, SkipStep},
    skipping,
    source::Source,
    verbs::Verb,
};

use crate::{
    Error, OpContext, Result, agents,
    runs::{
        self, MAX_PLANS, access,
        calling::{on_step, step_after},
        conflict,
        overrides::{check_inputs, check_total},
    },
};

/// The values that skipping the step asks for.
pub async fn skip_needs(ctx: &OpContext, run: RunId, key: &StepKey) -> Result<Vec<SkipNeed>> {
    access::steer(ctx, run).await?;
    let view = runs::get(ctx, run).await?;
    view.step(key).ok_or(Error::NotFound)?;
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
    let call = on_step(ctx, run, key, Verb::Skip, &skip, once).await?;
    for _ in 0..MAX_PLANS {
        let view = runs::get(ctx, run).await?;
        let agents = agents::pinned(ctx, &view.run_definition).await?;
        check_given(&view, &agents, key, &skip.inputs)?;
        let problems = missing(&view, &agents, key, &skip.inputs);
        if !problems.is_empty() {
            return Err(Error::InvalidFields { problems });
        }
        let (inputs, expect_generation) = (skip.inputs.clone(), skip.expect_generation);
        match ctx.store().skip_step(&call, key, &Skip { inputs, seq: Some(view.seq), expect_generation }).await? {
            VerbOutcome::Conflict(Conflict::Moved) => {}
            did => return step_after(ctx, &call, Verb::Skip, key, &did).await,
        }
    }
    Err(Error::Conflict(conflict::moving()))
}

/// What dependents would be without.
fn missing(
    view: &RunView,
    agents: &AgentCatalog,
    key: &StepKey,
    given: &BTreeMap<StepKey, BTreeMap<String, Value>>,
) -> Vec<Problem> {
    let is_given = |step: &StepKey, port: &str| {
        given.get(step).and_then(|inputs| inputs.get(port)).is_some_and(|value| !value.is_null())
    };
    let needs = skipping::needs(view, agents, key).into_iter().filter(|(step, port)| !is_given(step, port));
    needs
        .map(|(step, port)| {
            let title = view.step(&step).map_or(step.as_str(), |step| step.title.as_str());
            let detail = format!("“{title}” needs `{port}`, which this step would have made. Give it a value.");
            Problem::error(None, Some(format!("inputs.{step}.{port}")), ProblemCode::MissingInput, detail)
        })
        .collect()
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
