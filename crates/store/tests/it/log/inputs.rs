//! What a commit takes in by key: messages, which are heard exactly once, and reservations, which have to be there.

use sqlx::PgPool;
use store::log::{MessageId, Outcome};
use uuid::Uuid;
use workflow::RunId;

use super::world::{Known, WORKER, chain, check, commit, log};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_message_is_heard_once_and_only_with_the_head_of_who_hears_it(pool: PgPool) {
    let log = log(&pool).await;
    let mut run = Known::begun(&log, &chain(2)).await;
    let id = MessageId { sender: RunId(Uuid::from_u128(50)), sender_seq: 9, n: 0 };
    sqlx::query("INSERT INTO run_inbox (run_id, sender, sender_seq, n, tell, sent_at) VALUES ($1, $2, 9, 0, $3::json, now())")
        .bind(run.id.0)
        .bind(id.sender.0)
        .bind(format!(r#"{{"cancel_child":{{"run":"{}"}}}}"#, run.id))
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(log.addressees(5).await.unwrap(), [run.id]);
    let found = log.inbox(&[run.id]).await.unwrap();
    assert_eq!((found.len(), found[0].id), (1, id));

    let now = run.now(&log).await;
    let mut hearing = run.decide(now, &[run.take(now, 1)]).unwrap();
    hearing.commit.parts[0].message = Some(id);
    let mut loser = run.decide(now, &[run.take(now, 1)]).unwrap();
    loser.commit.parts[0].message = Some(id);
    assert_eq!(commit(&log, &hearing.commit).await, Outcome::Written);
    assert_eq!(commit(&log, &loser.commit).await, Outcome::Lost);
    assert_eq!(commit(&log, &hearing.commit).await, Outcome::Found, "sent again it is not heard again");
    assert!(log.inbox(&[run.id]).await.unwrap().is_empty());
    run.won(hearing);
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
