//! Moving a run to another version: what an open page folds is what the tables say, and the limits are the new version's.

use serde_json::{Value, json};
use sqlx::PgPool;
use store::{
    MIGRATOR,
    verbs::{Move, Rejection, VerbOutcome},
};
use workflow::{moving, view::Applied};

use crate::{
    lab::{Lab, dag, is_paused, status},
    player::Act,
};

fn script(input: &agents::StepInput, _attempt: i32) -> Act {
    Act::Say(input.values.get("text").and_then(Value::as_str).unwrap_or("nothing").to_owned())
}

fn document(title: &str, limits: &Value) -> Value {
    let gate = json!({"mode": "always", "max_rounds": 3});
    json!({"limits": limits, "steps": {
        "sub": {"agent_id": "sub", "title": format!("{title} sub")},
        "gate": {"agent_id": "say", "title": format!("{title} gate"), "inputs": {"text": {"const": "x"}}, "review": gate},
        "after": {"agent_id": "say", "title": title, "depends_on": ["gate", "sub"]}}})
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_page_that_was_open_during_a_move_shows_what_a_new_one_does(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let inner = lab.template(&json!({"steps": {"inner": {"agent_id": "say"}}})).await;
    lab.agent(&json!({"id": "sub", "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "workflow", "template_id": inner, "version": 1, "outputs": {"text": {"step": "inner", "artifact": "text"}}}}))
        .await;
    let (stop, engine) = lab.engine();
    let template = lab.template(&document("Old", &json!({"budget": {"tokens": 100}}))).await;
    let limits = json!({"budget": {"tokens": 500, "on_exceed": "fail"}, "timeout_s": 600, "max_parallel": 2});
    lab.version(template, 2, &document("New", &limits)).await;
    let run = lab.start_of(template, &json!({}), true).await;
    let waits = |view: &workflow::RunView| is_paused(view) && status(view, "sub").is_terminal();
    lab.until(run, waits).await;
    let rejection = Rejection { feedback: "better".into(), ..Rejection::default() };
    lab.store.reject_step(&lab.call(run), &"gate".into(), &rejection).await.unwrap();
    let before = lab.until(run, |view| waits(view) && view.step(&"gate".into()).unwrap().generation == 2).await;

    let (definition, agents, plan) = lab.planned(template, 2).await;
    let change = moving::plan(&before, &definition);
    assert!(change.rerun.is_empty() && change.added.is_empty() && change.removed.is_empty(), "{change:?}");
    let wanted =
        Move { version: 2, definition: &definition, plan: &plan, agents: &agents, change: &change, seq: before.seq };
    assert_eq!(lab.store.move_run(&lab.call(run), &wanted).await.unwrap(), VerbOutcome::Done);

    let view = lab.view(run).await;
    let mut folded = before;
    for event in lab.store.events_after(run, folded.seq, 100).await.unwrap() {
        assert_eq!(folded.apply(&event), Applied::Changed);
    }
    for (mine, theirs) in folded.steps.iter().zip(&view.steps) {
        assert_eq!(json!(mine), json!(theirs));
    }
    assert_eq!(json!(folded), json!(view));
    let gate = view.step(&"gate".into()).unwrap();
    assert_eq!((gate.title.as_str(), gate.feedback.is_some(), gate.review.is_some()), ("New gate", true, true));
    assert!(view.step(&"sub".into()).unwrap().child_run.is_some());
    assert_eq!((view.template_name.as_str(), view.template_version), ("T2", 2));
    assert_eq!(view.budget.unwrap().tokens, Some(500));
    assert!(view.deadline_at.is_some());
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_time_in_which_a_run_was_over_is_not_its_duration(pool: PgPool) {
    let lab = Lab::new(pool.clone(), script).await;
    let (stop, engine) = lab.engine();
    let template = lab.template(&dag(&json!({"a": []}), &json!({}))).await;
    lab.version(template, 2, &dag(&json!({"a": [], "b": ["a"]}), &json!({}))).await;
    let run = lab.start_of(template, &json!({}), true).await;
    lab.ended(run).await;
    // It has been over for a while.
    sqlx::query(
        "UPDATE workflow_runs SET created_at = created_at - interval '16 minutes', finished_at = finished_at - interval '16 minutes'",
    )
    .execute(&pool)
    .await
    .unwrap();
    let before = lab.view(run).await;
    assert_eq!(before.rested_ms, 0);

    let (definition, agents, plan) = lab.planned(template, 2).await;
    let change = moving::plan(&before, &definition);
    let wanted =
        Move { version: 2, definition: &definition, plan: &plan, agents: &agents, change: &change, seq: before.seq };
    assert_eq!(lab.store.move_run(&lab.call(run), &wanted).await.unwrap(), VerbOutcome::Done);
    let view = lab.until(run, |view| view.status.is_terminal() && status(view, "b").is_terminal()).await;
    assert!(view.rested_ms >= 16 * 60_000, "{}", view.rested_ms);
    let took = view.finished_at.unwrap() - view.counts_from();
    assert!((0..60_000).contains(&took.num_milliseconds()), "{took}");

    let mut folded = before;
    for event in lab.store.events_after(run, folded.seq, 100).await.unwrap() {
        folded.apply(&event);
    }
    assert_eq!((folded.rested_ms, folded.finished_at), (view.rested_ms, view.finished_at));
    stop.cancel();
    engine.await.unwrap();
}
