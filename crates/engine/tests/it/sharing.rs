//! Two processes and one run with many steps: who has it at hand and room for all of it works alone, and others help where there is none.

use std::{collections::BTreeMap, time::Duration};

use engine::Options;
use serde_json::{Value, json};
use sqlx::PgPool;
use store::MIGRATOR;
use workflow::{id::WorkerId, run::State, status::RunStatus};

use crate::{lab::Lab, player::Act};

const N: usize = 1_500;

/// One step, and so many after it.
fn fan(n: usize) -> Value {
    let mut steps: BTreeMap<String, Value> =
        (0..n).map(|n| (format!("s{n}"), json!({"agent_id": "say", "depends_on": ["a"]}))).collect();
    steps.insert("a".to_owned(), json!({"agent_id": "say"}));
    json!({"steps": steps})
}

/// Attempts by who had them.
async fn shares(lab: &Lab, steps: &Value, slots: usize) -> Vec<usize> {
    let options = || Options { slots, ..Options::default() };
    let other = lab.another().await;
    let (stop, engine) = lab.engine_with(options());
    let (stop_other, engine_other) = other.engine_with(options());
    // Both are there, and have looked at the queue.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let run = lab.start(steps).await;
    assert_eq!(lab.ended(run).await.status, RunStatus::Completed);
    let of = |state: &State| -> Vec<WorkerId> {
        let steps = state.steps().flat_map(|step| state.attempts(&step.key));
        steps.filter_map(|attempt| attempt.worker).collect()
    };
    let mut n_of: BTreeMap<WorkerId, usize> = BTreeMap::new();
    for worker in of(&lab.state(run).await) {
        *n_of.entry(worker).or_default() += 1;
    }
    for (stop, engine) in [(stop, engine), (stop_other, engine_other)] {
        stop.cancel();
        engine.await.unwrap();
    }
    n_of.into_values().collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_whose_steps_are_over_at_once_is_left_to_the_process_that_has_it_at_hand(pool: PgPool) {
    let lab = Lab::new(pool, |_, _| Act::Say("x".to_owned())).await;
    let shares = shares(&lab, &fan(N), 1_024).await;
    assert_eq!(shares.iter().sum::<usize>(), N + 1);
    let most = shares.iter().max().copied().unwrap_or_default();
    assert!(most * 10 >= (N + 1) * 9, "one did nearly all of it: {shares:?}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn others_help_at_once_where_the_process_that_has_it_at_hand_has_no_room(pool: PgPool) {
    let lab = Lab::new(pool, |_, _| Act::Sleep(Duration::from_millis(300))).await;
    let shares = shares(&lab, &fan(64), 16).await;
    assert_eq!(shares.iter().sum::<usize>(), 65);
    assert!(shares.len() == 2 && shares.iter().all(|n| *n >= 16), "both did a part of it: {shares:?}");
}
