//! The values that a workflow gave last, for whoever edits it: of its inputs, and of the outputs of some steps.
//! For admins alone, who may see every run; it must never cost more than a few runs and small values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use store::seen::{OutputOf, RunOf};
use workflow::{
    RunId, StepKey, TemplateId,
    api::{Encoding, Seen, SeenRun, SeenValue},
    run::State,
};

use crate::{Error, OpContext, Result, artifacts, runs::looking};

/// The newest runs that are looked at for outputs, and for inputs, which stand in the runs themselves.
const RUNS: i64 = 20;
const RUNS_FOR_INPUTS: usize = 4;
/// Steps that can be asked for at once.
const MAX_STEPS: usize = 100;
/// Bytes of a value that is told; of a larger one that it is there.
const MAX_TOLD: i64 = 16 * 1024;

pub async fn seen(ctx: &OpContext, template: TemplateId, steps: &[StepKey]) -> Result<Seen> {
    ctx.admin()?;
    if steps.len() > MAX_STEPS {
        return Err(Error::too_large("steps", format!("Ask for at most {MAX_STEPS} steps at once.")));
    }
    if steps.iter().any(|key| !key.is_well_formed()) {
        return Err(Error::invalid("steps", "Name steps by their keys."));
    }
    let runs = ctx.store().runs_of_template(template, RUNS).await?;
    let inputs = inputs(ctx, &runs).await?;
    let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
    let outputs = if steps.is_empty() { Vec::new() } else { ctx.store().outputs_of(&ids, steps).await? };
    let outputs = told(ctx, &runs, outputs).await?;
    let runs = runs.iter().map(|run| SeenRun { run_id: run.id, is_test: run.is_test, at: run.at });
    Ok(Seen { runs: runs.collect(), inputs, outputs })
}

/// Of each input the value in the newest run that had it. Those that a try made of ports are no inputs of the workflow.
async fn inputs(ctx: &OpContext, runs: &[RunOf]) -> Result<BTreeMap<String, SeenValue>> {
    let mut inputs = BTreeMap::new();
    for run in runs.iter().take(RUNS_FOR_INPUTS) {
        let found = looking::look(ctx, run.id, |state: &State, _| {
            let declared = &state.design.definition.inputs;
            let own = state.birth.inputs.iter().filter(|(key, _)| declared.contains_key(*key));
            own.map(|(key, value)| (key.clone(), value.clone())).collect::<Vec<_>>()
        });
        let found = match found.await {
            Ok(found) => found,
            // Of a run that nobody can go on with, nothing is told.
            Err(Error::SetAside { .. } | Error::TooNew | Error::NotFound) => continue,
            Err(error) => return Err(error),
        };
        for (key, value) in found {
            let size = i64::try_from(value.to_string().len()).unwrap_or(i64::MAX);
            let value = (size <= MAX_TOLD).then_some(value);
            inputs.entry(key).or_insert(SeenValue { value, size, artifact_id: None, ..of(run) });
        }
    }
    Ok(inputs)
}

fn of(run: &RunOf) -> SeenValue {
    SeenValue { run_id: run.id, is_test: run.is_test, at: run.at, artifact_id: None, size: 0, value: None }
}

async fn told(
    ctx: &OpContext,
    runs: &[RunOf],
    outputs: Vec<OutputOf>,
) -> Result<BTreeMap<StepKey, BTreeMap<String, SeenValue>>> {
    let small: BTreeSet<_> = outputs.iter().filter(|output| output.size <= MAX_TOLD).map(|output| output.id).collect();
    let small: Vec<_> = small.into_iter().collect();
    let n_bytes = outputs.iter().map(|output| output.size).filter(|size| *size <= MAX_TOLD).sum::<i64>();
    ctx.make_room(u64::try_from(n_bytes).unwrap_or_default().saturating_mul(8)).await?;
    let mut contents = ctx.store().artifact_contents(&small).await?;
    let mut told: BTreeMap<StepKey, BTreeMap<String, SeenValue>> = BTreeMap::new();
    for output in outputs {
        let Some(run) = runs.iter().find(|run| run.id == output.run) else { continue };
        let value: Option<Value> = contents.remove(&output.id).and_then(|bytes| {
            let (encoding, value) = artifacts::shown(&output.media_type, bytes);
            (encoding != Encoding::Base64).then_some(value)
        });
        let seen = SeenValue { artifact_id: Some(output.id), size: output.size, value, ..of(run) };
        told.entry(output.step).or_default().insert(output.name, seen);
    }
    Ok(told)
}
