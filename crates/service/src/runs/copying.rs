//! Runs from runs: fork one at a step, and take versions of another over.
//! Must never share an artifact with somebody who may not see where it comes from.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use store::verbs::{Conflict, Fork, VerbOutcome};
use workflow::{
    RunId, RunView, StepKey, StepStatus,
    api::{AdoptRun, ForkRun, RerunMode},
    definition::OnError,
    graph::Graph,
    rerun,
    verbs::RunVerb,
};

use super::{
    MAX_PLANS, Started,
    calling::{on_run, run_after},
    conflict, get,
};
use crate::{Error, OpContext, Result, agents, id, templates};

/// A new run that begins at a step and shares what is upstream of it or beside it.
pub async fn fork(ctx: &OpContext, from: RunId, fork: ForkRun, key: Option<String>) -> Result<Started> {
    let call = on_run(ctx, from, RunVerb::Fork, &fork, key).await?;
    // Under a key the new run's id follows from it, so that the same request finds the same run.
    let id = RunId(match &call.idempotency {
        Some((key, request)) => {
            let source = format!("fork\n{}\n{from}\n{key}\n{request}", call.actor.id);
            id::derived(&Sha256::digest(source.as_bytes()).into())
        }
        None => id::new_id(),
    });
    for _ in 0..MAX_PLANS {
        let view = get(ctx, from).await?;
        let (at, _) = fork.step.split();
        if !view.run_definition.steps.contains_key(&at) {
            return Err(Error::invalid("step", "The run has no such step. Name one of its steps."));
        }
        let agents = agents::pinned(ctx, &view.run_definition).await?;
        let (_, plan, agents, _) = templates::judge(view.run_definition.clone(), agents).await?;
        let wanted = Fork {
            id,
            kept: kept(&view, &at),
            at,
            seq: view.seq,
            auto_run: fork.auto_run.unwrap_or(view.auto_run),
            plan: &plan,
            agents: &agents,
        };
        match ctx.store().fork_run(&call, &wanted).await? {
            VerbOutcome::Conflict(Conflict::Moved) => {}
            VerbOutcome::Done => return Ok(Started { run: get(ctx, id).await?, is_new: true }),
            VerbOutcome::Unchanged => return Ok(Started { run: get(ctx, id).await?, is_new: false }),
            outcome => conflict::run(&outcome, RunVerb::Fork, &view)?,
        }
    }
    Err(Error::Conflict(conflict::moving()))
}

/// The steps whose results the fork starts with: not at or after the step, over, and standing on such steps alone.
fn kept(view: &RunView, at: &StepKey) -> BTreeSet<StepKey> {
    let again = rerun::closure(view, at, RerunMode::Downstream);
    let is_over = |key: &StepKey| match view.step(key).map(|step| step.status) {
        Some(StepStatus::Completed | StepStatus::Skipped) => true,
        Some(StepStatus::Failed) => view.run_definition.steps[key].on_error == OnError::Continue,
        _ => false,
    };
    let mut kept = BTreeSet::new();
    let graph = Graph::of(&view.run_definition);
    // A definition that a run was started with has no cycle.
    for key in graph.order().unwrap_or_default() {
        let stands = view.run_definition.steps[key].direct_dependencies().into_iter().all(|key| kept.contains(key));
        if stands && !again.contains(key) && is_over(key) {
            kept.insert(key.clone());
        }
    }
    kept
}

/// Writes the versions of another run of the same template as the next versions of this one.
pub async fn adopt(ctx: &OpContext, id: RunId, adopt: AdoptRun, key: Option<String>) -> Result<RunView> {
    let call = on_run(ctx, id, RunVerb::Adopt, &adopt, key).await?;
    let into = get(ctx, id).await?;
    let from = match ctx.store().run_view(adopt.from, call.actor).await? {
        Some(from) if from.id != id && from.template_id == into.template_id => from,
        Some(from) if from.id == id => {
            return Err(Error::invalid("from", "A run has nothing to take over from itself. Name another run."));
        }
        Some(_) => {
            return Err(Error::invalid("from", "It is a run of another workflow. Name a run of the same one."));
        }
        None => return Err(Error::invalid("from", "There is no such run, or it is not yours to see. Name another.")),
    };
    for (n, key) in adopt.steps.iter().enumerate() {
        if into.step(key).is_none() || from.step(key).is_none() {
            let detail = format!("There is no step `{key}` in both runs. Compare the two first.");
            return Err(Error::invalid(format!("steps.{n}"), detail));
        }
    }
    let did = ctx.store().adopt_run(&call, adopt.from, &adopt.steps).await?;
    run_after(ctx, &call, RunVerb::Adopt, &did).await
}
