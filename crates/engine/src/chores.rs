//! What every replica does for all: finding dead workers, queueing their steps again, ending what is overdue, and cleaning up.
//! No leader: each chore skips what another replica is doing.

use std::time::Duration;

use rand::Rng;
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::Options;

/// Steps of dead workers that one call queues again.
const RECOVER_AT_ONCE: i32 = 200;
/// Runs, and gates, that one call ends for their time.
const EXPIRE_AT_ONCE: i32 = 50;
const CLEAN_EVERY: u32 = 300;

pub(crate) async fn sweep(store: Store, options: Options, stop: CancellationToken) {
    let mut round = 0_u32;
    loop {
        let pause = options.sweep.mul_f64(1.0 + rand::rng().random_range(0.0..0.25));
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
        round = round.wrapping_add(1);
        if let Err(error) = once(&store, &options, round).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "a sweep failed; the next one does the work");
        }
    }
}

async fn once(store: &Store, options: &Options, round: u32) -> Result<(), store::Error> {
    let n_buried = store.bury_workers(options.lease, options.sweep.saturating_sub(Duration::from_millis(100))).await?;
    if n_buried > 0 {
        tracing::warn!(workers = n_buried, "workers without a heartbeat were declared dead");
    }
    // Also steps of workers that died between a claim and their burial.
    while !store.recover_steps(RECOVER_AT_ONCE).await?.is_empty() {}
    // Deadlines of runs, and of gates.
    while store.expire(EXPIRE_AT_ONCE).await? > 0 {}
    if round.is_multiple_of(CLEAN_EVERY) {
        store.sweep_watchers().await?;
        store.forget_workers().await?;
        store.collect_blobs().await?;
    }
    Ok(())
}
