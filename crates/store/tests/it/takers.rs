//! Workers that take steps of one run at the same time: each step has one attempt, whoever came first.

use std::collections::BTreeSet;

use futures::future::join_all;
use runs::{Ask, Log as _};
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use store::MIGRATOR;
use uuid::Uuid;
use workflow::{StepKey, id::WorkerId, run::Command};

use crate::support::{Process, World};

#[sqlx::test(migrator = "MIGRATOR")]
async fn eight_workers_that_take_from_one_run_never_take_the_same_step(pool: PgPool) {
    const N_STEPS: usize = 100;
    let world = World::new(pool.clone()).await;
    let steps: Map<String, Value> = (0..N_STEPS).map(|n| (format!("s{n}"), json!({"agent_id": "echo"}))).collect();
    let run = world.begin(&json!({ "steps": steps }), true).await;
    let workers: Vec<_> = join_all((1..=8).map(async |n| {
        let process = Process::new(&pool).await;
        let worker = WorkerId(Uuid::from_u128(100 + n));
        process.log.beat(worker).await.unwrap();
        (worker, process)
    }))
    .await;

    // All want all, and each what it was shown before anybody took anything.
    let takes = workers.iter().map(async |(worker, process)| {
        let ready = process.log.claimable(*worker, &["template".to_owned()], None, &[], N_STEPS).await.unwrap();
        assert_eq!(ready.len(), N_STEPS, "they are all shown to everybody");
        ready
            .chunks(20)
            .map(|chunk| chunk.iter().map(|ready| ready.step.clone()).collect::<Vec<StepKey>>())
            .collect::<Vec<_>>()
    });
    let shown = join_all(takes).await;
    let takes = workers.iter().zip(shown).enumerate().map(async |(n, ((worker, process), mut chunks))| {
        // Not all begin at the same end.
        chunks.rotate_left(n % 5);
        let mut taken = Vec::new();
        for steps in chunks {
            let take = Command::StartSteps { worker: *worker, build: None, steps };
            let answer = process.runs.execute(Ask::itself(run, take)).await.unwrap();
            let attempts = answer.events.iter().flat_map(|event| &event.data.attempts);
            taken.extend(attempts.map(|attempt| attempt.step.clone()));
        }
        taken
    });
    let taken: Vec<StepKey> = join_all(takes).await.concat();
    assert_eq!(taken.len(), N_STEPS, "each was told of once");
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), N_STEPS);
    let attempts =
        world.process.look(run, |state| state.steps().map(|step| state.attempts(&step.key).len()).max()).await;
    assert_eq!(attempts, Some(1));
    world.process.check(run).await;
}
