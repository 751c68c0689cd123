//! The look at a whole database: nothing is found where all is well, and each thing that is done by hand is found under its own name.

use serde_json::json;
use sqlx::PgPool;
use store::{
    Store,
    log::{Acknowledged, Checked, Log},
};
use uuid::Uuid;
use workflow::{RunId, run::Command};

use super::{
    walk::{go_on, rich},
    world::{Known, chain, definition, log},
};
use crate::support::Dice;

async fn look(pool: &PgPool, is_settled: bool) -> Checked {
    Store::from_pool(pool.clone()).check(is_settled, &[]).await.unwrap()
}

fn violated(checked: &Checked) -> Vec<&'static str> {
    checked.invariants.iter().filter(|of| of.n_violations > 0).map(|of| of.name).collect()
}

/// One step is done, the next one runs.
async fn under_way(log: &Log) -> Known {
    let mut run = Known::begun(log, &chain(3)).await;
    let now = run.now(log).await;
    run.tell(log, &[run.take(now, 1)]).await;
    run.tell(log, &[run.finish(&"s0".into(), "one")]).await;
    let now = run.now(log).await;
    run.tell(log, &[run.take(now, 1)]).await;
    run
}

async fn cancelled(log: &Log) -> RunId {
    let mut run = under_way(log).await;
    run.tell(log, &[Command::Cancel]).await;
    run.id
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn whatever_was_committed_and_however_far_it_is_nothing_is_violated(pool: PgPool) {
    let log = log(&pool).await;
    for seed in 1..4 {
        let (mut run, mut dice) = (Known::begun(&log, &rich()).await, Dice::new(seed));
        for _ in 0..40 {
            go_on(&log, &pool, &mut run, &mut dice).await;
        }
    }
    // What these walks make has no content of its own, and the clock of their database was moved.
    let found = violated(&look(&pool, false).await).into_iter();
    let found: Vec<_> = found.filter(|name| !["contents-have-hashes", "blobs-have-hashes"].contains(name)).collect();
    assert!(found.is_empty(), "{found:?}");
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_database_in_which_nothing_is_under_way_is_settled_and_one_with_a_run_is_not(pool: PgPool) {
    let log = log(&pool).await;
    assert_eq!(look(&pool, true).await.n_violations(), 0, "nothing at all");
    cancelled(&log).await;
    let all = look(&pool, true).await;
    assert_eq!((all.n_violations(), all.n_runs), (0, 1), "{all}");
    under_way(&log).await;
    assert_eq!(violated(&look(&pool, false).await), [""; 0]);
    assert_eq!(violated(&look(&pool, true).await), ["runs-end"]);
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_done_to_rows_by_hand_is_found_under_its_own_name(pool: PgPool) {
    let log = log(&pool).await;
    for (sql, expected) in [
        ("DELETE FROM run_events WHERE run_id = $1 AND seq = 2", "log-whole"),
        ("UPDATE workflow_runs SET n_completed = 2 WHERE id = $1", "rows-equal-log"),
        ("DELETE FROM attempts WHERE run_id = $1 AND step = 's0'", "rows-equal-log"),
        ("UPDATE workflow_runs SET quarantine = 'by hand' WHERE id = $1", "not-set-aside"),
        (
            "UPDATE run_events SET event = replace(event::text, '\"succeeded\"', '\"failed\"')::json WHERE run_id = $1",
            "rows-equal-log",
        ),
        (
            "INSERT INTO attempts (run_id, step, number, generation, started_at) VALUES ($1, 's1', 7, 1, now())",
            "one-attempt-at-a-time",
        ),
        ("UPDATE attempts SET lease_worker = $1 WHERE run_id = $1 AND step = 's1'", "leases-have-workers"),
        ("DELETE FROM workflow_runs WHERE id = $1", "rows-have-runs"),
        (
            "INSERT INTO review_deciders (run_id, step, generation, number, user_id, closed_at) VALUES ($1, 's0', 1, 1, $1, now())",
            "deciders-have-gates",
        ),
        ("UPDATE workflow_runs SET n_waiting = 1 WHERE id = $1", "gates-are-counted"),
        ("INSERT INTO key_limits (key, max, used) VALUES ($1::text, 1, 1)", "places-are-counted"),
        ("UPDATE artifacts SET content = 'two' WHERE run_id = $1", "contents-have-hashes"),
        ("UPDATE artifacts SET content = NULL WHERE run_id = $1", "contents-have-hashes"),
        ("INSERT INTO blobs (hash, size) VALUES ($1::text, 3)", "blobs-have-hashes"),
    ] {
        let run = under_way(&log).await.id;
        let before = look(&pool, false).await;
        sqlx::query(sql).bind(run.0).execute(&pool).await.unwrap();
        let after = look(&pool, false).await;
        let more: Vec<_> = std::iter::zip(&before.invariants, &after.invariants)
            .filter(|(before, after)| after.n_violations > before.n_violations)
            .map(|(_, after)| after.name)
            .collect();
        assert!(more.contains(&expected), "{sql}: {more:?}");
        let n_more = after.n_violations() - before.n_violations();
        assert!(n_more <= 12, "{sql}: {after}");
    }
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn where_something_is_wrong_is_told_and_never_what_stands_there(pool: PgPool) {
    let log = log(&pool).await;
    for sql in [
        "UPDATE workflow_runs SET about = 'somebody''s words' WHERE id = $1",
        "UPDATE workflow_runs SET quarantine = 'somebody''s words differ' WHERE id = $1",
    ] {
        let run = under_way(&log).await.id;
        sqlx::query(sql).bind(run.0).execute(&pool).await.unwrap();
        let told = look(&pool, false).await.to_string();
        assert!(told.contains(&run.to_string()) && !told.contains("somebody"), "{told}");
    }
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_only_its_log_shows_is_found_there(pool: PgPool) {
    let log = log(&pool).await;
    for (sql, expected) in [
        // Another worker ends it.
        (
            "UPDATE run_events SET event = replace(event::text, '00000000-0000-0000-0000-000000002329', $1::text)::json
            WHERE run_id = $1 AND event ->> 'kind' = 'step_completed'",
            "attempts-fenced",
        ),
        // It is told of as of long ago.
        (
            "UPDATE run_events SET event = jsonb_set(event::jsonb, '{at}', '\"2000-01-01T00:00:00Z\"')::json
            WHERE run_id = $1 AND seq = 3",
            "time-goes-on",
        ),
        // An output of an attempt that never was.
        (
            "UPDATE run_events SET event = jsonb_set(event::jsonb, '{data,artifacts,0,attempt}', '9')::json
            WHERE run_id = $1 AND event #> '{data,artifacts,0}' IS NOT NULL",
            "made-by-an-attempt",
        ),
    ] {
        let run = under_way(&log).await.id;
        let changed = sqlx::query(sql).bind(run.0).execute(&pool).await.unwrap().rows_affected();
        let checked = look(&pool, false).await;
        assert!(changed > 0 && violated(&checked).contains(&expected), "{sql}: {checked}");
    }
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_waits_for_somebody_is_wrong_only_where_somebody_was_there_for_minutes(pool: PgPool) {
    let log = log(&pool).await;
    let run = under_way(&log).await.id;
    let by_hand = async |sql: &'static str| sqlx::query(sql).bind(run.0).execute(&pool).await.unwrap();
    by_hand("UPDATE workers SET state = 'dead', beat_at = now() - interval '1 hour' WHERE $1::uuid IS NOT NULL").await;
    by_hand(
        "INSERT INTO run_inbox (run_id, sender, sender_seq, n, commit_id, tell, sent_at)
        VALUES ($1, $1, 1, 0, $1, '{}', now() - interval '1 hour')",
    )
    .await;
    by_hand("INSERT INTO key_limits (key, max, used) SELECT 'agent:rare', 1, 1 WHERE $1::uuid IS NOT NULL").await;
    by_hand(
        "INSERT INTO key_reservations (run_id, step, keys, reserved_at, is_over)
        VALUES ($1, 's9', '{agent:rare}', now() - interval '1 hour', false)",
    )
    .await;
    assert_eq!(violated(&look(&pool, false).await), [""; 0], "nobody is there");
    by_hand(
        "INSERT INTO workers (id, state, started_at, beat_at) VALUES ($1, 'alive', now() - interval '1 hour', now())",
    )
    .await;
    let expected = ["dead-hold-nothing", "messages-arrive", "places-have-owners"];
    assert_eq!(violated(&look(&pool, false).await), expected);
    by_hand(
        "INSERT INTO workers (id, state, started_at, beat_at)
        SELECT gen_random_uuid(), 'alive', now() - interval '1 hour', now() - interval '1 hour' WHERE $1::uuid IS NOT NULL",
    )
    .await;
    assert_eq!(
        violated(&look(&pool, false).await),
        [&["dead-hold-nothing", "silent-are-dead"][..], &expected[1..]].concat()
    );
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_somebody_was_told_is_looked_for_as_a_persons(pool: PgPool) {
    let log = log(&pool).await;
    let steps = json!({"s": {"agent_id": "echo", "depends_on": []}});
    let mut run = Known::begun(&log, &definition(&steps)).await;
    let started = run.state.seq;
    let now = run.now(&log).await;
    run.tell(&log, &[run.take(now, 1)]).await;
    run.tell(&log, &[run.finish(&"s".into(), "one")]).await;
    let told = |run: RunId, seq: Option<i64>, text: Option<&str>| Acknowledged {
        run,
        seq,
        key: None,
        text: text.map(Into::into),
    };
    let keyed = |key: &str| Acknowledged { run: run.id, seq: None, key: Some(key.into()), text: None };
    let nobody = RunId(Uuid::from_u128(404));
    let all = [
        told(run.id, Some(started), None),
        told(run.id, None, Some("one")),
        told(run.id, Some(run.state.seq), None),
        told(run.id, Some(99), None),
        told(run.id, None, Some("two")),
        told(nobody, None, None),
        keyed("one"),
        keyed("two"),
    ];
    sqlx::query("UPDATE workflow_runs SET idempotency_key = 'one' WHERE id = $1")
        .bind(run.id.0)
        .execute(&pool)
        .await
        .unwrap();
    let checked = Store::from_pool(pool.clone()).check(false, &all).await.unwrap();
    let found: Vec<(&str, u64)> =
        checked.invariants.iter().filter(|of| of.n_violations > 0).map(|of| (of.name, of.n_violations)).collect();
    assert_eq!(found, [("told-runs", 1), ("told-commands", 3), ("told-texts", 1)], "{checked}");
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn totals_of_days_are_what_was_counted_and_what_was_counted_is_what_the_runs_say(pool: PgPool) {
    let log = log(&pool).await;
    let store = Store::from_pool(pool.clone());
    let run = cancelled(&log).await;
    assert_eq!(violated(&look(&pool, false).await), [""; 0], "nothing is counted yet");
    assert!(!store.count_runs().await.unwrap());
    let n_counted: i64 = sqlx::query_scalar("SELECT count(*) FROM run_counts").fetch_one(&pool).await.unwrap();
    let checked = look(&pool, false).await;
    assert_eq!((n_counted, violated(&checked)), (1, vec![]), "{checked}");
    for (sql, expected) in [
        ("UPDATE run_days SET n_cancelled = 0", &["days-are-sums"][..]),
        ("DELETE FROM run_day_usages", &["days-are-sums"][..]),
        (
            "INSERT INTO run_day_times SELECT day, user_id, template_id, false, 3, 1 FROM run_days",
            &["days-are-sums"][..],
        ),
        ("UPDATE run_usages SET tokens = tokens + 7", &["runs-are-counted", "days-are-sums"][..]),
        ("UPDATE run_counts SET ended = 'failed'", &["runs-are-counted", "days-are-sums"][..]),
    ] {
        let changed = sqlx::query(sql).execute(&pool).await.unwrap().rows_affected();
        let checked = look(&pool, false).await;
        assert!(changed > 0 && violated(&checked) == expected, "{sql}: {checked}");
        // As if it had been committed since, which the chore finds.
        sqlx::query("UPDATE run_counts SET as_of = '-infinity' WHERE run_id = $1")
            .bind(run.0)
            .execute(&pool)
            .await
            .unwrap();
        assert!(!violated(&look(&pool, false).await).contains(&"runs-are-counted"), "{sql}: it is still to be counted");
        store.count_runs().await.unwrap();
        assert_eq!(violated(&look(&pool, false).await), [""; 0], "{sql}");
    }
    log.close().await;
}
