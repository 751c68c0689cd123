//! Every verb, asked of both engines in the same words.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use store::verbs::{Approval, Call, Edit, Rejection, Rerun, Skip, Supply, Trigger, VerbOutcome};
use workflow::{
    ArtifactId, RunId, StepKey, StepStatus,
    api::RerunMode,
    rerun,
    run::{
        Command, State,
        command::{self, Changes, Patch},
        state::Status,
    },
    skipping,
    verbs::Verb,
    view::BudgetView,
};

use crate::{
    outcome::Outcome,
    people::Asked,
    world::{Check, World, people, shown},
};

/// A verb as the old engine takes it.
pub(crate) enum Old {
    Trigger(StepKey, Trigger),
    Approve(StepKey, Approval),
    Edit(StepKey, Edit),
    Reject(StepKey, Rejection),
    Skip(StepKey, Skip),
    Supply(StepKey, Supply),
    Stop(StepKey, Option<i32>),
    Rerun(StepKey, Rerun),
    Rollback(ArtifactId, Option<i32>),
    AutoRun(bool),
    Pause,
    Resume(Option<BudgetView>),
    Cancel,
    Adopt(RunId, Vec<StepKey>),
    Move(Box<crate::branches::Moving>),
}

impl World {
    pub(crate) async fn do_old(&mut self, t: usize, call: &Call<'_>, old: Old) -> Check<Outcome> {
        if let Old::Skip(key, skip) = &old
            && self.misses(t, key, skip)
        {
            return Ok(Outcome::Missing);
        }
        let store = &self.store;
        let outcome: store::Result<VerbOutcome> = match &old {
            Old::Trigger(key, trigger) => store.trigger_step(call, key, trigger).await,
            Old::Approve(key, approval) => store.approve_step(call, key, approval).await,
            Old::Edit(key, edit) => store.edit_step(call, key, edit).await,
            Old::Reject(key, rejection) => store.reject_step(call, key, rejection).await,
            Old::Skip(key, skip) => store.skip_step(call, key, skip).await,
            Old::Supply(key, supply) => store.supply_step(call, key, supply).await,
            Old::Stop(key, generation) => store.stop_step(call, key, *generation).await,
            Old::Rerun(key, rerun) => store.rerun_step(call, key, rerun).await,
            Old::Rollback(artifact, generation) => store.rollback_artifact(call, *artifact, *generation).await,
            Old::AutoRun(on) => store.set_auto_run(call, *on).await,
            Old::Pause => store.pause_run(call).await,
            Old::Resume(budget) => store.resume_run(call, *budget).await,
            Old::Cancel => store.cancel_run(call).await,
            Old::Adopt(from, steps) => store.adopt_run(call, *from, steps).await,
            Old::Move(moving) => return self.move_old(call, moving).await,
        };
        Ok(outcome.map_err(shown)?.into())
    }

    /// What `service` asks before it skips.
    fn misses(&self, t: usize, key: &StepKey, skip: &Skip) -> bool {
        let given = |(step, port): &(StepKey, String)| {
            skip.inputs.get(step).and_then(|inputs| inputs.get(port)).is_some_and(|value| !value.is_null())
        };
        !skipping::needs(&self.twins[t].seen, &self.agents, key).iter().all(given)
    }

    // ---- on a step

    pub(crate) async fn step_verb(&mut self) -> Check {
        let t = self.dice.roll(self.twins.len());
        let Some(key) = self.some_step(t) else { return Ok(()) };
        let mut asked = self.somebody(t);
        let mut verb = Verb::ALL[self.dice.roll(Verb::ALL.len())];
        let is_waiting = self.status(t, &key) == Some(StepStatus::AwaitingReview);
        if is_waiting && self.dice.one_in(2) {
            verb = [Verb::Continue, Verb::Continue, Verb::Edit, Verb::Reject, Verb::Supply][self.dice.roll(5)];
        }
        asked.is_late = verb.is_decision() && self.dice.one_in(15);
        self.step_verb_of(t, verb, &key, &asked).await
    }

    fn status(&self, t: usize, key: &StepKey) -> Option<StepStatus> {
        self.twins[t].state.step(key).map(|step| step.status.word())
    }

    pub(crate) async fn step_verb_of(&mut self, t: usize, verb: Verb, key: &StepKey, asked: &Asked) -> Check {
        let generation = self.twins[t].state.step(key).map_or(1, |step| step.generation);
        let expect = match self.dice.roll(8) {
            0 | 1 => Some(generation),
            2 => Some(generation + 1),
            _ => None,
        };
        let expect_old = expect.map(|expect| self.twins[t].old_generation(key, expect));
        let Some((old, new)) = self.words(t, verb, key, expect_old, expect) else { return Ok(()) };
        self.ask(t, verb.as_str(), asked, Some((verb, key)), old, &new).await
    }

    /// The verb as each engine takes it.
    fn words(
        &mut self,
        t: usize,
        verb: Verb,
        key: &StepKey,
        expect_old: Option<i32>,
        expect_generation: Option<i32>,
    ) -> Option<(Old, Command)> {
        let step = key.clone();
        let is_list = self.twins[t].is_map(key);
        let digest = match self.dice.roll(6) {
            0 => Some(self.twins[t].seen.review_digest(key)),
            1 => Some("what was there before".to_owned()),
            _ => None,
        };
        let n = self.dice.roll(3);
        Some(match verb {
            Verb::Trigger => {
                let (changes, prompt, inputs) = self.changes();
                let old = Trigger { prompt, inputs, expect_generation: expect_old };
                (Old::Trigger(step.clone(), old), Command::Trigger { step, changes, expect_generation })
            }
            Verb::Continue => {
                let old = Approval { digest: digest.clone(), expect_generation: expect_old };
                (Old::Approve(step.clone(), old), Command::Continue { step, digest, expect_generation })
            }
            Verb::Edit => {
                // Nobody edits what was never made.
                self.twins[t].state.latest(key).next()?;
                let (artifact, new) = self.content(&format!("edited {n}"), is_list);
                let and_continue = self.dice.one_in(2);
                let old = Edit {
                    artifacts: vec![artifact],
                    approve: and_continue,
                    digest: digest.clone(),
                    expect_generation: expect_old,
                };
                let edit =
                    command::Edit { step: step.clone(), outputs: vec![new], and_continue, digest, expect_generation };
                (Old::Edit(step, old), Command::Edit(Box::new(edit)))
            }
            Verb::Reject => {
                let feedback = format!("again {n}");
                let old =
                    Rejection { feedback: feedback.clone(), digest: digest.clone(), expect_generation: expect_old };
                (Old::Reject(step.clone(), old), Command::Reject { step, feedback, digest, expect_generation })
            }
            Verb::Skip => {
                let inputs = self.given_for(t, key);
                let seq = self.dice.one_in(2).then_some(self.twins[t].seen.seq);
                let old = Skip { inputs: inputs.clone(), seq, expect_generation: expect_old };
                (Old::Skip(step.clone(), old), Command::Skip { step, inputs, expect_generation })
            }
            Verb::Supply => {
                let (artifact, new) = self.content(&format!("by hand {n}"), is_list);
                let old = Supply { artifacts: vec![artifact], expect_generation: expect_old };
                (Old::Supply(step.clone(), old), Command::Supply { step, outputs: vec![new], expect_generation })
            }
            Verb::Stop => (Old::Stop(step.clone(), expect_old), Command::Stop { step, expect_generation }),
            Verb::Rerun => {
                let mode = [RerunMode::StepOnly, RerunMode::Downstream, RerunMode::StaleDownstream][n];
                let (changes, prompt, inputs) = self.changes();
                let closure = rerun::closure(&self.twins[t].seen, key, mode);
                let seq = (mode != RerunMode::StepOnly).then_some(self.twins[t].seen.seq);
                let old = Rerun { closure, seq, prompt, inputs, expect_generation: expect_old };
                (Old::Rerun(step.clone(), old), Command::Rerun { step, mode, changes, expect_generation })
            }
            Verb::Rollback => {
                let name = |artifact: &workflow::view::ArtifactMeta| (artifact.name.clone(), artifact.version);
                let mut known = self.twins[t].seen.artifacts.clone();
                known.retain(|artifact| artifact.producing_step_id == *key);
                let old = self.dice.pick(&known)?;
                let (name, version) = name(&old);
                let versions = self.twins[t].state.versions(key, &name);
                let artifact = versions.iter().find(|known| known.version == version)?.id;
                (Old::Rollback(old.id, expect_old), Command::Rollback { artifact, expect_generation })
            }
        })
    }

    /// What is changed about a step: nothing most of the time.
    #[expect(clippy::option_option, reason = "the old engine's words")]
    fn changes(&mut self) -> (Changes, Option<Option<String>>, Option<BTreeMap<String, Value>>) {
        let (prompt, old_prompt) = match self.dice.roll(8) {
            0 => (Patch::Set("by a person".to_owned()), Some(Some("by a person".to_owned()))),
            1 => (Patch::Reset, Some(None)),
            _ => (Patch::Keep, None),
        };
        let (inputs, old_inputs) = match self.dice.roll(8) {
            0 => {
                let given: BTreeMap<String, Value> = [("must".to_owned(), json!(self.dice.roll(2)))].into();
                (Patch::Set(given.clone()), Some(given))
            }
            1 => (Patch::Reset, Some(BTreeMap::new())),
            _ => (Patch::Keep, None),
        };
        (Changes { prompt, inputs }, old_prompt, old_inputs)
    }

    /// Values for those that would be without, and sometimes not.
    fn given_for(&mut self, t: usize, key: &StepKey) -> BTreeMap<StepKey, BTreeMap<String, Value>> {
        let mut given: BTreeMap<StepKey, BTreeMap<String, Value>> = BTreeMap::new();
        if self.dice.one_in(3) {
            return given;
        }
        for (step, port) in skipping::needs(&self.twins[t].seen, &self.agents, key) {
            given.entry(step).or_default().insert(port, json!("given"));
        }
        given
    }

    // ---- on a run

    pub(crate) async fn run_verb(&mut self) -> Check {
        let t = self.dice.roll(self.twins.len());
        let asked = self.somebody(t);
        let on = self.dice.one_in(2);
        let budget = match self.dice.roll(4) {
            0 => Some(BudgetView { tokens: Some(1_000_000), cost_micros: None }),
            1 => Some(BudgetView { tokens: Some(20), cost_micros: Some(1_000) }),
            2 => Some(BudgetView::default()),
            _ => None,
        };
        let (name, old, new) = match self.dice.roll(7) {
            0 | 1 => ("auto-run", Old::AutoRun(on), Command::SetAutoRun(on)),
            2 | 3 => ("pause", Old::Pause, Command::Pause),
            4 | 5 => ("resume", Old::Resume(budget), Command::Resume { budget }),
            _ if self.dice.one_in(8) => ("cancel", Old::Cancel, Command::Cancel),
            _ => return Ok(()),
        };
        self.ask(t, name, &asked, None, old, &new).await
    }

    /// An admin sees to it that nothing keeps the runs.
    pub(crate) async fn let_go(&mut self) -> Check {
        let asked = Asked { by: people()[4].clone(), request: None, is_late: false };
        for t in 0..self.twins.len() {
            if self.twins[t].state.run.held.is_some() {
                let budget = Some(BudgetView { tokens: Some(1_000_000_000), cost_micros: None });
                self.tick(1).await;
                self.ask(t, "resume", &asked, None, Old::Resume(budget), &Command::Resume { budget }).await?;
            }
            let waiting = self.twins[t].keys_where(|step| matches!(step.status, Status::AwaitingReview { .. }));
            for key in waiting {
                if !is_waiting(&self.twins[t].state, &key) {
                    continue;
                }
                let mut inputs: BTreeMap<StepKey, BTreeMap<String, Value>> = BTreeMap::new();
                for (step, port) in skipping::needs(&self.twins[t].seen, &self.agents, &key) {
                    inputs.entry(step).or_default().insert(port, json!("given"));
                }
                let old = Skip { inputs: inputs.clone(), ..Skip::default() };
                let new = Command::Skip { step: key.clone(), inputs, expect_generation: None };
                self.tick(1).await;
                self.ask(t, "skip", &asked, Some((Verb::Skip, &key)), Old::Skip(key.clone(), old), &new).await?;
            }
        }
        Ok(())
    }

    // ---- whatever comes

    pub(crate) async fn step(&mut self) -> Check {
        self.tick(1).await;
        match self.dice.roll(40) {
            0..=6 => {
                let n = 1 + self.dice.roll(4);
                self.claim(n).await
            }
            7..=15 => self.finish().await,
            16 => self.repeat().await,
            17..=20 => self.judge().await,
            21 => self.end_child().await,
            22 | 23 => self.run_verb().await,
            24 if self.dice.one_in(2) => self.lose().await,
            25 => self.time().await,
            26 if self.dice.one_in(2) => self.fork().await,
            27 => self.adopt().await,
            28 => self.move_run().await,
            _ => self.step_verb().await,
        }
    }
}

fn is_waiting(state: &State, key: &StepKey) -> bool {
    state.step(key).is_some_and(|step| matches!(step.status, Status::AwaitingReview { .. }))
}
