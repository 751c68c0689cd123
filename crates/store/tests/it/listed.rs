//! The list that is searched, narrowed and sorted: what is found is what is asked for, in its order, on pages that neither repeat nor hide.

use std::collections::BTreeSet;

use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use store::{MIGRATOR, Window, audit::Author, runs::Scope};
use workflow::{
    RunId,
    access::{Actor, Role},
    api::{ListedRun, RunLabels, RunQuery, RunScope, RunSort, RunState},
    run::Command,
};

use crate::support::{World, start};

async fn found(world: &World, viewer: &Actor, query: &RunQuery, limit: i64) -> Vec<ListedRun> {
    let (mut found, mut after) = (Vec::new(), None::<String>);
    loop {
        let window = Window { after: after.as_deref(), limit };
        let page = world.store.listed_runs(viewer, query, None, window).await.unwrap();
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

fn ids(runs: &[ListedRun]) -> Vec<RunId> {
    runs.iter().map(|run| run.run.id).collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn runs_are_searched_narrowed_and_sorted_in_pages(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let document = json!({"steps": {"a": {"agent_id": "echo"}}});
    let mut runs = Vec::new();
    for topic in ["Rain in May", "Snow 50%", "Überraschung", "雨が降る", "Snow in May"] {
        let mut begin = start(&document, true, world.ada.id);
        begin.run.inputs = [("topic".to_owned(), json!(topic))].into();
        runs.push(world.begin_as(begin).await);
    }
    for run in &runs[..3] {
        world.process.settle(*run).await;
    }
    world.process.verb(runs[3], &world.ada, Command::Cancel).await.unwrap();
    // One day apart; the second took longest, and the last one is not over.
    for (n, (run, hours)) in runs.iter().zip([2, 9, 3, 1, 0]).enumerate() {
        sqlx::query(
            "UPDATE workflow_runs SET created_at = now() - (10 - $2) * interval '1 day',
                finished_at = CASE WHEN finished_at IS NOT NULL THEN now() - (10 - $2) * interval '1 day' + $3 * interval '1 hour' END
            WHERE id = $1",
        )
        .bind(run.0)
        .bind(i32::try_from(n).unwrap())
        .bind(hours)
        .execute(&pool)
        .await
        .unwrap();
    }
    let mine = RunQuery::default();
    let ask = async |query: RunQuery| ids(&found(&world, &world.ada, &query, 2).await);
    let newest: Vec<RunId> = runs.iter().rev().copied().collect();
    assert_eq!(ask(mine.clone()).await, newest);
    assert_eq!(ask(RunQuery { sort: RunSort::Oldest, ..mine.clone() }).await, runs);
    let longest = ask(RunQuery { sort: RunSort::Longest, ..mine.clone() }).await;
    assert_eq!(longest, [runs[4], runs[1], runs[2], runs[0], runs[3]], "what is not over has taken until now");
    for (words, expected) in [
        ("snow", vec![runs[4], runs[1]]),
        ("MAY rain", vec![runs[0]]),
        ("50%", vec![runs[1]]),
        ("rraschung", vec![runs[2]]),
        ("降", vec![runs[3]]),
        ("hail", vec![]),
    ] {
        assert_eq!(ask(RunQuery { search: Some(words.into()), ..mine.clone() }).await, expected, "{words}");
    }
    // What a step wrote is found once the chore has read it; every step writes its key.
    sqlx::query("UPDATE artifacts SET content = convert_to('Niño und 雨が降る', 'UTF8'), size = 22 WHERE run_id = $1")
        .bind(runs[2].0)
        .execute(&pool)
        .await
        .unwrap();
    assert!(ask(RunQuery { search: Some("nino".into()), ..mine.clone() }).await.is_empty());
    assert!(!world.store.read_run_texts().await.unwrap(), "these are all");
    sqlx::query("UPDATE run_texts SET cost_micros = 7 WHERE run_id = $1").bind(runs[1].0).execute(&pool).await.unwrap();
    let dearest = ask(RunQuery { sort: RunSort::Dearest, ..mine.clone() }).await;
    assert_eq!(dearest, [runs[1], runs[4], runs[3], runs[2], runs[0]], "the newest first where they cost the same");
    assert_eq!(ask(RunQuery { min_cost_micros: Some(7), ..mine.clone() }).await, [runs[1]]);
    assert!(ask(RunQuery { min_cost_micros: Some(8), sort: RunSort::Dearest, ..mine.clone() }).await.is_empty());
    for words in ["nino", "NIÑ und", "雨", "降る und"] {
        assert!(ask(RunQuery { search: Some(words.into()), ..mine.clone() }).await.contains(&runs[2]), "{words}");
    }
    assert!(!ask(RunQuery { search: Some("nino snow".into()), ..mine.clone() }).await.contains(&runs[2]));
    let state = |state| RunQuery { status: Some(state), ..RunQuery::default() };
    assert_eq!(ask(state(RunState::Cancelled)).await, [runs[3]]);
    assert_eq!(ask(state(RunState::Completed)).await, [runs[2], runs[1], runs[0]]);
    assert!(ask(state(RunState::AwaitingReview)).await.is_empty());
    let began = found(&world, &world.ada, &mine, 9).await[3].run.created_at;
    assert_eq!(ask(RunQuery { to: Some(began), ..mine.clone() }).await, [runs[0]]);
    assert_eq!(ask(RunQuery { from: Some(began), sort: RunSort::Oldest, ..mine.clone() }).await, runs[1..]);

    let labels = RunLabels { title: Some("The wet one".into()), tags: vec!["may".into(), "x".into()] };
    world.store.set_run_labels(runs[0], &labels, Author::default()).await.unwrap();
    assert_eq!(ask(RunQuery { tag: Some("may".into()), ..mine.clone() }).await, [runs[0]]);
    assert_eq!(ask(RunQuery { search: Some("wet".into()), ..mine.clone() }).await, [runs[0]]);
    let all = found(&world, &world.ada, &mine, 9).await;
    assert_eq!(all[4].labels, labels);
    assert_eq!(world.store.run_labels(runs[0]).await.unwrap(), labels);
    assert_eq!(world.store.run_labels(runs[1]).await.unwrap(), RunLabels::default(), "nobody called it anything");
    let plain = world.store.run_summaries(&world.ada, None, 9, Scope::Mine).await.unwrap().runs;
    assert_eq!(plain[4].about.as_deref(), Some("The wet one"), "every list shows what it is called");
    // One word stands in a title and another one in what a step wrote, however long ago that was.
    let called = RunLabels { title: Some("Quarterly".into()), tags: Vec::new() };
    world.store.set_run_labels(runs[2], &called, Author::default()).await.unwrap();
    for age in ["1 minute", "2 hours"] {
        let sql = "UPDATE workflow_runs SET committed_at = now() - $1::text::interval";
        sqlx::query(sql).bind(age).execute(&pool).await.unwrap();
        for (words, expected) in
            [("nino quarterly", vec![runs[2]]), ("QUARTERLY 降る", vec![runs[2]]), ("snow quarterly", vec![])]
        {
            assert_eq!(ask(RunQuery { search: Some(words.into()), ..mine.clone() }).await, expected, "{words}, {age}");
        }
    }
    // By now the chore has come to all of them, also to what goes on.
    assert!(!world.store.read_run_texts().await.unwrap(), "these are all");
    // Where many runs have a word, the list looks along its order and finds the same.
    sqlx::query(
        "INSERT INTO run_texts (run_id, as_of, words, cost_micros, tokens, rested_ms, is_stale)
        SELECT gen_random_uuid(), now(), array_to_tsvector(ARRAY['nino', 'quarterly', 'snow', 'und', 'wet']), 0, 0, 0, false
        FROM generate_series(1, 1001)",
    )
    .execute(&pool)
    .await
    .unwrap();
    for (words, expected) in [
        ("nino quarterly", vec![runs[2]]),
        ("snow quarterly", vec![]),
        ("wet", vec![runs[0]]),
        ("und", vec![runs[2]]),
        ("snow", vec![runs[4], runs[1]]),
    ] {
        for sort in [RunSort::Newest, RunSort::Dearest] {
            let query = RunQuery { search: Some(words.into()), sort, ..mine.clone() };
            let found: BTreeSet<RunId> = ask(query).await.into_iter().collect();
            assert_eq!(found, expected.iter().copied().collect(), "{words}");
        }
    }
    world.store.set_run_labels(runs[0], &RunLabels::default(), Author::default()).await.unwrap();
    assert!(ask(RunQuery { search: Some("wet".into()), ..mine.clone() }).await.is_empty());

    let other = Actor { id: workflow::UserId(uuid::Uuid::from_u128(77)), ..world.ada.clone() };
    let everybodys = RunQuery { scope: RunScope::All, ..RunQuery::default() };
    assert!(found(&world, &other, &everybodys, 9).await.is_empty(), "everybody's are an admin's alone");
    let admin = Actor { role: Role::Admin, ..other };
    assert_eq!(found(&world, &admin, &everybodys, 9).await.len(), 5);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_new_is_read_before_what_is_old_and_a_copy_as_what_it_copies(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let document = json!({"steps": {"a": {"agent_id": "echo"}}});
    // As many as one go reads; their rows come first in the table.
    sqlx::query(
        "INSERT INTO workflow_runs (id, head, seq, user_id, template_id, template_version, template_name, status, auto_run, is_test,
            created_at, finished_at, wants_judgement, n_steps, n_completed, n_skipped, n_failed, n_cancelled, n_items, n_waiting,
            committed_at)
        SELECT gen_random_uuid(), gen_random_uuid(), 9, $1, gen_random_uuid(), 1, 'Old', 'completed', true, false,
            now() - n * interval '1 day', now(), false, 1, 1, 0, 0, 0, 0, 0, now()
        FROM generate_series(1, 100) n",
    )
    .bind(world.ada.id.0)
    .execute(&pool)
    .await
    .unwrap();
    let first = world.begin(&document, true).await;
    let second = world.begin(&document, true).await;
    for run in [first, second] {
        world.process.settle(run).await;
    }
    sqlx::query("UPDATE artifacts SET content = convert_to('marzipan', 'UTF8'), size = 8 WHERE run_id = $1")
        .bind(first.0)
        .execute(&pool)
        .await
        .unwrap();
    // As it is where it was committed together with what it copies.
    sqlx::query(
        "UPDATE artifacts SET content = NULL, copy_of = (SELECT id FROM artifacts WHERE run_id = $2),
            media_type = 'application/json; charset=utf-8'
        WHERE run_id = $1",
    )
    .bind(second.0)
    .bind(first.0)
    .execute(&pool)
    .await
    .unwrap();
    assert!(world.store.read_run_texts().await.unwrap(), "two of the old ones are left");
    let query = RunQuery { search: Some("marzipan".into()), ..RunQuery::default() };
    assert_eq!(ids(&found(&world, &world.ada, &query, 9).await), [second, first]);
    assert!(!world.store.read_run_texts().await.unwrap());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn one_process_at_a_time_reads_and_counts_and_no_other_waits_for_it(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let run = world.begin(&json!({"steps": {"a": {"agent_id": "echo"}}}), true).await;
    world.process.settle(run).await;
    let n = async || -> (i64, i64) {
        let sql = "SELECT (SELECT count(*) FROM run_texts), (SELECT count(*) FROM run_counts)";
        sqlx::query_as(sql).fetch_one(&pool).await.unwrap()
    };
    let mut other = pool.begin().await.unwrap();
    sqlx::query("SELECT name FROM chores FOR UPDATE").execute(&mut *other).await.unwrap();
    assert!(!world.store.read_run_texts().await.unwrap() && !world.store.count_runs().await.unwrap());
    assert_eq!(n().await, (0, 0));
    other.rollback().await.unwrap();
    world.store.read_run_texts().await.unwrap();
    world.store.count_runs().await.unwrap();
    assert_eq!(n().await, (1, 1));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_run_rested_is_no_part_of_what_it_took(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let mut runs = Vec::new();
    for hours in [3, 2] {
        let run = world.begin(&json!({"steps": {"a": {"agent_id": "echo"}}}), true).await;
        world.process.settle(run).await;
        let sql = "UPDATE workflow_runs SET created_at = finished_at - $2 * interval '1 hour' WHERE id = $1";
        sqlx::query(sql).bind(run.0).bind(hours).execute(&pool).await.unwrap();
        runs.push(run);
    }
    sqlx::query(
        "UPDATE run_events SET event = jsonb_set(event::jsonb, '{data,run,rested_ms}', '7200000')::json
        WHERE run_id = $1 AND event #> '{data,run}' IS NOT NULL",
    )
    .bind(runs[0].0)
    .execute(&pool)
    .await
    .unwrap();
    let query = RunQuery { sort: RunSort::Longest, ..RunQuery::default() };
    assert_eq!(ids(&found(&world, &world.ada, &query, 1).await), runs, "nobody has read it yet");
    world.store.read_run_texts().await.unwrap();
    let listed = found(&world, &world.ada, &query, 1).await;
    assert_eq!(ids(&listed), [runs[1], runs[0]]);
    assert_eq!(listed.iter().map(|run| run.rested_ms).collect::<Vec<_>>(), [0, 7_200_000]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_added_up_is_not_added_up_again_for_a_page(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let run = world.begin(&json!({"steps": {"a": {"agent_id": "echo"}}}), true).await;
    world.process.settle(run).await;
    let set = async |sql: &'static str| {
        sqlx::query(sql).execute(&pool).await.unwrap();
    };
    let used = async || {
        let run = found(&world, &world.ada, &RunQuery::default(), 1).await.remove(0);
        (run.tokens, run.cost_micros)
    };
    set("UPDATE attempts SET prompt_tokens = 3, completion_tokens = 4, cost_micros = 9").await;
    assert_eq!(used().await, (Some(7), Some(9)), "a small one is added up while nobody has done it");
    world.store.read_run_texts().await.unwrap();
    set("UPDATE attempts SET prompt_tokens = 30").await;
    assert_eq!(used().await, (Some(7), Some(9)), "nothing was committed since");
    set("UPDATE workflow_runs SET committed_at = committed_at + interval '1 second', n_steps = 10000, n_items = 9999")
        .await;
    assert_eq!(used().await, (Some(7), Some(9)), "a large one waits until it is read");
    set("UPDATE workflow_runs SET n_steps = 1, n_items = 0").await;
    assert_eq!(used().await, (Some(34), Some(9)));
}

/// The lists that `cargo xtask bench pages` measures, over a history that it makes by SQL.
#[sqlx::test(migrator = "MIGRATOR")]
async fn the_history_of_the_benchmark_is_as_the_chores_leave_one(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    for sql in [
        "INSERT INTO workflow_templates (id, name, description, definition, n_steps, created_by)
        SELECT gen_random_uuid(), 'Workflow ' || n, '', '{}', 2, $1 FROM generate_series(1, 3) n",
        "INSERT INTO workflow_template_versions (template_id, version, name, description, definition, n_steps, semantic_hash, published_by)
        SELECT id, 1, name, '', '{}', 2, repeat('0', 64), $1 FROM workflow_templates",
        "UPDATE workflow_templates SET published_version = 1 WHERE created_by = $1",
    ] {
        sqlx::query(sql).bind(world.ada.id.0).execute(&pool).await.unwrap();
    }
    let history = concat!(
        include_str!("../../../../bench/canvas/src/pages/history.sql"),
        include_str!("../../../../bench/day_totals.sql")
    );
    let history = history.replace(":runs", "60").replace(":admin", &format!("'{}'", world.ada.email));
    let mut tx = pool.begin().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(history)).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();

    let admin = Actor { role: Role::Admin, ..world.ada.clone() };
    let query = RunQuery { scope: RunScope::All, search: Some("report".into()), ..RunQuery::default() };
    let listed = found(&world, &admin, &query, 100).await;
    assert_eq!(listed.len(), 59, "one was archived");
    assert!(listed.iter().any(|run| run.rested_ms > 0));
    let n_wrong: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM run_texts t WHERE (t.tokens, t.cost_micros) <> (
            SELECT sum(a.prompt_tokens + a.completion_tokens)::bigint, sum(a.cost_micros)::bigint FROM attempts a WHERE a.run_id = t.run_id)",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(n_wrong, 0);
}
