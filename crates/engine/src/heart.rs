//! A worker's heart: it says that it is there, and hears whether it still is. Everything it runs is leased by its beats alone.
//! One that is not heard for a while stops its own attempts before others may take them over.

use std::time::Duration;

use runs::{Beat, Log};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use workflow::id::WorkerId;

use crate::{
    Options,
    bugs::{Bug, is_on},
    shared::Inside,
};

/// Before joining is tried once more.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// How often it is looked at whether beats came through.
const LOOK: Duration = Duration::from_millis(500);

/// The first beat: it registers the worker. None: it was asked to stop before.
pub(crate) async fn join<L: Log>(log: &L, worker: WorkerId, stop: &CancellationToken) -> Option<Beat> {
    loop {
        match log.beat(worker).await {
            Ok(beat) => return Some(beat),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the worker is not registered yet; trying again"
                );
                stop.run_until_cancelled(tokio::time::sleep(TRY_AGAIN)).await?;
            }
        }
    }
}

/// Beats until the worker is declared dead, or the database has another history than the one in which it joined.
pub(crate) async fn beat<L: Log>(inside: &Inside, log: &L, joined: Beat) {
    let Options { beat, self_fence, .. } = inside.shared.options;
    let mut ticks = interval(beat);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut last = Instant::now();
    loop {
        ticks.tick().await;
        let sent = Instant::now();
        let beats = log.beat(inside.worker);
        tokio::pin!(beats);
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut beats => break answer,
                // A beat without an answer is none.
                () = tokio::time::sleep(LOOK) => fence(inside, last, self_fence),
            }
        };
        match answer {
            Ok(now) if now == joined || is_on(Bug::BeatsOn) && now != Beat::Dead => last = sent,
            Ok(_) => return,
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "a heartbeat failed"),
        }
        fence(inside, last, self_fence);
        if last == sent && !is_on(Bug::CancelsByHintOnly) {
            // What was taken from it while nobody told it.
            inside.attempts.check_all(inside.runs()).await;
        }
    }
}

fn fence(inside: &Inside, last: Instant, self_fence: Duration) {
    let silent = last.elapsed();
    if silent <= self_fence {
        return;
    }
    let attempts = inside.attempts.let_go_all();
    if attempts > 0 {
        let silent_ms = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(
            attempts,
            silent_ms,
            "attempts were stopped, since the database gave no answer for too long; where an agent had begun, its attempt counts as lost"
        );
    }
}
