//! Control flow and the reach of people: rules, conditions, failures that are no end, limits, budgets, deadlines, forms, rejection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use runs::Error;
use serde_json::{Value, json};
use sqlx::PgPool;
use store::MIGRATOR;
use workflow::{
    StepStatus,
    run::{Command, Refused},
    status::{Origin, Reason, RunStatus, StatusReason},
    view::BudgetView,
};

use crate::{
    lab::{Lab, is_paused, reason, status},
    player::Act,
};

fn script(input: &agents::StepInput, _attempt: i32) -> Act {
    match input.values.get("text") {
        Some(Value::String(word)) if word == "fail" => Act::Fail(Reason::Permanent),
        Some(Value::String(word)) if word == "hang" => Act::Hang,
        Some(Value::String(word)) => Act::Say(word.clone()),
        _ => Act::Say("nothing".into()),
    }
}

fn say(word: &str, depends_on: &[&str], more: &Value) -> Value {
    let mut step = json!({"agent_id": "say", "depends_on": depends_on, "inputs": {"text": {"const": word}}});
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

fn is(value: &str) -> Value {
    json!({"when": {"eq": [{"from": "step", "step": "triage", "artifact": "text"}, {"const": value}]}})
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_untaken_branch_is_skipped_and_does_not_block_the_join(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (stop, engine) = lab.engine();
    let run = lab
        .start(&json!({"steps": {
            "triage": say("long", &[], &json!({})),
            "long": say("l", &["triage"], &is("long")),
            "short": say("s", &["triage"], &is("short")),
            "after_short": say("x", &["short"], &json!({})),
            "join": say("j", &["long", "after_short"], &json!({})),
            "strict": say("y", &["long", "short"], &json!({"trigger_rule": "all_success"}))}}))
        .await;
    let view = lab.ended(run).await;
    assert_eq!(view.status, RunStatus::Completed);
    assert_eq!((status(&view, "long"), status(&view, "join")), (StepStatus::Completed, StepStatus::Completed));
    assert_eq!(reason(&view, "short"), Some(Reason::Condition));
    assert_eq!(reason(&view, "after_short"), Some(Reason::UpstreamSkipped));
    assert_eq!(reason(&view, "strict"), Some(Reason::UpstreamSkipped));
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn rules_say_what_runs_after_a_failure(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (stop, engine) = lab.engine();
    let rule = |rule: &str| json!({"trigger_rule": rule});
    let run = lab
        .start(&json!({"steps": {
            "good": say("g", &[], &json!({})), "bad": say("fail", &[], &json!({})),
            "none": say("1", &["good", "bad"], &json!({})),
            "done": say("2", &["good", "bad"], &rule("all_done")),
            "one": say("3", &["good", "bad"], &rule("one_success")),
            "all": say("4", &["good", "bad"], &rule("all_success"))}}))
        .await;
    let view = lab.ended(run).await;
    assert_eq!(view.status, RunStatus::Failed);
    assert_eq!((status(&view, "done"), status(&view, "one")), (StepStatus::Completed, StepStatus::Completed));
    for key in ["none", "all"] {
        assert_eq!(reason(&view, key), Some(Reason::UpstreamFailed), "{key}");
    }
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn on_error_continues_without_outputs_or_with_default_ones(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (stop, engine) = lab.engine();
    let run = lab
        .start(&json!({"steps": {
            "go_on": say("fail", &[], &json!({"on_error": "continue"})),
            "fallback": say("fail", &[], &json!({"on_error": "default", "default_output": {"text": "instead"}})),
            "end": {"agent_id": "say", "depends_on": ["go_on", "fallback"], "inputs": {
                "text": {"from": "step", "step": "fallback", "artifact": "text"},
                "more": {"from": "step", "step": "go_on", "artifact": "text"}}}}}))
        .await;
    let view = lab.ended(run).await;
    assert_eq!(view.status, RunStatus::Completed);
    assert_eq!((status(&view, "go_on"), status(&view, "fallback")), (StepStatus::Failed, StepStatus::Completed));
    assert_eq!(lab.content(run, "end", "text").await, "instead");
    let fallback = view.latest_artifacts(&"fallback".into()).next().unwrap().origin;
    assert_eq!(fallback, Origin::Import);
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn limits_hold_within_a_run_and_across_runs(pool: PgPool) {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (n, peak) = (Arc::clone(&now), Arc::clone(&most));
    let lab = Lab::new(pool, move |_, _| {
        peak.fetch_max(n.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(15));
        n.fetch_sub(1, Ordering::SeqCst);
        Act::Say("x".into())
    })
    .await;
    lab.agent(
        &json!({"id": "rare", "inputs": [{"name": "text"}], "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "max_parallel": 1, "config": {"kind": "template", "template": "x"}}),
    )
    .await;
    let (stop, engine) = lab.engine();
    let fan = |step: &Value, limits: &Value| {
        let steps: serde_json::Map<String, Value> = (0..12).map(|n| (format!("s{n}"), step.clone())).collect();
        json!({"limits": limits, "steps": steps})
    };
    let keyed = say("x", &[], &json!({"concurrency": {"key": {"const": "printer"}, "limit": 2}}));
    let rare = json!({"agent_id": "rare"});
    for (document, at_most, n_runs) in [
        (fan(&say("x", &[], &json!({})), &json!({"max_parallel": 3})), 3, 1),
        (fan(&keyed, &json!({})), 2, 3),
        (fan(&rare, &json!({})), 1, 2),
    ] {
        most.store(0, Ordering::SeqCst);
        let template = lab.template(&document).await;
        let mut runs = Vec::new();
        for _ in 0..n_runs {
            runs.push(lab.start_of(template, &json!({}), true).await);
        }
        for run in runs {
            assert_eq!(lab.ended(run).await.status, RunStatus::Completed);
        }
        assert!(most.load(Ordering::SeqCst) <= at_most, "{} at once, {at_most} allowed", most.load(Ordering::SeqCst));
    }
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM key_reservations WHERE NOT is_over")
        .fetch_one(&lab.pool)
        .await
        .unwrap();
    assert_eq!(left, 0, "every place is given back");
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_used_up_budget_pauses_the_run_until_it_gets_a_larger_one_or_fails_it(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (stop, engine) = lab.engine();
    let chain = |budget: Value| {
        json!({"limits": {"budget": budget}, "steps": {
            "a": say("1", &[], &json!({})), "b": say("2", &["a"], &json!({})), "c": say("3", &["b"], &json!({}))}})
    };
    // Each attempt uses 10 tokens and 100 millionths.
    let run = lab.start(&chain(json!({"tokens": 20}))).await;
    let view = lab.until(run, is_paused).await;
    assert_eq!(view.status_reason, Some(StatusReason::Budget));
    assert_eq!((status(&view, "b"), status(&view, "c")), (StepStatus::Completed, StepStatus::Ready));
    let refused = lab.resume(run, None).await.unwrap_err();
    assert!(matches!(refused, Error::Refused { refused: Refused::BudgetTooSmall, .. }), "{refused:?}");
    let more = BudgetView { tokens: Some(100), cost_micros: None };
    lab.resume(run, Some(more)).await.unwrap();
    assert_eq!(lab.ended(run).await.status, RunStatus::Completed);

    let run = lab.start(&chain(json!({"cost_micros": 150, "on_exceed": "fail"}))).await;
    let view = lab.ended(run).await;
    assert_eq!((view.status, reason(&view, "c")), (RunStatus::Failed, Some(Reason::Budget)));
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_and_a_review_that_take_too_long_end(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (stop, engine) = lab.engine();
    let run = lab
        .start(&json!({"limits": {"timeout_s": 1}, "steps": {
            "a": say("hang", &[], &json!({})), "b": say("x", &["a"], &json!({}))}}))
        .await;
    let view = lab.ended(run).await;
    assert_eq!((reason(&view, "a"), reason(&view, "b")), (Some(Reason::RunTimeout), Some(Reason::RunTimeout)));

    let gate = |on_timeout: &str| json!({"review": {"mode": "always", "timeout_s": 1, "on_timeout": on_timeout}});
    let run = lab
        .start(&json!({"steps": {"a": say("x", &[], &gate("approve")), "b": say("y", &["a"], &gate("fail"))}}))
        .await;
    let view = lab.ended(run).await;
    assert_eq!((status(&view, "a"), reason(&view, "b")), (StepStatus::Completed, Some(Reason::ReviewTimeout)));
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_paused_run_starts_nothing_but_what_a_person_triggers(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let run = lab
        .start(&json!({"steps": {"a": say("1", &[], &json!({})), "b": say("2", &[], &json!({})), "c": say("3", &["a"], &json!({}))}}))
        .await;
    lab.done(run, Command::Pause).await;
    let (stop, engine) = lab.engine();
    lab.trigger(run, "a").await;
    let view = lab.until(run, |view| status(view, "a") == StepStatus::Completed).await;
    assert_eq!((view.status, view.status_reason), (RunStatus::Paused, Some(StatusReason::Person)));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let view = lab.view(run).await;
    assert_eq!((status(&view, "b"), status(&view, "c")), (StepStatus::Ready, StepStatus::Ready));
    lab.resume(run, None).await.unwrap();
    assert_eq!(lab.ended(run).await.status, RunStatus::Completed);
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_form_waits_for_its_answer_and_a_rejected_step_sees_what_was_wrong(pool: PgPool) {
    let lab = Lab::new(pool, |input, _| match &input.revision {
        Some(revision) => {
            Act::Say(format!("{} but {}", revision.previous["text"].as_str().unwrap(), revision.feedback))
        }
        None => Act::Say("first".into()),
    })
    .await;
    let (stop, engine) = lab.engine();
    let run = lab
        .start(&json!({"steps": {
            "ask": {"agent_id": "form"},
            "write": {"agent_id": "say", "depends_on": ["ask"], "review": {"mode": "always", "max_rounds": 2}}}}))
        .await;
    let view = lab.until(run, is_paused).await;
    assert_eq!(status(&view, "ask"), StepStatus::AwaitingReview);
    lab.supply(run, "ask", "an answer").await;
    for (round, expected) in [(1, "first"), (2, "first but better"), (3, "first but better but better")] {
        let view = lab
            .until(run, |view| {
                status(view, "write") == StepStatus::AwaitingReview
                    && view.step(&"write".into()).unwrap().generation == round
            })
            .await;
        assert_eq!(lab.content(run, "write", "text").await, expected);
        let feedback = view.step(&"write".into()).unwrap().feedback.clone();
        assert_eq!(feedback.map(|it| it.round), (round > 1).then_some(round - 1));
        lab.reject(run, "write", "better").await;
    }
    let view = lab.ended(run).await;
    assert_eq!(reason(&view, "write"), Some(Reason::Rejected), "the third rejection of two allowed ones ends it");
    let last = view.step(&"write".into()).unwrap().feedback.clone();
    assert_eq!(last.map(|it| it.round), Some(3), "what was said last is kept");
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn stop_reaches_a_running_attempt_at_once(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (stop, engine) = lab.engine();
    let run =
        lab.start(&json!({"steps": {"a": say("hang", &[], &json!({})), "b": say("x", &["a"], &json!({}))}})).await;
    lab.until(run, |view| status(view, "a") == StepStatus::Running).await;
    lab.stop(run, "a").await;
    let view = lab.ended(run).await;
    assert_eq!((reason(&view, "a"), reason(&view, "b")), (Some(Reason::Stopped), Some(Reason::UpstreamFailed)));
    stop.cancel();
    engine.await.unwrap();
}
