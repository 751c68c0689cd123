//! What a person may take up, as verbs count it: what is refused is not counted, and what was asked before costs nothing.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use store::{Store, quotas::Limits};
use workflow::{RunId, StepKey, api::ErrorCode};

use super::{World, body, refusal, start};
use crate::{
    Result, agents,
    context::{STARTS_AT_ONCE, STARTS_WAITING},
    runs,
    runs::Done,
    steps, trying,
};

async fn world(pool: &PgPool, limits: Limits) -> World {
    let world = World::of(pool, Store::from_pool(pool.clone()).within(limits)).await;
    world.save_writer(None).await;
    world
}

async fn supply(world: &World, run: RunId, step: &str, text: &str) -> Result<Done> {
    let outputs = body(json!({"outputs": {"text": text}}));
    steps::supply(&world.ada, run, &StepKey::new(step), outputs, None).await
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_that_goes_on_takes_a_place_and_what_changes_nothing_does_not(pool: PgPool) {
    let world = world(&pool, Limits { running_runs: Some(1), ..Limits::default() }).await;
    let template = world.published().await;
    let first = StepKey::new("first");
    let done = world.start(&world.ada, template).await.id;
    supply(&world, done, "first", "one").await.unwrap();
    supply(&world, done, "second", "two").await.unwrap();
    let begin = async |key: &str| {
        let request = start(template, &json!({"topic": "Rain"}));
        runs::start(&world.ada, request, Some(key.to_owned())).await
    };
    let under_way = begin("k").await.unwrap().done.run;
    assert_eq!(refusal(begin("other").await).code, ErrorCode::QuotaExceeded);
    assert!(!begin("k").await.unwrap().is_new, "a repeated request takes no place");

    let trigger = async |request: Value| steps::trigger(&world.ada, done, &first, body(request), None).await;
    assert_eq!(refusal(trigger(json!({})).await).code, ErrorCode::QuotaExceeded, "it would go on");
    assert_eq!(refusal(trigger(json!({"expect_generation": 9})).await).code, ErrorCode::Conflict);
    let edited = body(json!({"artifacts": {"text": "better"}}));
    steps::edit(&world.ada, done, &first, edited, None).await.unwrap();
    let fork = runs::fork(&world.ada, done, body(json!({"step": "second"})), None).await;
    assert_eq!(refusal(fork).code, ErrorCode::QuotaExceeded);

    runs::cancel(&world.ada, under_way, None).await.unwrap();
    trigger(json!({})).await.unwrap();
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn bytes_are_counted_once_and_only_of_what_is_stored(pool: PgPool) {
    let world = world(&pool, Limits { bytes_per_day: Some(30_000), ..Limits::default() }).await;
    let run = world.start(&world.ada, world.published().await).await.id;
    let first = StepKey::new("first");
    let used = async || {
        let bytes = "SELECT bytes FROM user_days WHERE user_id = $1";
        let user = world.ada.actor().unwrap().id;
        sqlx::query_scalar::<_, i64>(bytes).bind(user.0).fetch_one(&pool).await.unwrap()
    };
    let begun = used().await;
    let edit = async |once: &str| {
        let edited = body(json!({"artifacts": {"text": "x".repeat(10_000)}}));
        steps::edit(&world.ada, run, &first, edited, Some(once.to_owned())).await
    };
    assert_eq!(refusal(edit("early").await).status, 409);
    assert_eq!(used().await, begun, "what is refused is not counted");
    supply(&world, run, "first", "one").await.unwrap();
    edit("k").await.unwrap();
    edit("k").await.unwrap();
    assert_eq!(used().await, begun + 10_003);
    edit("l").await.unwrap();
    let refused = refusal(edit("m").await);
    assert_eq!((refused.status, refused.code), (429, ErrorCode::QuotaExceeded));
    assert!(edit("k").await.is_ok(), "what was done is answered");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_crowd_of_starts_takes_turns_and_who_finds_no_room_is_told_when_to_come_back(pool: PgPool) {
    const LONG: Duration = Duration::from_mins(1);
    let world = world(&pool, Limits::default()).await;
    let template = world.published().await;
    let request = || start(template, &json!({"topic": "Rain"}));
    let (ada, starts) = (world.ada.actor().unwrap().id, world.ada.starts());
    let mut under_way = Vec::new();
    for _ in 0..STARTS_AT_ONCE {
        under_way.push(starts.take(ada, LONG).await.unwrap());
    }
    let mut waiting: Vec<_> = (0..STARTS_WAITING).map(|_| Box::pin(starts.take(ada, LONG))).collect();
    for one in &mut waiting {
        assert!(futures::poll!(one).is_pending());
    }
    let refused = runs::start(&world.ada, request(), Some("k".to_owned())).await.unwrap_err();
    assert!(refused.retry_after().is_some());
    let refused = refused.to_api();
    assert_eq!((refused.status, refused.code), (429, ErrorCode::TooManyRequests));
    // Whoever waits behind nobody of their own is second, however many of somebody else do.
    let (second, ()) = futures::join!(runs::start(&world.ben, request(), None), async {
        tokio::task::yield_now().await;
        under_way.truncate(STARTS_AT_ONCE - 2);
    });
    assert!(second.unwrap().is_new);
    drop((waiting, under_way));
    assert!(runs::start(&world.ada, request(), Some("k".to_owned())).await.unwrap().is_new, "nothing was started");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn whatever_begins_a_run_takes_a_turn(pool: PgPool) {
    const LONG: Duration = Duration::from_mins(1);
    let world = world(&pool, Limits::default()).await;
    let template = world.published().await;
    let run = world.start(&world.admin, template).await.id;
    let (admin, starts) = (world.admin.actor().unwrap().id, world.admin.starts());
    let mut under_way = Vec::new();
    for _ in 0..STARTS_AT_ONCE {
        under_way.push(starts.take(admin, LONG).await.unwrap());
    }
    let mut waiting: Vec<_> = (0..STARTS_WAITING).map(|_| Box::pin(starts.take(admin, LONG))).collect();
    for one in &mut waiting {
        assert!(futures::poll!(one).is_pending());
    }
    let row = async || runs::start_row(&world.admin, start(template, &json!({"topic": "Rain"})), 1, "row".into()).await;
    let fork = async || runs::fork(&world.admin, run, body(json!({"step": "first"})), None).await;
    let whole = json!({"revision": 1, "inputs": {"topic": "Rain"}});
    let attempt = async || trying::try_draft(&world.admin, template, body(whole.clone())).await;
    let test =
        async || agents::test(&world.admin, body(json!({"agent_id": "writer", "inputs": {"text": "Rain"}}))).await;
    let refused = [
        ("a row of a table", refusal(row().await)),
        ("a fork", refusal(fork().await)),
        ("a try", refusal(attempt().await)),
        ("a test of an agent", refusal(test().await)),
    ];
    for (what, refused) in refused {
        assert_eq!((refused.status, refused.code), (429, ErrorCode::TooManyRequests), "{what}");
    }
    drop((waiting, under_way));
    row().await.unwrap();
    fork().await.unwrap();
    attempt().await.unwrap();
    test().await.unwrap();
}
