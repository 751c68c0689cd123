//! Claims: steps that nobody handed on, taken fairly over their owners. Looking at the queue tells also who waits for a place here.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::join_all;
use runs::{Ask, Error, Log, Ready, Unavailable, reserve_again};
use workflow::{RunId, StepKey, run::Command};

use crate::{
    bugs::{Bug, is_on},
    shared::Inside,
    slots::Slots,
};

/// Steps that one claim takes at most.
const MAX_CLAIM: usize = 256;
/// So many of those who wait are looked at, where there is no place for them.
const PEEK: usize = 64;

/// True: there may be more, and places for it.
#[tracing::instrument(name = "claim", level = "debug", skip_all, fields(worker.id = %inside.worker))]
pub(crate) async fn claim<L: Log>(inside: &Inside, log: &L) -> Result<bool, Unavailable> {
    let slots: &Arc<Slots> = &inside.shared.slots;
    let promised = slots.promise(MAX_CLAIM);
    if promised.n == 0 && slots.is_fresh() {
        return Ok(false);
    }
    let kept = inside.shared.kept.runs();
    let mut found: Vec<Ready> = if let Some(found) = slots.take_left(promised.n) {
        found
    } else {
        let n = promised.n.max(PEEK);
        let found = log.claimable(inside.worker, slots.kinds(), slots.agents(), &kept, n).await;
        if found.is_err() && is_on(Bug::KeepsPromised) {
            std::mem::forget(promised);
            return Err(Unavailable);
        }
        let mut found = slots.in_turn(found?);
        let left = found.split_off(promised.n.min(found.len()));
        slots.learn(left);
        found.into()
    };
    // What is left out below may hide others, for whom the database has to be asked.
    let is_full = promised.n > 0 && found.len() >= promised.n;
    found.retain(|ready| !kept.contains(&ready.run));
    slots.serve(&found);
    let mut of_run: BTreeMap<RunId, Vec<StepKey>> = BTreeMap::new();
    for Ready { run, step, .. } in found {
        of_run.entry(run).or_default().push(step);
    }
    let start = |(run, steps): (RunId, Vec<StepKey>)| async move {
        let command = Command::StartSteps { worker: inside.worker, build: None, steps: steps.clone() };
        (run, steps, inside.ask(Ask::itself(run, command)).await)
    };
    let answers = join_all(of_run.into_iter().map(start)).await;
    let is_whole = answers.iter().all(|(.., answer)| answer.is_ok()) || !is_on(Bug::ClaimsAllOrNone);
    let mut is_there = true;
    for (run, steps, answer) in answers {
        match answer {
            Ok(_) if !is_whole => {}
            // The places that these take were promised: they are given back only afterwards.
            Ok(answer) => slots.begin_all(run, &answer.events),
            Err(Error::ReservationGone) => reserve_again(inside.runs(), log, run, steps).await,
            Err(error) => {
                is_there &= error != Error::Unavailable;
                tracing::debug!(run.id = %run, error = &error as &dyn std::error::Error, "a claim was not taken");
            }
        }
    }
    drop(promised);
    if is_there { Ok(is_full) } else { Err(Unavailable) }
}
