//! Runs with an event of a kind that nobody here knows: newer programs go on with them, and they hold up no others here.
//! Must never set one aside.

use std::collections::BTreeSet;

use runs::{Loaded, Log as _, Newer, Seen};
use serde_json::json;
use sqlx::PgPool;
use store::log::Log;
use workflow::{Definition, RunId, run::Command};

use super::world::{Known, chain, check, definition, loaded, log, newer};
use crate::support::WORKER;

/// The first event is of a kind of its own, as a newer program may write it.
async fn make_new(pool: &PgPool, run: RunId) {
    rename(pool, run, "run_started", "run_dreamt").await;
}

/// As that newer program reads it.
async fn make_known(pool: &PgPool, run: RunId) {
    rename(pool, run, "run_dreamt", "run_started").await;
}

async fn rename(pool: &PgPool, run: RunId, from: &str, to: &str) {
    let sql = "UPDATE run_events SET event = replace(event::text, $2, $3)::json WHERE run_id = $1 AND seq = 1";
    let changed = sqlx::query(sql).bind(run.0).bind(from).bind(to).execute(pool).await.unwrap();
    assert_eq!(changed.rows_affected(), 1);
}

fn wide(n: usize) -> Definition {
    let steps = (0..n).map(|n| (format!("s{n}"), json!({"agent_id": "echo", "depends_on": []})));
    definition(&steps.collect::<serde_json::Map<_, _>>().into())
}

async fn is_set_aside(pool: &PgPool) -> bool {
    sqlx::query_scalar("SELECT bool_or(quarantine IS NOT NULL) FROM workflow_runs").fetch_one(pool).await.unwrap()
}

/// Runs that only newer programs can read, and one beside them that is younger.
async fn world(pool: &PgPool, log: &Log, n: usize) -> (Vec<RunId>, Known) {
    let mut new = Vec::new();
    for _ in 0..n {
        let run = Known::begun(log, &wide(4)).await;
        make_new(pool, run.id).await;
        new.push(run.id);
    }
    (new, Known::begun(log, &chain(2)).await)
}

async fn claimed(log: &Log, limit: usize) -> BTreeSet<RunId> {
    let ready = log.claimable(WORKER, &["template".to_owned()], None, &[], limit).await.unwrap();
    ready.into_iter().map(|ready| ready.run).collect()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn steps_of_runs_for_newer_programs_stay_queued_and_hold_up_no_others(pool: PgPool) {
    let log = log(&pool).await;
    let (new, known) = world(&pool, &log, 3).await;
    // Older steps come first, whoever can start them: what is found to be for newer programs is passed over from then on.
    for n in 0..=new.len() {
        let runs = claimed(&log, 2).await;
        if runs == [known.id].into() {
            break;
        }
        assert!(n < new.len(), "the known run never had its turn");
        for one in log.load(&runs.into_iter().collect::<Vec<_>>()).await.unwrap() {
            assert!(matches!(one, Loaded::Quarantined { reason } if reason == "event 1 is of a newer program"));
        }
    }
    assert!(!is_set_aside(&pool).await);
    // Another process, which has not come upon them yet, is told of all.
    let other = super::world::log(&pool).await;
    assert_eq!(claimed(&other, 100).await, new.iter().copied().chain([known.id]).collect());
    // One whose log can be read again, as after a restore, is this process' too.
    make_known(&pool, new[0]).await;
    assert!(matches!(loaded(&log, new[0]).await, Loaded::Run { .. }));
    assert_eq!(claimed(&log, 100).await, [new[0], known.id].into());
    log.close().await;
    other.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_such_runs_wait_for_and_tell_others_holds_up_no_others(pool: PgPool) {
    let log = log(&pool).await;
    let (new, known) = world(&pool, &log, 2).await;
    sqlx::raw_sql(
        "UPDATE workflow_runs SET wants_judgement = true, due_at = created_at - interval '1 h', committed_at = created_at - interval '1 h'",
    )
    .execute(&pool)
    .await
    .unwrap();
    let tell = json!({"cancel_child": {"run": known.id}});
    for (to, from, age) in [(new[0], known.id, 3), (known.id, new[1], 2), (known.id, known.id, 1)] {
        sqlx::query(
            "INSERT INTO run_inbox (run_id, sender, sender_seq, n, commit_id, tell, sent_at)
            VALUES ($1, $2, 1, 0, $1, $3::text::json, now() - make_interval(hours => $4))",
        )
        .bind(to.0)
        .bind(from.0)
        .bind(tell.to_string())
        .bind(age)
        .execute(&pool)
        .await
        .unwrap();
    }
    let waiting = log.waiting(1).await.unwrap();
    assert!(new.contains(&waiting.undecided[0]) && new.contains(&waiting.due[0]), "the oldest first: {waiting:?}");
    assert_eq!(log.inbox(1).await.unwrap()[0].key.to, new[0]);
    log.load(&new).await.unwrap();
    let waiting = log.waiting(1).await.unwrap();
    assert_eq!((waiting.undecided, waiting.due), (vec![known.id], vec![known.id]));
    let inbox = log.inbox(10).await.unwrap();
    assert_eq!(
        inbox.iter().map(|message| (message.key.to, message.key.from)).collect::<Vec<_>>(),
        [(known.id, known.id)]
    );
    let n: i64 = sqlx::query_scalar("SELECT count(*) FROM run_inbox").fetch_one(&pool).await.unwrap();
    assert_eq!(n, 3, "they wait for whoever can read them");
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_that_becomes_too_new_while_it_is_known_is_left_and_a_newer_program_ends_it(pool: PgPool) {
    let (old, new) = (log(&pool).await, log(&pool).await);
    let mut known = Known::begun(&old, &chain(2)).await;
    let seen = Seen { seq: known.state.seq, head: known.head.unwrap() };
    let now = known.now(&new).await;
    known.tell(&new, &[known.take(now, 1)]).await;
    let steps_started = "UPDATE run_events SET event = replace(event::text, 'steps_started', 'steps_beamed')::json
        WHERE run_id = $1 AND event ->> 'kind' = 'steps_started'";
    sqlx::query(steps_started).bind(known.id.0).execute(&pool).await.unwrap();
    let Newer::Quarantined { reason } = newer(&old, known.id, seen).await else { panic!("it does not know that") };
    assert_eq!(reason, "event 2 is of a newer program");
    assert!(!is_set_aside(&pool).await);
    // The newer one, which knew it all along, goes on to the end.
    let finish = |known: &Known| -> Vec<Command> { known.held().iter().map(|key| known.finish(key, "x")).collect() };
    known.tell(&new, &finish(&known)).await;
    let now = known.now(&new).await;
    known.tell(&new, &[known.take(now, 1)]).await;
    known.tell(&new, &finish(&known)).await;
    assert!(known.state.run.status.is_terminal());
    let back =
        "UPDATE run_events SET event = replace(event::text, 'steps_beamed', 'steps_started')::json WHERE run_id = $1";
    sqlx::query(back).bind(known.id.0).execute(&pool).await.unwrap();
    check(&new, known.id).await;
    assert!(matches!(loaded(&old, known.id).await, Loaded::Run { .. }), "read by what knows its words, it is whole");
    old.close().await;
    new.close().await;
}
