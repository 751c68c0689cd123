//! All pairs of verbs racing on one step in every status: what comes of it is what one of the two serial orders gives, as the table of
//! `workflow::verbs` says, and the invariants hold. Must stay quick: a run that neither verb moved serves the next pair.

use std::{ops::ControlFlow, sync::Arc};

use serde_json::json;
use sqlx::PgPool;
use store::{
    MIGRATOR, Store,
    verbs::{Approval, Call, Conflict, Edit, Rejection, Rerun, Skip, Supply, Trigger, VerbOutcome},
};
use tokio::sync::Barrier;
use workflow::{
    ArtifactId, Definition, RunStatus, RunView, StepKey, StepStatus, TemplateId,
    api::RerunMode,
    event::RunEvent,
    rerun::closure,
    verbs::{Expected, Generation, RunExpected, RunVerb, Verb, expected, expected_of_run},
};

use crate::support::{World, artifact, failure, start, success};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Racer {
    Step(Verb),
    Run(RunVerb),
}

/// What both racers saw before the race.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) view: RunView,
    pub(crate) key: StepKey,
    /// An older version of what the step made.
    old: ArtifactId,
    /// The closure that a re-run names, and the event it was planned at.
    pub(crate) rerun: Rerun,
    digest: Option<String>,
    expect_generation: Option<i32>,
}

impl Seen {
    pub(crate) fn of(view: RunView, mode: &str, expects: bool) -> Self {
        let key: StepKey = "b".into();
        let old = view.artifacts.iter().find(|it| it.producing_step_id == key && !it.is_latest).unwrap().id;
        let step = view.step(&key).unwrap();
        let expect_generation = expects.then_some(step.generation);
        // Where every output passes a gate, the racers are as careful as the pages are.
        let is_careful = mode == "always";
        let how = if is_careful { RerunMode::Downstream } else { RerunMode::StepOnly };
        let seq = is_careful.then_some(view.seq);
        let rerun = Rerun { closure: closure(&view, &key, how), seq, expect_generation, ..Rerun::default() };
        let digest = is_careful.then(|| view.review_digest(&key));
        Self { view, key, old, rerun, digest, expect_generation }
    }
}

/// Does what the racer stands for; fails only as the store does.
pub(crate) async fn act(store: &Store, call: &Call<'_>, racer: Racer, seen: &Seen) -> store::Result<VerbOutcome> {
    let (key, expect_generation, digest) = (&seen.key, seen.expect_generation, seen.digest.clone());
    let text = |text: &str| vec![artifact("text", text)];
    match racer {
        Racer::Step(Verb::Trigger) => {
            store.trigger_step(call, key, &Trigger { expect_generation, ..Trigger::default() }).await
        }
        Racer::Step(Verb::Continue) => store.approve_step(call, key, &Approval { digest, expect_generation }).await,
        Racer::Step(Verb::Edit) => {
            let edit = Edit { artifacts: text("edited"), approve: false, digest, expect_generation };
            store.edit_step(call, key, &edit).await
        }
        Racer::Step(Verb::Reject) => {
            let rejection = Rejection { feedback: "again".into(), digest, expect_generation };
            store.reject_step(call, key, &rejection).await
        }
        Racer::Step(Verb::Skip) => store.skip_step(call, key, &Skip { expect_generation, ..Skip::default() }).await,
        Racer::Step(Verb::Supply) => {
            store.supply_step(call, key, &Supply { artifacts: text("supplied"), expect_generation }).await
        }
        Racer::Step(Verb::Stop) => store.stop_step(call, key, expect_generation).await,
        Racer::Step(Verb::Rerun) => store.rerun_step(call, key, &seen.rerun).await,
        Racer::Step(Verb::Rollback) => store.rollback_artifact(call, seen.old, expect_generation).await,
        Racer::Run(RunVerb::Cancel) => store.cancel_run(call).await,
        Racer::Run(RunVerb::Pause) => store.pause_run(call).await,
        Racer::Run(RunVerb::Resume) => store.resume_run(call, None).await,
        Racer::Run(_) => store.set_auto_run(call, !seen.view.auto_run).await,
    }
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
    let is_done = *outcome == VerbOutcome::Done;
    if is_done != then.is_some() {
        return false;
    }
    match racer {
        Racer::Run(verb) => match (expected_of_run(verb, at.status, at.status_reason), then) {
            (_, None) if verb == RunVerb::AutoRun && at.auto_run != seen.view.auto_run => {
                *outcome == VerbOutcome::Unchanged
            }
            (RunExpected::Done { becomes, event: kind }, Some((event, then))) => {
                kind == Some(event.kind) && becomes.contains(&then.status)
            }
            (RunExpected::Unchanged, None) => *outcome == VerbOutcome::Unchanged,
            (RunExpected::Refused(_), None) => {
                *outcome == VerbOutcome::Conflict(Conflict::Status(at.status.as_str().to_owned()))
            }
            _ => false,
        },
        Racer::Step(_) if seen.expect_generation.is_some_and(|generation| generation != step.generation) => {
            *outcome == VerbOutcome::Conflict(Conflict::Generation)
        }
        Racer::Step(_) if at.status == RunStatus::Cancelled => {
            *outcome == VerbOutcome::Conflict(Conflict::Status("cancelled".to_owned()))
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
                        Generation::Either => is_next || now.generation == step.generation,
                    }
            }
            (Expected::Refused(_), None) => {
                *outcome == VerbOutcome::Conflict(Conflict::Status(step.status.as_str().to_owned()))
            }
            // Allowed, but what it wants is so already, or it was decided on what is there no more.
            (Expected::Done { .. }, None) => match verb {
                Verb::Rollback => {
                    let is_latest = at.artifacts.iter().any(|it| it.id == seen.old && it.is_latest);
                    is_latest && *outcome == VerbOutcome::Unchanged
                }
                Verb::Continue | Verb::Reject | Verb::Edit
                    if seen.digest.is_some() && at.review_digest(&seen.key) != seen.view.review_digest(&seen.key) =>
                {
                    *outcome == VerbOutcome::Conflict(Conflict::Digest)
                }
                Verb::Rerun if at.seq != seen.view.seq => *outcome == VerbOutcome::Conflict(Conflict::Moved),
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

/// Whether the outcomes of both are those of some order.
fn is_serial(racers: [Racer; 2], outcomes: &[VerbOutcome; 2], seen: &Seen, events: &[RunEvent]) -> bool {
    [[0, 1], [1, 0]].into_iter().any(|order| {
        let mut at = seen.view.clone();
        let mut told = events.iter();
        let explained = order.into_iter().all(|n| {
            if outcomes[n] != VerbOutcome::Done {
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

pub(crate) struct Track {
    pub(crate) world: World,
    pub(crate) definition: Definition,
    pub(crate) template: TemplateId,
    mode: &'static str,
    pub(crate) status: StepStatus,
}

impl Track {
    pub(crate) async fn new(pool: PgPool, mode: &'static str, status: StepStatus) -> Self {
        let review = json!({"mode": mode});
        let definition = Definition::from_value(&json!({"steps": {
            "a": {"agent_id": "echo"},
            "b": {"agent_id": "echo", "depends_on": ["a"], "review": review},
            "c": {"agent_id": "echo", "depends_on": ["b"]}}}))
        .unwrap();
        let world = World::new(pool.clone(), &definition, true).await;
        let template = sqlx::query_scalar("SELECT id FROM workflow_templates").fetch_one(&pool).await.unwrap();
        let mut track = Self { world, definition, template: TemplateId(template), mode, status };
        track.begin().await;
        track
    }

    /// Claims and finishes whatever is ready.
    pub(crate) async fn finish(&self) {
        loop {
            let claims = self.world.claim(10).await;
            if claims.is_empty() {
                return;
            }
            let batch: Vec<_> = claims.iter().map(success).collect();
            self.world.complete(&batch).await;
        }
    }

    /// A new run whose step `b` has two versions and the status in question.
    pub(crate) async fn begin(&mut self) {
        for table in ["workflow_runs", "decisions"] {
            sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&self.world.pool).await.unwrap();
        }
        self.world.run = start(&self.world.store, &self.world.actor, self.template, &self.definition, true).await;
        let (world, key) = (&self.world, StepKey::from("b"));
        let (call, store, approve) = (world.call(), &world.store, self.mode == "always");
        self.finish().await;
        if approve {
            assert_eq!(store.approve_step(&call, &key, &Approval::default()).await.unwrap(), VerbOutcome::Done);
            self.finish().await;
        }
        let edit = Edit { artifacts: vec![artifact("text", "second")], approve, ..Edit::default() };
        assert_eq!(store.edit_step(&call, &key, &edit).await.unwrap(), VerbOutcome::Done);
        match self.status {
            StepStatus::Completed => {}
            StepStatus::Pending => {
                let closure = ["a".into(), "b".into(), "c".into()].into();
                store.rerun_step(&call, &"a".into(), &Rerun { closure, ..Rerun::default() }).await.unwrap();
            }
            status => {
                store.trigger_step(&call, &key, &Trigger::default()).await.unwrap();
                if status == StepStatus::Skipped {
                    store.skip_step(&call, &key, &Skip::default()).await.unwrap();
                }
                if status == StepStatus::AwaitingReview {
                    store.set_auto_run(&call, false).await.unwrap();
                }
                if matches!(status, StepStatus::Running | StepStatus::AwaitingReview | StepStatus::Failed) {
                    let claim = world.claim(1).await.remove(0);
                    let result = match status {
                        StepStatus::AwaitingReview => Some(success(&claim)),
                        StepStatus::Failed => Some(failure(&claim)),
                        _ => None,
                    };
                    if let Some(result) = result {
                        world.complete(&[result]).await;
                    }
                }
            }
        }
        self.world.folded = self.world.view().await;
        self.world.check().await;
        assert_eq!(self.world.folded.step(&key).unwrap().status, self.status);
    }

    /// One race; breaks when nothing moved.
    async fn race(&mut self, racers: [Racer; 2], expects: bool) -> ControlFlow<()> {
        let seen = Arc::new(Seen::of(self.world.view().await, self.mode, expects));
        let at = format!(
            "{:?} against {:?} on a step that is {}, gate {}, {} generation",
            racers[0],
            racers[1],
            self.status,
            self.mode,
            if expects { "expecting its" } else { "whatever its" },
        );
        let barrier = Arc::new(Barrier::new(2));
        let tasks = racers.map(|racer| {
            let (store, actor) = (self.world.store.clone(), self.world.actor.clone());
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
        let won = outcomes.iter().filter(|outcome| **outcome == VerbOutcome::Done).count();
        if expects && racers[0] == racers[1] {
            assert!(won <= 1, "{at}: both won");
        }
        if won == 0 {
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

async fn races(pool: PgPool, status: StepStatus) {
    for mode in ["when_manual", "always"] {
        let mut track = Track::new(pool.clone(), mode, status).await;
        for (n, one) in Verb::ALL.into_iter().enumerate() {
            let others = Verb::ALL[n..].iter().map(|verb| Racer::Step(*verb));
            let of_run = [RunVerb::Cancel, RunVerb::Pause, RunVerb::AutoRun].map(Racer::Run);
            for (m, two) in others.chain(of_run).enumerate() {
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
    ($($name:ident: $status:ident),+) => {$(
        #[sqlx::test(migrator = "MIGRATOR")]
        async fn $name(pool: PgPool) {
            races(pool, StepStatus::$status).await;
        }
    )+};
}

races! {
    any_two_verbs_on_a_pending_step_come_out_in_some_order: Pending,
    any_two_verbs_on_a_ready_step_come_out_in_some_order: Ready,
    any_two_verbs_on_a_running_step_come_out_in_some_order: Running,
    any_two_verbs_on_a_waiting_step_come_out_in_some_order: AwaitingReview,
    any_two_verbs_on_a_completed_step_come_out_in_some_order: Completed,
    any_two_verbs_on_a_failed_step_come_out_in_some_order: Failed,
    any_two_verbs_on_a_skipped_step_come_out_in_some_order: Skipped
}
