//! Fan-out, fan-in, failure and retry: what becomes ready, skipped and open again.

use serde_json::json;
use sqlx::PgPool;
use store::{
    MIGRATOR,
    protocol::Verdict,
    verbs::{Conflict, Trigger, VerbOutcome},
};
use workflow::status::{Reason, RunStatus, StepStatus};

use crate::support::{World, dag, failure, success};

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_diamond_with_a_fan_of_fifty_joins_once(pool: PgPool) {
    let mut edges = serde_json::Map::from_iter([("a".to_owned(), json!([]))]);
    let fan: Vec<String> = (0..50).map(|n| format!("f{n}")).collect();
    for key in &fan {
        edges.insert(key.clone(), json!(["a"]));
    }
    edges.insert("join".into(), json!(fan));
    let mut world = World::new(pool, &dag(&json!(edges)), true).await;
    world.settle().await;
    let view = world.view().await;
    assert_eq!((view.status, view.artifacts.len()), (RunStatus::Completed, 52));
    assert!(view.steps.iter().all(|step| step.attempts.len() == 1));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn completing_claims_what_it_frees_for_the_same_worker(pool: PgPool) {
    let mut world = World::new(pool, &dag(&json!({"a": [], "b": ["a"], "c": ["b"]})), true).await;
    let mut claims = world.claim(10).await;
    for key in ["a", "b", "c"] {
        assert_eq!(claims.len(), 1);
        assert_eq!(claims[0].key.as_str(), key);
        let completion = world.store.complete(world.worker, &[success(&claims[0])], 10).await.unwrap();
        world.check().await;
        claims = completion.claimed;
    }
    assert_eq!(world.status().await, RunStatus::Completed);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn two_parents_that_finish_together_wake_their_child_once(pool: PgPool) {
    let mut world = World::new(pool, &dag(&json!({"a": [], "b": [], "c": ["a", "b"]})), true).await;
    let claims = world.claim(10).await;
    let (one, two) = ([success(&claims[0])], [success(&claims[1])]);
    let (one, two) = tokio::join!(world.complete(&one), world.complete(&two));
    assert_eq!((one.verdicts, two.verdicts), (vec![Verdict::Committed], vec![Verdict::Committed]));
    world.check().await;
    assert_eq!(world.statuses().await["c"], StepStatus::Ready);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_replayed_result_is_already_there_and_a_foreign_one_is_fenced(pool: PgPool) {
    let mut world = World::new(pool, &dag(&json!({"a": [], "b": ["a"]})), true).await;
    let claims = world.claim(1).await;
    let result = [success(&claims[0])];
    assert_eq!(world.complete(&result).await.verdicts, [Verdict::Committed]);
    assert_eq!(world.complete(&result).await.verdicts, [Verdict::Already]);
    let stranger = store::protocol::WorkerId(uuid::Uuid::now_v7());
    let claims = world.claim(1).await;
    let verdicts = world.store.complete(stranger, &[success(&claims[0])], 0).await.unwrap().verdicts;
    assert_eq!(verdicts, [Verdict::Fenced]);
    world.check().await;
    assert_eq!(world.view().await.artifacts.len(), 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_failure_skips_what_can_no_longer_run_and_a_retry_reopens_exactly_that(pool: PgPool) {
    let edges = json!({"a": [], "b": ["a"], "c": ["b"], "side": ["a"], "end": ["c", "side"]});
    let mut world = World::new(pool, &dag(&edges), true).await;
    let claims = world.claim(1).await;
    world.complete(&[success(&claims[0])]).await;
    let claims = world.claim(10).await;
    let results: Vec<_> =
        claims.iter().map(|claim| if claim.key.as_str() == "b" { failure(claim) } else { success(claim) }).collect();
    world.complete(&results).await;
    world.check().await;
    let view = world.view().await;
    assert_eq!(view.status, RunStatus::Failed);
    let reasons: Vec<_> =
        view.steps.iter().filter_map(|step| step.reason.map(|reason| (step.key.as_str(), reason))).collect();
    assert_eq!(reasons, [("b", Reason::Permanent), ("c", Reason::UpstreamFailed), ("end", Reason::UpstreamFailed)]);

    let trigger = Trigger { prompt: Some(Some("better".into())), inputs: None, expect_generation: Some(1) };
    assert_eq!(world.store.trigger_step(&world.call(), &"b".into(), &trigger).await.unwrap(), VerbOutcome::Done);
    world.check().await;
    assert_eq!(world.statuses().await["end"], StepStatus::Pending);
    let claims = world.claim(10).await;
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0].overrides.as_ref().unwrap().prompt.as_deref(), Some("better"));
    assert_eq!((claims[0].generation, claims[0].attempt), (2, 2));
    world.complete(&[success(&claims[0])]).await;
    world.settle().await;
    assert_eq!(world.status().await, RunStatus::Completed);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_rerun_makes_a_new_version_and_leaves_finished_dependents_alone(pool: PgPool) {
    let mut world = World::new(pool, &dag(&json!({"a": [], "b": ["a"]})), true).await;
    world.settle().await;
    world.store.trigger_step(&world.call(), &"a".into(), &Trigger::default()).await.unwrap();
    world.check().await;
    assert_eq!(world.status().await, RunStatus::Running);
    assert_eq!(world.statuses().await["b"], StepStatus::Completed);
    world.settle().await;
    let view = world.view().await;
    let versions: Vec<_> = view
        .artifacts
        .iter()
        .filter(|artifact| artifact.producing_step_id.as_str() == "a")
        .map(|artifact| (artifact.version, artifact.is_latest, artifact.parent.is_some()))
        .collect();
    assert_eq!(versions, [(1, false, false), (2, true, true)]);
    assert_eq!(view.status, RunStatus::Completed);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn twenty_equal_triggers_have_one_effect(pool: PgPool) {
    let mut world = World::new(pool, &dag(&json!({"a": []})), true).await;
    world.settle().await;
    let trigger = Trigger { expect_generation: Some(1), ..Trigger::default() };
    let key = "a".into();
    let call = world.call();
    let clicks = (0..20).map(|_| world.store.trigger_step(&call, &key, &trigger));
    let outcomes: Vec<VerbOutcome> = futures::future::try_join_all(clicks).await.unwrap();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == VerbOutcome::Done).count(), 1);
    assert!(outcomes.iter().all(|o| matches!(o, VerbOutcome::Done | VerbOutcome::Conflict(Conflict::Generation))));
    world.check().await;
    assert_eq!(world.view().await.steps[0].generation, 2);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_pending_or_running_step_cannot_be_triggered(pool: PgPool) {
    let mut world = World::new(pool, &dag(&json!({"a": [], "b": ["a"]})), true).await;
    let _running = world.claim(1).await;
    for (key, status) in [("a", "running"), ("b", "pending")] {
        let outcome = world.store.trigger_step(&world.call(), &key.into(), &Trigger::default()).await.unwrap();
        assert_eq!(outcome, VerbOutcome::Conflict(Conflict::Status(status.into())));
    }
    world.check().await;
}
