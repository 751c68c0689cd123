//! Review gates, auto-run and cancel.

use serde_json::json;
use sqlx::PgPool;
use store::{
    MIGRATOR,
    verbs::{Approval, Conflict, Trigger, VerbOutcome},
};
use workflow::{
    Definition,
    status::{RunStatus, StatusReason, StepStatus},
};

use crate::support::{World, dag, success};

#[sqlx::test(migrator = "MIGRATOR")]
async fn without_auto_run_every_step_waits_and_approval_is_bound_to_what_was_seen(pool: PgPool) {
    let mut world = World::new(pool, &dag(&json!({"a": [], "b": ["a"]})), false).await;
    world.settle().await;
    let view = world.view().await;
    assert_eq!((view.status, view.status_reason), (RunStatus::Paused, Some(StatusReason::Review)));
    let key = "a".into();
    let seen = view.review_digest(&key);
    let wrong = Approval { digest: Some("0".repeat(64)), expect_generation: None };
    let outcome = world.store.approve_step(&world.call(), &key, &wrong).await.unwrap();
    assert_eq!(outcome, VerbOutcome::Conflict(Conflict::Digest));

    let right = Approval { digest: Some(seen), expect_generation: Some(1) };
    let call = world.call();
    let clicks = (0..50).map(|_| world.store.approve_step(&call, &key, &right));
    let outcomes = futures::future::try_join_all(clicks).await.unwrap();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == VerbOutcome::Done).count(), 1);
    world.check().await;
    assert_eq!(world.statuses().await["b"], StepStatus::Ready);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn switching_auto_run_on_releases_manual_gates_but_not_the_others(pool: PgPool) {
    let definition = Definition::from_value(&json!({"steps": {
        "a": {"agent_id": "echo"},
        "b": {"agent_id": "echo", "review": {"mode": "always"}},
        "c": {"agent_id": "echo", "depends_on": ["a"]},
        "n": {"agent_id": "echo", "review": {"mode": "never"}},
    }}))
    .unwrap();
    let mut world = World::new(pool, &definition, false).await;
    world.settle().await;
    let statuses = world.statuses().await;
    assert_eq!((statuses["a"], statuses["b"]), (StepStatus::AwaitingReview, StepStatus::AwaitingReview));
    assert_eq!(statuses["n"], StepStatus::Completed);
    assert_eq!(world.store.set_auto_run(&world.call(), true).await.unwrap(), VerbOutcome::Done);
    assert_eq!(world.store.set_auto_run(&world.call(), true).await.unwrap(), VerbOutcome::Unchanged);
    world.check().await;
    world.settle().await;
    let statuses = world.statuses().await;
    assert_eq!((statuses["c"], statuses["b"]), (StepStatus::Completed, StepStatus::AwaitingReview));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn cancel_ends_everything_and_fences_what_still_runs(pool: PgPool) {
    let mut world = World::new(pool, &dag(&json!({"a": [], "b": ["a"], "c": []})), true).await;
    let claims = world.claim(1).await;
    assert_eq!(world.store.cancel_run(&world.call()).await.unwrap(), VerbOutcome::Done);
    assert_eq!(world.store.cancel_run(&world.call()).await.unwrap(), VerbOutcome::Unchanged);
    let verdicts = world.complete(&[success(&claims[0])]).await.verdicts;
    assert_eq!(verdicts, [store::protocol::Verdict::Fenced]);
    world.check().await;
    assert!(world.statuses().await.values().all(|status| *status == StepStatus::Cancelled));
    let outcome = world.store.trigger_step(&world.call(), &"a".into(), &Trigger::default()).await.unwrap();
    assert_eq!(outcome, VerbOutcome::Conflict(Conflict::Status("cancelled".into())));
    assert!(world.claim(10).await.is_empty());
}
