//! Reservations as runs are told of them; and steps that may be claimed and whose reservations are gone: they have them again, or wait for
//! them like any other. For whoever claims: they would be found again and again.
//! It must never tell a run of keys that were not asked for: they may not be its step's any more.

use std::collections::{BTreeMap, BTreeSet};

use workflow::{
    id::{RunId, StepKey},
    run::{Command, State},
};

use crate::{Ask, Log, Runs, Want};

/// Of what was wanted, what `Log::reserve` answered with, as it is told to each run.
pub fn reserved(wants: Vec<Want>, reserved: Vec<(RunId, StepKey)>) -> BTreeMap<RunId, Command> {
    let reserved: BTreeSet<(RunId, StepKey)> = reserved.into_iter().collect();
    let mut of_run: BTreeMap<RunId, BTreeMap<_, _>> = BTreeMap::new();
    for want in wants.into_iter().filter(|want| reserved.contains(&(want.run, want.step.clone()))) {
        of_run.entry(want.run).or_default().insert(want.step, want.limits);
    }
    of_run.into_iter().map(|(run, steps)| (run, Command::Reserved { steps })).collect()
}

pub async fn reserve_again<L: Log>(runs: &Runs, log: &L, run: RunId, steps: Vec<StepKey>) {
    let look = move |state: Option<&State>| -> Vec<Want> {
        let Some(state) = state else { return Vec::new() };
        let held = steps.into_iter().filter(|step| state.holds_keys(step));
        held.map(|step| Want { run, limits: state.keys(&step).to_vec(), step }).collect()
    };
    let Ok(wants) = runs.read(run, 0, look).await else { return };
    let Ok(reserved) = log.reserve(&wants).await else { return };
    let reserved: BTreeSet<StepKey> = reserved.into_iter().map(|(_, step)| step).collect();
    let steps: Vec<StepKey> = wants.into_iter().map(|want| want.step).filter(|step| !reserved.contains(step)).collect();
    if !steps.is_empty()
        && let Err(error) = runs.execute(Ask::itself(run, Command::Unreserved { steps })).await
    {
        // The next claim of them finds it again.
        tracing::debug!(run.id = %run, error = &error as &dyn std::error::Error, "steps were not told that their reservations are gone");
    }
}
