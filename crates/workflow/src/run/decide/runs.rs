//! The verbs of a person on a whole run, what its time does to it, and what it takes over from another run.

use std::collections::BTreeMap;

use super::draft::Draft;
use crate::{
    definition::ReviewMode,
    id::StepKey,
    run::{
        Refused,
        event::EventKind,
        plan::KeyLimit,
        state::{Admission, NewVersion, Status, Verdict, Wait, Work},
    },
    status::{ErrorClass, Origin, Outcome, RunStatus, StatusReason, StepStatus},
    step_machine::StepEvent,
    view::BudgetView,
};

impl Draft<'_> {
    fn refuse_if_over(&self) -> Result<(), Refused> {
        if self.run.status.is_terminal() { Err(Refused::RunStatus(self.run.status)) } else { Ok(()) }
    }

    /// Every step that is part of the run and not over. It costs the run: for what ends all of it.
    fn open_steps(&self) -> Vec<StepKey> {
        self.base().steps().filter(|step| !step.status.is_over()).map(|step| step.key.clone()).collect()
    }

    /// Switching it on releases every gate that is only there while it is off.
    pub(super) fn set_auto_run(&mut self, on: bool) -> Result<(), Refused> {
        if self.run.auto_run == on {
            return Ok(());
        }
        self.refuse_if_over()?;
        self.run.auto_run = on;
        if on {
            let mut released = Vec::new();
            for step in self.base().steps() {
                let mode = self.definition(&step.key).map(|step| step.review.mode);
                // A form that nobody answered is no gate.
                let is_answered = !self.asks_a_person(&step.key) && !self.latest(&step.key).is_empty();
                if step.review().is_some() && mode == Some(ReviewMode::WhenManual) && is_answered {
                    released.push(step.key.clone());
                }
            }
            for key in &released {
                self.expect(key, StepEvent::Approved, StepStatus::Completed)?;
                self.close_gate(key, Verdict::Released);
                self.change(key, |step| step.status = Status::Completed);
            }
            self.advance(released)?;
        }
        self.tell(EventKind::AutoRunChanged, None, None)?;
        Ok(())
    }

    /// Nothing new starts; what runs may finish.
    pub(super) fn pause(&mut self) -> Result<(), Refused> {
        if self.run.held.is_some() {
            return Ok(());
        }
        self.refuse_if_over()?;
        self.hold(StatusReason::Person);
        self.tell(EventKind::RunPaused, None, None)?;
        Ok(())
    }

    /// Goes on, perhaps with another budget in place of the one there was; an amount left out is no limit.
    pub(super) fn resume(&mut self, budget: Option<BudgetView>) -> Result<(), Refused> {
        if self.run.held.is_none() {
            return self.refuse_if_over();
        }
        if let Some(budget) = budget {
            self.run.budget = (budget != BudgetView::default()).then_some(budget);
        }
        if Self::is_spent(&self.run) {
            return Err(Refused::BudgetTooSmall);
        }
        self.run.held = None;
        self.tell(EventKind::RunResumed, None, None)?;
        Ok(())
    }

    /// Everything that is not over is cancelled. A cancelled run is final.
    pub(super) fn cancel(&mut self) -> Result<(), Refused> {
        if self.run.status == RunStatus::Cancelled {
            return Ok(());
        }
        self.refuse_if_over()?;
        for key in self.open_steps() {
            self.expect(&key, StepEvent::Cancelled, StepStatus::Cancelled)?;
            self.end_work(&key, Outcome::Cancelled);
            self.close_gate(&key, Verdict::Cancelled);
            self.change(&key, |step| step.status = Status::Cancelled);
        }
        self.run.status = RunStatus::Cancelled;
        self.run.held = None;
        self.tell(EventKind::RunCancelled, None, None)?;
        Ok(())
    }

    // ---- other runs

    /// Versions of another run become the next ones here, where they differ.
    pub(super) fn adopt(&mut self, versions: &BTreeMap<StepKey, Vec<NewVersion>>) -> Result<(), Refused> {
        let mut n_taken = 0;
        for (key, versions) in versions {
            let Ok(step) = self.step(key).cloned() else { continue };
            let is_done = step.status == Status::Completed;
            let differs = |new: &&NewVersion| {
                let known = self.latest_of(key, &new.name);
                !is_done || known.is_none_or(|known| known.content_hash != new.content_hash)
            };
            let differing: Vec<NewVersion> = versions.iter().filter(differs).cloned().collect();
            if step.item.is_some() || differing.is_empty() {
                continue;
            }
            n_taken += 1;
            match step.status.word() {
                StepStatus::Running => return Err(Refused::StepRuns),
                StepStatus::Cancelled => return Err(Refused::Status(StepStatus::Cancelled)),
                _ => self.bring(key, &differing, Origin::Import)?,
            }
        }
        if n_taken == 0 {
            return Err(Refused::NothingToAdopt);
        }
        self.tell(EventKind::RunAdopted, None, None)?;
        Ok(())
    }

    // ---- concurrency keys

    /// All keys of these steps are reserved: they may be claimed, if the limits still have room. One that has none gives its keys back,
    /// which its admission says. What was reserved before the run moved to other keys is none of this: those are asked for anew.
    pub(super) fn reserved(&mut self, steps: &BTreeMap<StepKey, Vec<KeyLimit>>) -> Result<(), Refused> {
        let mut n_changed = 0;
        for (key, limits) in steps {
            let Ok(step) = self.step(key).cloned() else { continue };
            let is_its = self.design().plan(step.definition_key()).is_some_and(|plan| plan.is_under(limits));
            if is_its && step.status.admission() == Some(Admission::Reserving) {
                let admission = if self.has_room(&step) { Admission::Claimable } else { Admission::Limited };
                self.change(key, |step| super::limits::set_admission(step, admission));
                n_changed += 1;
            }
        }
        if n_changed > 0 {
            self.tell(EventKind::StepsAdmitted, None, None)?;
        }
        Ok(())
    }

    /// What may be claimed and has lost its reservation could never start: it asks again, at its old place in the queue.
    pub(super) fn unreserved(&mut self, steps: &[StepKey]) -> Result<(), Refused> {
        let mut n_changed = 0;
        for key in steps {
            let Ok(step) = self.step(key).cloned() else { continue };
            if step.status.admission() == Some(Admission::Claimable) && self.has_keys(&step) {
                self.change(key, |step| super::limits::set_admission(step, Admission::Limited));
                n_changed += 1;
            }
        }
        if n_changed > 0 {
            self.tell(EventKind::StepsUnreserved, None, None)?;
        }
        Ok(())
    }

    // ---- time

    /// Reviews that nobody decided, attempts that waited for this time, and the deadline of the run.
    pub(super) fn time_passed(&mut self) -> Result<(), Refused> {
        let due: Vec<StepKey> =
            self.base().timers().iter().take_while(|(at, _)| *at <= self.now).map(|(_, key)| key.clone()).collect();
        if self.run.deadline_at.is_some_and(|deadline| deadline < self.now) && !self.run.status.is_terminal() {
            return self.expire();
        }
        for key in due {
            let step = self.step(&key)?.clone();
            if let Status::Running(Work::Suspended { wait: Wait::Until { .. } }) = step.status {
                self.resume_attempt(&step)?;
                self.tell(EventKind::StepResumed, Some(&key), None)?;
            } else if let Status::Ready { .. } = step.status {
                self.give_up_queueing(&key)?;
            } else {
                self.time_out(&key)?;
            }
        }
        Ok(())
    }

    /// No worker came in time.
    fn give_up_queueing(&mut self, key: &StepKey) -> Result<(), Refused> {
        let ends = self.step(key)?.queue_ends(self.definition(key));
        if ends.is_some_and(|ends| ends <= self.now) {
            self.fail(key, ErrorClass::NoWorker, StepEvent::QueueTimedOut)?;
            self.advance(vec![key.clone()])?;
            self.tell(EventKind::StepFailed, Some(key), None)?;
        }
        Ok(())
    }

    /// The run took longer than it may: everything that is not over fails.
    fn expire(&mut self) -> Result<(), Refused> {
        self.run.deadline_at = None;
        self.run.held = None;
        let open = self.open_steps();
        for key in &open {
            self.end_work(key, Outcome::Cancelled);
            self.close_gate(key, Verdict::TimedOut);
            self.fail(key, ErrorClass::RunTimeout, StepEvent::RunTimedOut)?;
        }
        self.advance(open)?;
        self.tell(EventKind::RunTimedOut, None, None)?;
        Ok(())
    }
}
