//! Steps begin for a session: as many as it has slots for, counted in the database, since it may ask several processes at once.
//! Must never let a session hold more than it has slots: its beats could not name all of it.

use std::collections::BTreeMap;

use futures::future::join_all;
use runs::{Ask, reserve_again};
use workflow::{RunId, StepKey, run::Command};

use super::{
    Workers,
    known::Live,
    waiter::{Begun, Waiter},
};

impl Workers {
    /// What began for somebody who left meanwhile, or has no slot for it.
    pub(super) async fn give_all_back(&self, live: &Live, begun: Vec<Begun>) {
        if begun.is_empty() {
            return;
        }
        for one in begun {
            self.give_back(live.id, one.place()).await;
        }
        self.freed(live);
    }

    /// Slots of the session are free now: what waits for it may be served.
    pub(super) fn freed(&self, live: &Live) {
        if live.freed() {
            self.0.queue.wake();
        }
    }

    /// The slots of the session that are free, as the database has it. None: it cannot be looked at now, so nothing is taken.
    async fn room(&self, live: &Live) -> Option<usize> {
        match self.0.store.n_held_by(live.id).await {
            Ok(n) => Some(live.holds(usize::try_from(n).unwrap_or(usize::MAX))),
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the slots of a session were not counted");
                None
            }
        }
    }
}

/// Starts steps for a session, and tells whoever waits which began.
pub(super) async fn start(workers: &Workers, waiter: Waiter, steps: BTreeMap<RunId, Vec<StepKey>>) {
    let all: Vec<(RunId, StepKey)> =
        steps.iter().flat_map(|(run, steps)| steps.iter().map(|step| (*run, step.clone()))).collect();
    let (begun, n_tried) = {
        let _turn = waiter.live.starting.lock().await;
        begin(workers, &waiter.live, &all).await
    };
    workers.0.queue.tried(&all);
    if n_tried < all.len() {
        // What it had no slot for is others' at once.
        workers.0.queue.wake();
    }
    waiter.live.gave(begun.iter().map(Begun::place));
    if let Err(begun) = waiter.reply.send(begun) {
        // Nobody waits any more: no beat will name them, so they are given back.
        tracing::debug!(n = begun.len(), "steps began for a claim that nobody waits for");
    }
}

/// Starts as many of these as the session has slots for, whichever process asked for the others that it holds; and how many it tried.
async fn begin(workers: &Workers, live: &Live, wanted: &[(RunId, StepKey)]) -> (Vec<Begun>, usize) {
    let Some(room) = workers.room(live).await else { return (Vec::new(), wanted.len()) };
    let n_tried = wanted.len().min(room);
    let mut steps: BTreeMap<RunId, Vec<StepKey>> = BTreeMap::new();
    for (run, step) in wanted.iter().take(room) {
        steps.entry(*run).or_default().push(step.clone());
    }
    let session = live.id;
    let one = |(run, steps): (RunId, Vec<StepKey>)| async move {
        let command = Command::StartSteps { worker: session, build: live.build.clone(), steps: steps.clone() };
        (run, steps, workers.0.runs.execute(Ask::itself(run, command)).await)
    };
    let mut begun = Vec::new();
    for (run, steps, answer) in join_all(steps.into_iter().map(one)).await {
        match answer {
            Ok(answer) => {
                for event in &answer.events {
                    let own = event.data.attempts.iter();
                    let own = own.filter(|attempt| attempt.worker == Some(session) && attempt.outcome.is_none());
                    begun.extend(own.map(|attempt| Begun { run, seq: event.seq, attempt: attempt.clone() }));
                }
            }
            Err(runs::Error::ReservationGone) => reserve_again(&workers.0.runs, &*workers.0.log, run, steps).await,
            Err(runs::Error::WorkerDead) => live.end(),
            Err(error) => {
                tracing::debug!(run.id = %run, error = &error as &dyn std::error::Error, "a claim was not taken");
            }
        }
    }
    if begun.is_empty() {
        return (begun, n_tried);
    }
    // Another process may have started some for it at the same time: then these give way.
    let n_over = match workers.0.store.n_held_by(session).await {
        Ok(n) => {
            let n = usize::try_from(n).unwrap_or(0);
            live.holds(n);
            n.saturating_sub(live.slots())
        }
        // It had room a moment ago.
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "the slots of a session were not counted again");
            0
        }
    };
    let too_many = begun.split_off(begun.len().saturating_sub(n_over));
    workers.give_all_back(live, too_many).await;
    (begun, n_tried)
}
