//! Quotas under attack: several at once at the last place, the same request again, and what a refusal leaves behind.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use sqlx::PgPool;
use store::{
    Error, MIGRATOR, Store,
    quotas::{Limits, Spent},
    runs::{NewRun, StartOutcome},
    verbs::{Call, Edit, Fork, Rerun, VerbOutcome},
};
use uuid::Uuid;
use workflow::{
    AgentCatalog, RunId, StepKey, TemplateId, access::Actor, hash::sha256_hex, status::RunStatus, validate,
};

use crate::support::{World, agent, artifact, dag, form};

fn runs(max: i64) -> Limits {
    Limits { running_runs: Some(max), bytes_per_day: None }
}

fn bytes(max: i64) -> Limits {
    Limits { running_runs: None, bytes_per_day: Some(max) }
}

/// A run of one step, of the template of the world's own run.
async fn start(
    store: &Store,
    actor: &Actor,
    template: TemplateId,
    key: Option<&str>,
    topic: &str,
) -> store::Result<(RunId, StartOutcome)> {
    let definition = dag(&json!({"a": []}));
    let agents = AgentCatalog::new([agent(), form()]);
    let (plan, _) = validate(&definition, &agents);
    let id = RunId(Uuid::now_v7());
    let inputs = BTreeMap::from([("topic".to_owned(), Value::from(topic))]);
    let outcome = store
        .start_run(NewRun {
            id,
            template_id: template,
            version: 1,
            definition: &definition,
            plan: &plan,
            agents: &agents,
            inputs: &inputs,
            auto_run: true,
            is_test: false,
            user: actor.id,
            idempotency: key.map(|key| (key.to_owned(), sha256_hex(topic.as_bytes()))),
        })
        .await?;
    Ok((id, outcome))
}

async fn template_of(pool: &PgPool, run: RunId) -> TemplateId {
    let query = sqlx::query_scalar("SELECT template_id FROM workflow_runs WHERE id = $1").bind(run.0);
    TemplateId(query.fetch_one(pool).await.unwrap())
}

async fn count(pool: &PgPool, table: &'static str) -> i64 {
    let query = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

fn is_full<T>(outcome: &store::Result<T>) -> bool {
    matches!(outcome, Err(Error::Quota(Spent::RunningRuns { .. })))
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_last_place_is_taken_once_and_a_repeated_request_needs_none(pool: PgPool) {
    let world = World::new(pool.clone(), &dag(&json!({"a": []})), true).await;
    let template = template_of(&pool, world.run).await;
    // Two replicas: they share nothing but the database.
    let replicas = [world.store.clone().within(runs(3)), Store::from_pool(pool.clone()).within(runs(3))];
    let (_, first) = start(&replicas[0], &world.actor, template, Some("k"), "Rain").await.unwrap();
    assert_eq!(first, StartOutcome::Created);

    let both = replicas.iter().cycle().take(8).map(|store| start(store, &world.actor, template, None, "Snow"));
    let outcomes = futures::future::join_all(both).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "one place was left");
    assert!(outcomes.iter().all(|outcome| outcome.is_ok() || is_full(outcome)), "{outcomes:?}");
    assert_eq!(count(&pool, "workflow_runs").await, 3, "what was refused is not there");

    let (_, again) = start(&replicas[1], &world.actor, template, Some("k"), "Rain").await.unwrap();
    assert!(matches!(again, StartOutcome::Existing(_)), "it was answered before");
    let (_, other) = start(&replicas[1], &world.actor, template, Some("k"), "Hail").await.unwrap();
    assert_eq!(other, StartOutcome::Mismatch);

    world.store.cancel_run(&world.call()).await.unwrap();
    let equal = (0..6).map(|n| start(&replicas[n % 2], &world.actor, template, Some("last"), "Sun"));
    let outcomes = futures::future::join_all(equal).await;
    let created = outcomes.iter().filter(|outcome| matches!(outcome, Ok((_, StartOutcome::Created)))).count();
    assert_eq!(created, 1);
    assert!(outcomes.iter().all(Result::is_ok), "the same request is answered, not refused: {outcomes:?}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_that_goes_on_again_takes_a_place_and_so_does_a_fork(pool: PgPool) {
    let mut world = World::new(pool.clone(), &dag(&json!({"a": []})), true).await;
    world.settle().await;
    assert_eq!(world.status().await, RunStatus::Completed);
    let template = template_of(&pool, world.run).await;
    let store = world.store.clone().within(runs(1));
    let (running, _) = start(&store, &world.actor, template, None, "Rain").await.unwrap();

    let key: StepKey = "a".into();
    let again = Rerun { closure: [key.clone()].into(), ..Rerun::default() };
    assert!(is_full(&store.rerun_step(&world.call(), &key, &again).await));
    assert_eq!(world.status().await, RunStatus::Completed, "nothing happened to it");
    let (agents, definition) = (AgentCatalog::new([agent(), form()]), dag(&json!({"a": []})));
    let (plan, _) = validate(&definition, &agents);
    let seq = world.view().await.seq;
    let kept = std::collections::BTreeSet::new();
    let fork =
        Fork { id: RunId(Uuid::now_v7()), at: key.clone(), kept, seq, auto_run: true, plan: &plan, agents: &agents };
    assert!(is_full(&store.fork_run(&world.call(), &fork).await));
    assert_eq!(count(&pool, "workflow_runs").await, 2);

    store.cancel_run(&Call::new(running, &world.actor)).await.unwrap();
    assert_eq!(store.rerun_step(&world.call(), &key, &again).await.unwrap(), VerbOutcome::Done);
    assert_eq!(world.status().await, RunStatus::Running);
    assert!(is_full(&store.fork_run(&world.call(), &Fork { seq: world.view().await.seq, ..fork }).await));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn bytes_of_a_day_are_refused_before_anything_is_stored_and_yesterday_is_forgotten(pool: PgPool) {
    const MAX: i64 = 64 * 1024;
    let mut world = World::new(pool.clone(), &dag(&json!({"a": []})), true).await;
    world.settle().await;
    let template = template_of(&pool, world.run).await;
    let store = world.store.clone().within(bytes(MAX));
    let is_spent = |error: &Error| match error {
        Error::Quota(Spent::BytesPerDay { max, retry_after }) => {
            *max == MAX && (Duration::from_secs(1)..=Duration::from_hours(24)).contains(retry_after)
        }
        _ => false,
    };
    start(&store, &world.actor, template, None, &"x".repeat(20_000)).await.unwrap();
    let large = "y".repeat(50_000);
    let refused = start(&store, &world.actor, template, None, &large).await.unwrap_err();
    assert!(is_spent(&refused), "{refused:?}");
    assert_eq!(count(&pool, "workflow_runs").await, 2);

    // An edit in the row, and one that is written ahead.
    let n_versions = count(&pool, "artifacts").await;
    let edit = Edit { artifacts: vec![artifact("text", &large)], ..Edit::default() };
    let refused = store.edit_step(&world.call(), &"a".into(), &edit).await.unwrap_err();
    assert!(is_spent(&refused), "{refused:?}");
    let refused = store.put_blob_of(world.actor.id, &sha256_hex(large.as_bytes()), large.as_bytes()).await.unwrap_err();
    assert!(is_spent(&refused), "{refused:?}");
    assert_eq!((count(&pool, "artifacts").await, count(&pool, "blobs").await), (n_versions, 0));

    // What is small still fits, and what is there already costs nothing.
    let small = Edit { artifacts: vec![artifact("text", "short")], ..Edit::default() };
    assert_eq!(store.edit_step(&world.call(), &"a".into(), &small).await.unwrap(), VerbOutcome::Done);
    let ahead = "z".repeat(30_000);
    for _ in 0..5 {
        store.put_blob_of(world.actor.id, &sha256_hex(ahead.as_bytes()), ahead.as_bytes()).await.unwrap();
    }

    sqlx::query("UPDATE user_days SET day = day - 1").execute(&pool).await.unwrap();
    start(&store, &world.actor, template, None, &large).await.unwrap();
    assert_eq!(count(&pool, "user_days").await, 1, "one row a person, however many days");
}
