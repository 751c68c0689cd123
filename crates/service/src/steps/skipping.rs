//! Skipping a step: its dependents go on as if it were done, so what they wanted from it is asked for first.
//! What is missing is decided with the verb; here it is looked at what was given. Must never let a port be given that does not read
//! the step.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use workflow::{
    AgentCatalog, AgentId, RunId, StepKey,
    access::Scope,
    api::{SkipNeed, SkipStep},
    run::{Command, State, state::Emails},
    skipping,
    source::Source,
    verbs::Verb,
};

use crate::{
    Error, OpContext, Result,
    runs::{
        Done, access,
        asking::{Brings, on_step},
        looking,
        overrides::{Overrides, bytes_of, check_inputs, check_total},
    },
    versions,
};

type Given = BTreeMap<StepKey, BTreeMap<String, Value>>;

/// The values that skipping the step asks for.
pub async fn skip_needs(ctx: &OpContext, run: RunId, key: &StepKey) -> Result<Vec<SkipNeed>> {
    ctx.user_for(Scope::Run)?;
    let look = |state: &State, access| access::steer(Some(&access)).map(|()| state.clone());
    let state = looking::look(ctx, run, look).await??;
    let agents = versions::agents_of(ctx, run, versions::key_of(&state)).await?;
    let view = state.view(&Emails::new());
    view.step(key).ok_or(Error::NotFound)?;
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
pub async fn skip(ctx: &OpContext, run: RunId, key: &StepKey, skip: SkipStep, once: Option<String>) -> Result<Done> {
    let facts = {
        let (key, given) = (key.clone(), skip.inputs.keys().cloned().collect());
        move |state: &State| Facts::of(state, &key, &given)
    };
    let (call, facts) = on_step(ctx, run, key, Verb::Skip, &skip, once, facts).await?;
    let agents = call.agents().await?;
    let n_bytes = facts.check(&agents, &skip.inputs)?;
    let command = Command::Skip { step: key.clone(), inputs: skip.inputs, expect_generation: skip.expect_generation };
    call.execute(command, Brings { agents, n_bytes, ..Brings::default() }).await
}

/// What is wanted of a run to judge the values that come with a skip.
struct Facts {
    /// Of the steps that values are given for, those that there are.
    dependents: BTreeMap<StepKey, Dependent>,
    overrides: Overrides,
}

struct Dependent {
    agent_id: AgentId,
    agent_version: i32,
    /// Its ports that read the step.
    reads: BTreeSet<String>,
}

impl Facts {
    fn of(state: &State, key: &StepKey, given: &BTreeSet<StepKey>) -> Self {
        let (skipped, _) = key.split();
        let dependent = |step: &StepKey| {
            let of = state.step(step)?.definition_key();
            let (plan, definition) = (state.design.plan(of)?, state.design.step(of)?);
            let reads = definition.inputs.iter().filter(|(_, source)| Source::step(source) == Some(&skipped));
            Some(Dependent {
                agent_id: plan.agent_id.clone(),
                agent_version: plan.agent_version,
                reads: reads.map(|(port, _)| port.clone()).collect(),
            })
        };
        let dependents = given.iter().filter_map(|step| Some((step.clone(), dependent(step)?))).collect();
        Self { dependents, overrides: state.overrides.clone() }
    }

    /// Only ports that read the step may be given, with values of their type. How many bytes of overrides are then stored.
    fn check(&self, agents: &AgentCatalog, given: &Given) -> Result<usize> {
        for (step, inputs) in given {
            let field = format!("inputs.{step}");
            let Some(dependent) = self.dependents.get(step) else {
                return Err(Error::invalid(field, format!("The run has no step `{step}`. Leave it out.")));
            };
            if let Some(port) = inputs.keys().find(|port| !dependent.reads.contains(*port)) {
                let detail = format!("`{port}` of `{step}` does not read this step. Leave it out.");
                return Err(Error::invalid(format!("{field}.{port}"), detail));
            }
            if let Some(spec) = agents.get(&dependent.agent_id, Some(dependent.agent_version)) {
                check_inputs(spec, &field, inputs)?;
            }
        }
        let merged = given.iter().map(|(step, inputs)| {
            let mut merged = self.overrides.get(step).cloned().unwrap_or_default();
            merged.inputs.extend(inputs.clone());
            merged
        });
        let merged: Vec<_> = merged.collect();
        let others = self.overrides.iter().filter(|(step, _)| !given.contains_key(*step)).map(|(_, value)| value);
        check_total(others.chain(&merged))?;
        Ok(merged.iter().map(bytes_of).sum())
    }
}
