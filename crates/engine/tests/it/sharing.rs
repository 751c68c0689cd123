//! Two processes and one run with many steps: who has it at hand and room for all of it works alone, and others help where there is none.
//! What a process was told not to run is left to others.

use std::{collections::BTreeMap, time::Duration};

use engine::{AgentNames, Kinds, Options};
use serde_json::{Value, json};
use sqlx::PgPool;
use store::MIGRATOR;
use workflow::{StepStatus, id::WorkerId, run::State, status::RunStatus};

use crate::{
    lab::{Lab, status},
    player::Act,
};

const N: usize = 1_500;

/// One step, and so many after it.
fn fan(n: usize) -> Value {
    let mut steps: BTreeMap<String, Value> =
        (0..n).map(|n| (format!("s{n}"), json!({"agent_id": "say", "depends_on": ["a"]}))).collect();
    steps.insert("a".to_owned(), json!({"agent_id": "say"}));
    json!({"steps": steps})
}

/// Attempts by who had them.
async fn shares(lab: &Lab, steps: &Value, slots: usize) -> Vec<usize> {
    let options = || Options { slots, ..Options::default() };
    let other = lab.another().await;
    let (stop, engine) = lab.engine_with(options());
    let (stop_other, engine_other) = other.engine_with(options());
    // Both are there, and have looked at the queue.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let run = lab.start(steps).await;
    assert_eq!(lab.ended(run).await.status, RunStatus::Completed);
    let of = |state: &State| -> Vec<WorkerId> {
        let steps = state.steps().flat_map(|step| state.attempts(&step.key));
        steps.filter_map(|attempt| attempt.worker).collect()
    };
    let mut n_of: BTreeMap<WorkerId, usize> = BTreeMap::new();
    for worker in of(&lab.state(run).await) {
        *n_of.entry(worker).or_default() += 1;
    }
    for (stop, engine) in [(stop, engine), (stop_other, engine_other)] {
        stop.cancel();
        engine.await.unwrap();
    }
    n_of.into_values().collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_whose_steps_are_over_at_once_is_left_to_the_process_that_has_it_at_hand(pool: PgPool) {
    let lab = Lab::new(pool, |_, _| Act::Say("x".to_owned())).await;
    let shares = shares(&lab, &fan(N), 1_024).await;
    assert_eq!(shares.iter().sum::<usize>(), N + 1);
    let most = shares.iter().max().copied().unwrap_or_default();
    assert!(most * 10 >= (N + 1) * 9, "one did nearly all of it: {shares:?}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn others_help_at_once_where_the_process_that_has_it_at_hand_has_no_room(pool: PgPool) {
    let lab = Lab::new(pool, |_, _| Act::Sleep(Duration::from_millis(300))).await;
    let shares = shares(&lab, &fan(64), 16).await;
    assert_eq!(shares.iter().sum::<usize>(), 65);
    assert!(shares.len() == 2 && shares.iter().all(|n| *n >= 16), "both did a part of it: {shares:?}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_process_that_is_told_kinds_leaves_the_others_to_those_that_run_them(pool: PgPool) {
    let lab = Lab::new(pool, |_, _| Act::Say("x".to_owned())).await;
    let of = |kind: &str| Options { kinds: Kinds::only([kind]), poll: Duration::from_millis(50), ..Options::default() };
    let (stop, engine) = lab.engine_with(of("template"));
    let step = |agent: &str, after: &[&str]| json!({"agent_id": agent, "depends_on": after, "inputs": {"text": {"const": "x"}}});
    let steps = json!({"steps": {"a": step("say", &[]), "f": step("form", &["a"]), "b": step("say", &["a"])}});
    let run = lab.start(&steps).await;
    let view = lab.until(run, |view| status(view, "b") == StepStatus::Completed).await;
    assert_eq!((status(&view, "a"), status(&view, "f")), (StepStatus::Completed, StepStatus::Ready));
    // What is on the way is over, and it is left alone all the same.
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(status(&lab.view(run).await, "f"), StepStatus::Ready);
    }
    let other = lab.another().await;
    let (stop_other, engine_other) = other.engine_with(of("human"));
    lab.until(run, |view| status(view, "f") == StepStatus::AwaitingReview).await;
    lab.supply(run, "f", "an answer").await;
    assert_eq!(lab.ended(run).await.status, RunStatus::Completed);
    let state = lab.state(run).await;
    let who = |key: &str| state.attempts(&key.into()).iter().find_map(|attempt| attempt.worker);
    assert!(who("a").is_some() && who("a") == who("b") && who("f") != who("a"), "each did its own");
    for (stop, engine) in [(stop, engine), (stop_other, engine_other)] {
        stop.cancel();
        engine.await.unwrap();
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_process_that_is_told_agents_leaves_the_others_of_their_kind_to_those_that_run_them(pool: PgPool) {
    let lab = Lab::new(pool, |_, _| Act::Say("x".to_owned())).await;
    let text = json!([{"name": "text", "schema": {"type": "string"}}]);
    lab.agent(&json!({"id": "gpu-say", "inputs": [{"name": "text"}], "outputs": text,
        "config": {"kind": "template", "template": "x"}}))
        .await;
    let of = |agent: &str| Options {
        agents: AgentNames::only([agent]),
        poll: Duration::from_millis(50),
        ..Options::default()
    };
    let (stop, engine) = lab.engine_with(of("say"));
    let step = |agent: &str, after: &[&str]| json!({"agent_id": agent, "depends_on": after, "inputs": {"text": {"const": "x"}}});
    let steps = json!({"steps": {"a": step("say", &[]), "g": step("gpu-say", &["a"]), "b": step("say", &["a"])}});
    let run = lab.start(&steps).await;
    let view = lab.until(run, |view| status(view, "b") == StepStatus::Completed).await;
    assert_eq!((status(&view, "a"), status(&view, "g")), (StepStatus::Completed, StepStatus::Ready));
    // What is on the way is over, and it is left alone all the same: neither handed on nor claimed.
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(status(&lab.view(run).await, "g"), StepStatus::Ready);
    }
    let other = lab.another().await;
    let (stop_other, engine_other) = other.engine_with(of("gpu-*"));
    assert_eq!(lab.ended(run).await.status, RunStatus::Completed);
    let state = lab.state(run).await;
    let who = |key: &str| state.attempts(&key.into()).iter().find_map(|attempt| attempt.worker);
    assert!(who("a").is_some() && who("a") == who("b") && who("g") != who("a"), "each did its own");
    for (stop, engine) in [(stop, engine), (stop_other, engine_other)] {
        stop.cancel();
        engine.await.unwrap();
    }
}
