//! What becomes of a commit that is sent again, comes late, or holds what cannot be stored.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use runs::{Loaded, Log as _, Newer, Outcome, RunCommit, Seen, StartKey};
use sqlx::PgPool;
use uuid::Uuid;
use workflow::{RunId, UserId};

use super::world::{Known, actor, chain, check, commit, commit_all, commits, loaded, log, newer};
use crate::support::WORKER;

async fn n_events(pool: &PgPool, run: RunId) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM run_events WHERE run_id = $1").bind(run.0).fetch_one(pool).await.unwrap()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_commit_that_is_sent_again_is_found_and_written_once(pool: PgPool) {
    let log = log(&pool).await;
    let mut run = Known::begun(&log, &chain(2)).await;
    let now = run.now(&log).await;
    let decided = run.decide(now, &[run.take(now, 1)]).unwrap();
    assert_eq!(commit(&log, &decided.commit).await, Outcome::Written);
    assert_eq!(commit(&log, &decided.commit).await, Outcome::Found);
    let stale = run.decide(now, &[run.take(now, 1)]).unwrap();
    run.won(decided);
    // Found too, when others have gone on since.
    let (key, first) = (run.held().remove(0), run.decide(now, &[]).is_none());
    assert!(first);
    let before = commit_of(&run);
    run.tell(&log, &[run.finish(&key, "one")]).await;
    assert_ne!(before, commit_of(&run));
    assert_eq!(commit(&log, &stale.commit).await, Outcome::Lost, "decided on what is no more");
    check(&log, run.id).await;
    log.close().await;
}

fn commit_of(run: &Known) -> Uuid {
    run.head.unwrap().0
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_statement_that_lands_late_changes_nothing_and_the_one_sent_again_meanwhile_is_not_told_lost(pool: PgPool) {
    let log = log(&pool).await;
    let run = Known::begun(&log, &chain(2)).await;
    let now = run.now(&log).await;
    let decided = run.decide(now, &[run.take(now, 1)]).unwrap();
    // The first statement is held up inside Postgres, by somebody who has the run's row.
    let mut holding = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM workflow_runs WHERE id = $1 FOR UPDATE")
        .bind(run.id.0)
        .execute(&mut *holding)
        .await
        .unwrap();
    assert_eq!(commit(&log, &decided.commit).await, Outcome::Locked, "nothing newer is there, so it is not lost");
    holding.rollback().await.unwrap();
    // Now it is held up where it has the run already: another one sent meanwhile is not told lost either, then found.
    let mut blocker = pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE").execute(&mut *blocker).await.unwrap();
    let late = tokio::spawn({
        let (log, one) = (log.clone(), decided.commit.clone());
        async move { commit(&log, &one).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let again = tokio::spawn({
        let (log, one) = (log.clone(), decided.commit.clone());
        async move { commit(&log, &one).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    blocker.rollback().await.unwrap();
    let outcomes = [late.await.unwrap(), again.await.unwrap()];
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Written).count(), 1, "{outcomes:?}");
    assert!(!outcomes.contains(&Outcome::Lost), "{outcomes:?}");
    assert_eq!(commit(&log, &decided.commit).await, Outcome::Found);
    assert_eq!(n_events(&pool, run.id).await, decided.state.seq);
    check(&log, run.id).await;
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_value_that_cannot_be_stored_costs_its_own_commit_and_no_other(pool: PgPool) {
    let log = log(&pool).await;
    let mut runs = Vec::new();
    for _ in 0..9 {
        let mut run = Known::begun(&log, &chain(2)).await;
        let now = run.now(&log).await;
        run.tell(&log, &[run.take(now, 1)]).await;
        runs.push(run);
    }
    let now = log.clock().await.unwrap();
    let decided: Vec<_> = (0..)
        .zip(&runs)
        .map(|(n, run)| {
            let text = if n == 4 { "a\0b" } else { "ab" };
            run.decide(now.max(run.state.at), &[run.finish(&run.held()[0], text)]).unwrap()
        })
        .collect();
    let commits = commits(&log, decided.iter()).await;
    let outcomes = commit_all(&log, &commits).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Outcome::Data(reason) if n == 4 => assert!(reason.ends_with("(22021)"), "{reason}"),
            other => assert_eq!(*other, Outcome::Written, "{n}"),
        }
    }
    for (n, (run, one)) in runs.iter().zip(&decided).enumerate() {
        check(&log, run.id).await;
        assert_eq!(n_events(&pool, run.id).await, if n == 4 { run.state.seq } else { one.state.seq });
    }
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_clock_that_is_off_and_a_worker_that_is_dead_write_nothing(pool: PgPool) {
    let log = log(&pool).await;
    let run = Known::begun(&log, &chain(1)).await;
    let now = run.now(&log).await;
    for skew in [-3, 3] {
        let at = now + TimeDelta::seconds(skew);
        let mut decided = run.decide(now.max(at), &[run.take(now, 1)]).unwrap();
        decided.commit.decided_at = at;
        assert_eq!(commit(&log, &decided.commit).await, Outcome::ClockOff);
    }
    sqlx::query("UPDATE workers SET state = 'dead' WHERE id = $1").bind(WORKER.0).execute(&pool).await.unwrap();
    let decided = run.decide(now, &[run.take(now, 1)]).unwrap();
    assert_eq!(commit(&log, &decided.commit).await, Outcome::WorkerDead);
    assert_eq!(n_events(&pool, run.id).await, run.state.seq);
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_start_is_one_run_for_one_key_however_often_it_is_sent(pool: PgPool) {
    let log = log(&pool).await;
    let start = |user: UserId, key: &str| {
        let run = Known::new();
        let mut decided = run.decide(DateTime::UNIX_EPOCH, &[run.start(&chain(1), user)]).unwrap();
        decided.commit.start = Some(StartKey { user, key: key.to_owned() });
        decided.commit
    };
    // On a busy machine making them takes longer than a commit may be old.
    let at = async |mut commits: Vec<RunCommit>| {
        let now = log.clock().await.unwrap();
        for commit in &mut commits {
            commit.decided_at = now;
        }
        commits
    };
    let other = UserId(Uuid::from_u128(4));
    let commits = at(vec![start(actor().id, "k"), start(other, "k"), start(actor().id, "l")]).await;
    assert_eq!(commit_all(&log, &commits).await, vec![Outcome::Written; 3]);
    assert_eq!(commit_all(&log, &commits).await, vec![Outcome::Found; 3]);
    assert_eq!(commit(&log, &at(vec![start(actor().id, "k")]).await[0]).await, Outcome::StartedAs(commits[0].run));
    // Two of one key in one batch: one begins, the other is sent again and told of it.
    let twice = at(vec![start(actor().id, "m"), start(actor().id, "m")]).await;
    let outcomes = commit_all(&log, &twice).await;
    let (won, lost) = if outcomes[0] == Outcome::Written { (0, 1) } else { (1, 0) };
    assert_eq!((&outcomes[won], &outcomes[lost]), (&Outcome::Written, &Outcome::Locked));
    assert_eq!(commit(&log, &twice[lost]).await, Outcome::StartedAs(twice[won].run));
    // Many at once, each key from four processes.
    let mut racing = Vec::new();
    for _ in 0..4 {
        racing.push((0..30).map(|n| start(actor().id, &format!("r{}", (n * 7) % 30))).collect::<Vec<_>>());
    }
    let now = log.clock().await.unwrap();
    let racing: Vec<_> = racing
        .into_iter()
        .map(|mut commits| {
            for commit in &mut commits {
                commit.decided_at = now;
            }
            let log = log.clone();
            tokio::spawn(async move { commit_all(&log, &commits).await })
        })
        .collect();
    let mut n_written = 0;
    for one in racing {
        n_written += one.await.unwrap().iter().filter(|outcome| **outcome == Outcome::Written).count();
    }
    assert_eq!(n_written, 30);
    for one in commits {
        check(&log, one.run).await;
    }
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_log_that_somebody_edited_is_named_and_nobody_goes_on_with_it(pool: PgPool) {
    let log = log(&pool).await;
    let (mut run, bystander) = (Known::begun(&log, &chain(2)).await, Known::begun(&log, &chain(2)).await);
    let now = run.now(&log).await;
    run.tell(&log, &[run.take(now, 1)]).await;
    assert!(matches!(loaded(&log, run.id).await, Loaded::Run { .. }));

    sqlx::query("UPDATE attempts SET generation = 7 WHERE run_id = $1").bind(run.id.0).execute(&pool).await.unwrap();
    let found = log.differences(run.id).await.unwrap();
    assert_eq!(found.iter().map(|one| (one.table, one.row.as_str())).collect::<Vec<_>>(), [("attempts", "s0#1")]);

    let Loaded::Quarantined { reason } = loaded(&log, run.id).await else { panic!("its rows are wrong") };
    assert!(reason.contains("attempts s0#1"), "{reason}");
    // Whoever found it has set it aside; the first reason stays.
    log.quarantine(run.id, "edited by hand").await.unwrap();
    let decided = run.decide(now, &[run.finish(&run.held()[0], "x")]).unwrap();
    assert_eq!(commit(&log, &decided.commit).await, Outcome::Quarantined { reason });

    let gap = Known::begun(&log, &chain(2)).await;
    sqlx::query("DELETE FROM run_events WHERE run_id = $1 AND seq = 1").bind(gap.id.0).execute(&pool).await.unwrap();
    assert_eq!(loaded(&log, gap.id).await, Loaded::Quarantined { reason: "the log is empty".into() });

    // An event of a newer program.
    sqlx::query(
        "UPDATE run_events SET event = (replace(event::text, 'run_started', 'run_dreamt'))::json WHERE run_id = $1",
    )
    .bind(bystander.id.0)
    .execute(&pool)
    .await
    .unwrap();
    let reason = "event 1 is of a newer program".to_owned();
    assert_eq!(loaded(&log, bystander.id).await, Loaded::Quarantined { reason });
    let is_set_aside = "SELECT quarantine IS NOT NULL FROM workflow_runs WHERE id = $1";
    let is_set_aside: bool = sqlx::query_scalar(is_set_aside).bind(bystander.id.0).fetch_one(&pool).await.unwrap();
    assert!(!is_set_aside, "newer programs go on with it");
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn another_history_under_the_same_numbers_is_seen(pool: PgPool) {
    let log = log(&pool).await;
    let mut run = Known::begun(&log, &chain(2)).await;
    let mut other = run.clone();
    let now = run.now(&log).await;
    run.tell(&log, &[run.take(now, 1)]).await;
    // A restore: the events are gone, and others come under their numbers.
    sqlx::query("DELETE FROM run_events WHERE run_id = $1 AND seq > $2")
        .bind(run.id.0)
        .bind(other.state.seq)
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("DELETE FROM attempts WHERE run_id = $1").bind(run.id.0).execute(&pool).await.unwrap();
    sqlx::query("UPDATE workflow_runs SET head = $2, seq = $3 WHERE id = $1")
        .bind(run.id.0)
        .bind(other.head.unwrap().0)
        .bind(other.state.seq)
        .execute(&pool)
        .await
        .unwrap();
    let ours = run.decide(now, &[run.finish(&run.held()[0], "x")]).unwrap();
    assert_eq!(commit(&log, &ours.commit).await, Outcome::Lost);
    let seen = Seen { seq: run.state.seq, head: run.head.unwrap() };
    assert_eq!(newer(&log, run.id, seen).await, Newer::Diverged);
    other.tell(&log, &[other.take(now, 1)]).await;
    assert_eq!(other.state.seq, run.state.seq);
    assert_eq!(newer(&log, run.id, seen).await, Newer::Diverged);
    log.close().await;
}
