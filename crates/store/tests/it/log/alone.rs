//! Who goes alone has the run for itself, and nobody waits for it longer than a second.

use std::time::{Duration, Instant};

use sqlx::PgPool;
use store::log::{Loaded, Outcome, Seen};

use super::world::{Known, chain, check, commit, log};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_goes_alone_reads_what_is_new_and_nobody_comes_between(pool: PgPool) {
    let log = log(&pool).await;
    let mut run = Known::begun(&log, &chain(2)).await;
    let mut behind = run.clone();
    let now = run.now(&log).await;
    run.tell(&log, &[run.take(now, 1)]).await;

    let seen = Seen { seq: behind.state.seq, head: behind.head.unwrap() };
    let alone = log.alone(run.id, Some(seen)).await.unwrap();
    let Some(Loaded::Run { seen, events }) = &alone.newer else { panic!("{:?}", alone.newer) };
    for logged in events {
        behind.state.apply(&logged.event);
    }
    behind.head = Some(seen.head);
    let decided = behind.decide(alone.now, &[behind.finish(&behind.held()[0], "x")]).unwrap();
    let other = run.decide(alone.now, &[run.finish(&run.held()[0], "y")]).unwrap();
    assert_eq!(commit(&log, &other.commit).await, Outcome::Locked);
    assert_eq!(alone.commit(&decided.commit, None).await.unwrap(), Outcome::Written);
    assert_eq!(commit(&log, &other.commit).await, Outcome::Lost);
    check(&log, run.id).await;
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_stands_still_loses_the_run_and_who_waits_gives_up_after_a_second(pool: PgPool) {
    let log = log(&pool).await;
    let run = Known::begun(&log, &chain(2)).await;
    let standing = log.alone(run.id, None).await.unwrap();
    let began = Instant::now();
    let second = log.alone(run.id, None).await;
    assert!(began.elapsed() < Duration::from_secs(3));
    // Either the first was ended for standing still, or the second gave up.
    if let Err(error) = &second {
        assert!(error.took_too_long(), "{error:?}");
    }
    drop(second);
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let now = log.clock().await.unwrap();
    let decided = run.decide(now, &[run.take(now, 1)]).unwrap();
    assert!(standing.commit(&decided.commit, None).await.is_err(), "it stood still for too long");
    assert_eq!(commit(&log, &decided.commit).await, Outcome::Written);
    let left = log.alone(run.id, None).await.unwrap();
    left.leave().await.unwrap();
    check(&log, run.id).await;
    log.close().await;
}
