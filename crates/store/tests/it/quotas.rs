//! Quotas under attack: several at once at the last place, places that are not needed, and what a refusal leaves behind.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::PgPool;
use store::{
    Error, MIGRATOR, Store,
    quotas::{Limits, Spent},
};
use uuid::Uuid;
use workflow::{RunId, StepKey, api::RerunMode, hash::sha256_hex, run::Command, view::StepOfRun};

use crate::support::{World, start};

fn places(max: i64) -> Limits {
    Limits { running_runs: Some(max), ..Limits::default() }
}

fn bytes(max: i64) -> Limits {
    Limits { bytes_per_day: Some(max), ..Limits::default() }
}

fn one_step() -> Value {
    json!({"steps": {"a": {"agent_id": "echo"}}})
}

fn is_full(answer: &store::Result<()>) -> bool {
    matches!(answer, Err(Error::Quota(Spent::RunningRuns { .. })))
}

async fn count(pool: &PgPool, table: &'static str) -> i64 {
    let query = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_last_place_is_taken_once(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    // Two replicas: they share nothing but the database.
    let replicas = [world.store.clone().within(places(3)), Store::from_pool(pool.clone()).within(places(3))];
    let user = world.ada.id;
    for _ in 0..2 {
        let begin = start(&one_step(), true, user);
        replicas[0].take_place(user, begin.run.id).await.unwrap();
        world.begin_as(begin).await;
    }
    let wanted: Vec<RunId> = (0..8).map(|_| RunId(Uuid::now_v7())).collect();
    let takes = wanted.iter().zip(replicas.iter().cycle()).map(|(run, store)| store.take_place(user, *run));
    let answers = join_all(takes).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "one place was left: {answers:?}");
    assert!(answers.iter().all(|answer| answer.is_ok() || is_full(answer)), "{answers:?}");

    // The same again is the same place; another person has places of their own.
    let winner = wanted.iter().zip(&answers).find(|(_, answer)| answer.is_ok()).unwrap().0;
    replicas[1].take_place(user, *winner).await.unwrap();
    let bob = crate::support::person(&pool, "bob@example.com", workflow::access::Role::User).await;
    replicas[1].take_place(bob.id, RunId(Uuid::now_v7())).await.unwrap();

    // One that is not needed after all, and one that nobody came for.
    replicas[0].leave_place(*winner).await.unwrap();
    replicas[1].take_place(user, wanted[0]).await.unwrap();
    assert!(is_full(&replicas[0].take_place(user, wanted[1]).await));
    sqlx::query("UPDATE run_places SET taken_at = taken_at - interval '61 seconds'").execute(&pool).await.unwrap();
    replicas[0].take_place(user, wanted[1]).await.unwrap();
    assert!(world.store.take_place(user, RunId(Uuid::now_v7())).await.is_ok(), "without limits nobody is counted");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_is_counted_once_from_its_place_to_its_end(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let (store, user) = (world.store.clone().within(places(1)), world.ada.id);
    let other = RunId(Uuid::now_v7());
    for _ in 0..3 {
        let begin = start(&one_step(), true, user);
        let run = begin.run.id;
        store.take_place(user, run).await.unwrap();
        assert!(is_full(&store.take_place(user, other).await), "the place counts before the run is there");
        world.begin_as(begin).await;
        assert!(is_full(&store.take_place(user, other).await), "the run counts");
        store.take_place(user, run).await.unwrap();
        world.process.settle(run).await;
        // Over within the minute: neither counts any more.
    }
    store.take_place(user, other).await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_that_goes_on_again_takes_a_place_and_a_sub_workflow_none(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let (store, user) = (world.store.clone().within(places(1)), world.ada.id);
    let over = world.begin(&one_step(), true).await;
    world.process.settle(over).await;
    let running = world.begin(&one_step(), true).await;
    assert!(is_full(&store.take_place(user, over).await));
    store.take_place(user, running).await.unwrap();

    let mut child = start(&one_step(), true, user);
    child.run.parent = Some(StepOfRun { run: running, step: StepKey::new("a") });
    child.run.depth = 2;
    let child = world.begin_as(child).await;
    store.take_place(user, child).await.unwrap();

    world.process.verb(running, &world.ada, Command::Cancel).await.unwrap();
    store.take_place(user, over).await.unwrap();
    assert!(is_full(&store.take_place(user, RunId(Uuid::now_v7())).await), "the place counts");
    let again = Command::Rerun {
        step: "a".into(),
        mode: RerunMode::StepOnly,
        changes: workflow::run::command::Changes::default(),
        expect_generation: None,
    };
    world.process.verb(over, &world.ada, again).await.unwrap();
    assert!(is_full(&store.take_place(user, RunId(Uuid::now_v7())).await), "the run counts");
    world.process.settle(over).await;
    store.take_place(user, RunId(Uuid::now_v7())).await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn bytes_of_a_day_are_refused_before_anything_is_stored_and_yesterday_is_forgotten(pool: PgPool) {
    const MAX: i64 = 64 * 1024;
    let world = World::new(pool.clone()).await;
    let (store, user) = (world.store.clone().within(bytes(MAX)), world.ada.id);
    let is_spent = |error: &Error| match error {
        Error::Quota(Spent::BytesPerDay { max, retry_after }) => {
            *max == MAX && (Duration::from_secs(1)..=Duration::from_hours(24)).contains(retry_after)
        }
        _ => false,
    };
    // Exact over replicas: 64 charges of a kilobyte fit, the 65th does not.
    let replicas = [store.clone(), Store::from_pool(pool.clone()).within(bytes(MAX))];
    let answers = join_all((0..65).map(|n: usize| replicas[n % 2].charge(user, 1_024))).await;
    let refused: Vec<&Error> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(refused.len() == 1 && is_spent(refused[0]), "{refused:?}");
    store.charge(user, 0).await.unwrap();

    let large = "y".repeat(50_000);
    let refused = store.put_blob_of(user, &sha256_hex(large.as_bytes()), large.as_bytes()).await.unwrap_err();
    assert!(is_spent(&refused), "{refused:?}");
    assert_eq!(count(&pool, "blobs").await, 0);

    sqlx::query("UPDATE user_days SET day = day - 1").execute(&pool).await.unwrap();
    // What is there already costs nothing.
    for _ in 0..5 {
        store.put_blob_of(user, &sha256_hex(large.as_bytes()), large.as_bytes()).await.unwrap();
    }
    assert_eq!(count(&pool, "user_days").await, 1, "one row a person, however many days");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_commit_of_a_run_waits_for_nobody_who_counts(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let store = world.store.clone().within(Limits {
        running_runs: Some(5),
        bytes_per_day: Some(1_000_000),
        ..Limits::default()
    });
    let run = world.begin(&one_step(), true).await;
    store.charge(world.ada.id, 1).await.unwrap();
    let mut counting = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM user_days FOR UPDATE").execute(&mut *counting).await.unwrap();
    world.process.settle(run).await;
    counting.rollback().await.unwrap();
    world.process.check(run).await;
}
