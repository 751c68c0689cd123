//! What a racer sees, and does with it: every verb, with all that it needs.
//! A verb must never be left out without a word: the match names each of them.

use std::collections::BTreeSet;

use store::{
    Store,
    verbs::{Approval, Call, Edit, Fork, Move, Rejection, Rerun, Skip, Supply, Trigger, VerbOutcome},
};
use uuid::Uuid;
use workflow::{
    AgentCatalog, ArtifactId, RunId, RunView, StepKey, StepStatus,
    api::RerunMode,
    moving,
    rerun::closure,
    validate,
    verbs::{RunVerb, Verb},
};

use crate::support::{agent, artifact, form};

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
    pub(crate) old: ArtifactId,
    /// The closure that a re-run names, and the event it was planned at.
    pub(crate) rerun: Rerun,
    /// The event that a skip asked for values at.
    seq: Option<i64>,
    pub(crate) digest: Option<String>,
    pub(crate) expect_generation: Option<i32>,
    /// The run to adopt from.
    other: RunId,
}

impl Seen {
    pub(crate) fn of(view: RunView, key: StepKey, other: RunId, mode: &str, expects: bool) -> Self {
        let old = view.artifacts.iter().find(|it| it.producing_step_id == key && !it.is_latest).unwrap().id;
        let step = view.step(&key).unwrap();
        let expect_generation = expects.then_some(step.generation);
        // Where every output passes a gate, the racers are as careful as the pages are.
        let is_careful = mode == "always";
        let how = if is_careful { RerunMode::Downstream } else { RerunMode::StepOnly };
        let seq = is_careful.then_some(view.seq);
        let rerun = Rerun { closure: closure(&view, &key, how), seq, expect_generation, ..Rerun::default() };
        let digest = is_careful.then(|| view.review_digest(&key));
        Self { view, key, old, rerun, seq, digest, expect_generation, other }
    }
}

impl Seen {
    /// What a fork at `c` shares.
    pub(crate) fn kept(&self) -> BTreeSet<StepKey> {
        let before = ["a", "b"].map(StepKey::from).into_iter();
        before.take_while(|key| self.view.step(key).unwrap().status == StepStatus::Completed).collect()
    }
}

/// Does what the racer stands for; fails only as the store does.
pub(crate) async fn act(store: &Store, call: &Call<'_>, racer: Racer, seen: &Seen) -> store::Result<VerbOutcome> {
    match racer {
        Racer::Step(verb) => on_step(store, call, verb, seen).await,
        Racer::Run(verb) => on_run(store, call, verb, seen).await,
    }
}

async fn on_step(store: &Store, call: &Call<'_>, verb: Verb, seen: &Seen) -> store::Result<VerbOutcome> {
    let (key, expect_generation, digest) = (&seen.key, seen.expect_generation, seen.digest.clone());
    let text = |text: &str| vec![artifact("text", text)];
    match verb {
        Verb::Trigger => store.trigger_step(call, key, &Trigger { expect_generation, ..Trigger::default() }).await,
        Verb::Continue => store.approve_step(call, key, &Approval { digest, expect_generation }).await,
        Verb::Edit => {
            let edit = Edit { artifacts: text("edited"), approve: false, digest, expect_generation };
            store.edit_step(call, key, &edit).await
        }
        Verb::Reject => {
            let rejection = Rejection { feedback: "again".into(), digest, expect_generation };
            store.reject_step(call, key, &rejection).await
        }
        Verb::Skip => store.skip_step(call, key, &Skip { seq: seen.seq, expect_generation, ..Skip::default() }).await,
        Verb::Supply => store.supply_step(call, key, &Supply { artifacts: text("supplied"), expect_generation }).await,
        Verb::Stop => store.stop_step(call, key, expect_generation).await,
        Verb::Rerun => store.rerun_step(call, key, &seen.rerun).await,
        Verb::Rollback => store.rollback_artifact(call, seen.old, expect_generation).await,
    }
}

async fn on_run(store: &Store, call: &Call<'_>, verb: RunVerb, seen: &Seen) -> store::Result<VerbOutcome> {
    let (view, seq) = (&seen.view, seen.view.seq);
    let agents = AgentCatalog::new([agent(), form()]);
    match verb {
        RunVerb::AutoRun => store.set_auto_run(call, !view.auto_run).await,
        RunVerb::Pause => store.pause_run(call).await,
        RunVerb::Resume => store.resume_run(call, None).await,
        RunVerb::Cancel => store.cancel_run(call).await,
        RunVerb::Fork => {
            let (plan, _) = validate(&view.run_definition, &agents);
            let id = RunId(Uuid::now_v7());
            let fork =
                Fork { id, at: "c".into(), kept: seen.kept(), seq, auto_run: true, plan: &plan, agents: &agents };
            store.fork_run(call, &fork).await
        }
        RunVerb::Adopt => store.adopt_run(call, seen.other, &["b".into()]).await,
        RunVerb::Move => {
            // In the next version `b` means something else.
            let mut definition = view.run_definition.clone();
            definition.steps.get_mut("b").unwrap().prompt = Some("another".into());
            let (plan, _) = validate(&definition, &agents);
            let change = moving::plan(view, &definition);
            let to = Move { version: 2, definition: &definition, plan: &plan, agents: &agents, change: &change, seq };
            store.move_run(call, &to).await
        }
    }
}
