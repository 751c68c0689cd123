//! Verbs on a step or its neighbours racing with the workers, which claim without the run's lock: whoever comes first, the verb comes to
//! what the table says of one of the statuses that the step had, the invariants hold, and the run can still be brought to its end.

use std::sync::Arc;

use sqlx::PgPool;
use store::{
    MIGRATOR,
    protocol::{AttemptResult, Claimed, Verdict},
    verbs::{Approval, Call, Conflict, Rerun, VerbOutcome},
};
use tokio::sync::Barrier;
use workflow::{
    StepKey, StepStatus,
    api::RerunMode,
    rerun::closure,
    status::Reason,
    verbs::{Expected, RunVerb, Verb, expected},
};

use crate::{
    races::{Racer, Scene, Track, act},
    support::{failure, finished, success},
};

/// What the worker does to step `b` meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Work {
    Claims,
    Succeeds,
    Fails,
    TriesAgain,
    GivesBack,
}

impl Work {
    fn on(self) -> StepStatus {
        if self == Self::Claims { StepStatus::Ready } else { StepStatus::Running }
    }

    fn result(self, claim: &Claimed) -> store::protocol::Finished {
        let retry = Some(std::time::Duration::ZERO);
        match self {
            Self::Claims | Self::Succeeds => success(claim),
            Self::Fails => failure(claim),
            Self::TriesAgain => {
                finished(claim, AttemptResult::Failed { class: Reason::Server, error: "once".into(), retry })
            }
            Self::GivesBack => finished(claim, AttemptResult::Released),
        }
    }
}

async fn race(track: &mut Track, racer: Racer, key: &StepKey, work: Work) {
    let at = format!("{racer:?} on {key} while the worker {work:?}");
    let world = &track.world;
    let before = world.view().await;
    let mut seen = track.seen(false).await;
    seen.key = key.clone();
    seen.rerun = Rerun { closure: closure(&before, key, RerunMode::Downstream), ..Rerun::default() };
    let seen = Arc::new(seen);
    let barrier = Arc::new(Barrier::new(2));
    let verb = tokio::spawn({
        let (store, actor) = (world.store.clone(), world.actor.clone());
        let (seen, barrier) = (Arc::clone(&seen), Arc::clone(&barrier));
        async move {
            barrier.wait().await;
            act(&store, &Call::new(seen.view.id, &actor), racer, &seen).await.unwrap()
        }
    });
    let held: Vec<Claimed> = if work == Work::Claims { Vec::new() } else { claimed(track).await };
    barrier.wait().await;
    let held = if work == Work::Claims {
        world.claim(10).await
    } else {
        let batch: Vec<_> = held.iter().map(|claim| work.result(claim)).collect();
        let done = world.store.complete(world.worker, &batch, 10).await.unwrap();
        assert!(done.verdicts.iter().all(|verdict| *verdict != Verdict::Already), "{at}");
        done.claimed
    };
    let outcome = verb.await.unwrap();
    let events = world.store.events_after(world.run, before.seq, 100).await.unwrap();
    if let Racer::Step(verb) = racer {
        // The statuses that the step had on the way; a claim is told by no event.
        let mut view = before.clone();
        let mut had = vec![before.step(key).unwrap().status];
        if *key == "b".into() {
            had.push(StepStatus::Running);
        }
        for event in &events {
            view.apply(event);
            had.push(view.step(key).unwrap().status);
        }
        let is_told = |status: &StepStatus| match (expected(verb, *status), &outcome) {
            (Expected::Done { .. }, VerbOutcome::Done) => true,
            (Expected::Refused(_), VerbOutcome::Conflict(Conflict::Status(said))) => said == status.as_str(),
            _ => false,
        };
        assert!(had.iter().any(is_told), "{at}: {outcome:?}, was {had:?}");
    }
    track.world.check().await;

    // Whatever it came to, what is left can be done.
    let batch: Vec<_> = held.iter().map(success).collect();
    if !batch.is_empty() {
        track.world.complete(&batch).await;
    }
    track.world.store.resume_run(&track.world.call(), None).await.unwrap();
    for _ in 0..10 {
        track.finish().await;
        track.world.check().await;
        let view = track.world.view().await;
        if view.status.is_terminal() {
            return;
        }
        for step in view.steps.iter().filter(|step| step.status == StepStatus::AwaitingReview) {
            track.world.store.approve_step(&track.world.call(), &step.key, &Approval::default()).await.unwrap();
        }
    }
    panic!("{at}: {outcome:?}: the run does not end: {:?}", track.world.statuses().await);
}

/// What the worker holds: the claim that `Track::begin` made, as the attempts tell it.
async fn claimed(track: &Track) -> Vec<Claimed> {
    let rows: Vec<(i64, i32)> =
        sqlx::query_as("SELECT id, attempt FROM steps WHERE run_id = $1 AND status = 'running'")
            .bind(track.world.run.0)
            .fetch_all(&track.world.pool)
            .await
            .unwrap();
    rows.into_iter()
        .map(|(step, attempt)| {
            serde_json::from_value(
                serde_json::json!({"step": step, "run": track.world.run, "key": "b", "generation": 1,
                "attempt": attempt, "fail_count": 0, "version": 1, "overrides": null}),
            )
            .unwrap()
        })
        .collect()
}

async fn races(pool: PgPool, work: Work) {
    let mut track = Track::new(pool, Scene::Step, "when_manual", work.on()).await;
    let verbs = Verb::ALL
        .map(Racer::Step)
        .into_iter()
        .chain([RunVerb::Cancel, RunVerb::Pause, RunVerb::AutoRun].map(Racer::Run));
    for racer in verbs {
        for key in ["a", "b", "c"] {
            // Only `b` has an older version; and what concerns the run is tried once.
            if key != "b" && matches!(racer, Racer::Run(_) | Racer::Step(Verb::Rollback)) {
                continue;
            }
            race(&mut track, racer, &key.into(), work).await;
            track.begin().await;
        }
    }
}

macro_rules! races {
    ($($name:ident: $work:ident),+) => {$(
        #[sqlx::test(migrator = "MIGRATOR")]
        async fn $name(pool: PgPool) {
            races(pool, Work::$work).await;
        }
    )+};
}

races! {
    any_verb_races_a_claim: Claims,
    any_verb_races_a_success: Succeeds,
    any_verb_races_a_failure: Fails,
    any_verb_races_a_failure_that_is_tried_again: TriesAgain,
    any_verb_races_a_step_given_back: GivesBack
}
