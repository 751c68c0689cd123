//! Dead workers, lost claims, fairness between owners.

use std::time::Duration;

use serde_json::json;
use sqlx::PgPool;
use store::{
    MIGRATOR,
    protocol::{Verdict, WorkerId},
};
use uuid::Uuid;
use workflow::{
    access::Role,
    status::{Outcome, Reason, StepStatus},
};

use crate::support::{World, actor, dag, publish, start, success};

const TTL: Duration = Duration::from_secs(10);

/// Makes a worker's beat older than its lease, and sweeps twice.
async fn bury(world: &World, worker: WorkerId) -> i32 {
    sqlx::query("UPDATE workers SET last_beat = clock_timestamp() - interval '11 seconds' WHERE id = $1")
        .bind(worker.0)
        .execute(&world.pool)
        .await
        .unwrap();
    assert_eq!(world.store.bury_workers(TTL, Duration::ZERO).await.unwrap(), 0, "one sweep must not bury");
    world.store.bury_workers(TTL, Duration::ZERO).await.unwrap()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_dead_workers_step_runs_again_and_its_late_result_is_fenced(pool: PgPool) {
    let mut world = World::new(pool, &dag(&json!({"a": []})), true).await;
    let zombie = world.worker;
    let late = world.claim(1).await;
    assert_eq!(bury(&world, zombie).await, 1);
    world.store.recover_steps(10).await.unwrap();
    world.check().await;
    assert!(world.store.claim(zombie, 1).await.unwrap().is_none(), "a dead worker claims nothing");
    assert!(!world.store.beat(zombie, &[(late[0].step, 1)]).await.unwrap().is_alive);

    world.worker = WorkerId(Uuid::now_v7());
    world.store.register_worker(world.worker).await.unwrap();
    let claims = world.claim(1).await;
    assert_eq!(claims[0].attempt, 2);
    let verdicts = world.store.complete(zombie, &[success(&late[0])], 0).await.unwrap().verdicts;
    assert_eq!(verdicts, [Verdict::Fenced]);
    world.complete(&[success(&claims[0])]).await;
    world.check().await;
    let step = &world.view().await.steps[0];
    let outcomes: Vec<_> = step.attempts.iter().map(|attempt| attempt.outcome.unwrap()).collect();
    assert_eq!(outcomes, [Outcome::Lost, Outcome::Succeeded]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_beat_between_two_sweeps_saves_the_worker(pool: PgPool) {
    let world = World::new(pool, &dag(&json!({"a": []})), true).await;
    sqlx::query("UPDATE workers SET last_beat = clock_timestamp() - interval '11 seconds'")
        .execute(&world.pool)
        .await
        .unwrap();
    assert_eq!(world.store.bury_workers(TTL, Duration::ZERO).await.unwrap(), 0);
    assert!(world.store.beat(world.worker, &[]).await.unwrap().is_alive);
    assert_eq!(world.store.bury_workers(TTL, Duration::ZERO).await.unwrap(), 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_step_that_kills_three_workers_is_quarantined(pool: PgPool) {
    let mut world = World::new(pool, &dag(&json!({"a": [], "b": ["a"]})), true).await;
    for _ in 0..3 {
        assert_eq!(world.claim(1).await.len(), 1);
        bury(&world, world.worker).await;
        world.store.recover_steps(10).await.unwrap();
        world.check().await;
        world.worker = WorkerId(Uuid::now_v7());
        world.store.register_worker(world.worker).await.unwrap();
    }
    let view = world.view().await;
    assert_eq!((view.steps[0].status, view.steps[0].reason), (StepStatus::Failed, Some(Reason::CrashLoop)));
    assert_eq!(view.steps[1].reason, Some(Reason::UpstreamFailed));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_claim_whose_answer_was_lost_is_found_by_the_beat(pool: PgPool) {
    let world = World::new(pool, &dag(&json!({"a": []})), true).await;
    let claim = world.claim(1).await.remove(0);
    assert!(
        world.store.beat(world.worker, &[]).await.unwrap().orphans.is_empty(),
        "the answer may still be on its way"
    );
    sqlx::query("UPDATE attempts SET started_at = started_at - interval '11 seconds'")
        .execute(&world.pool)
        .await
        .unwrap();
    assert_eq!(world.store.beat(world.worker, &[]).await.unwrap().orphans, [(claim.step, claim.attempt)]);
    let known = world.store.beat(world.worker, &[(claim.step, claim.attempt), (-1, 1)]).await.unwrap();
    assert_eq!((known.orphans, known.lost), (vec![], vec![(-1, 1)]));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn claims_are_fair_over_owners(pool: PgPool) {
    let fan: serde_json::Map<_, _> = (0..300).map(|n| (format!("s{n}"), json!([]))).collect();
    let world = World::new(pool.clone(), &dag(&json!(fan)), true).await;
    let other = actor(&pool, "bob@example.com", Role::User).await;
    let small = dag(&json!({"x": [], "y": []}));
    let template = publish(&pool, &other, &small).await;
    let theirs = start(&world.store, &other, template, &small, true).await;
    let claims = world.claim(4).await;
    assert_eq!(claims.iter().filter(|claim| claim.run == theirs).count(), 2);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn concurrent_claims_never_take_the_same_step(pool: PgPool) {
    let fan: serde_json::Map<_, _> = (0..100).map(|n| (format!("s{n}"), json!([]))).collect();
    let mut world = World::new(pool, &dag(&json!(fan)), true).await;
    let claims = futures::future::join_all((0..8).map(|_| world.claim(20))).await;
    let mut steps: Vec<i64> = claims.into_iter().flatten().map(|claim| claim.step).collect();
    let n = steps.len();
    steps.sort_unstable();
    steps.dedup();
    assert_eq!(steps.len(), n);
    world.check().await;
}
