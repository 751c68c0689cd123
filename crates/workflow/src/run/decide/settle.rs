//! What every decision ends with: what the limits now let go is admitted, the run's status follows from its steps, the event is told, and
//! a budget that is used up holds the run or fails what would start.

use chrono::TimeDelta;

use super::draft::Draft;
use crate::{
    definition::OnExceed,
    id::StepKey,
    run::{
        Refused,
        event::{Effects, EventKind, Tell},
        seeded::{self, Bug},
        state::{Admission, Cells, RunChange, Status},
    },
    status::{ErrorClass, RunStatus, StatusReason},
    step_machine::StepEvent,
    view::Usage,
};

impl Draft<'_> {
    /// Tells of everything that changed, and of what follows from it.
    pub(super) fn tell(&mut self, kind: EventKind, step: Option<&StepKey>, cause: Option<i64>) -> Result<i64, Refused> {
        self.tell_with(kind, step, cause, Effects::default())
    }

    pub(super) fn tell_with(
        &mut self,
        kind: EventKind,
        step: Option<&StepKey>,
        cause: Option<i64>,
        first: Effects,
    ) -> Result<i64, Refused> {
        self.admit();
        self.settle();
        let seq = self.push(kind, step, cause, first);
        let is_looked_at = !seeded::is(Bug::ForgetsBudget) || kind == EventKind::StepCompleted;
        if kind != EventKind::BudgetExceeded && is_looked_at {
            self.exceed(seq)?;
        }
        Ok(seq)
    }

    /// The run's status, and what begins and ends with it.
    fn settle(&mut self) {
        let is_cancelled = self.run.status == RunStatus::Cancelled;
        let (status, reason) = RunStatus::derive(is_cancelled, self.run.held, self.counts().steps);
        let was = self.run.finished_at;
        (self.run.status, self.run.status_reason) = (status, reason);
        match (was, status.is_terminal()) {
            (None, true) => {
                self.run.finished_at = Some(self.now);
                self.tell_parent(status);
            }
            (Some(finished), false) => {
                self.run.finished_at = None;
                self.run.rested_ms += (self.now - finished).num_milliseconds().max(0);
                // A run that was over and goes on has its time again.
                self.run.deadline_at = self.deadline();
            }
            _ => {}
        }
    }

    pub(super) fn deadline(&self) -> Option<chrono::DateTime<chrono::Utc>> {
        let seconds = self.design().definition.limits.timeout_s?;
        Some(self.now + TimeDelta::seconds(seconds.into()))
    }

    fn tell_parent(&mut self, status: RunStatus) {
        if let Some(of) = self.base().birth.parent.clone() {
            let completion_tokens = self.completion_tokens();
            let used = Usage {
                prompt_tokens: (self.run.used_tokens - completion_tokens).max(0),
                completion_tokens,
                cost_micros: Some(self.run.used_cost_micros).filter(|cost| *cost != 0),
                ..Usage::default()
            };
            self.tells.push(Tell::Parent { of, status, used });
        }
    }

    /// Whether the run used up what it may.
    pub(super) fn is_spent(run: &RunChange) -> bool {
        run.budget.is_some_and(|budget| {
            budget.tokens.is_some_and(|most| run.used_tokens >= most)
                || budget.cost_micros.is_some_and(|most| run.used_cost_micros >= most)
        })
    }

    /// A budget that is used up, once something would start by itself. What a person triggered is their own decision, and starts.
    fn exceed(&mut self, cause: i64) -> Result<(), Refused> {
        let is_over = self.run.status.is_terminal();
        if !Self::is_spent(&self.run) || self.run.held.is_some() || is_over || self.counts().ready_by_itself == 0 {
            return Ok(());
        }
        let budget = self.design().definition.limits.budget.as_ref();
        if budget.map_or(OnExceed::Pause, |budget| budget.on_exceed) == OnExceed::Pause {
            self.hold(StatusReason::Budget);
            self.tell(EventKind::BudgetExceeded, None, Some(cause))?;
            return Ok(());
        }
        // What that sets free cannot pay either.
        while self.counts().ready_by_itself > 0 {
            let steps: Vec<StepKey> = self
                .ready()
                .into_iter()
                .filter(|key| self.step(key).is_ok_and(|step| !step.manually_triggered))
                .collect();
            for key in &steps {
                self.fail(key, ErrorClass::Budget, StepEvent::BudgetFailed)?;
            }
            self.advance(steps)?;
            self.tell(EventKind::BudgetExceeded, None, Some(cause))?;
        }
        Ok(())
    }

    /// Everything that is queued. It costs the queue: for what stops or fails all of it.
    pub(super) fn ready(&self) -> Vec<StepKey> {
        let index = &self.base().index;
        let waiting = index.waiting.values().flatten();
        let reserving = index.reserving.iter().filter(|_| !seeded::is(Bug::PausesHalf));
        let known = index.claimable.iter().chain(reserving).chain(waiting).map(|turn| &turn.key);
        let untouched = known.filter(|key| !self.is_overlaid(key));
        let overlaid = self.overlaid().filter(|entry| !entry.is_removed).map(|entry| &entry.step.key);
        let is_ready =
            |key: &&StepKey| self.entry(key).is_some_and(|entry| matches!(entry.step.status, Status::Ready { .. }));
        let mut keys: Vec<StepKey> = untouched.chain(overlaid).filter(is_ready).cloned().collect();
        keys.sort();
        keys
    }

    /// Nothing of the run starts any more but what a person triggers: what is queued gives its place and its keys back.
    pub(super) fn hold(&mut self, why: StatusReason) {
        self.run.held = Some(why);
        for key in self.ready() {
            self.change(&key, |step| {
                if !(step.manually_triggered && why == StatusReason::Budget) {
                    step.manually_triggered = false;
                    step.status = Status::Ready { admission: Admission::Held };
                }
            });
        }
    }
}
