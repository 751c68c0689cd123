//! What waits for whoever looks first: judgements, reservations, times, and steps that dead workers left.
//! What a commit of this process left is looked at at once; the rest is found by looking, so that it does not matter who is gone.

use std::sync::Arc;

use futures::future::join_all;
use runs::{Ask, Error, Log, Unavailable, Waiting, Want};
use workflow::{
    RunId, StepKey,
    run::{Command, State},
};

use crate::{asking::asked, judging, shared::Inside, tasks};

/// Runs of each sort that one look is told of.
const AT_ONCE: usize = 200;
/// What commits of this process left in these runs.
pub(crate) async fn after_commits<L: Log>(inside: &Arc<Inside>, log: &L, runs: Vec<RunId>) {
    let look = |run: RunId| async move {
        let look =
            move |state: Option<&State>| state.map(|state| (asked(state), wants(run, state))).unwrap_or_default();
        // What cannot be looked at now is found by the next look at all that waits.
        (run, inside.runs().read(run, 0, look).await.unwrap_or_default())
    };
    let found = join_all(runs.into_iter().map(look)).await;
    let mut wanted = Vec::new();
    for (run, (keys, wants)) in found {
        judge_all(inside, run, keys);
        wanted.extend(wants);
    }
    if !wanted.is_empty() {
        reserve(inside, log, wanted).await;
    }
}

fn wants(run: RunId, state: &State) -> Vec<Want> {
    let wants = state.reserving().take(AT_ONCE);
    wants.map(|(key, limits)| Want { run, step: key.clone(), limits: limits.to_vec() }).collect()
}

/// Beside everything else: a judgement may read much.
fn judge_all(inside: &Arc<Inside>, run: RunId, keys: Vec<StepKey>) {
    for key in keys {
        let inside = Arc::clone(inside);
        tasks::spawn(async move { judging::judge(&inside, run, key).await });
    }
}

/// What waits, of all runs.
#[tracing::instrument(name = "recover", level = "debug", skip_all, fields(worker.id = %inside.worker))]
pub(crate) async fn at_all<L: Log>(inside: &Arc<Inside>, log: &L) -> Result<(), Unavailable> {
    let Waiting { undecided, due, reserving, lost } = log.waiting(AT_ONCE).await?;
    let asks = due.into_iter().map(|run| Ask::itself(run, Command::TimePassed));
    let lost = lost.into_iter().map(|lost| {
        tracing::info!(run.id = %lost.run, worker.id = %lost.worker, "steps of a dead worker are queued again");
        Ask::itself(lost.run, Command::Lost { worker: lost.worker })
    });
    // Nobody waits for an answer: what is not done is there at the next look.
    join_all(asks.chain(lost).map(|ask| inside.ask(ask))).await;
    for run in undecided {
        // As the log has it: whoever committed it may be gone.
        let look = |state: Option<&State>| state.map(asked).unwrap_or_default();
        let keys = inside.runs().read_now(run, look).await.unwrap_or_default();
        judge_all(inside, run, keys);
    }
    let wants: Vec<Want> = reserving.into_iter().map(|(run, step, limits)| Want { run, step, limits }).collect();
    if !wants.is_empty() {
        reserve(inside, log, wants).await;
    }
    Ok(())
}

async fn reserve<L: Log>(inside: &Inside, log: &L, wants: Vec<Want>) {
    let Ok(reserved) = log.reserve(&wants).await else { return };
    let tell = |(run, command)| inside.ask(Ask::itself(run, command));
    for answer in join_all(runs::reserved(wants, reserved).into_iter().map(tell)).await {
        // What is not told is reserved all the same: the step asks again, or the place is taken back.
        if let Err(error @ (Error::Data(_) | Error::Refused { .. })) = answer {
            tracing::debug!(error = &error as &dyn std::error::Error, "reservations were not taken");
        }
    }
}
