//! Agents that misbehave, engines that stop.

use std::{sync::Arc, time::Duration};

use engine::Options;
use serde_json::json;
use sqlx::PgPool;
use store::{MIGRATOR, audit::Author, log::Release};
use tokio::sync::Notify;
use workflow::status::{Outcome, Reason, RunStatus, StepStatus};

use crate::{
    lab::{Lab, dag},
    player::{Act, key},
};

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_panic_and_a_time_out_are_failures_with_a_class(pool: PgPool) {
    let more = json!({"timeout_s": 1, "retry": {"max": 0}});
    let lab = Lab::new(pool, |input, _| match key(input) {
        "hangs" => Act::Hang,
        "panics" => Act::Panic,
        _ => Act::Say("fine".into()),
    })
    .await;
    let run = lab.start(&dag(&json!({"hangs": [], "panics": [], "works": []}), &more)).await;
    let (stop, engine) = lab.engine();
    let view = lab.ended(run).await;
    assert_eq!(view.status, RunStatus::Failed);
    let ends: Vec<_> = view.steps.iter().map(|step| (step.key.as_str(), step.status, step.reason)).collect();
    assert_eq!(
        ends,
        [
            ("hangs", StepStatus::Failed, Some(Reason::Timeout)),
            ("panics", StepStatus::Failed, Some(Reason::Permanent)),
            ("works", StepStatus::Completed, None),
        ]
    );
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn draining_finishes_what_it_can_and_gives_the_rest_back_unharmed(pool: PgPool) {
    let lab = Lab::new(pool, |input, attempt| match (key(input), attempt) {
        ("long", 1) => Act::Hang,
        ("short", _) => Act::Sleep(Duration::from_millis(300)),
        _ => Act::Say("done".into()),
    })
    .await;
    let run = lab.start(&dag(&json!({"long": [], "short": []}), &json!({}))).await;
    let options = Options { drain: Duration::from_secs(1), ..Options::default() };
    let (stop, engine) = lab.engine_with(options);
    lab.until(run, |view| view.steps.iter().all(|step| step.status == StepStatus::Running)).await;
    stop.cancel();
    engine.await.unwrap();
    let view = lab.view(run).await;
    assert_eq!((view.steps[0].status, view.steps[1].status), (StepStatus::Ready, StepStatus::Completed));
    assert_eq!(view.steps[0].attempts[0].outcome, Some(Outcome::Released));

    let (stop, engine) = lab.engine();
    let view = lab.ended(run).await;
    assert_eq!(view.status, RunStatus::Completed);
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_declared_dead_becomes_a_new_one_and_the_run_still_finishes(pool: PgPool) {
    let lab = Lab::new(pool, |input, attempt| match (key(input), attempt) {
        ("a", 1) => Act::Hang,
        _ => Act::Say("done".into()),
    })
    .await;
    let run = lab.start(&dag(&json!({"a": [], "b": ["a"]}), &json!({}))).await;
    let options = Options {
        beat: Duration::from_millis(100),
        sweep: Duration::from_millis(100),
        poll: Duration::from_millis(100),
        ..Options::default()
    };
    let (stop, engine) = lab.engine_with(options);
    lab.until(run, |view| view.steps[0].status == StepStatus::Running).await;
    sqlx::query("UPDATE workers SET state = 'dead'").execute(&lab.pool).await.unwrap();
    let view = lab.ended(run).await;
    let outcomes: Vec<_> = view.steps[0].attempts.iter().map(|attempt| attempt.outcome.unwrap()).collect();
    assert_eq!((view.status, outcomes), (RunStatus::Completed, vec![Outcome::Lost, Outcome::Succeeded]));
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_that_is_gone_is_found_out_however_long_a_chore_takes(pool: PgPool) {
    let lab = Lab::new(pool, |_, _| Act::Say("done".into())).await;
    // Whoever looks for runs to delete waits here; a worker is dead once it was looked for in vain twice.
    let mut held = lab.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE run_labels IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    sqlx::query(
        "INSERT INTO workers (id, state, started_at, beat_at)
        VALUES (gen_random_uuid(), 'alive', now() - interval '1 hour', now() - interval '1 hour')",
    )
    .execute(&lab.pool)
    .await
    .unwrap();
    let (stop, engine) = lab.engine();
    let dead = async {
        let n_dead = "SELECT count(*) FROM workers WHERE state = 'dead'";
        while sqlx::query_scalar::<_, i64>(n_dead).fetch_one(&lab.pool).await.unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), dead).await.expect("it is declared dead");
    held.rollback().await.unwrap();
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_ran_in_a_run_that_was_set_aside_is_given_back_once_it_is_released(pool: PgPool) {
    let told = Arc::new(Notify::new());
    let lets_go = Arc::clone(&told);
    let lab = Lab::new(pool, move |input, attempt| match (key(input), attempt) {
        ("a", 1) => Act::Until(Arc::clone(&lets_go)),
        _ => Act::Say("done".into()),
    })
    .await;
    let run = lab.start(&dag(&json!({"a": [], "b": ["a"]}), &json!({}))).await;
    let (stop, engine) = lab.engine();
    lab.until(run, |view| view.steps[0].status == StepStatus::Running).await;
    let set_aside = "UPDATE workflow_runs SET quarantine = 'by hand' WHERE id = $1";
    sqlx::query(set_aside).bind(run.0).execute(&lab.pool).await.unwrap();
    // Its result comes while nobody may take it, and its worker has something else to do.
    told.notify_one();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let other = lab.start(&dag(&json!({"c": []}), &json!({}))).await;
    assert_eq!(lab.ended(other).await.status, RunStatus::Completed, "others go on");
    let released = lab.store.release_run(run, Author::default()).await.unwrap();
    assert!(matches!(released, Release::Done { .. }), "{released:?}");
    let view = lab.ended(run).await;
    assert_eq!(view.status, RunStatus::Completed);
    let ends: Vec<_> = view.steps[0].attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(ends, [Some(Outcome::Released), Some(Outcome::Succeeded)]);
    stop.cancel();
    engine.await.unwrap();
}
