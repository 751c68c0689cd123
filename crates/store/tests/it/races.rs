//! All pairs of verbs racing on one step in every status, and every verb on a run against each of them: what comes of it is what one of
//! the two serial orders gives, as the table of `workflow::verbs` says, and the invariants hold. Must stay quick: a run that neither verb
//! moved serves the next pair.

mod acting;
mod track;

use std::{ops::ControlFlow, sync::Arc};

use sqlx::PgPool;
use store::{
    MIGRATOR,
    verbs::{Call, Conflict, VerbOutcome},
};
use tokio::sync::Barrier;
use workflow::{
    RunId, RunStatus, RunView, StepStatus,
    event::RunEvent,
    hash::sha256_hex,
    verbs::{Expected, Generation, RunExpected, RunVerb, Verb, expected, expected_of_run},
};

pub(crate) use acting::{Racer, Seen, act};
pub(crate) use track::{Scene, Track};

/// What the run that is adopted from has made of `b`.
const OFFERED: &str = "b 1";

/// Whether an event of this run tells what came of it; a fork writes to the new run alone.
fn writes(racer: Racer, outcome: &VerbOutcome) -> bool {
    *outcome == VerbOutcome::Done && racer != Racer::Run(RunVerb::Fork)
}

/// Whether this may come of a verb that finds the run like `at`, and leaves it like `then` if it writes an event.
fn explains(
    racer: Racer,
    outcome: &VerbOutcome,
    seen: &Seen,
    at: &RunView,
    then: Option<(&RunEvent, &RunView)>,
) -> bool {
    let step = at.step(&seen.key).unwrap();
    if writes(racer, outcome) != then.is_some() {
        return false;
    }
    match racer {
        Racer::Run(verb) => explains_run(verb, outcome, seen, at, then),
        Racer::Step(_) if seen.expect_generation.is_some_and(|generation| generation != step.generation) => {
            *outcome == VerbOutcome::Conflict(Conflict::Generation)
        }
        Racer::Step(_) if at.status == RunStatus::Cancelled => {
            *outcome == VerbOutcome::Conflict(Conflict::Status("cancelled".to_owned()))
        }
        // Judged before the status: it was decided on what is there no more.
        Racer::Step(Verb::Continue | Verb::Reject | Verb::Edit)
            if seen.digest.is_some() && at.review_digest(&seen.key) != seen.view.review_digest(&seen.key) =>
        {
            *outcome == VerbOutcome::Conflict(Conflict::Digest)
        }
        Racer::Step(verb) => match (expected(verb, step.status), then) {
            (Expected::Done { becomes, events, generation }, Some((event, then))) => {
                let now = then.step(&seen.key).unwrap();
                let is_next = now.generation == step.generation + 1;
                events.contains(&event.kind)
                    && becomes.contains(&now.status)
                    && match generation {
                        Generation::Same => now.generation == step.generation,
                        Generation::Next => is_next,
                    }
            }
            (Expected::Refused(_), None) => {
                *outcome == VerbOutcome::Conflict(Conflict::Status(step.status.as_str().to_owned()))
            }
            // Allowed, but what it wants is so already, or the run moved on since it was planned.
            (Expected::Done { .. }, None) => match verb {
                Verb::Rollback => {
                    let is_latest = at.artifacts.iter().any(|it| it.id == seen.old && it.is_latest);
                    is_latest && *outcome == VerbOutcome::Unchanged
                }
                Verb::Rerun | Verb::Skip if at.seq != seen.view.seq => {
                    *outcome == VerbOutcome::Conflict(Conflict::Moved)
                }
                // Of equal clicks the later ones find what they want; a queued step is what a trigger wants.
                Verb::Trigger | Verb::Supply | Verb::Edit => {
                    let may_be_so = verb == Verb::Trigger || at.seq > seen.view.seq;
                    may_be_so && seen.expect_generation.is_some() && *outcome == VerbOutcome::Unchanged
                }
                _ => false,
            },
            (Expected::Refused(_), Some(_)) => false,
        },
    }
}

/// The same for a verb on the run.
fn explains_run(
    verb: RunVerb,
    outcome: &VerbOutcome,
    seen: &Seen,
    at: &RunView,
    then: Option<(&RunEvent, &RunView)>,
) -> bool {
    let is = |wanted: VerbOutcome| *outcome == wanted && then.is_none();
    let refused = |status: &str| is(VerbOutcome::Conflict(Conflict::Status(status.to_owned())));
    let b = at.step(&"b".into()).unwrap();
    let is_adopted = || at.latest_artifacts(&b.key).any(|it| it.content_hash == sha256_hex(OFFERED.as_bytes()));
    match (verb, expected_of_run(verb, at.status, at.status_reason)) {
        (RunVerb::AutoRun, _) if at.auto_run != seen.view.auto_run => is(VerbOutcome::Unchanged),
        (_, RunExpected::Refused(_)) => refused(at.status.as_str()),
        (_, RunExpected::Unchanged) => is(VerbOutcome::Unchanged),
        (RunVerb::Fork | RunVerb::Move, _) if at.seq != seen.view.seq => is(VerbOutcome::Conflict(Conflict::Moved)),
        (RunVerb::Move, _) if at.steps.iter().any(|step| step.status == StepStatus::Running) => refused("running"),
        (RunVerb::Adopt, _) if b.status == StepStatus::Completed && is_adopted() => {
            is(VerbOutcome::Conflict(Conflict::NothingToAdopt))
        }
        (RunVerb::Adopt, _) if b.status == StepStatus::Running => refused("running"),
        (_, RunExpected::Done { event: None, .. }) => is(VerbOutcome::Done),
        (_, RunExpected::Done { becomes, event: kind }) => {
            then.is_some_and(|(event, then)| kind == Some(event.kind) && becomes.contains(&then.status))
        }
    }
}

/// Whether the outcomes of both are those of some order.
fn is_serial(racers: [Racer; 2], outcomes: &[VerbOutcome; 2], seen: &Seen, events: &[RunEvent]) -> bool {
    [[0, 1], [1, 0]].into_iter().any(|order| {
        let mut at = seen.view.clone();
        let mut told = events.iter();
        let explained = order.into_iter().all(|n| {
            if !writes(racers[n], &outcomes[n]) {
                return explains(racers[n], &outcomes[n], seen, &at, None);
            }
            let Some(event) = told.next() else { return false };
            let mut then = at.clone();
            then.apply(event);
            let explained = explains(racers[n], &outcomes[n], seen, &at, Some((event, &then)));
            at = then;
            explained
        });
        explained && told.next().is_none()
    })
}

impl Track {
    /// A run that is to be resumed is held; one that is to move is at rest.
    async fn hold(&self, racers: [Racer; 2]) -> bool {
        let moves = racers.contains(&Racer::Run(RunVerb::Move)) && self.world.status().await == RunStatus::Running;
        let is_held = moves || racers.contains(&Racer::Run(RunVerb::Resume));
        if is_held {
            self.world.store.pause_run(&self.world.call()).await.unwrap();
        }
        is_held
    }

    /// A fork has what its plan was made on, whatever came of the run since.
    async fn shares_what_was_seen(&self, seen: &Seen, at: &str) {
        let fork = "SELECT id FROM workflow_runs WHERE forked_run = $1";
        let fork = sqlx::query_scalar(fork).bind(self.world.run.0).fetch_one(&self.world.pool).await.unwrap();
        let fork = self.world.store.run_view(RunId(fork), &self.world.actor).await.unwrap().unwrap();
        for key in seen.kept() {
            let made =
                |view: &RunView| view.latest_artifacts(&key).map(|it| it.content_hash.clone()).collect::<Vec<_>>();
            assert_eq!(made(&fork), made(&seen.view), "{at}: {key} of the fork");
        }
    }

    /// One race; breaks when nothing moved.
    async fn race(&mut self, racers: [Racer; 2], expects: bool) -> ControlFlow<()> {
        let is_held = self.hold(racers).await;
        let seen = Arc::new(self.seen(expects).await);
        let at = format!(
            "{:?} against {:?} on a {:?} that is {}, gate {}, {} generation",
            racers[0],
            racers[1],
            self.scene,
            self.status,
            self.mode,
            if expects { "expecting its" } else { "whatever its" },
        );
        let barrier = Arc::new(Barrier::new(2));
        let second = if self.scene == Scene::GateForTwo { &self.second } else { &self.world.actor };
        let tasks = [(racers[0], &self.world.actor), (racers[1], second)].map(|(racer, actor)| {
            let (store, actor) = (self.world.store.clone(), actor.clone());
            let (seen, barrier) = (Arc::clone(&seen), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                act(&store, &Call::new(seen.view.id, &actor), racer, &seen).await.unwrap()
            })
        });
        let [one, two] = tasks;
        let outcomes = [one.await.unwrap(), two.await.unwrap()];
        let events = self.world.store.events_after(self.world.run, seen.view.seq, 100).await.unwrap();
        let told: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
        assert!(is_serial(racers, &outcomes, &seen, &events), "{at}: {outcomes:?}, events {told:?}");
        if racers.into_iter().zip(&outcomes).any(|it| it == (Racer::Run(RunVerb::Fork), &VerbOutcome::Done)) {
            self.shares_what_was_seen(&seen, &at).await;
        }
        let won = outcomes.iter().filter(|outcome| **outcome == VerbOutcome::Done).count();
        // Two people may both vote, and both supply.
        if expects && racers[0] == racers[1] && self.scene != Scene::GateForTwo {
            assert!(won <= 1, "{at}: both won");
        }
        if won == 0 && !is_held {
            return ControlFlow::Break(());
        }
        let checked = std::panic::AssertUnwindSafe(self.world.check());
        if let Err(broken) = futures::FutureExt::catch_unwind(checked).await {
            let why = broken.downcast_ref::<String>().cloned().unwrap_or_default();
            panic!("{at}: {outcomes:?}, events {told:?}: {why}");
        }
        ControlFlow::Continue(())
    }
}

async fn races(pool: PgPool, scene: Scene, status: StepStatus) {
    let (modes, of_run): (&[_], &[RunVerb]) = match scene {
        Scene::Step => (&["when_manual", "always"], &RunVerb::ALL),
        // Their runs differ in nothing but the step.
        Scene::Item | Scene::Form => (&["when_manual"], &[RunVerb::Cancel, RunVerb::AutoRun]),
        Scene::GateForTwo => (&["always"], &[RunVerb::Cancel, RunVerb::AutoRun]),
    };
    for mode in modes {
        let mut track = Track::new(pool.clone(), scene, mode, status).await;
        for (n, one) in Verb::ALL.into_iter().enumerate() {
            let others = Verb::ALL[n..].iter().map(|verb| Racer::Step(*verb));
            for (m, two) in others.chain(of_run.iter().copied().map(Racer::Run)).enumerate() {
                // Who starts first is dealt evenly; equal verbs race both ways.
                let racers = if m % 2 == 0 { [Racer::Step(one), two] } else { [two, Racer::Step(one)] };
                let both_ways: &[bool] = if m == 0 {
                    &[true, false]
                } else if (n + m) % 2 == 0 {
                    &[true]
                } else {
                    &[false]
                };
                for expects in both_ways {
                    if track.race(racers, *expects).await.is_continue() {
                        track.begin().await;
                    }
                }
            }
        }
        sqlx::query("TRUNCATE workflow_runs, workflow_templates, users, workers, decisions CASCADE")
            .execute(&pool)
            .await
            .unwrap();
    }
}

macro_rules! races {
    ($($name:ident: $scene:ident $status:ident),+) => {$(
        #[sqlx::test(migrator = "MIGRATOR")]
        async fn $name(pool: PgPool) {
            races(pool, Scene::$scene, StepStatus::$status).await;
        }
    )+};
}

races! {
    any_two_verbs_on_a_pending_step_come_out_in_some_order: Step Pending,
    any_two_verbs_on_a_ready_step_come_out_in_some_order: Step Ready,
    any_two_verbs_on_a_running_step_come_out_in_some_order: Step Running,
    any_two_verbs_on_a_waiting_step_come_out_in_some_order: Step AwaitingReview,
    any_two_verbs_on_a_completed_step_come_out_in_some_order: Step Completed,
    any_two_verbs_on_a_failed_step_come_out_in_some_order: Step Failed,
    any_two_verbs_on_a_skipped_step_come_out_in_some_order: Step Skipped,
    any_two_verbs_on_a_waiting_item_come_out_in_some_order: Item AwaitingReview,
    any_two_verbs_on_a_completed_item_come_out_in_some_order: Item Completed,
    any_two_verbs_on_a_form_come_out_in_some_order: Form AwaitingReview,
    two_people_at_a_gate_for_two_come_out_in_some_order: GateForTwo AwaitingReview
}
