//! The verbs of a person that make a step run or keep it from running, and those on what it made.
//! Must never begin what the person did not see: `decide` compared generation and digest before anything here is asked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{draft::Draft, gates::Vote};
use crate::{
    definition::ReviewMode,
    id::{ArtifactId, StepKey, UserId},
    rerun,
    run::{
        Refused,
        command::{Changes, Edit},
        event::EventKind,
        seeded::{self, Bug},
        state::{Admission, NewVersion, Status, Verdict},
    },
    skipping,
    staleness::staleness,
    status::{ErrorClass, Origin, Outcome, SkipReason, StepStatus},
    step_machine::StepEvent,
    view::StepOverride,
};

impl Draft<'_> {
    pub(super) fn expect_status(&self, key: &StepKey, allowed: &[StepStatus]) -> Result<(), Refused> {
        let status = self.step(key)?.status.word();
        if allowed.contains(&status) { Ok(()) } else { Err(Refused::Status(status)) }
    }

    // ---- trigger and re-run

    /// Starts, retries or re-runs one step.
    pub(super) fn trigger(&mut self, key: &StepKey, changes: &Changes, is_expected: bool) -> Result<(), Refused> {
        use StepStatus as S;
        self.expect_status(key, &[S::Ready, S::Completed, S::Failed, S::Skipped])?;
        self.refuse_bound_literals(key, changes)?;
        let is_new = self.change_override(key, changes);
        if self.step(key)?.status.word() == S::Ready {
            // Of equal clicks one has an effect: the others find the step queued just as they want it.
            if is_expected && !is_new && self.is_due(key)? {
                return Ok(());
            }
            // Already queued: only what it will run with changes, and a backoff is over.
            self.expect(key, StepEvent::Triggered { blocked: false }, S::Ready)?;
            let now = self.now;
            self.change(key, |step| step.not_before = now);
        } else {
            let triggered = |_: &StepKey, blocked| StepEvent::Triggered { blocked };
            self.restart(&[key.clone()].into(), triggered, Verdict::Superseded, 0)?;
        }
        self.start_in_held_run(key);
        self.tell(EventKind::StepTriggered, Some(key), None)?;
        Ok(())
    }

    /// Runs a step again, with what is downstream of it as the mode says.
    pub(super) fn rerun(
        &mut self,
        key: &StepKey,
        mode: crate::api::RerunMode,
        changes: &Changes,
    ) -> Result<(), Refused> {
        use StepStatus as S;
        self.expect_status(key, &[S::Completed, S::Failed, S::Skipped])?;
        let closure = match mode {
            crate::api::RerunMode::StepOnly => BTreeSet::from([key.clone()]),
            mode => {
                let view = self.base().view(&BTreeMap::new());
                // What a person wrote since it was looked is never run over.
                if mode == crate::api::RerunMode::Stale && !rerun::refreshable(&view, &staleness(&view)).contains(key) {
                    return Err(Refused::NothingToRefresh);
                }
                rerun::closure(&view, key, mode)
            }
        };
        self.refuse_bound_literals(key, changes)?;
        self.change_override(key, changes);
        let event = |of: &StepKey, blocked| {
            if of == key { StepEvent::Rerun { blocked } } else { StepEvent::Superseded { blocked } }
        };
        self.restart(&closure, event, Verdict::Superseded, 0)?;
        self.start_in_held_run(key);
        self.tell(EventKind::StepRerun, Some(key), None)?;
        Ok(())
    }

    /// In a paused run nothing starts by itself, but what a person triggers does, as far as limits let it.
    fn start_in_held_run(&mut self, key: &StepKey) {
        let is_ready = self.step(key).is_ok_and(|step| step.status.word() == StepStatus::Ready);
        if self.run.held.is_some() && is_ready {
            self.change(key, |step| step.manually_triggered = true);
        }
    }

    /// Whether a queued step may start now, as far as backoff and a held run go.
    fn is_due(&self, key: &StepKey) -> Result<bool, Refused> {
        let step = self.step(key)?;
        let is_kept =
            step.status.admission() == Some(Admission::Held) || self.run.held.is_some() && !step.manually_triggered;
        Ok(step.not_before <= self.now && !is_kept)
    }

    /// The override of a step with another prompt or other inputs. False: it is so already, or nothing is asked for.
    pub(super) fn change_override(&mut self, key: &StepKey, changes: &Changes) -> bool {
        let before = self.override_of(key).cloned().unwrap_or_default();
        let value = changes.on(&before);
        let is_new = value != before;
        if is_new {
            self.set_override(key, value);
        }
        is_new
    }

    // ---- stop and skip

    /// Ends what a step is doing, or waits to do; it can be retried.
    pub(super) fn stop(&mut self, key: &StepKey) -> Result<(), Refused> {
        self.expect_status(key, &[StepStatus::Ready, StepStatus::Running])?;
        if self.is_map(key) {
            self.end_items(key)?;
        }
        self.end_work(key, Outcome::Cancelled);
        self.fail(key, ErrorClass::Stopped, StepEvent::Stopped)?;
        self.advance(vec![key.clone()])?;
        self.tell(EventKind::StepStopped, Some(key), None)?;
        Ok(())
    }

    /// Goes on without a step, with values for those that wanted its artifacts.
    pub(super) fn skip_by_person(
        &mut self,
        key: &StepKey,
        given: &BTreeMap<StepKey, BTreeMap<String, Value>>,
    ) -> Result<(), Refused> {
        use StepStatus as S;
        self.expect_status(key, &[S::Pending, S::Ready, S::Failed, S::AwaitingReview])?;
        self.refuse_if_bound(key)?;
        for (of, inputs) in given {
            self.refuse_bound_ports(of, inputs.keys())?;
        }
        let is_given = |step: &StepKey, port: &str| {
            given.get(step).and_then(|inputs| inputs.get(port)).is_some_and(|value| !value.is_null())
        };
        let mut missing = skipping::needs(&self.base().view(&BTreeMap::new()), self.ctx.agents, key);
        missing.retain(|(step, port)| !is_given(step, port));
        if !missing.is_empty() {
            return Err(Refused::Missing(missing));
        }
        self.expect(key, StepEvent::SkippedByPerson, S::Skipped)?;
        let was_over = self.step(key)?.status.is_over();
        for (of, inputs) in given {
            let mut value: StepOverride = self.override_of(of).cloned().unwrap_or_default();
            value.inputs.extend(inputs.clone());
            self.set_override(of, value);
        }
        self.close_gate(key, Verdict::Superseded);
        if was_over {
            self.lift(key)?;
        }
        self.change(key, |step| step.status = Status::Skipped { reason: SkipReason::Person });
        self.advance(vec![key.clone()])?;
        self.tell(EventKind::StepSkipped, Some(key), None)?;
        Ok(())
    }

    /// A step that is over is about to be over in another way: until then its dependents wait as if it were open.
    pub(super) fn lift(&mut self, key: &StepKey) -> Result<(), Refused> {
        self.change(key, |step| step.status = Status::Pending { needs_decision: false });
        self.reopen(vec![key.clone()])
    }

    // ---- what it made

    /// New versions by a person, of a step that waits for review or is completed.
    pub(super) fn edit(&mut self, edit: &Edit) -> Result<(), Refused> {
        let key = &edit.step;
        self.expect_status(key, &[StepStatus::AwaitingReview, StepStatus::Completed])?;
        let is_completed = self.step(key)?.status == Status::Completed;
        if edit.expect_generation.is_some() && self.is_written(key, &edit.outputs) {
            let votes = self.step(key)?.review().map(|review| review.votes.clone()).unwrap_or_default();
            let has_voted = self.actor().is_some_and(|actor| votes.contains(&actor));
            if is_completed || !edit.and_continue || has_voted {
                return Ok(());
            }
        }
        for new in &edit.outputs {
            self.add_version(key, new, Origin::HumanEdit, None, self.actor());
        }
        self.void_votes(key);
        // Edited after it passed an `always` gate, it has to pass it again.
        let is_gated = !is_completed || self.always_asks(key);
        self.expect(
            key,
            StepEvent::Edited { gated: is_gated },
            if is_gated { StepStatus::AwaitingReview } else { StepStatus::Completed },
        )?;
        if is_gated && is_completed {
            self.open_gate(key);
            self.reopen(vec![key.clone()])?;
        }
        if is_gated && edit.and_continue {
            if let Vote::Approved = self.vote(key)? {
                self.advance(vec![key.clone()])?;
            }
        } else if !is_gated {
            self.list_anew(key)?;
        }
        self.tell(EventKind::StepEdited, Some(key), None)?;
        Ok(())
    }

    /// Whether what a person brings has to be approved: the mode is `always`, or the gate binds. The gate of a map is at its items, but a
    /// list that did not come from them is not to get around it.
    pub(super) fn always_asks(&self, key: &StepKey) -> bool {
        let mode = self.definition(key).map(|step| step.review.mode);
        let binds = self.binds(key) && !seeded::is(Bug::SuppliesAround);
        (mode == Some(ReviewMode::Always) && !self.is_map(key)) || binds
    }

    /// Whether a person's answer to a form is their approval of it at once: its gate asks nobody else.
    fn answers(&self, key: &StepKey) -> bool {
        let review = self.definition(key).map(|step| &step.review);
        let is_enough = review.is_some_and(|review| review.quorum <= 1 && review.mode != ReviewMode::Always);
        self.asks_a_person(key) && is_enough && self.may_approve_answer(key)
    }

    /// The map of a completed item makes its list anew.
    fn list_anew(&mut self, key: &StepKey) -> Result<(), Refused> {
        if let Some(item) = self.step(key)?.item.clone() {
            self.reopen(vec![key.clone()])?;
            self.collect_if_over(&item.of);
        }
        Ok(())
    }

    /// Completes a step with outputs by a person, whatever became of it; an `always` gate still asks.
    pub(super) fn supply(&mut self, key: &StepKey, outputs: &[NewVersion], is_expected: bool) -> Result<(), Refused> {
        let status = self.step(key)?.status.word();
        if matches!(status, StepStatus::Running | StepStatus::Cancelled) {
            return Err(Refused::Status(status));
        }
        let stands = status == StepStatus::Completed || (status == StepStatus::AwaitingReview && self.always_asks(key));
        if is_expected && stands && self.is_written(key, outputs) {
            return Ok(());
        }
        self.bring(key, outputs, Origin::HumanEdit)?;
        self.tell(EventKind::StepSupplied, Some(key), None)?;
        Ok(())
    }

    /// The step is completed by what a person gave; an `always` gate still asks.
    pub(super) fn bring(&mut self, key: &StepKey, outputs: &[NewVersion], origin: Origin) -> Result<(), Refused> {
        for new in outputs {
            self.add_version(key, new, origin, None, self.actor());
        }
        let is_answered = self.binds(key) && origin == Origin::HumanEdit && self.answers(key);
        let gated = self.always_asks(key) && !is_answered;
        self.door(key, StepEvent::Supplied { gated })?;
        self.void_votes(key);
        let step = self.step(key)?.clone();
        if step.status.is_over() {
            self.lift(key)?;
        }
        self.change(key, |step| step.rounds = 0);
        if gated {
            if step.review().is_none() {
                self.open_gate(key);
            }
            return Ok(());
        }
        if is_answered {
            self.close_gate(key, Verdict::Approved);
            let by: Vec<UserId> = self.actor().into_iter().collect();
            self.approve_versions(key, &by);
        } else {
            self.close_gate(key, Verdict::Superseded);
        }
        self.change(key, |step| step.status = Status::Completed);
        self.advance(vec![key.clone()])
    }

    /// Makes an older version the latest again.
    pub(super) fn roll_back(&mut self, key: &StepKey, artifact: ArtifactId) -> Result<(), Refused> {
        let status = self.step(key)?.status.word();
        let version = self.base().artifact(artifact).cloned().ok_or(Refused::NotFound)?;
        let gated = status == StepStatus::Completed && self.always_asks(key) && !version.is_approved;
        self.door(key, StepEvent::RolledBack { gated })?;
        if version.is_latest {
            return Ok(());
        }
        self.put_version(crate::run::state::Version { is_latest: true, ..version });
        self.void_votes(key);
        if gated {
            self.open_gate(key);
            self.reopen(vec![key.clone()])?;
        } else if status == StepStatus::Completed {
            self.list_anew(key)?;
        }
        self.tell(EventKind::ArtifactRolledBack, Some(key), None)?;
        Ok(())
    }
}
