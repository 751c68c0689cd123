//! Limits that meet decisions, maps, gates, pauses and other runs: what is used up starts nothing, and what is free is taken.

use std::time::Duration;

use runs::Ask;
use serde_json::{Value, json};
use sqlx::PgPool;
use store::MIGRATOR;
use workflow::{
    RunView, StepStatus,
    run::{Command, event::EventKind, plan::KeyLimit},
    status::{Reason, RunStatus, StatusReason},
};

use crate::{
    lab::{Lab, is_paused, reason, status},
    player::Act,
};

fn script(input: &agents::StepInput, _attempt: i32) -> Act {
    match input.values.get("text") {
        Some(Value::String(word)) if word == "hang" => Act::Hang,
        Some(Value::String(word)) => Act::Say(word.clone()),
        _ if input.spec.id.as_str() == "list" => Act::Say("[1, 2]".into()),
        _ => Act::Say("nothing".into()),
    }
}

/// A step that says a word after others.
fn say(word: &str, after: &[&str], more: &Value) -> Value {
    let mut step = json!({"agent_id": "say", "depends_on": after, "inputs": {"text": {"const": word}}});
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

fn keyed(word: &str) -> Value {
    say(word, &[], &json!({"concurrency": {"key": {"const": "printer"}, "limit": 1}}))
}

/// Its place is there.
fn reserved() -> Command {
    let limits = vec![KeyLimit { key: "key:printer".into(), max: 1 }];
    Command::Reserved { steps: [("a".into(), limits)].into() }
}

fn has_begun(view: &RunView, key: &str) -> bool {
    status(view, key) == StepStatus::Running
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_used_up_budget_fails_what_a_condition_a_map_or_an_approval_sets_free(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (stop, engine) = lab.engine();
    // Each attempt uses 10 tokens.
    let limits = json!({"budget": {"tokens": 10, "on_exceed": "fail"}});
    let always = json!({"when": {"eq": [{"const": 1}, {"const": 1}]}});
    let run = lab
        .start(&json!({"limits": limits, "steps": {
            "a": say("1", &[], &json!({})), "b": say("2", &["a"], &always), "c": say("3", &["b"], &always)}}))
        .await;
    let view = lab.ended(run).await;
    assert_eq!((reason(&view, "b"), reason(&view, "c")), (Some(Reason::Budget), Some(Reason::UpstreamFailed)));

    // A person may spend more, and decides about that one step alone.
    lab.trigger(run, "b").await;
    let view = lab.until(run, |view| reason(view, "c") == Some(Reason::Budget)).await;
    assert_eq!((status(&view, "b"), view.status), (StepStatus::Completed, RunStatus::Failed));

    let run = lab
        .start(&json!({"limits": limits, "steps": {
            "list": {"agent_id": "list"},
            "map": {"agent_id": "say", "depends_on": ["list"], "inputs": {"more": {"from": "item"}},
                "map": {"over": {"from": "step", "step": "list", "artifact": "items"}}}}}))
        .await;
    let view = lab.ended(run).await;
    assert_eq!((reason(&view, "map[0]"), reason(&view, "map")), (Some(Reason::Budget), Some(Reason::ItemFailed)));

    let run = lab
        .start(&json!({"limits": limits, "steps": {
            "a": say("1", &[], &json!({"review": {"mode": "always"}})), "b": say("2", &["a"], &json!({}))}}))
        .await;
    lab.until(run, is_paused).await;
    lab.approve(run, "a").await;
    let view = lab.ended(run).await;
    assert_eq!(reason(&view, "b"), Some(Reason::Budget));
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_that_goes_on_after_its_end_has_its_time_again(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (stop, engine) = lab.engine();
    let run = lab.start(&json!({"limits": {"timeout_s": 1}, "steps": {"a": say("x", &[], &json!({}))}})).await;
    let first = lab.ended(run).await.deadline_at.unwrap();
    // It has been over for longer than it may take.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    lab.trigger(run, "a").await;
    let view = lab.until(run, |view| view.steps[0].attempts.len() == 2 && view.status.is_terminal()).await;
    assert_eq!(view.status, RunStatus::Completed);
    assert!(view.deadline_at.unwrap() > first);
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_held_run_gives_its_slots_to_others(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    // Queued with the slot, then held: nobody has to wait for its resume.
    let held = lab.start(&json!({"steps": {"a": keyed("1")}})).await;
    lab.done(held, Command::Pause).await;
    let (stop, engine) = lab.engine();
    let other = lab.start(&json!({"steps": {"a": keyed("1")}})).await;
    assert_eq!(lab.ended(other).await.status, RunStatus::Completed);

    let mut next = keyed("2");
    next["depends_on"] = json!(["a"]);
    let spent = json!({"limits": {"budget": {"tokens": 10}}, "steps": {"a": keyed("1"), "b": next}});
    let spent = lab.start(&spent).await;
    let view = lab.until(spent, is_paused).await;
    assert_eq!((view.status_reason, status(&view, "b")), (Some(StatusReason::Budget), StepStatus::Ready));
    let other = lab.start(&json!({"steps": {"a": keyed("1")}})).await;
    assert_eq!(lab.ended(other).await.status, RunStatus::Completed);
    lab.resume(held, None).await.unwrap();
    assert_eq!(lab.ended(held).await.status, RunStatus::Completed);
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_free_slot_goes_to_one_who_can_take_it_however_many_wait_before(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (end, engine) = lab.engine();
    let holder = lab.start(&json!({"steps": {"a": keyed("hang")}})).await;
    lab.until(holder, |view| has_begun(view, "a")).await;
    // Ten that are held, and ten whose one place is taken by another step.
    for _ in 0..10 {
        let run = lab.start(&json!({"steps": {"a": keyed("1")}})).await;
        lab.done(run, Command::Pause).await;
        let full =
            json!({"limits": {"max_parallel": 1}, "steps": {"a": keyed("1"), "b": say("hang", &[], &json!({}))}});
        let run = lab.start(&full).await;
        lab.until(run, |view| has_begun(view, "b")).await;
    }
    let last = lab.start(&json!({"steps": {"a": keyed("1")}})).await;
    lab.stop(holder, "a").await;
    assert_eq!(lab.ended(last).await.status, RunStatus::Completed);
    end.cancel();
    drop(engine);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_person_triggers_in_a_paused_run_waits_for_its_slot_and_then_starts(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (end, engine) = lab.engine();
    let holder = lab.start(&json!({"steps": {"a": keyed("hang")}})).await;
    lab.until(holder, |view| has_begun(view, "a")).await;
    let paused = lab.start(&json!({"steps": {"a": keyed("1"), "b": keyed("2")}})).await;
    lab.done(paused, Command::Pause).await;
    lab.trigger(paused, "a").await;
    let running: i64 = sqlx::query_scalar("SELECT count(*) FROM key_reservations WHERE NOT is_over")
        .fetch_one(&lab.pool)
        .await
        .unwrap();
    assert_eq!(running, 1, "the key allows one");
    lab.stop(holder, "a").await;
    let view = lab.until(paused, |view| status(view, "a") == StepStatus::Completed).await;
    assert_eq!((view.status, status(&view, "b")), (RunStatus::Paused, StepStatus::Ready));
    end.cancel();
    engine.await.unwrap();
}

/// Steps that may be claimed, and whose reservation somebody took for an orphan.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_step_whose_reservation_is_gone_asks_for_a_place_again_and_starts(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (first, second) =
        (lab.start(&json!({"steps": {"a": keyed("1")}})).await, lab.start(&json!({"steps": {"a": keyed("2")}})).await);
    let sql = async |sql: &'static str| sqlx::raw_sql(sql).execute(&lab.pool).await.unwrap();
    sql("INSERT INTO key_limits (key, max, used) VALUES ('key:printer', 1, 0)").await;
    for run in [first, second] {
        let reserve = "INSERT INTO key_reservations (run_id, step, keys, reserved_at, is_over) VALUES ($1, 'a', '{key:printer}', now(), false)";
        sqlx::query(reserve).bind(run.0).execute(&lab.pool).await.unwrap();
        lab.runs.execute(Ask::itself(run, reserved())).await.unwrap();
    }
    // Somebody who is not there has the only place.
    sql("DELETE FROM key_reservations; UPDATE key_limits SET used = 1;
        INSERT INTO key_reservations (run_id, step, keys, reserved_at, is_over)
        VALUES (gen_random_uuid(), 'a', '{key:printer}', now(), false)")
    .await;
    let (stop, engine) = lab.engine();
    let waits_again = async |run| {
        let events = lab.store.run_events(run, None, 9).await.unwrap();
        events.iter().any(|event| event.kind == EventKind::StepsUnreserved)
    };
    let mut n_looks = 0;
    while !waits_again(first).await || !waits_again(second).await {
        n_looks += 1;
        assert!(n_looks < 1_000, "they are claimed again and again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let queued: i64 =
        sqlx::query_scalar("SELECT count(*) FROM steps WHERE kind IS NULL").fetch_one(&lab.pool).await.unwrap();
    assert_eq!(queued, 2, "nobody claims them any more");
    sql("UPDATE key_reservations SET is_over = true").await;
    for run in [first, second] {
        assert_eq!(lab.ended(run).await.status, RunStatus::Completed);
    }
    let most: i32 = sqlx::query_scalar("SELECT used FROM key_limits").fetch_one(&lab.pool).await.unwrap();
    assert!(most <= 1, "{most}");
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_step_whose_reservation_is_gone_takes_the_place_that_is_free(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let run = lab.start(&json!({"steps": {"a": keyed("1")}})).await;
    let sql = async |sql: &'static str| sqlx::raw_sql(sql).execute(&lab.pool).await.unwrap();
    sql("INSERT INTO key_limits (key, max, used) VALUES ('key:printer', 1, 1);
        INSERT INTO key_reservations (run_id, step, keys, reserved_at, is_over)
        SELECT id, 'a', '{key:printer}', now(), false FROM workflow_runs")
    .await;
    lab.runs.execute(Ask::itself(run, reserved())).await.unwrap();
    sql("UPDATE key_reservations SET is_over = true").await;
    let (stop, engine) = lab.engine();
    assert_eq!(lab.ended(run).await.status, RunStatus::Completed);
    stop.cancel();
    engine.await.unwrap();
}
