//! Moving a run to another version: what an open page folds is what the tables say, and the limits are the new version's.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use store::MIGRATOR;
use workflow::{RunView, run::State, view::Applied};

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

/// The view of a page that was open then, kept up to date by what happened since.
async fn followed(lab: &Lab, mut state: State) -> RunView {
    let emails = lab.emails();
    let mut view = state.view(&emails);
    for event in lab.store.events_after(state.birth.id, state.seq, 1_000).await.unwrap() {
        assert_eq!(state.apply(&event), Applied::Changed);
        view.refresh(&state, &event, &emails);
    }
    view
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
    let waits = |view: &RunView| is_paused(view) && status(view, "sub").is_terminal();
    lab.until(run, waits).await;
    lab.reject(run, "gate", "better").await;
    lab.until(run, |view| waits(view) && view.step(&"gate".into()).unwrap().generation == 2).await;
    let before = lab.state(run).await;
    let n_attempts = before.view(&lab.emails()).steps.iter().map(|step| step.attempts.len()).sum::<usize>();
    lab.move_to(run, template, 2).await;

    let view = lab.view(run).await;
    assert_eq!(view.steps.iter().map(|step| step.attempts.len()).sum::<usize>(), n_attempts, "nothing runs again");
    let folded = followed(&lab, before).await;
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
    let lab = Lab::new(pool, script).await;
    let (stop, engine) = lab.engine();
    let template = lab.template(&dag(&json!({"a": []}), &json!({}))).await;
    lab.version(template, 2, &dag(&json!({"a": [], "b": ["a"]}), &json!({}))).await;
    let run = lab.start_of(template, &json!({}), true).await;
    lab.ended(run).await;
    // It is over for a while.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let before = lab.state(run).await;
    assert_eq!(before.run.rested_ms, 0);
    lab.move_to(run, template, 2).await;
    let view = lab.until(run, |view| view.status.is_terminal() && status(view, "b").is_terminal()).await;
    assert!(view.rested_ms >= 1_200, "{}", view.rested_ms);
    let (took, whole) = (view.finished_at.unwrap() - view.counts_from(), view.finished_at.unwrap() - view.created_at);
    assert!(
        took.num_milliseconds() >= 0 && took.num_milliseconds() + 1_200 <= whole.num_milliseconds(),
        "{took} of {whole}"
    );

    let folded = followed(&lab, before).await;
    assert_eq!((folded.rested_ms, folded.finished_at), (view.rested_ms, view.finished_at));
    stop.cancel();
    engine.await.unwrap();
}
