//! Workers that die, and workers that sleep past their lease and wake up again.

use std::{sync::atomic::Ordering, time::Duration};

use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::PgPool;
use store::MIGRATOR;
use workflow::status::{Outcome, Reason, RunStatus, StepStatus};

use crate::support::{Process, World, slow_model, weft, worker};

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_survives_kill_9_with_one_committed_attempt_per_step(pool: PgPool) {
    let model = slow_model(Duration::from_secs(2)).await;
    let world = World::new(&pool, &json!({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]})).await;
    let run = world.start().await;
    let victim = worker(&pool, &model);
    world.until(run, |view| view.steps[1].status == StepStatus::Running).await;
    victim.signal(Signal::SIGKILL);
    let killed_at = std::time::Instant::now();
    let heir = worker(&pool, &model);
    world.until(run, |view| view.steps[1].attempts.len() > 1).await;
    let recovered_in = killed_at.elapsed();
    let view = world.until(run, |view| view.status.is_terminal()).await;
    assert_eq!(view.status, RunStatus::Completed);
    for step in &view.steps {
        let n_succeeded = step.attempts.iter().filter(|attempt| attempt.outcome == Some(Outcome::Succeeded)).count();
        assert_eq!(n_succeeded, 1, "{}", step.key);
    }
    assert_eq!(view.steps[1].attempts[0].outcome, Some(Outcome::Lost));
    assert_eq!(view.artifacts.len(), 4);
    // The bar is 15 s; the bound here only tells a hang from a slow machine.
    assert!(recovered_in < Duration::from_secs(40), "recovered only after {recovered_in:?}");
    println!("recovered {recovered_in:?} after the kill");
    heir.signal(Signal::SIGTERM);
    assert_eq!(heir.ended().await, Some(0));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_that_slept_past_its_lease_is_fenced_when_it_wakes(pool: PgPool) {
    let model = slow_model(Duration::from_secs(1)).await;
    let world = World::new(&pool, &json!({"a": []})).await;
    let run = world.start().await;
    let zombie = worker(&pool, &model);
    world.until(run, |view| view.steps[0].status == StepStatus::Running).await;
    // It has asked, so its answer is there when it wakes.
    while model.n_calls.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    zombie.signal(Signal::SIGSTOP);
    let heir = worker(&pool, &model);
    let view = world.until(run, |view| view.status.is_terminal()).await;
    assert_eq!(view.status, RunStatus::Completed);
    zombie.signal(Signal::SIGCONT);
    // It wakes with its answer at hand, is told that it is dead, and goes on as a new worker: asked to stop, it ends well.
    let n_workers = || async {
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM workers WHERE state = 'alive'")
            .fetch_one(&pool)
            .await
            .unwrap()
    };
    while n_workers().await < 2 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let view = world.until(run, |_| true).await;
    let outcomes: Vec<_> = view.steps[0].attempts.iter().map(|attempt| attempt.outcome.unwrap()).collect();
    assert_eq!(outcomes, [Outcome::Lost, Outcome::Succeeded]);
    assert_eq!((view.artifacts.len(), view.artifacts[0].attempt), (1, Some(2)));
    assert_eq!(model.n_calls.load(Ordering::SeqCst), 2);
    for process in [zombie, heir] {
        process.signal(Signal::SIGTERM);
        assert_eq!(process.ended().await, Some(0));
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_that_is_asked_to_stop_finishes_what_it_runs(pool: PgPool) {
    let model = slow_model(Duration::from_secs(2)).await;
    let world = World::new(&pool, &json!({"a": [], "b": ["a"]})).await;
    let run = world.start().await;
    let process = worker(&pool, &model);
    world.until(run, |view| view.steps[0].status == StepStatus::Running).await;
    process.signal(Signal::SIGTERM);
    assert_eq!(process.ended().await, Some(0));
    let view = world.until(run, |_| true).await;
    assert_eq!((view.steps[0].status, view.steps[1].status), (StepStatus::Completed, StepStatus::Ready));
    assert_eq!(view.steps[0].attempts.len(), 1);
}

/// Of a database that takes connections and says nothing on them, a process cannot know that it will not.
#[tokio::test]
async fn a_process_that_waits_for_its_database_ends_when_it_is_asked_to() {
    let model = slow_model(Duration::ZERO).await;
    for role in ["serve", "work"] {
        let database = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut command = weft(&[role], &model);
        command
            .env("DATABASE_URL", format!("postgres://weft@{}/weft", database.local_addr().unwrap()))
            .env("WEFT_LISTEN", "127.0.0.1:0");
        let process = Process::spawn(&mut command);
        let _connection = database.accept().await.unwrap();
        process.signal(Signal::SIGTERM);
        let ended = tokio::time::timeout(Duration::from_secs(20), process.ended()).await;
        assert_eq!(ended, Ok(Some(0)), "{role}");
    }
}

/// Goes through 2 MiB a hundred thousand times, which no count of instructions shows.
const BOMB: &str = "{% set x = range(100000)|join('aaaaaaaaaaaaaaaaaaaa') %}{% for i in range(100000) %}{% if x[-2:-1] %}{% endif %}{% endfor %}";

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_that_is_given_a_bomb_fails_the_step_and_ends_when_it_is_asked_to(pool: PgPool) {
    let model = slow_model(Duration::ZERO).await;
    let world = World::asking(&pool, BOMB).await;
    let run = world.start().await;
    let process = worker(&pool, &model);
    // Its attempt may be over before anybody looks: that it began is all one can wait for.
    world.until(run, |view| !view.steps[0].attempts.is_empty()).await;
    let asked_at = std::time::Instant::now();
    process.signal(Signal::SIGTERM);
    assert_eq!(process.ended().await, Some(0));
    // Its limit is 2 s of processor time; the bound here only tells a hang from a slow machine.
    assert!(asked_at.elapsed() < Duration::from_secs(25), "ended only after {:?}", asked_at.elapsed());
    let view = world.until(run, |_| true).await;
    assert_eq!((view.steps[0].status, view.steps[0].reason), (StepStatus::Failed, Some(Reason::Template)));
    assert_eq!(model.n_calls.load(Ordering::SeqCst), 0);
}
