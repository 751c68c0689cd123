//! Lists of runs and the timeline: what they tell is what the runs' events tell, and pages neither repeat nor hide anything.

use serde_json::json;
use sqlx::PgPool;
use store::{MIGRATOR, Window, audit::Author, runs::Scope};
use workflow::{
    Progress, RunId, RunStatus, StepKey,
    access::Role,
    api::{RerunMode, RunQuery},
    run::{Command, command::Changes, event::EventKind},
    view::StepOfRun,
};

use crate::support::{World, person, start};

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_list_tells_how_far_a_run_is_and_what_it_is_about(pool: PgPool) {
    let world = World::new(pool).await;
    let document = json!({"steps": {
        "a": {"agent_id": "echo"},
        "b": {"agent_id": "echo", "depends_on": ["a"]},
        "c": {"agent_id": "echo", "depends_on": ["b"]},
        "d": {"agent_id": "echo", "depends_on": ["a"], "review": {"mode": "always"}},
    }});
    let mut begin = start(&document, true, world.ada.id);
    begin.run.inputs = [("topic".to_owned(), json!("Rain  in\nMay")), ("list".to_owned(), json!([1]))].into();
    let run = world.begin_as(begin).await;
    let process = &world.process;
    for (step, attempt) in process.take(run).await {
        process.finish(run, &step, attempt, "x").await;
    }
    for (step, attempt) in process.take(run).await {
        match step.as_str() {
            "b" => process.fail(run, &step, attempt).await,
            _ => process.finish(run, &step, attempt, "y").await,
        }
    }
    process.check(run).await;
    let page = world.store.run_summaries(&world.ada, None, 10, Scope::Mine).await.unwrap();
    let [summary] = page.runs.as_slice() else { panic!("one run is there") };
    let progress = Progress { total: 4, completed: 1, skipped: 1, failed: 1, cancelled: 0 };
    assert_eq!((summary.id, summary.progress, summary.n_waiting), (run, progress, 1));
    assert_eq!(summary.about.as_deref(), Some("Rain in May"));
    assert_eq!((summary.user_email.as_str(), summary.template_name.as_str()), ("ada@example.com", "T"));
    let view = process.look(run, |state| (state.run.status, state.run.finished_at)).await;
    assert_eq!((summary.status, summary.finished_at), view);

    process.verb(run, &world.ada, Command::Cancel).await.unwrap();
    let summary = world.store.run_summaries_of(&[run], &world.ada).await.unwrap().remove(0);
    assert_eq!((summary.status, summary.n_waiting), (RunStatus::Cancelled, 0));
    process.check(run).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn pages_are_whole_and_leave_out_tests_and_sub_workflows(pool: PgPool) {
    let world = World::new(pool).await;
    let document = json!({"steps": {"a": {"agent_id": "echo", "review": {"mode": "always"}}}});
    let mut runs = Vec::new();
    for _ in 0..5 {
        let run = world.begin(&document, true).await;
        world.process.settle(run).await;
        runs.push(run);
    }
    let mut test = start(&document, true, world.ada.id);
    test.run.is_test = true;
    let mut child = start(&document, true, world.ada.id);
    child.run.parent = Some(StepOfRun { run: runs[0], step: StepKey::new("a") });
    child.run.depth = 2;
    let (test, child) = (world.begin_as(test).await, world.begin_as(child).await);
    world.process.settle(test).await;
    world.process.settle(child).await;

    let (mut newest, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = world.store.run_summaries(&world.ada, after.as_deref(), 2, Scope::Mine).await.unwrap();
        newest.extend(page.runs.iter().map(|run| run.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    newest.reverse();
    assert_eq!(newest, runs);

    let (mut waiting, mut after) = (Vec::new(), None::<String>);
    loop {
        let window = Window { after: after.as_deref(), limit: 2 };
        let page = world.store.waiting_runs(&world.ada, window).await.unwrap();
        waiting.extend(page.items.iter().map(|run| run.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(waiting, [runs.as_slice(), &[child]].concat(), "a gate of a sub-workflow waits like any other");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_timeline_is_the_log_from_either_end(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let run = world.begin(&json!({"steps": {"a": {"agent_id": "echo"}, "b": {"agent_id": "echo"}}}), true).await;
    world.process.settle(run).await;
    let all = world.store.events_after(run, 0, 100).await.unwrap();
    assert_eq!(all[0].kind, EventKind::RunStarted);
    assert!(all.iter().zip(1..).all(|(event, seq)| event.seq == seq), "gapless, oldest first");
    assert_eq!(world.process.look(run, |state| state.seq).await, all.last().unwrap().seq);
    assert_eq!(world.store.events_after(run, 1, 2).await.unwrap(), all[1..3]);

    let mut newest = world.store.run_events(run, None, 2).await.unwrap();
    newest.extend(world.store.run_events(run, Some(newest[1].seq), 100).await.unwrap());
    newest.reverse();
    assert_eq!(newest, all);

    sqlx::query("UPDATE run_events SET event = '{\"seq\": 2, \"kind\": \"unheard_of\"}' WHERE seq = 2")
        .execute(&pool)
        .await
        .unwrap();
    let error = world.store.events_after(run, 0, 100).await.unwrap_err();
    assert!(error.to_string().contains("run_events.event"), "{error}");
    assert!(world.store.events_after(RunId(uuid::Uuid::now_v7()), 0, 9).await.unwrap().is_empty());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_is_found_by_the_key_it_was_started_under(pool: PgPool) {
    let world = World::new(pool).await;
    let begin = start(&json!({"steps": {"a": {"agent_id": "echo"}}}), true, world.ada.id);
    let run = begin.run.id;
    let mut ask = crate::support::by(&world.ada, run, Command::Start(Box::new(begin)));
    ask.start = Some(runs::StartKey { user: world.ada.id, key: "k".into() });
    world.process.runs.execute(ask).await.unwrap();
    assert_eq!(world.store.started_under(world.ada.id, "k").await.unwrap(), Some(run));
    assert_eq!(world.store.started_under(world.ada.id, "other").await.unwrap(), None);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_archived_or_about_to_be_deleted_stands_in_no_list_of_others_either(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        let run = world.begin(&json!({"steps": {"a": {"agent_id": "echo"}}}), true).await;
        world.process.settle(run).await;
        runs.push(run);
    }
    let ben = person(&pool, "ben@example.com", Role::User).await;
    for sql in [
        "INSERT INTO groups (id, name) VALUES ('legal', 'Legal')",
        "INSERT INTO group_members (group_id, user_id) SELECT 'legal', id FROM users WHERE email = 'ben@example.com'",
        "INSERT INTO workflow_templates (id, name, description, definition, n_steps, created_by)
        SELECT template_id, 'T', '', '{}', 0, user_id FROM workflow_runs LIMIT 1",
        "INSERT INTO workflow_audience (template_id, group_id, may_start, may_see)
        SELECT id, 'legal', false, true FROM workflow_templates",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    let seen = async || {
        let page = world.store.run_summaries(&ben, None, 9, Scope::Shared).await.unwrap();
        page.runs.iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert_eq!(seen().await, [runs[2], runs[1], runs[0]]);
    world.store.archive_runs(&runs[..1], true, Author::default()).await.unwrap();
    world.store.ask_to_delete_runs(&runs[1..2], Author::default()).await.unwrap();
    assert_eq!(seen().await, [runs[2]]);

    // What goes on is never away, whatever it was before.
    let mode = RerunMode::StepOnly;
    let rerun = Command::Rerun { step: "a".into(), mode, changes: Changes::default(), expect_generation: None };
    world.process.verb(runs[0], &world.ada, rerun).await.unwrap();
    assert_eq!(seen().await, [runs[2], runs[0]]);
    let listed = async |archived| {
        let query = RunQuery { archived, ..RunQuery::default() };
        let window = Window { after: None, limit: 9 };
        let page = world.store.listed_runs(&world.ada, &query, None, window).await.unwrap();
        page.items.iter().map(|run| run.run.id).collect::<Vec<_>>()
    };
    assert_eq!((listed(false).await, listed(true).await), (vec![runs[2], runs[0]], vec![]));
    world.process.settle(runs[0]).await;
    assert_eq!(seen().await, [runs[2]]);
    assert_eq!((listed(false).await, listed(true).await), (vec![runs[2]], vec![runs[0]]));
}
