//! What every replica does for all: declaring workers dead that are not heard of, and cleaning up.
//! No leader: each chore skips what another replica is doing.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use runs::{Error, Log};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use workflow::staleness::staleness;

use crate::{Options, shared::Shared, shelf};

const CLEAN_EVERY: u32 = 300;
/// What runs wrote is read for searches so often, and each round while much is left.
const READ_EVERY: u32 = 10;
/// Rounds between two times in which runs are counted for charts, likewise. The longer it takes, the more: it is a fiftieth of the time.
const COUNT_EVERY: RangeInclusive<u32> = 2..=30;
const COUNT_SHARE: u32 = 50;

/// By so much of itself the pause between two sweeps is longer at most, so that processes do not sweep in step.
pub(crate) const SPREAD: f64 = 0.25;

/// Declares workers dead that are not heard of. Nothing else stands in its way: what such a worker had waits for it.
pub(crate) async fn sweep<L: Log>(options: &Options, log: &L, stop: &CancellationToken) {
    loop {
        let pause = options.sweep.mul_f64(1.0 + options.dice.unit() * SPREAD);
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
        sweep_once(log, options.lease).await;
    }
}

/// All that may take longer, and that nobody's attempt waits for.
pub(crate) async fn tidy(shared: &Shared, stop: &CancellationToken) {
    let options = &shared.options;
    let mut round = 0_u32;
    let mut is_much_left = false;
    let mut rounds_to_count = *COUNT_EVERY.start();
    loop {
        if stop.run_until_cancelled(tokio::time::sleep(options.sweep)).await.is_none() {
            return;
        }
        round = round.wrapping_add(1);
        if is_much_left || round.is_multiple_of(READ_EVERY) {
            is_much_left = read_texts(shared).await;
            if let Err(error) = judge_staleness(shared).await {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "it was not worked out which runs are stale; the next round does it");
            }
        }
        rounds_to_count -= 1;
        if rounds_to_count == 0 {
            rounds_to_count = count_runs(shared).await;
        }
        if let Err(error) = shared.shelf.delete_runs(options.keep_days).await {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, "runs that are to be deleted were left; the next round does it");
        }
        if round.is_multiple_of(CLEAN_EVERY)
            && let Err(error) = shared.shelf.clean(options.keep_days).await
        {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "nothing was thrown away; the next round does it"
            );
        }
    }
}

async fn read_texts(shared: &Shared) -> bool {
    shared.shelf.read_texts().await.unwrap_or_else(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::debug!(error, "what runs wrote was not read for searches; the next round does it");
        false
    })
}

/// Whether anything of them is stale, of runs that were read since: for lists, which cannot work it out.
async fn judge_staleness(shared: &Shared) -> shelf::Result<()> {
    for (run, as_of) in shared.shelf.unjudged_runs().await? {
        // Worked out here and not where it is looked at: that would hold up all runs.
        let state = match shared.runs.read_now(run, |state| Some(state?.clone())).await {
            Ok(state) => state,
            Err(Error::Unavailable | Error::Stopped) => return Ok(()),
            // Nobody can say it of one that was set aside.
            Err(_) => None,
        };
        let is_stale = state.is_some_and(|state| !staleness(&state.view(&BTreeMap::new())).is_empty());
        shared.shelf.keep_is_stale(run, as_of, is_stale).await?;
    }
    Ok(())
}

/// In how many rounds it is done again, at least one.
async fn count_runs(shared: &Shared) -> u32 {
    let began = Instant::now();
    let is_much_left = shared.shelf.count_runs().await.unwrap_or_else(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::debug!(error, "runs were not counted for charts; a later round does it");
        false
    });
    if is_much_left { 1 } else { rounds_after(began.elapsed(), shared.options.sweep) }
}

fn rounds_after(took: Duration, sweep: Duration) -> u32 {
    let (least, most) = COUNT_EVERY.into_inner();
    let rounds = took.saturating_mul(COUNT_SHARE).as_millis() / sweep.as_millis().max(1);
    u32::try_from(rounds).unwrap_or(most).clamp(least, most)
}

#[tracing::instrument(name = "sweep", level = "debug", skip_all)]
async fn sweep_once<L: Log>(log: &L, lease: Duration) {
    match log.sweep(lease).await {
        Ok(0) => {}
        Ok(n_dead) => tracing::warn!(workers = n_dead, "workers without a heartbeat were declared dead"),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, "a sweep failed; the next one does the work");
        }
    }
}

/// Whose tokens are wanted.
pub(crate) async fn watch(shared: &Shared, stop: &CancellationToken) {
    loop {
        if let Ok(runs) = shared.shelf.watched_runs().await {
            shared.watched.set(runs);
        }
        if stop.run_until_cancelled(tokio::time::sleep(shared.options.beat)).await.is_none() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_takes_a_small_share_of_the_time_and_is_never_put_off_for_long() {
        let after = |ms| rounds_after(Duration::from_millis(ms), Duration::from_secs(2));
        assert_eq!([0, 80, 400, 60_000].map(after), [2, 2, 10, 30]);
    }
}
