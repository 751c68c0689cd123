//! A new run that begins with what another one has made: which of its steps are kept, and how the new run starts.
//! The other run is only read: nothing is written to it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Context, Refused, State,
    command::{Changes, Kept, Start},
    event::Started,
    state::Status,
};
use crate::{
    api::RerunMode,
    definition::OnError,
    graph::Graph,
    id::{RunId, StepKey},
    rerun,
    view::{StepOfRun, StepOverride},
};

/// The start of a run that shares what is upstream of a step, or beside it, and in which the step may have another prompt or other inputs.
/// Its owner is whoever asks.
pub fn fork(
    state: &State,
    at: &StepKey,
    id: RunId,
    auto_run: Option<bool>,
    changes: &Changes,
    ctx: &Context<'_>,
) -> Result<Start, Refused> {
    super::decide::may_fork(state, ctx)?;
    let (at, _) = at.split();
    let design = &state.design;
    if design.step(&at).is_none() {
        return Err(Refused::NotFound);
    }
    let Some(owner) = ctx.actor else { return Err(Refused::NotFound) };
    super::decide::may_fill(state, &at, changes, ctx)?;
    let mut n = 0;
    let kept = kept(state, &at, ctx).into_iter().filter_map(|key| {
        let versions = state.latest(&key).map(|version| {
            n += 1;
            (version.copied(super::decide::nth_id(ctx.random, n)), version.is_approved)
        });
        let versions = versions.collect();
        Some(Kept { status: state.step(&key)?.status.clone(), versions, step: key })
    });
    let kept = kept.collect();
    // Changes to items are left behind with the items.
    let of_steps = state.overrides.iter().filter(|(key, _)| key.split().1.is_none());
    let mut overrides: BTreeMap<StepKey, StepOverride> =
        of_steps.map(|(key, value)| (key.clone(), value.clone())).collect();
    let filled = changes.on(&overrides.remove(&at).unwrap_or_default());
    if filled != StepOverride::default() {
        overrides.insert(at.clone(), filled);
    }
    let run = Started {
        id,
        template_id: state.birth.template_id,
        template_name: state.template_name.clone(),
        template_version: state.template_version,
        run_definition: design.definition.clone(),
        inputs: state.birth.inputs.clone(),
        overrides,
        auto_run: auto_run.unwrap_or(state.run.auto_run),
        user_id: owner.id,
        is_test: state.birth.is_test,
        parent: None,
        depth: 1,
        forked_from: Some(StepOfRun { run: state.birth.id, step: at }),
        steps: design.plans().into_iter().cloned().collect(),
    };
    Ok(Start { run, kept })
}

/// The steps whose results the fork starts with: not at or after the step, over, and standing on such steps alone. What a gate that
/// binds never approved is made anew, and asks there.
fn kept(state: &State, at: &StepKey, ctx: &Context<'_>) -> BTreeSet<StepKey> {
    let definition = &state.design.definition;
    let again = rerun::closure(&state.view(&BTreeMap::new()), at, RerunMode::Downstream);
    let is_over = |key: &StepKey| match state.step(key).map(|step| &step.status) {
        Some(Status::Completed | Status::Skipped { .. }) => true,
        Some(Status::Failed { .. }) => definition.steps.get(key).is_some_and(|step| step.on_error == OnError::Continue),
        _ => false,
    };
    let mut kept = BTreeSet::new();
    for key in Graph::of(definition).order().unwrap_or_default() {
        let before = definition.steps.get(key).map(crate::Step::direct_dependencies).unwrap_or_default();
        let stands = before.into_iter().all(|key| kept.contains(key));
        if stands && !again.contains(key) && is_over(key) && super::decide::is_let_through(state, key, ctx) {
            kept.insert(key.clone());
        }
    }
    kept
}
