//! Who lives, who is dead for good, and what nobody holds any more.

use std::time::Duration;

use runs::{Beat, Log as _, Want};
use sqlx::PgPool;
use uuid::Uuid;
use workflow::{RunId, id::WorkerId, run::plan::KeyLimit};

use super::world::{Known, definition, log};
use crate::support::WORKER;

const LEASE: Duration = Duration::from_secs(10);

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn two_looks_make_a_worker_dead_for_good_and_a_beat_between_them_does_not(pool: PgPool) {
    let log = log(&pool).await;
    let other = WorkerId(Uuid::from_u128(77));
    let Ok(Beat::Alive { timeline }) = log.beat(other).await else { panic!("it is new") };
    assert_eq!(log.sweep(LEASE).await, Ok(0));
    let age = async || {
        let age = "UPDATE workers SET beat_at = beat_at - interval '11 seconds', suspected_at = suspected_at - interval '3 seconds'";
        sqlx::query(age).execute(&pool).await.unwrap();
    };
    age().await;
    assert_eq!(log.sweep(LEASE).await, Ok(0), "suspected");
    assert_eq!(log.sweep(LEASE).await, Ok(0), "too soon for a second look");
    assert_eq!(log.beat(other).await, Ok(Beat::Alive { timeline }));
    sqlx::query("UPDATE workers SET suspected_at = suspected_at - interval '3 seconds'").execute(&pool).await.unwrap();
    assert_eq!(log.sweep(LEASE).await, Ok(1), "the one without a beat");
    assert_eq!(log.beat(WORKER).await, Ok(Beat::Dead));
    assert_eq!(log.beat(other).await, Ok(Beat::Alive { timeline }));
    // Long after, and holding nothing.
    sqlx::query("UPDATE workers SET beat_at = now() - interval '2 days' WHERE id = $1")
        .bind(WORKER.0)
        .execute(&pool)
        .await
        .unwrap();
    log.sweep(LEASE).await.unwrap();
    let left: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM workers").fetch_all(&pool).await.unwrap();
    assert_eq!(left, [other.0]);
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_reservation_that_nobody_came_for_is_taken_back_and_one_that_is_waited_for_is_not(pool: PgPool) {
    let log = log(&pool).await;
    let rare = definition(&serde_json::json!({"s": {"agent_id": "rare", "depends_on": []}}));
    let run = Known::begun(&log, &rare).await;
    let limits = vec![KeyLimit { key: "agent:rare".into(), max: 2 }];
    let wants = log.waiting(5).await.unwrap().reserving;
    assert_eq!(wants.len(), 1);
    assert_eq!(wants[0].0, run.id);
    let waits = Want { run: run.id, step: "s".into(), limits: limits.clone() };
    let gone = Want { run: RunId(Uuid::from_u128(500)), step: "s".into(), limits };
    assert_eq!(log.reserve(&[waits.clone(), gone.clone()]).await.unwrap().len(), 2);
    sqlx::query("UPDATE key_reservations SET reserved_at = now() - interval '1 minute'").execute(&pool).await.unwrap();
    log.sweep(LEASE).await.unwrap();
    let over: Vec<Uuid> =
        sqlx::query_scalar("SELECT run_id FROM key_reservations WHERE is_over").fetch_all(&pool).await.unwrap();
    assert_eq!(over, [gone.run.0]);
    // It has room for another, whatever keys it had before.
    let moved = Want { limits: vec![KeyLimit { key: "other".into(), max: 1 }], ..gone };
    assert_eq!(log.reserve(&[moved]).await.unwrap().len(), 1);
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_key_that_nobody_wants_any_more_is_forgotten(pool: PgPool) {
    let log = log(&pool).await;
    let want = |n: u128, keys: &[&str]| Want {
        run: RunId(Uuid::from_u128(n)),
        step: "s".into(),
        limits: keys.iter().map(|key| KeyLimit { key: (*key).to_owned(), max: 1 }).collect(),
    };
    let ended = want(1, &["a"]);
    assert_eq!(log.reserve(&[ended.clone(), want(2, &["b", "c"]), want(3, &["d"])]).await.unwrap().len(), 3);
    let over = "UPDATE key_reservations SET is_over = true, reserved_at = now() - interval '1 hour' WHERE run_id <> $1";
    sqlx::query(over).bind(Uuid::from_u128(3)).execute(&pool).await.unwrap();
    assert_eq!(log.reserve(&[want(4, &["c"])]).await.unwrap().len(), 1, "it strikes off what had both keys");
    log.sweep(LEASE).await.unwrap();
    let used: Vec<(String, i32)> =
        sqlx::query_as("SELECT key, used FROM key_limits ORDER BY key").fetch_all(&pool).await.unwrap();
    assert_eq!(used, [("c".to_owned(), 1), ("d".to_owned(), 1)]);
    let held: i64 = sqlx::query_scalar("SELECT count(*) FROM key_reservations").fetch_one(&pool).await.unwrap();
    assert_eq!(held, 2);
    assert_eq!(log.reserve(&[ended]).await.unwrap().len(), 1, "and is made again for whoever wants it");
    log.close().await;
}
