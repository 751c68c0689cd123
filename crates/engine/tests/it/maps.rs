//! Maps: items with stable keys, their gates, retries and limits, the collected list, and what a re-run keeps.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use sqlx::PgPool;
use store::MIGRATOR;
use workflow::{
    StepStatus,
    run::Command,
    status::{Reason, RunStatus},
};

use crate::{
    lab::{Lab, is_paused, reason, status},
    player::Act,
};

/// `plan` makes the list, `draft` maps over it, `end` reads what came of it.
fn mapped(over: &Value, map: &Value, more: &Value) -> Value {
    let mut draft = json!({"agent_id": "say", "depends_on": ["plan"],
        "map": {"over": {"from": "step", "step": "plan", "artifact": "items"}, "key": "/id"},
        "inputs": {"text": {"from": "item", "path": "/say"}}});
    draft["map"].as_object_mut().unwrap().extend(map.as_object().unwrap().clone());
    draft.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"steps": {
        "plan": {"agent_id": "list", "inputs": {"text": {"const": over}}},
        "draft": draft,
        "end": {"agent_id": "say", "depends_on": ["draft"], "inputs": {"text": {"from": "step", "step": "draft", "artifact": "text"}}}}})
}

/// Lists say what they are given; texts are shouted, `fail` fails, `bytes` are no text.
fn script(input: &agents::StepInput, _attempt: i32) -> Act {
    let text = input.values.get("text").cloned().unwrap_or_default();
    match &text {
        _ if input.spec.id.as_str() == "list" => Act::Say(text.to_string()),
        Value::String(word) if word == "fail" => Act::Fail(Reason::Permanent),
        Value::String(word) if word == "bytes" => Act::SayBytes(b"caf\xe9".to_vec()),
        Value::String(word) => Act::Say(word.to_uppercase()),
        list => Act::Say(list.to_string()),
    }
}

fn items(words: &[(&str, &str)]) -> Value {
    words.iter().map(|(id, say)| json!({"id": id, "say": say})).collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_map_collects_its_items_in_their_order(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (stop, engine) = lab.engine();
    let run = lab.start(&mapped(&items(&[("b", "two"), ("a", "one"), ("c", "three")]), &json!({}), &json!({}))).await;
    let view = lab.ended(run).await;
    assert_eq!(view.status, RunStatus::Completed);
    assert_eq!(lab.content(run, "draft", "text").await, r#"["TWO","ONE","THREE"]"#);
    assert_eq!(lab.content(run, "draft[a]", "text").await, "ONE");
    assert_eq!(lab.content(run, "end", "text").await, r#"["TWO","ONE","THREE"]"#);
    let parent = view.step(&"draft".into()).unwrap();
    assert_eq!(parent.attempts.len(), 1);
    assert_eq!(parent.attempts[0].inputs[0].port, "map.over");
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn failed_items_fail_their_map_or_leave_a_hole_or_are_dropped(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (stop, engine) = lab.engine();
    let list = items(&[("a", "one"), ("b", "fail"), ("c", "three")]);
    for (mode, expected) in [("collect", r#"["ONE",null,"THREE"]"#), ("drop", r#"["ONE","THREE"]"#)] {
        let run = lab.start(&mapped(&list, &json!({"on_item_error": mode}), &json!({}))).await;
        assert_eq!(lab.ended(run).await.status, RunStatus::Completed, "{mode}");
        assert_eq!(lab.content(run, "draft", "text").await, expected);
    }
    let run = lab.start(&mapped(&list, &json!({}), &json!({}))).await;
    let view = lab.ended(run).await;
    assert_eq!(view.status, RunStatus::Failed);
    assert_eq!((reason(&view, "draft"), status(&view, "end")), (Some(Reason::ItemFailed), StepStatus::Skipped));

    // The failed item is mended: its map and what was skipped go on.
    lab.trigger_with(run, "draft[b]", json!("two")).await;
    let view = lab.ended(run).await;
    assert_eq!(view.status, RunStatus::Completed);
    assert_eq!(lab.content(run, "end", "text").await, r#"["ONE","TWO","THREE"]"#);
    assert_eq!(view.step(&"draft[a]".into()).unwrap().attempts.len(), 1, "the others are not run again");
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_item_that_made_no_text_fails_the_list_and_nothing_stands_in_its_place(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (stop, engine) = lab.engine();
    let run = lab.start(&mapped(&items(&[("a", "one"), ("b", "bytes")]), &json!({}), &json!({}))).await;
    let view = lab.ended(run).await;
    assert_eq!((view.status, reason(&view, "draft")), (RunStatus::Failed, Some(Reason::InvalidOutput)));
    let error = view.step(&"draft".into()).unwrap().attempts[0].error.clone().unwrap();
    assert!(error.contains("`draft[b]`") && error.contains("text/plain"), "{error}");
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_list_that_is_none_fails_its_step_in_clear_words(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (stop, engine) = lab.engine();
    let many: Value = (0..10_001).map(|n| json!({"id": n, "say": "x"})).collect();
    for (list, message) in [
        (json!("a text"), "list"),
        (items(&[("a", "one"), ("a", "two")]), "same key"),
        (items(&[("", "one")]), "empty key"),
        (json!([{"say": "no id"}]), "no key"),
        (many, "10,000"),
    ] {
        let run = lab.start(&mapped(&list, &json!({"max_items": 10_000}), &json!({}))).await;
        let view = lab.ended(run).await;
        assert_eq!(view.status, RunStatus::Failed);
        let step = view.step(&"draft".into()).unwrap();
        assert_eq!(step.reason, Some(Reason::InvalidMap));
        let error = step.attempts[0].error.clone().unwrap();
        assert!(error.contains(message), "{error}");
        assert_eq!(status(&view, "end"), StepStatus::Skipped);
    }
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_re_run_keeps_unchanged_items_runs_changed_ones_and_lets_vanished_ones_go(pool: PgPool) {
    let list = Arc::new(Mutex::new(items(&[("a", "one"), ("b", "two"), ("c", "three")])));
    let now = Arc::clone(&list);
    let lab = Lab::new(pool, move |input, attempt| match input.spec.id.as_str() {
        "list" => Act::Say(now.lock().unwrap().to_string()),
        _ => script(input, attempt),
    })
    .await;
    let (stop, engine) = lab.engine();
    let run = lab.start(&mapped(&json!(null), &json!({}), &json!({}))).await;
    lab.ended(run).await;
    *list.lock().unwrap() = items(&[("d", "four"), ("b", "TWO!"), ("a", "one")]);
    lab.trigger(run, "plan").await;
    lab.until(run, |view| view.status.is_terminal() && view.step(&"plan".into()).unwrap().generation == 2).await;
    lab.trigger(run, "draft").await;
    let view =
        lab.until(run, |view| view.status.is_terminal() && view.step(&"draft".into()).unwrap().generation == 2).await;
    assert_eq!(lab.content(run, "draft", "text").await, r#"["FOUR","TWO!","ONE"]"#);
    let attempts = |key: &str| view.step(&key.into()).map(|step| step.attempts.len());
    assert_eq!(attempts("draft[a]"), Some(1), "same key and same item: kept");
    assert_eq!(attempts("draft[b]"), Some(2), "another item under the key: run again");
    assert_eq!(attempts("draft[c]"), None, "gone");
    assert_eq!(attempts("draft[d]"), Some(1));
    assert!(view.artifacts.iter().all(|artifact| artifact.producing_step_id.as_str() != "draft[c]"));
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn each_item_has_its_gate_and_an_edit_of_one_collects_again(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (stop, engine) = lab.engine();
    let review = json!({"review": {"mode": "always"}});
    let run = lab.start(&mapped(&items(&[("a", "one"), ("b", "two")]), &json!({}), &review)).await;
    let view = lab.until(run, is_paused).await;
    assert_eq!((status(&view, "draft[a]"), status(&view, "draft")), (StepStatus::AwaitingReview, StepStatus::Running));
    for key in ["draft[a]", "draft[b]"] {
        lab.until(run, |view| status(view, key) == StepStatus::AwaitingReview).await;
        lab.approve(run, key).await;
    }
    lab.ended(run).await;
    assert_eq!(lab.content(run, "draft", "text").await, r#"["ONE","TWO"]"#);
    lab.edit(run, "draft[a]", "Uno", true).await;
    let view =
        lab.until(run, |view| view.status.is_terminal() && view.step(&"draft".into()).unwrap().generation == 2).await;
    assert_eq!(lab.content(run, "draft", "text").await, r#"["Uno","TWO"]"#);
    let stale = workflow::staleness::staleness(&view);
    assert!(stale.contains_key("end"), "what read the old list is stale: {stale:?}");
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn max_parallel_holds_for_the_items_of_a_map(pool: PgPool) {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (n, peak) = (Arc::clone(&now), Arc::clone(&most));
    let lab = Lab::new(pool, move |input, attempt| {
        if input.spec.id.as_str() == "say" && input.values.get("text").is_some_and(Value::is_string) {
            peak.fetch_max(n.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(20));
            n.fetch_sub(1, Ordering::SeqCst);
        }
        script(input, attempt)
    })
    .await;
    let (stop, engine) = lab.engine();
    let list: Value = (0..20).map(|n| json!({"id": n, "say": format!("w{n}")})).collect();
    let run = lab.start(&mapped(&list, &json!({"max_parallel": 2}), &json!({}))).await;
    assert_eq!(lab.ended(run).await.status, RunStatus::Completed);
    assert!(most.load(Ordering::SeqCst) <= 2);
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn ten_thousand_items_are_mapped_and_an_empty_list_is_an_empty_list(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (stop, engine) = lab.engine();
    let run = lab.start(&mapped(&json!([]), &json!({}), &json!({}))).await;
    assert_eq!(lab.ended(run).await.status, RunStatus::Completed);
    assert_eq!(lab.content(run, "draft", "text").await, "[]");

    let list: Value = (0..10_000).map(|n| json!({"id": n, "say": "x"})).collect();
    // A few at once cost no more: what is admitted does not depend on how many wait.
    for map in [json!({"max_items": 10_000}), json!({"max_items": 10_000, "max_parallel": 50})] {
        let begun = std::time::Instant::now();
        let run = lab.start(&mapped(&list, &map, &json!({}))).await;
        let row = || async {
            sqlx::query_as::<_, (String, i32)>("SELECT status, n_items FROM workflow_runs WHERE id = $1")
                .bind(run.0)
                .fetch_one(&lab.pool)
                .await
                .unwrap()
        };
        // The view of ten thousand items is not asked for at every look.
        while !matches!(row().await.0.as_str(), "completed" | "failed") {
            assert!(begun.elapsed().as_secs() < 120, "{:?}", row().await);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        eprintln!("1 -> map of 10,000 -> 1, {map}: {:.1} s", begun.elapsed().as_secs_f64());
        assert_eq!(row().await, ("completed".to_owned(), 10_000));
        let list: Vec<String> = serde_json::from_str(&lab.content(run, "draft", "text").await).unwrap();
        assert_eq!(list.len(), 10_000);
    }
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_item_that_was_run_by_itself_is_known_by_what_it_was_run_with_last(pool: PgPool) {
    let lab = Lab::new(pool, |input, attempt| match input.values.get("more") {
        Some(tone) => Act::Say(format!("{} {tone}", input.values["text"])),
        None => script(input, attempt),
    })
    .await;
    let (stop, engine) = lab.engine();
    let mut document = mapped(&items(&[("a", "one"), ("b", "two"), ("c", "three")]), &json!({}), &json!({}));
    document["steps"]["tone"] = json!({"agent_id": "say", "inputs": {"text": {"const": "kind"}}});
    document["steps"]["draft"]["depends_on"] = json!(["plan", "tone"]);
    document["steps"]["draft"]["inputs"]["more"] = json!({"from": "step", "step": "tone", "artifact": "text"});
    let run = lab.start(&document).await;
    let view = lab.ended(run).await;
    let first = view.latest_artifacts(&"tone".into()).next().unwrap().id;
    let again = async |key: &str, inputs: Option<Value>| {
        let generation = lab.view(run).await.step(&key.into()).unwrap().generation;
        match inputs {
            Some(text) => lab.trigger_with(run, key, text).await,
            None => lab.trigger(run, key).await,
        }
        lab.until(run, |view| {
            view.step(&key.into()).unwrap().generation > generation && view.status == RunStatus::Completed
        })
        .await
    };
    let attempts = |view: &workflow::RunView| {
        ["draft[a]", "draft[b]", "draft[c]"].map(|key| view.step(&key.into()).unwrap().attempts.len())
    };
    // Its own input stays its own: run again with its map it is what it was.
    again("draft[b]", Some(json!("mine"))).await;
    assert_eq!(attempts(&again("draft", None).await), [1, 2, 1]);

    // One that was run while another version was there is run again once that version is gone.
    lab.edit(run, "tone", "rude", false).await;
    again("draft[a]", None).await;
    lab.done(run, Command::Rollback { artifact: first, expect_generation: None }).await;
    assert_eq!(attempts(&again("draft", None).await), [3, 2, 1]);
    assert_eq!(lab.content(run, "draft[a]", "text").await, "\"one\" \"KIND\"");
    stop.cancel();
    engine.await.unwrap();
}
