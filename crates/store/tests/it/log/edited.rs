//! Rows that somebody edited by hand: whoever loads the run next finds it, says what differs, and sets it aside; others go on.

use runs::{Loaded, Log as _};
use sqlx::{AssertSqlSafe, PgPool};
use workflow::RunId;

use super::world::{Known, chain, check, commit, log};
use crate::support::WORKER;

/// What somebody does to a run by hand, and what is named. `$1` is the run.
const EDITS: [(&str, &str); 20] = [
    ("UPDATE workflow_runs SET status = 'completed', finished_at = now() WHERE id = $1", "workflow_runs"),
    ("UPDATE workflow_runs SET auto_run = false WHERE id = $1", "workflow_runs"),
    ("UPDATE workflow_runs SET n_completed = n_completed + 1 WHERE id = $1", "workflow_runs"),
    ("UPDATE workflow_runs SET template_version = 2 WHERE id = $1", "workflow_runs"),
    ("UPDATE workflow_runs SET due_at = now() WHERE id = $1", "workflow_runs"),
    ("UPDATE workflow_runs SET seq = seq + 1 WHERE id = $1", "ends at event"),
    ("UPDATE workflow_runs SET head = gen_random_uuid() WHERE id = $1", "not of the commit"),
    ("DELETE FROM steps WHERE run_id = $1", "steps s1"),
    ("UPDATE steps SET not_before = not_before + interval '1 h' WHERE run_id = $1", "steps s1"),
    (
        "INSERT INTO steps (run_id, step, kind, user_id, not_before) SELECT run_id, 'other', kind, user_id, not_before FROM steps WHERE run_id = $1",
        "steps other",
    ),
    ("UPDATE attempts SET outcome = 'failed', error_class = 'timeout' WHERE run_id = $1", "attempts s0#1"),
    ("DELETE FROM attempts WHERE run_id = $1", "attempts s0#1"),
    ("UPDATE artifacts SET content_hash = repeat('0', 64) WHERE run_id = $1", "artifacts s0.text#1"),
    ("UPDATE artifact_heads SET approved = '{1}' WHERE run_id = $1", "artifact_heads s0.text"),
    ("DELETE FROM run_events WHERE run_id = $1 AND seq = 2", "no event 2"),
    ("DELETE FROM run_events WHERE run_id = $1 AND seq > 2", "ends at event 2"),
    ("UPDATE run_events SET event = '{}' WHERE run_id = $1 AND seq = 2", "event 2 is none"),
    ("UPDATE run_events SET event = '[7]' WHERE run_id = $1 AND seq = 2", "event 2 is none"),
    (
        "UPDATE run_events SET event = jsonb_set(event::jsonb, '{seq}', '9')::json WHERE run_id = $1 AND seq = 2",
        "event 9",
    ),
    // A log that is whole, and tells something else than the rows.
    (
        "UPDATE run_events SET event = replace(event::text, '\"succeeded\"', '\"failed\"')::json WHERE run_id = $1",
        "attempts s0#1",
    ),
];

/// Its first step is done, and its second may be claimed.
async fn under_way(log: &store::log::Log) -> Known {
    let mut run = Known::begun(log, &chain(2)).await;
    let now = run.now(log).await;
    run.tell(log, &[run.take(now, 1)]).await;
    run.tell(log, &[run.finish(&run.held()[0], "one")]).await;
    run
}

async fn set_aside(pool: &PgPool, run: RunId) -> (Option<String>, i64) {
    sqlx::query_as("SELECT quarantine, (SELECT count(*) FROM steps WHERE run_id = $1) FROM workflow_runs WHERE id = $1")
        .bind(run.0)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn whatever_is_edited_by_hand_is_found_at_load_and_named_and_only_that_run_is_set_aside(pool: PgPool) {
    let log = log(&pool).await;
    let mut bystander = under_way(&log).await;
    for (edit, named) in EDITS {
        let run = under_way(&log).await;
        let edited = sqlx::query(AssertSqlSafe(edit)).bind(run.id.0).execute(&pool).await.unwrap();
        assert!(edited.rows_affected() > 0, "{edit}");
        // Both in one load, as a process that has much to do reads them.
        let loaded = log.load(&[run.id, bystander.id]).await.unwrap();
        let [Loaded::Quarantined { reason }, Loaded::Run { .. }] = &loaded[..] else { panic!("{edit}: {loaded:?}") };
        assert!(reason.contains(named), "{edit}: {reason}");
        assert_eq!(set_aside(&pool, run.id).await, (Some(reason.clone()), 0), "{edit}");
        assert_eq!(set_aside(&pool, bystander.id).await, (None, 1), "{edit}");
        let ready = log.claimable(WORKER, &["template".to_owned()], None, &[], 10).await.unwrap();
        assert_eq!(ready.iter().map(|ready| ready.run).collect::<Vec<_>>(), [bystander.id], "{edit}");
        // A process that knew it from before is told by its next commit.
        let now = run.now(&log).await;
        let decided = run.decide(now, &[run.take(now, 1)]).unwrap();
        let outcome = commit(&log, &decided.commit).await;
        assert!(matches!(outcome, runs::Outcome::Quarantined { .. } | runs::Outcome::Lost), "{edit}: {outcome:?}");
    }
    let now = bystander.now(&log).await;
    bystander.tell(&log, &[bystander.take(now, 1)]).await;
    bystander.tell(&log, &[bystander.finish(&bystander.held()[0], "two")]).await;
    assert!(bystander.state.run.status.is_terminal());
    check(&log, bystander.id).await;
    log.close().await;
}
