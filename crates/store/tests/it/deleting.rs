//! What a deletion leaves: copies in runs that stay have their bytes, large content is kept as long as somebody names it, and a process
//! that has the run in its memory knows it no more.

use serde_json::json;
use sqlx::PgPool;
use store::{
    MIGRATOR,
    audit::{self, Author},
    batches::NewBatch,
    runs::Scope,
};
use workflow::{
    ArtifactId, RunId, TemplateId,
    hash::sha256_hex,
    id::BatchId,
    run::{Command, command::Edit, state::NewVersion},
};

use crate::support::{World, by, version, with_content};

fn edit(output: NewVersion) -> Command {
    Command::Edit(Box::new(Edit {
        step: "a".into(),
        outputs: vec![output],
        and_continue: false,
        digest: None,
        expect_generation: None,
    }))
}

/// A run whose one step wrote `a`.
async fn made(world: &World) -> RunId {
    let run = world.begin(&json!({"steps": {"a": {"agent_id": "echo"}}}), true).await;
    world.process.settle(run).await;
    run
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_done_to_many_at_once_is_one_entry_of_the_log_that_is_found_by_each(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(made(&world).await);
    }
    let (store, by) = (&world.store, Author::default());
    store.archive_runs(&runs, true, by).await.unwrap();
    store.archive_runs(&runs[..1], false, by).await.unwrap();
    store.ask_to_delete_runs(&runs, by).await.unwrap();
    store.keep_runs(&runs, by).await.unwrap();
    store.keep_runs(&runs, by).await.unwrap();
    let all: Vec<(String, String)> =
        sqlx::query_as("SELECT action, subject FROM audit_log WHERE action LIKE 'run.%' ORDER BY id")
            .fetch_all(&pool)
            .await
            .unwrap();
    let (first, many) = (runs[0].to_string(), audit::RUNS);
    let wanted =
        [("run.archived", many), ("run.unarchived", first.as_str()), ("run.deletion_asked", many), ("run.kept", many)];
    let all: Vec<(&str, &str)> = all.iter().map(|(action, subject)| (&**action, &**subject)).collect();
    assert_eq!(all, wanted, "and none for what was done to none");
    for (n, run) in runs.iter().enumerate() {
        let of_it: Vec<String> =
            store.audit_of(&run.to_string()).await.unwrap().into_iter().map(|one| one.action).collect();
        let n_of_it = if n == 0 { 4 } else { 3 };
        assert_eq!((of_it.len(), &*of_it[0]), (n_of_it, "run.archived"));
        let asked = audit::Wanted { subject: Some(run.to_string()), limit: 9, ..audit::Wanted::default() };
        let found = store.audit(&asked).await.unwrap();
        assert_eq!((found.len(), &*found[0].action), (n_of_it, "run.kept"), "newest first");
        assert_eq!(found[0].data["runs"].as_array().map(Vec::len), Some(3), "all of them are named");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_copy_outlives_what_it_was_copied_from_and_a_process_forgets_the_run(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let (run, other) = (made(&world).await, made(&world).await);
    let inline = world.process.look(run, |state| state.latest(&"a".into()).next().unwrap().id).await;
    let large = "0123456789abcdef".repeat(150_000);
    world.store.put_blob(&sha256_hex(large.as_bytes()), large.as_bytes()).await.unwrap();
    let chunked = version(&large);
    world.process.verb(run, &world.ada, edit(chunked.clone())).await.unwrap();
    let copies = [
        NewVersion { copy_of: Some(inline), id: ArtifactId(uuid::Uuid::now_v7()), ..version("a") },
        NewVersion { copy_of: Some(chunked.id), id: ArtifactId(uuid::Uuid::now_v7()), ..chunked.clone() },
    ];
    for copy in copies.clone() {
        world.process.verb(other, &world.ada, edit(copy)).await.unwrap();
    }
    // As one that was committed together with what it copies.
    sqlx::query("UPDATE artifacts SET content = NULL WHERE id = $1").bind(copies[0].id.0).execute(&pool).await.unwrap();

    world.store.ask_to_delete_runs(&[run], Author::default()).await.unwrap();
    let mine = async || {
        let page = world.store.run_summaries(&world.ada, None, 9, Scope::Mine).await.unwrap();
        page.runs.into_iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert_eq!(mine().await, [other], "it stands in no list from the moment on");
    sqlx::query("UPDATE run_labels SET delete_at = now() - interval '1 second'").execute(&pool).await.unwrap();
    world.store.delete_runs(None).await.unwrap();
    let outputs = world.store.result_outputs(&[run, other], &["a".to_owned()], 1_000_000).await.unwrap();
    assert!(outputs.iter().all(|output| output.run == other), "what is not cleared away yet is read by nobody");
    let is_known = world.process.runs.read_now(run, |state| state.is_some()).await.unwrap();
    assert!(!is_known);
    let late = with_content(by(&world.ada, run, edit(version("b"))), "b");
    assert!(world.process.runs.execute(late).await.is_err());

    sqlx::query("UPDATE deleted_runs SET deleted_at = deleted_at - interval '11 minutes'")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("UPDATE blobs SET created_at = created_at - interval '2 days'").execute(&pool).await.unwrap();
    world.store.delete_runs(None).await.unwrap();
    world.store.collect_blobs().await.unwrap();
    let ids = [copies[0].id, copies[1].id, inline];
    let contents = world.store.artifact_contents(&ids).await.unwrap();
    assert_eq!(contents.len(), 2, "what it was copied from is gone");
    assert_eq!((contents[&ids[0]].as_slice(), contents[&ids[1]].as_slice()), ("a".as_bytes(), large.as_bytes()));
    world.process.check(other).await;

    // Nobody names the large one any more once the copy goes too.
    world.store.ask_to_delete_runs(&[other], Author::default()).await.unwrap();
    sqlx::query("UPDATE run_labels SET delete_at = now() - interval '1 second'").execute(&pool).await.unwrap();
    world.store.delete_runs(None).await.unwrap();
    sqlx::query("UPDATE deleted_runs SET deleted_at = deleted_at - interval '11 minutes'")
        .execute(&pool)
        .await
        .unwrap();
    world.store.delete_runs(None).await.unwrap();
    assert_eq!(world.store.collect_blobs().await.unwrap(), 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_row_of_a_table_keeps_nothing_of_a_run_that_was_deleted(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let (run, other) = (made(&world).await, made(&world).await);
    let rows = ["{\"a\":\"gone\"}".to_owned(), "{\"a\":\"kept\"}".to_owned()];
    let new = NewBatch {
        id: BatchId(uuid::Uuid::now_v7()),
        user: world.ada.id,
        template: TemplateId(uuid::Uuid::nil()),
        version: 1,
        template_name: "T",
        name: "t.csv",
        auto_run: true,
        key: "k",
        hash: "h",
        rows: &rows,
    };
    world.store.make_batch(&new, Author::default()).await.unwrap();
    for (n, run) in [(1, run), (2, other)] {
        world.store.row_started(new.id, n, run).await.unwrap();
    }
    world.store.ask_to_delete_runs(&[run], Author::default()).await.unwrap();
    sqlx::query("UPDATE run_labels SET delete_at = now() - interval '1 second'").execute(&pool).await.unwrap();
    world.store.delete_runs(None).await.unwrap();
    let left = world.store.result_rows(new.id, 0, 9).await.unwrap();
    let left: Vec<(Option<RunId>, &str)> = left.iter().map(|row| (row.run_id, row.inputs.as_str())).collect();
    assert_eq!(left, [(Some(run), "{}"), (Some(other), rows[1].as_str())]);
    let (_, batch) = world.store.batch(new.id).await.unwrap().unwrap();
    assert_eq!((batch.n_rows, batch.n_started, batch.n_over), (2, 2, 2), "it stays, and counts");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn runs_that_do_not_come_to_rest_keep_no_other_from_its_turn(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let run = made(&world).await;
    // As many as are looked at in one go, due before it, each with a sub-workflow that somebody set going again.
    let stuck: Vec<uuid::Uuid> = sqlx::query_scalar(
        "INSERT INTO workflow_runs
        SELECT (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid()))).*
        FROM workflow_runs r, generate_series(1, 200) WHERE r.id = $1 RETURNING id",
    )
    .bind(run.0)
    .fetch_all(&pool)
    .await
    .unwrap();
    let asked: Vec<RunId> = stuck.iter().copied().chain([run.0]).map(RunId).collect();
    assert_eq!(world.store.ask_to_delete_runs(&asked, Author::default()).await.unwrap().len(), 201);
    for sql in [
        "INSERT INTO workflow_runs
        SELECT (jsonb_populate_record(r, jsonb_build_object(
            'id', gen_random_uuid(), 'parent_run', r.id, 'status', 'running', 'finished_at', NULL))).*
        FROM workflow_runs r WHERE r.id <> $1",
        "UPDATE run_labels
        SET delete_at = now() - CASE WHEN run_id = $1 THEN interval '1 second' ELSE interval '1 minute' END",
    ] {
        sqlx::query(sql).bind(run.0).execute(&pool).await.unwrap();
    }
    let n_left = async || {
        let sql = "SELECT count(*) FILTER (WHERE id = $1), count(*) FROM workflow_runs";
        sqlx::query_as::<_, (i64, i64)>(sql).bind(run.0).fetch_one(&pool).await.unwrap()
    };
    for _ in 0..20 {
        if n_left().await.0 == 0 {
            break;
        }
        world.store.delete_runs(None).await.unwrap();
    }
    assert_eq!(n_left().await, (0, 400), "it went, and none of the others");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn runs_that_ended_long_ago_go_by_themselves_where_an_operator_wants_it(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let (old, young) = (made(&world).await, made(&world).await);
    let going = world.begin(&json!({"steps": {"a": {"agent_id": "echo"}}}), true).await;
    sqlx::query(
        "UPDATE workflow_runs SET created_at = created_at - interval '40 days', finished_at = finished_at - interval '31 days'
        WHERE id <> $1",
    )
    .bind(young.0)
    .execute(&pool)
    .await
    .unwrap();
    let left = async |keep_days| {
        world.store.delete_runs(keep_days).await.unwrap();
        let ids: Vec<uuid::Uuid> =
            sqlx::query_scalar("SELECT id FROM workflow_runs ORDER BY id").fetch_all(&pool).await.unwrap();
        ids.into_iter().map(RunId).collect::<Vec<_>>()
    };
    assert_eq!(left(None).await, [old, young, going], "by default none do");
    assert_eq!(left(Some(32)).await, [old, young, going]);
    assert_eq!(left(Some(30)).await, [young, going]);
    let by: String = sqlx::query_scalar("SELECT data ->> 'by' FROM audit_log WHERE action = 'run.deleted'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(by, "age");
}

/// As many as one go takes, and a message is on its way to each.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_old_and_not_at_rest_keeps_nobodys_wish_waiting(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    for sql in [
        "INSERT INTO workflow_runs (id, head, seq, user_id, template_id, template_version, template_name, status, auto_run, is_test,
            created_at, finished_at, wants_judgement, n_steps, n_completed, n_skipped, n_failed, n_cancelled, n_items, n_waiting,
            committed_at)
        SELECT gen_random_uuid(), gen_random_uuid(), 9, (SELECT id FROM users LIMIT 1), gen_random_uuid(), 1, 'Old', 'completed', true, false,
            now() - interval '40 days', now() - interval '40 days', false, 1, 1, 0, 0, 0, 0, 0, now() - interval '40 days'
        FROM generate_series(1, 200) n",
        "INSERT INTO run_inbox (run_id, sender, sender_seq, n, commit_id, tell, sent_at)
        SELECT id, id, 1, 0, id, '{}', now() FROM workflow_runs",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    let n = async |sql: &'static str| -> i64 { sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap() };
    let n_asked = "SELECT count(*) FROM run_labels WHERE delete_at IS NOT NULL";
    world.store.delete_runs(Some(30)).await.unwrap();
    assert_eq!(n(n_asked).await, 0, "they stand in the lists meanwhile");
    assert_eq!(n("SELECT count(*) FROM audit_log WHERE action = 'run.deletion_dropped'").await, 0);
    // As if all of them were due at this moment.
    sqlx::query("UPDATE run_labels SET delete_at = now() - interval '1 minute', delete_head = run_id, retry_at = NULL")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("UPDATE run_labels l SET delete_head = r.head FROM workflow_runs r WHERE r.id = l.run_id")
        .execute(&pool)
        .await
        .unwrap();
    let asked = made(&world).await;
    world.store.ask_to_delete_runs(&[asked], Author { actor: Some(world.ada.id), ..Author::default() }).await.unwrap();
    sqlx::query("UPDATE run_labels SET delete_at = now() WHERE deleted_by IS NOT NULL").execute(&pool).await.unwrap();
    world.store.delete_runs(Some(30)).await.unwrap();
    assert_eq!(n("SELECT count(*) FROM workflow_runs").await, 200, "what somebody asked for is gone");
    assert_eq!(n(n_asked).await, 1, "of the others, the one that had no place");
    sqlx::query("DELETE FROM run_inbox").execute(&pool).await.unwrap();
    world.store.delete_runs(Some(30)).await.unwrap();
    assert_eq!(n("SELECT count(*) FROM workflow_runs").await, 199, "those that were not at rest wait");
    sqlx::query("UPDATE run_labels SET retry_at = now()").execute(&pool).await.unwrap();
    world.store.delete_runs(Some(30)).await.unwrap();
    assert_eq!(n("SELECT count(*) FROM workflow_runs").await, 0);
}
