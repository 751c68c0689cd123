//! One person's backlog beside another's single step: who has waited longest has a place that is free next, also where a run could go on
//! with it at once. Told in turns, each of which gives every place back once, and never in time.

use std::{sync::Arc, time::Duration};

use engine::Options;
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use store::MIGRATOR;
use tokio::sync::Notify;
use uuid::Uuid;
use workflow::{StepStatus, UserId, run::testing::is_long};

use crate::{
    lab::{Lab, dag},
    player::Act,
};

/// Longer than what a process believes of its last look at the queue.
const IS_KNOWN: Duration = Duration::from_millis(700);

/// So many steps, one after the other.
fn chain(n: usize) -> Value {
    let after = |n: usize| n.checked_sub(1).map(|before| format!("s{before}"));
    let edges: Map<String, Value> = (0..n).map(|n| (format!("s{n}"), json!(Vec::from_iter(after(n))))).collect();
    dag(&edges.into(), &json!({}))
}

/// Until so many attempts have begun in all, and stand where a turn lets them go on.
async fn begun(lab: &Lab, n: usize) {
    let mut n_looks = 0;
    while lab.player.keys.lock().unwrap().len() < n {
        n_looks += 1;
        assert!(n_looks < 2_000, "{} of {n} attempts began", lab.player.keys.lock().unwrap().len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// Steps of others beside so many chains of a hundred steps, all of one owner.
async fn beside(pool: PgPool, n_chains: usize, slots: usize) {
    let turn = Arc::new(Notify::new());
    let waits = Arc::clone(&turn);
    let lab = Lab::new(pool, move |_, _| Act::Until(Arc::clone(&waits))).await;
    let (chains, single) = (lab.template(&chain(100)).await, lab.template(&chain(1)).await);
    for _ in 0..n_chains {
        lab.start_of(chains, &json!({}), true).await;
    }
    let options =
        Options { slots, poll: Duration::from_millis(50), drain: Duration::from_millis(100), ..Options::default() };
    let (stop, engine) = lab.engine_with(options);
    let mut n_begun = slots;
    begun(&lab, n_begun).await;
    for n in 0..4_u128 {
        // Places are handed on within their runs, as nobody else waits.
        turn.notify_waiters();
        n_begun += slots;
        begun(&lab, n_begun).await;
        let other = lab.start_for(UserId(Uuid::from_u128(if n % 2 == 0 { 1 } else { u128::MAX - n })), single).await;
        tokio::time::sleep(IS_KNOWN).await;
        assert_eq!(lab.view(other).await.steps[0].status, StepStatus::Ready, "no place is free");
        turn.notify_waiters();
        n_begun += slots;
        begun(&lab, n_begun).await;
        assert_eq!(lab.view(other).await.steps[0].status, StepStatus::Running, "it has one of the places of this turn");
    }
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_single_step_beside_many_chains_of_another_owner_begins_in_the_turn_after_it_was_queued(pool: PgPool) {
    // All of them take a while to make; fewer, on fewer places, show the same.
    let (n_chains, slots) = if is_long() { (500, 64) } else { (40, 8) };
    beside(pool, n_chains, slots).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_only_place_goes_to_the_single_step_of_another_owner_next(pool: PgPool) {
    beside(pool, 5, 1).await;
}
