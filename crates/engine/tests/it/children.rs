//! Sub-workflows as steps: begun once, linked both ways, ended with their run, cancelled with their parent.

use serde_json::{Value, json};
use sqlx::PgPool;
use store::MIGRATOR;
use workflow::{
    StepStatus, TemplateId,
    run::Command,
    status::{Reason, RunStatus},
};

use crate::{
    lab::{Lab, is_paused, reason, status},
    player::Act,
};

fn script(input: &agents::StepInput, attempt: i32) -> Act {
    match input.values.get("text") {
        Some(Value::String(word)) if word == "hang" => Act::Hang,
        Some(Value::String(word)) if word == "flaky" && attempt == 1 => Act::Fail(Reason::Permanent),
        Some(Value::String(word)) => Act::Say(format!("<{word}>")),
        _ => Act::Say("nothing".into()),
    }
}

/// A template of one step that says its input, and the agent that runs it.
async fn sub(lab: &Lab, word: &Value) -> TemplateId {
    let template = lab
        .template(&json!({"inputs": {"word": {"schema": {"type": "string"}}},
            "steps": {"inner": {"agent_id": "say", "inputs": {"text": word}}}}))
        .await;
    lab.agent(&json!({"id": "sub", "inputs": [{"name": "word", "schema": {"type": "string"}}],
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "workflow", "template_id": template, "version": 1,
            "outputs": {"text": {"step": "inner", "artifact": "text"}}}}))
        .await;
    template
}

fn outer() -> Value {
    json!({"steps": {
        "a": {"agent_id": "sub", "inputs": {"word": {"const": "hi"}}, "retry": {"max": 0}},
        "b": {"agent_id": "say", "depends_on": ["a"], "inputs": {"text": {"from": "step", "step": "a", "artifact": "text"}}}}})
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_sub_workflow_gives_its_outputs_and_is_linked_both_ways(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    sub(&lab, &json!({"from": "run", "key": "word"})).await;
    let (stop, engine) = lab.engine();
    let run = lab.start(&outer()).await;
    let view = lab.ended(run).await;
    assert_eq!(view.status, RunStatus::Completed);
    assert_eq!(lab.content(run, "b", "text").await, "<<hi>>");
    let child = view.step(&"a".into()).unwrap().child_run.unwrap();
    let inner = lab.view(child).await;
    let parent = inner.parent.clone().unwrap();
    assert_eq!((parent.run, parent.step.as_str()), (run, "a"));
    assert_eq!(inner.inputs["word"], json!("hi"));
    let mine = lab.store.run_summaries(&lab.actor, None, 50, store::runs::Scope::Mine).await.unwrap();
    assert_eq!(mine.runs.len(), 1, "a part of a run is not a run of its own in lists");
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_failed_sub_workflow_fails_its_step_and_a_mended_one_completes_it(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    sub(&lab, &json!({"const": "flaky"})).await;
    let (stop, engine) = lab.engine();
    let run = lab.start(&outer()).await;
    let view = lab.ended(run).await;
    assert_eq!((view.status, reason(&view, "a")), (RunStatus::Failed, Some(Reason::ChildFailed)));
    assert_eq!(status(&view, "b"), StepStatus::Skipped);
    let child = view.step(&"a".into()).unwrap().child_run.unwrap();
    lab.trigger(child, "inner").await;
    let view = lab.until(run, |view| view.status == RunStatus::Completed).await;
    assert_eq!(view.step(&"a".into()).unwrap().child_run, Some(child));
    assert_eq!(lab.content(run, "b", "text").await, "<<flaky>>");
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_sub_workflow_uses_is_charged_to_its_parent_once(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    sub(&lab, &json!({"const": "flaky"})).await;
    let (stop, engine) = lab.engine();
    let mut document = outer();
    document["limits"] = json!({"budget": {"tokens": 20}});
    // Failed: 0 tokens; mended: 10.
    let run = lab.start(&document).await;
    let view = lab.ended(run).await;
    let child = view.step(&"a".into()).unwrap().child_run.unwrap();
    lab.trigger(child, "inner").await;
    let view = lab.until(run, |view| view.status == RunStatus::Completed).await;
    let usage = view.step(&"a".into()).unwrap().attempts.last().unwrap().usage.clone().unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.cost_micros), (6, 4, Some(100)));
    let used = lab.state(run).await.run.used_tokens;
    assert_eq!(used, 20, "10 of the sub-workflow, 10 of the step after it");

    document["limits"] = json!({"budget": {"tokens": 10}});
    document["steps"]["a"]["agent_id"] = json!("sub");
    let run = lab.start(&document).await;
    let view = lab.ended(run).await;
    let child = view.step(&"a".into()).unwrap().child_run.unwrap();
    lab.trigger(child, "inner").await;
    let view = lab.until(run, is_paused).await;
    assert_eq!((status(&view, "a"), status(&view, "b")), (StepStatus::Completed, StepStatus::Ready));
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_sub_workflow_is_cancelled_with_its_parent_stopped_with_its_step_and_left_by_a_re_run(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    sub(&lab, &json!({"const": "hang"})).await;
    let (stop, engine) = lab.engine();
    for verb in ["cancel", "stop"] {
        let run = lab.start(&outer()).await;
        let view = lab.until(run, |view| view.step(&"a".into()).unwrap().child_run.is_some()).await;
        let child = view.step(&"a".into()).unwrap().child_run.unwrap();
        lab.until(child, |view| status(view, "inner") == StepStatus::Running).await;
        if verb == "cancel" {
            lab.done(run, Command::Cancel).await;
        } else {
            lab.stop(run, "a").await;
        }
        let inner = lab.ended(child).await;
        assert_eq!((inner.status, status(&inner, "inner")), (RunStatus::Cancelled, StepStatus::Cancelled), "{verb}");
        let view = lab.ended(run).await;
        let expected = if verb == "cancel" { StepStatus::Cancelled } else { StepStatus::Failed };
        assert_eq!(status(&view, "a"), expected);
        if verb == "stop" {
            lab.trigger(run, "a").await;
            let view = lab
                .until(run, |view| view.step(&"a".into()).unwrap().child_run.is_some_and(|next| next != child))
                .await;
            assert_eq!(status(&view, "a"), StepStatus::Running, "another try begins another run");
            lab.done(run, Command::Cancel).await;
        }
    }
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_archived_sub_workflow_and_one_nested_too_deep_fail_in_clear_words(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let template = sub(&lab, &json!({"const": "x"})).await;
    lab.store.archive_template(template, true, store::audit::Author::default()).await.unwrap();
    let (stop, engine) = lab.engine();
    let run = lab.start(&outer()).await;
    let view = lab.ended(run).await;
    assert_eq!(reason(&view, "a"), Some(Reason::ChildFailed));
    let error = view.step(&"a".into()).unwrap().attempts[0].error.clone().unwrap();
    assert!(error.contains("archived"), "{error}");

    lab.store.archive_template(template, false, store::audit::Author::default()).await.unwrap();
    let run = lab.start_deep(lab.template(&outer()).await, &json!({}), true, 16).await;
    let view = lab.ended(run).await;
    let error = view.step(&"a".into()).unwrap().attempts[0].error.clone().unwrap_or_default();
    assert!(error.contains("16 deep"), "{error}");
    stop.cancel();
    engine.await.unwrap();
}
