//! A run that was set aside goes on again: its rows are made anew from its log, whatever was done to them; what no log can give back is
//! refused with words.

use runs::{Loaded, Log as _, Outcome};
use serde_json::json;
use sqlx::PgPool;
use store::{
    Store,
    audit::Author,
    log::{Log, Release},
};
use workflow::{RunId, status::RunStatus};

use super::{
    walk::{go_on, rich},
    world::{Known, chain, check, commit, loaded, log},
};
use crate::support::Dice;

async fn release(pool: &PgPool, run: RunId) -> Release {
    Store::from_pool(pool.clone()).release_run(run, Author::default()).await.unwrap()
}

async fn by_hand(pool: &PgPool, run: RunId, sql: &'static str) {
    let done = sqlx::query(sql).bind(run.0).execute(pool).await.unwrap();
    assert!(done.rows_affected() > 0, "{sql}");
}

async fn why(pool: &PgPool, run: RunId) -> Option<String> {
    sqlx::query_scalar("SELECT quarantine FROM workflow_runs WHERE id = $1").bind(run.0).fetch_one(pool).await.unwrap()
}

/// Whatever waits in the run starts and ends.
async fn complete(log: &Log, run: &mut Known) {
    while run.state.run.status != RunStatus::Completed {
        let now = run.now(log).await;
        let command = match run.held().first() {
            Some(key) => run.finish(key, "x"),
            None => run.take(now, 1),
        };
        run.tell(log, &[command]).await;
    }
    check(log, run.id).await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_whose_rows_were_edited_by_hand_is_set_aside_alone_and_completes_once_it_is_released(pool: PgPool) {
    let log = log(&pool).await;
    let (mut run, mut other) = (Known::begun(&log, &chain(3)).await, Known::begun(&log, &chain(3)).await);
    let now = run.now(&log).await;
    run.tell(&log, &[run.take(now, 1)]).await;
    run.tell(&log, &[run.finish(&"s0".into(), "one")]).await;
    let now = run.now(&log).await;
    run.tell(&log, &[run.take(now, 1)]).await;
    for sql in [
        "UPDATE workflow_runs SET n_completed = 7, n_waiting = 1, status = 'paused', status_reason = 'person', about = 'x',
            user_id = gen_random_uuid(), due_at = now() WHERE id = $1",
        "UPDATE attempts SET generation = 3, error = 'x' WHERE run_id = $1 AND step = 's0'",
        "DELETE FROM attempts WHERE run_id = $1 AND step = 's1'",
        "INSERT INTO attempts (run_id, step, number, generation, lease_worker, started_at) VALUES ($1, 'nonsense', 1, 1, $1, now())",
        "INSERT INTO steps (run_id, step, kind, user_id, not_before) VALUES ($1, 's2', 'template', $1, now())",
        "UPDATE artifacts SET version = 4, name = 'other', media_type = 'x/y', value_hash = 'z' WHERE run_id = $1",
        "INSERT INTO artifacts (id, run_id, step, name, version, media_type, content_hash, size, content, origin, created_at)
        VALUES (gen_random_uuid(), $1, 's1', 'text', 1, 'text/plain', 'x', 1, 'x', 'import', now())",
        "UPDATE artifact_heads SET latest = 9, approved = '{4}' WHERE run_id = $1",
        "INSERT INTO reviews (run_id, step, generation, number, user_id, opened_at, quorum, allow_self, roles, users, votes, voted_at, title, round,
            max_rounds, on_timeout, is_form)
        VALUES ($1, 's0', 1, 1, $1, now(), 1, true, '{user}', '{}', '{}', '{}', 'T', 0, 3, 'fail', false)",
    ] {
        by_hand(&pool, run.id, sql).await;
    }
    let Loaded::Quarantined { reason } = loaded(&log, run.id).await else { panic!("its rows are wrong") };
    assert!(reason.starts_with("10 rows are not what its log tells: workflow_runs"), "{reason}");
    let late = run.decide(run.now(&log).await, &[run.finish(&"s1".into(), "x")]).unwrap().commit;
    assert_eq!(commit(&log, &late).await, Outcome::Quarantined { reason: reason.clone() });
    complete(&log, &mut other).await;

    assert!(matches!(release(&pool, run.id).await, Release::Done { n_mended: 9.. }));
    check(&log, run.id).await;
    assert_eq!(why(&pool, run.id).await, None);
    let Loaded::Run { seen, .. } = loaded(&log, run.id).await else { panic!("it goes on") };
    assert_eq!((seen.head, seen.seq), (run.head.unwrap(), run.state.seq), "where it was");
    let (media_type, bytes, owner): (String, Vec<u8>, uuid::Uuid) = sqlx::query_as(
        "SELECT a.media_type, a.content, r.user_id FROM artifacts a JOIN workflow_runs r ON r.id = a.run_id WHERE a.run_id = $1",
    )
    .bind(run.id.0)
    .fetch_one(&pool)
    .await
    .unwrap();
    let told = run.state.birth.user_id.0;
    assert_eq!((media_type.as_str(), bytes.as_slice(), owner), ("text/plain; of=one", b"one".as_slice(), told));
    let entries = Store::from_pool(pool.clone()).audit_of(&run.id.to_string()).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["run.released"]);
    assert_eq!(entries[0].data["reason"], json!(reason));
    // What was decided before it was set aside was decided on its log, and holds.
    let late = runs::RunCommit { decided_at: log.clock().await.unwrap(), ..late };
    assert_eq!(commit(&log, &late).await, Outcome::Written);
    run.catch_up(&log).await;
    complete(&log, &mut run).await;
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn in_whatever_state_a_run_is_its_rows_are_made_anew_and_it_goes_on(pool: PgPool) {
    let log = log(&pool).await;
    for seed in 20..26 {
        let mut dice = Dice::new(seed);
        let mut run = Known::begun(&log, &rich()).await;
        for n in 0..6 {
            for _ in 0..6 {
                go_on(&log, &pool, &mut run, &mut dice).await;
            }
            log.quarantine(run.id, "by hand").await.unwrap();
            // What these walks make has no content of its own.
            let blobs = "INSERT INTO blobs (hash, size) SELECT content_hash, size FROM artifacts WHERE content IS NULL ON CONFLICT DO NOTHING";
            sqlx::query(blobs).execute(&pool).await.unwrap();
            for table in ["attempts", "artifact_heads", "reviews", "review_ends", "review_deciders"] {
                let delete = format!("DELETE FROM {table} WHERE run_id = $1");
                sqlx::query(sqlx::AssertSqlSafe(delete)).bind(run.id.0).execute(&pool).await.unwrap();
            }
            let counts = "UPDATE workflow_runs SET n_steps = -1, n_items = 5, n_completed = 0, n_failed = 1, n_skipped = 0 WHERE id = $1";
            by_hand(&pool, run.id, counts).await;
            assert!(matches!(release(&pool, run.id).await, Release::Done { .. }), "{seed} {n}");
            check(&log, run.id).await;
        }
        go_on(&log, &pool, &mut run, &mut dice).await;
    }
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_no_log_can_give_back_is_refused_with_words_and_changes_nothing(pool: PgPool) {
    let log = log(&pool).await;
    let begun = async || {
        let mut run = Known::begun(&log, &chain(2)).await;
        let now = run.now(&log).await;
        run.tell(&log, &[run.take(now, 1)]).await;
        run.tell(&log, &[run.finish(&"s0".into(), "one")]).await;
        run.id
    };
    for (sql, word) in [
        ("DELETE FROM run_events WHERE run_id = $1 AND seq = 2", "the log has no event 2"),
        ("DELETE FROM run_events WHERE run_id = $1 AND seq = 3", "the log ends at event 2, the run at 3"),
        (
            "UPDATE run_events SET event = replace(event::text, 'steps_started', 'steps_dreamt')::json WHERE run_id = $1 AND seq = 2",
            "event 2 is of a newer program",
        ),
        (
            "UPDATE artifacts SET content = 'two' WHERE run_id = $1",
            "the content of s0.text#1 is gone, or is not the one",
        ),
        ("DELETE FROM artifacts WHERE run_id = $1", "the content of s0.text#1 is gone"),
        ("UPDATE artifacts SET content = NULL WHERE run_id = $1", "the content of s0.text#1 is gone"),
    ] {
        let run = begun().await;
        by_hand(&pool, run, sql).await;
        log.quarantine(run, "by hand").await.unwrap();
        let Release::Broken { reason } = release(&pool, run).await else { panic!("{sql}") };
        assert!(reason.starts_with(word), "{sql}: {reason}");
        assert_eq!(why(&pool, run).await.as_deref(), Some("by hand"));
        let n_queued: i64 = sqlx::query_scalar("SELECT count(*) FROM steps WHERE run_id = $1")
            .bind(run.0)
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(n_queued, 0, "{sql}");
        assert!(Store::from_pool(pool.clone()).audit_of(&run.to_string()).await.unwrap().is_empty());
    }
    let run = begun().await;
    assert_eq!(release(&pool, run).await, Release::NotAside);
    assert_eq!(release(&pool, RunId(uuid::Uuid::now_v7())).await, Release::Missing);
    check(&log, run).await;
    log.close().await;
}
