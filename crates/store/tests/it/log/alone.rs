//! Who goes alone has the run for itself, and nobody waits for it longer than a second.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use runs::{CommitFailed, Log as _, Newer, Outcome, RunCommit, Seen};
use sqlx::PgPool;

use super::world::{Known, chain, check, commit, log};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_goes_alone_reads_what_is_new_and_nobody_comes_between(pool: PgPool) {
    let log = log(&pool).await;
    let mut run = Known::begun(&log, &chain(2)).await;
    let behind = run.clone();
    let now = run.now(&log).await;
    run.tell(&log, &[run.take(now, 1)]).await;
    let other = run.decide(run.now(&log).await, &[run.finish(&run.held()[0], "y")]).unwrap().commit;

    let seen = Seen { seq: behind.state.seq, head: behind.head.unwrap() };
    // Somebody else tries while it is held: from within, so that it surely is.
    let seen_by_other = Arc::new(Mutex::new(None));
    let (inside, handle, tried) = (log.clone(), tokio::runtime::Handle::current(), Arc::clone(&seen_by_other));
    let (mut known, sent) = (behind.clone(), other.clone());
    let decide = move |newer: Newer| {
        let Newer::Events(events) = newer else { panic!("{newer:?}") };
        for logged in &events {
            known.state.apply(&logged.event);
            known.head = Some(logged.commit);
        }
        let outcome = std::thread::spawn(move || handle.block_on(async move { commit(&inside, &sent).await }));
        *tried.lock().unwrap() = Some(outcome.join().unwrap());
        let at = known.state.at;
        Some(known.decide(at, &[known.finish(&known.held()[0], "x")])?.commit)
    };
    let log_of_alone = log.clone();
    let run_id = run.id;
    let alone = tokio::task::spawn_blocking(move || {
        tokio::runtime::Handle::current().block_on(log_of_alone.alone(run_id, seen, Box::new(decide)))
    });
    assert_eq!(alone.await.unwrap(), Ok(Some(Outcome::Written)));
    assert_eq!(*seen_by_other.lock().unwrap(), Some(Outcome::Locked));
    assert_eq!(commit(&log, &other).await, Outcome::Lost);
    check(&log, run.id).await;
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_waits_gives_up_after_a_second_and_who_stands_still_loses_the_run(pool: PgPool) {
    let log = log(&pool).await;
    let run = Known::begun(&log, &chain(2)).await;
    let seen = Seen { seq: run.state.seq, head: run.head.unwrap() };
    let mut holding = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM workflow_runs WHERE id = $1 FOR UPDATE")
        .bind(run.id.0)
        .execute(&mut *holding)
        .await
        .unwrap();
    let began = Instant::now();
    let waiting = log.alone(run.id, seen, Box::new(|_| -> Option<RunCommit> { panic!("it is locked") })).await;
    assert_eq!(waiting, Ok(Some(Outcome::Locked)));
    assert!(began.elapsed() < Duration::from_secs(3));
    holding.rollback().await.unwrap();

    let now = log.clock().await.unwrap();
    let decided = run.decide(now, &[run.take(now, 1)]).unwrap().commit;
    let late = decided.clone();
    let standing = move |_: Newer| {
        std::thread::sleep(Duration::from_millis(1_500));
        Some(late)
    };
    let stood = log.alone(run.id, seen, Box::new(standing)).await;
    assert_eq!(stood, Err(CommitFailed::Unavailable), "it stood still for too long");
    assert_eq!(commit(&log, &decided).await, Outcome::Written);
    let nothing = log.alone(
        run.id,
        Seen { head: decided.id, seq: seen.seq + 1 },
        Box::new(|newer| {
            assert_eq!(newer, Newer::Nothing);
            None
        }),
    );
    assert_eq!(nothing.await, Ok(None));
    check(&log, run.id).await;
    log.close().await;
}
