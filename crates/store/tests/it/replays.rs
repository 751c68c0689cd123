//! Every verb asked twice under one key, twenty times at once, and with its connection killed before and after its commit:
//! always one effect or none, and a state that the invariants allow.

use std::sync::Arc;

use serde_json::json;
use sqlx::PgPool;
use store::{
    MIGRATOR, Result,
    verbs::{Call, Conflict, VerbOutcome},
};
use tokio::sync::Barrier;
use workflow::{
    StepStatus,
    verbs::{RunVerb, Verb},
};

use crate::races::{Racer, Scene, Seen, Track, act};

/// Every verb, with a status that allows it.
const ALL: [(Racer, StepStatus); 16] = [
    (Racer::Step(Verb::Trigger), StepStatus::Failed),
    (Racer::Step(Verb::Continue), StepStatus::AwaitingReview),
    (Racer::Step(Verb::Edit), StepStatus::Completed),
    (Racer::Step(Verb::Reject), StepStatus::AwaitingReview),
    (Racer::Step(Verb::Skip), StepStatus::Failed),
    (Racer::Step(Verb::Supply), StepStatus::Failed),
    (Racer::Step(Verb::Stop), StepStatus::Running),
    (Racer::Step(Verb::Rerun), StepStatus::Completed),
    (Racer::Step(Verb::Rollback), StepStatus::Completed),
    (Racer::Run(RunVerb::Cancel), StepStatus::Running),
    (Racer::Run(RunVerb::Pause), StepStatus::Running),
    (Racer::Run(RunVerb::Resume), StepStatus::Ready),
    (Racer::Run(RunVerb::AutoRun), StepStatus::Running),
    (Racer::Run(RunVerb::Fork), StepStatus::Completed),
    (Racer::Run(RunVerb::Adopt), StepStatus::Failed),
    (Racer::Run(RunVerb::Move), StepStatus::Completed),
];

/// A track whose run is ready for the verb, and what one sees of it.
async fn prepared(track: &mut Track, racer: Racer, status: StepStatus, expects: bool) -> Seen {
    track.status = status;
    track.begin().await;
    if racer == Racer::Run(RunVerb::Resume) {
        track.world.store.pause_run(&track.world.call()).await.unwrap();
    }
    track.world.folded = track.world.view().await;
    track.world.check().await;
    track.seen(expects).await
}

async fn deed(track: &Track, call: &Call<'_>, racer: Racer, seen: &Seen) -> Result<VerbOutcome> {
    act(&track.world.store, call, racer, seen).await
}

async fn track(pool: PgPool) -> Track {
    Track::new(pool, Scene::Step, "when_manual", StepStatus::Completed).await
}

/// How many events and runs there are: what an effect would add to.
async fn effects(track: &Track) -> (i64, i64) {
    sqlx::query_as("SELECT (SELECT count(*) FROM run_events), (SELECT count(*) FROM workflow_runs)")
        .fetch_one(&track.world.pool)
        .await
        .unwrap()
}

fn keyed<'a>(call: &Call<'a>, request: &str) -> Call<'a> {
    Call { idempotency: Some(("key".to_owned(), request.to_owned())), ..call.clone() }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_same_key_has_one_effect_and_another_request_under_it_is_refused(pool: PgPool) {
    let mut track = track(pool).await;
    for (racer, status) in ALL {
        let seen = prepared(&mut track, racer, status, false).await;
        let call = keyed(&track.world.call(), "this");
        assert_eq!(deed(&track, &call, racer, &seen).await.unwrap(), VerbOutcome::Done, "{racer:?}");
        let after = effects(&track).await;
        for _ in 0..3 {
            assert_eq!(deed(&track, &call, racer, &seen).await.unwrap(), VerbOutcome::Unchanged, "{racer:?}");
        }
        let other = keyed(&track.world.call(), "that");
        let refused = deed(&track, &other, racer, &seen).await.unwrap();
        assert_eq!(refused, VerbOutcome::Conflict(Conflict::IdempotencyMismatch), "{racer:?}");
        assert_eq!(effects(&track).await, after, "{racer:?}");
        track.world.check().await;
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn of_twenty_equal_calls_at_once_one_has_an_effect(pool: PgPool) {
    let mut track = track(pool).await;
    // A queued step, or one whose outputs stand already, can be asked for the same again.
    let more = [
        (Racer::Step(Verb::Trigger), StepStatus::Ready),
        (Racer::Step(Verb::Edit), StepStatus::AwaitingReview),
        (Racer::Step(Verb::Supply), StepStatus::Completed),
        (Racer::Step(Verb::Supply), StepStatus::Pending),
    ];
    for has_key in [false, true] {
        for (racer, status) in ALL.into_iter().chain(more) {
            let seen = prepared(&mut track, racer, status, true).await;
            let before = effects(&track).await;
            let call = if has_key { keyed(&track.world.call(), "this") } else { track.world.call() };
            let barrier = Arc::new(Barrier::new(20));
            let clicks = (0..20).map(|_| async {
                barrier.wait().await;
                deed(&track, &call, racer, &seen).await.unwrap()
            });
            let outcomes = futures::future::join_all(clicks).await;
            let done = outcomes.iter().filter(|outcome| **outcome == VerbOutcome::Done).count();
            let after = effects(&track).await;
            // A fork leaves its source as it is, so only a key tells one fork from another that is wanted too.
            if has_key || racer != Racer::Run(RunVerb::Fork) {
                // A queued step is already what a trigger wants.
                let is_idle = racer == Racer::Step(Verb::Trigger) && status == StepStatus::Ready;
                assert!(done == 1 || (is_idle && done == 0), "{racer:?}, {status}: {outcomes:?}");
                let n_events = after.0 - before.0;
                let is_fork = racer == Racer::Run(RunVerb::Fork);
                assert_eq!(n_events, i64::try_from(done).unwrap() * if is_fork { 2 } else { 1 }, "{racer:?}, {status}");
                assert_eq!(after.1 - before.1, i64::from(is_fork), "{racer:?}, {status}");
            }
            track.world.check().await;
        }
    }
}

/// Holds what the verb needs first, or what it needs last before its commit.
const HOLDS: [&str; 2] = ["SELECT id FROM workflow_runs ORDER BY id FOR UPDATE", "LOCK TABLE run_events IN SHARE MODE"];

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_verb_killed_before_its_commit_changes_nothing_and_can_be_asked_again(pool: PgPool) {
    let mut track = track(pool.clone()).await;
    for (racer, status) in ALL {
        for hold in HOLDS {
            let seen = prepared(&mut track, racer, status, false).await;
            let before = effects(&track).await;
            let actor = track.world.actor.clone();
            let call = keyed(&Call::new(track.world.run, &actor), "this");
            let mut holder = pool.begin().await.unwrap();
            sqlx::query(hold).execute(&mut *holder).await.unwrap();
            let kill = async {
                loop {
                    let waiting: Option<i32> = sqlx::query_scalar(
                        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' LIMIT 1",
                    )
                    .fetch_optional(&pool)
                    .await
                    .unwrap();
                    if let Some(pid) = waiting {
                        sqlx::query("SELECT pg_terminate_backend($1, 5000)").bind(pid).execute(&pool).await.unwrap();
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            };
            let (outcome, ()) = tokio::join!(deed(&track, &call, racer, &seen), kill);
            assert!(outcome.is_err(), "{racer:?}: {outcome:?}");
            holder.rollback().await.unwrap();
            assert_eq!(effects(&track).await, before, "{racer:?}, held by {hold}");
            assert_eq!(json!(track.world.view().await), json!(seen.view), "{racer:?}, held by {hold}");
            track.world.check().await;
            assert_eq!(deed(&track, &call, racer, &seen).await.unwrap(), VerbOutcome::Done, "{racer:?}");
            assert_eq!(deed(&track, &call, racer, &seen).await.unwrap(), VerbOutcome::Unchanged, "{racer:?}");
            track.world.check().await;
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_verb_whose_answer_was_lost_has_happened_once(pool: PgPool) {
    let mut track = track(pool.clone()).await;
    for (racer, status) in ALL {
        let seen = prepared(&mut track, racer, status, false).await;
        let call = keyed(&track.world.call(), "this");
        drop(deed(&track, &call, racer, &seen).await);
        let after = effects(&track).await;
        // Every connection is gone, as after a crash.
        let mut last = pool.acquire().await.unwrap();
        sqlx::query(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
        )
        .execute(&mut *last)
        .await
        .unwrap();
        drop(last);
        assert_eq!(deed(&track, &call, racer, &seen).await.unwrap(), VerbOutcome::Unchanged, "{racer:?}");
        assert_eq!(effects(&track).await, after, "{racer:?}");
        track.world.check().await;
    }
}
