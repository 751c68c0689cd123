//! What a commit takes in by key: messages, which are heard exactly once, and reservations, which have to be there.

use runs::{CommitId, Log as _, MessageKey, Outcome, Want};
use sqlx::PgPool;
use store::Store;
use uuid::Uuid;
use workflow::{RunId, hash::sha256_hex, limits::INLINE_ARTIFACT_BYTES, run::plan::KeyLimit};

use super::world::{Known, chain, check, commit, log};
use crate::support::WORKER;

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_message_is_heard_once_and_only_with_the_head_of_who_hears_it(pool: PgPool) {
    let log = log(&pool).await;
    let mut run = Known::begun(&log, &chain(2)).await;
    let key =
        MessageKey { to: run.id, from: RunId(Uuid::from_u128(50)), seq: 9, n: 0, commit: CommitId(Uuid::from_u128(7)) };
    let insert = sqlx::query(
        "INSERT INTO run_inbox (run_id, sender, sender_seq, n, commit_id, tell, sent_at)
        VALUES ($1, $2, 9, 0, $4, $3::json, now())",
    )
    .bind(run.id.0)
    .bind(key.from.0)
    .bind(format!(r#"{{"cancel_child":{{"run":"{}"}}}}"#, run.id));
    insert.bind(key.commit.0).execute(&pool).await.unwrap();
    let found = log.inbox(5).await.unwrap();
    assert_eq!((found.len(), found[0].key), (1, key));

    // What somebody knows of a history that is lost is another message, though it stood at the same place.
    let lost = MessageKey { commit: CommitId(Uuid::from_u128(8)), ..key };
    log.discard(lost).await.unwrap();
    assert_eq!(log.inbox(5).await.unwrap().len(), 1);
    let now = run.now(&log).await;
    let mut mistaken = run.decide(now, &[run.take(now, 1)]).unwrap();
    mistaken.commit.parts[0].message = Some(lost);
    assert_eq!(commit(&log, &mistaken.commit).await, Outcome::MessageGone);
    let mut hearing = run.decide(now, &[run.take(now, 1)]).unwrap();
    hearing.commit.parts[0].message = Some(key);
    let mut loser = run.decide(now, &[run.take(now, 1)]).unwrap();
    loser.commit.parts[0].message = Some(key);
    assert_eq!(commit(&log, &hearing.commit).await, Outcome::Written);
    assert_eq!(commit(&log, &loser.commit).await, Outcome::Lost);
    assert_eq!(commit(&log, &hearing.commit).await, Outcome::Found, "sent again it is not heard again");
    assert!(log.inbox(5).await.unwrap().is_empty());
    run.won(hearing);
    // One that somebody put aside meanwhile.
    let mut late = run.decide(run.now(&log).await, &[run.finish(&"s0".into(), "x")]).unwrap();
    late.commit.parts[0].message = Some(MessageKey { seq: 10, ..key });
    assert_eq!(commit(&log, &late.commit).await, Outcome::MessageGone);
    log.discard(key).await.unwrap();
    check(&log, run.id).await;
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_start_whose_reservation_was_taken_away_meanwhile_writes_nothing(pool: PgPool) {
    let log = log(&pool).await;
    let run = Known::begun(&log, &chain(2)).await;
    let now = run.now(&log).await;
    let mut decided = run.decide(now, &[run.take(now, 1)]).unwrap();
    decided.commit.holds = ["s0".into()].into();
    assert_eq!(commit(&log, &decided.commit).await, Outcome::ReservationGone);
    sqlx::query("INSERT INTO key_reservations (run_id, step, keys, reserved_at, is_over) VALUES ($1, 's0', '{one}', now(), false)")
        .bind(run.id.0)
        .execute(&pool)
        .await
        .unwrap();
    // Somebody takes it for an orphan, and has not committed that yet.
    let mut collecting = pool.begin().await.unwrap();
    sqlx::query("DELETE FROM key_reservations").execute(&mut *collecting).await.unwrap();
    assert_eq!(commit(&log, &decided.commit).await, Outcome::ReservationGone);
    collecting.rollback().await.unwrap();
    assert_eq!(commit(&log, &decided.commit).await, Outcome::Written);
    let mut run = run;
    run.won(decided);
    let mut ended = run.decide(run.now(&log).await, &[run.finish(&"s0".into(), "x")]).unwrap();
    ended.commit.frees = ["s0".into()].into();
    assert_eq!(commit(&log, &ended.commit).await, Outcome::Written);
    let is_over: Vec<bool> = sqlx::query_scalar("SELECT is_over FROM key_reservations").fetch_all(&pool).await.unwrap();
    assert_eq!(is_over, [true]);
    assert_eq!(run.held().len(), 1);
    assert_eq!(run.state.workers().collect::<Vec<_>>(), [WORKER]);
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn many_who_reserve_at_once_are_never_more_than_a_key_lets_in(pool: PgPool) {
    let log = log(&pool).await;
    let want = |n: u128, keys: &[(&str, u32)]| Want {
        run: RunId(Uuid::from_u128(n)),
        step: "s".into(),
        limits: keys.iter().map(|(key, max)| KeyLimit { key: (*key).to_owned(), max: *max }).collect(),
    };
    let racing: Vec<_> = (0..8)
        .map(|n| {
            let wants: Vec<Want> = (0..5).map(|i| want(n * 10 + i, &[("b", 9), ("a", 3)])).collect();
            let log = log.clone();
            tokio::spawn(async move { log.reserve(&wants).await.unwrap().len() })
        })
        .collect();
    let mut n_granted = 0;
    for one in racing {
        n_granted += one.await.unwrap();
    }
    assert_eq!(n_granted, 3, "all keys of a step or none");
    let held: Vec<Uuid> = sqlx::query_scalar("SELECT run_id FROM key_reservations").fetch_all(&pool).await.unwrap();
    let held = want(held[0].as_u128(), &[("b", 9), ("a", 3)]);
    assert_eq!(log.reserve(std::slice::from_ref(&held)).await.unwrap().len(), 1, "it has its own already");
    assert!(log.reserve(&[want(500, &[("a", 3)])]).await.unwrap().is_empty());
    assert_eq!(log.reserve(&[want(501, &[("b", 9)])]).await.unwrap().len(), 1);
    let over = "UPDATE key_reservations SET is_over = true WHERE run_id = $1";
    sqlx::query(over).bind(held.run.0).execute(&pool).await.unwrap();
    // It named both keys, and is struck off by whoever wants one of them.
    let next = log.reserve(&[want(500, &[("a", 3)]), want(502, &[("a", 3)])]).await.unwrap();
    assert_eq!(next, [(RunId(Uuid::from_u128(500)), "s".into())]);
    let used: Vec<(String, i32)> =
        sqlx::query_as("SELECT key, used FROM key_limits ORDER BY key").fetch_all(&pool).await.unwrap();
    assert_eq!(used, [("a".to_owned(), 3), ("b".to_owned(), 3)]);
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_key_that_no_index_takes_holds_back_nobody_else(pool: PgPool) {
    let log = log(&pool).await;
    let want = |n: u128, key: &str| {
        let limits = vec![KeyLimit { key: key.to_owned(), max: 9 }];
        Want { run: RunId(Uuid::from_u128(n)), step: "s".into(), limits }
    };
    // Nothing that compresses.
    let long: String = (0..200_u32).map(|n| sha256_hex(&n.to_le_bytes())).collect();
    let wants = [want(1, "a"), want(2, "b"), want(3, &long), want(4, "no\0text"), want(5, "c")];
    let granted: Vec<u128> = log.reserve(&wants).await.unwrap().iter().map(|(run, _)| run.0.as_u128()).collect();
    assert_eq!(granted, [1, 2, 5]);
    assert!(log.reserve(&wants[2..3]).await.unwrap().is_empty());
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_reserved_under_other_keys_is_no_answer_and_goes_as_an_orphan_does(pool: PgPool) {
    let log = log(&pool).await;
    let want = |key: &str| {
        let limits = vec![KeyLimit { key: key.to_owned(), max: 1 }];
        [Want { run: RunId(Uuid::from_u128(1)), step: "s".into(), limits }]
    };
    assert_eq!(log.reserve(&want("before")).await.unwrap().len(), 1);
    // Its run moved while that was reserved.
    assert!(log.reserve(&want("after")).await.unwrap().is_empty());
    assert_eq!(log.reserve(&want("before")).await.unwrap().len(), 1, "whoever wanted that last is yet to be told");
    let aged = "UPDATE key_reservations SET reserved_at = now() - interval '1 minute'";
    sqlx::raw_sql(aged).execute(&pool).await.unwrap();
    assert!(log.reserve(&want("after")).await.unwrap().is_empty(), "it is given back, and struck off by the next");
    assert_eq!(log.reserve(&want("after")).await.unwrap().len(), 1);
    let used: Vec<(String, i32)> =
        sqlx::query_as("SELECT key, used FROM key_limits ORDER BY key").fetch_all(&pool).await.unwrap();
    assert_eq!(used, [("after".to_owned(), 1), ("before".to_owned(), 0)]);
    // A want of before the move that comes late takes nothing from what holds its place.
    sqlx::raw_sql(aged).execute(&pool).await.unwrap();
    sqlx::query("INSERT INTO steps (run_id, step, kind, user_id, not_before) VALUES ($1, 's', 'template', $1, now())")
        .bind(Uuid::from_u128(1))
        .execute(&pool)
        .await
        .unwrap();
    assert!(log.reserve(&want("before")).await.unwrap().is_empty());
    assert_eq!(log.reserve(&want("after")).await.unwrap().len(), 1);
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_version_whose_large_content_is_not_there_is_not_written(pool: PgPool) {
    let log = log(&pool).await;
    let mut run = Known::begun(&log, &chain(2)).await;
    let take = run.take(run.now(&log).await, 1);
    run.tell(&log, &[take]).await;
    let large = "x".repeat(INLINE_ARTIFACT_BYTES + 1);
    let mut decided = run.decide(run.now(&log).await, &[run.finish(&"s0".into(), &large)]).unwrap();
    // Too large to go with it.
    decided.commit.parts[0].contents.clear();
    assert_eq!(commit(&log, &decided.commit).await, Outcome::ContentGone);
    let store = Store::from_pool(pool.clone());
    store.put_blob(&sha256_hex(large.as_bytes()), large.as_bytes()).await.unwrap();
    // Somebody takes it for an orphan, and has not committed that yet.
    let mut collecting = pool.begin().await.unwrap();
    sqlx::query("DELETE FROM blobs").execute(&mut *collecting).await.unwrap();
    assert_eq!(commit(&log, &decided.commit).await, Outcome::ContentGone);
    collecting.rollback().await.unwrap();
    assert_eq!(commit(&log, &decided.commit).await, Outcome::Written);
    assert_eq!(
        commit(&log, &decided.commit).await,
        Outcome::Found,
        "sent again it is found, whatever became of the content"
    );
    log.close().await;
}
