//! A run goes on with another published version. Which results stay valid is judged by `crate::moving`, so that a dry run and the move
//! cannot differ; here it is carried out, on a state that has the new definition already.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use crate::{
    id::StepKey,
    moving,
    run::{
        Context, Refused, RunEvent, State,
        command::MoveTo,
        event::{Effects, EventKind, Moved},
        plan,
        state::{Status, Step, Verdict},
    },
    status::{Outcome, RunStatus, SkipReason, StepStatus},
    step_machine::StepEvent,
    view::BudgetView,
};

pub(super) fn move_to(state: &State, to: &MoveTo, ctx: &Context<'_>) -> Result<Vec<RunEvent>, Refused> {
    match state.run.status {
        RunStatus::Pending | RunStatus::Running | RunStatus::Cancelled => {
            return Err(Refused::RunStatus(state.run.status));
        }
        RunStatus::Paused | RunStatus::Completed | RunStatus::Failed => {}
    }
    if state.counts.running > 0 {
        return Err(Refused::StepRuns);
    }
    let is_form = |key: &StepKey| {
        let pin = to.plan.steps.get(key).map(|step| (&step.agent_id, step.agent_version));
        pin.and_then(|(id, version)| ctx.agents.get(id, version)).is_some_and(|agent| agent.kind() == "human")
    };
    Draft::over(state, ctx).refuse_weaker_gates(&to.definition, is_form)?;
    let change = moving::plan(&state.view(&BTreeMap::new()), &to.definition);
    let moved = Moved {
        template_version: to.template_version,
        template_name: to.template_name.clone(),
        run_definition: to.definition.clone(),
        steps: plan::plans(&to.definition, &to.plan, ctx.agents, &state.birth.inputs).into(),
    };
    let mut base = state.clone();
    base.redesign(&moved);
    let mut draft = Draft::over(&base, ctx);
    let budget = to.definition.limits.budget.as_ref();
    draft.run.budget = budget.and_then(|budget| {
        let budget = BudgetView { tokens: budget.tokens, cost_micros: budget.cost_micros };
        (budget != BudgetView::default()).then_some(budget)
    });
    draft.run.deadline_at = draft.deadline();
    let gone: BTreeSet<&StepKey> = change.removed.iter().collect();
    let again: BTreeSet<&StepKey> = change.rerun.iter().collect();
    draft.end_removed(&gone, &again)?;
    for key in change.rerun.iter().chain(&change.added) {
        draft.begin_anew(key, again.contains(key))?;
    }
    draft.look_again(&to.definition)?;
    let first = Effects { moved: Some(Box::new(moved)), ..Effects::default() };
    draft.tell_with(EventKind::RunMoved, None, None, first)?;
    draft.into_events()
}

impl Draft<'_> {
    /// Steps that are gone end with their items, and so do the items of maps that run again.
    fn end_removed(&mut self, gone: &BTreeSet<&StepKey>, again: &BTreeSet<&StepKey>) -> Result<(), Refused> {
        for &key in gone.iter().chain(again) {
            for item in self.items(key) {
                self.end_and_remove(&item)?;
            }
            if gone.contains(key) && self.step(key).is_ok() {
                self.end_and_remove(key)?;
            }
        }
        Ok(())
    }

    fn end_and_remove(&mut self, key: &StepKey) -> Result<(), Refused> {
        self.close_gate(key, Verdict::Superseded);
        self.end_work(key, Outcome::Cancelled);
        let mut step = self.step(key)?.clone();
        if !step.status.is_over() {
            self.expect(key, StepEvent::Cancelled, StepStatus::Cancelled)?;
            step.status = Status::Cancelled;
        }
        self.remove(step);
        Ok(())
    }

    /// A step that means something else, that is new, or that comes back after an earlier version dropped it.
    fn begin_anew(&mut self, key: &StepKey, is_rerun: bool) -> Result<(), Refused> {
        let Some(entry) = self.known(key).cloned() else {
            self.set(Step::new(key.clone(), self.now));
            return Ok(());
        };
        if is_rerun {
            self.close_gate(key, Verdict::Superseded);
            self.door(key, StepEvent::Superseded { blocked: true })?;
        }
        let mut step = entry.step;
        step.generation += 1;
        step.status = Status::Pending { needs_decision: false };
        step.manually_triggered = false;
        step.rounds = 0;
        step.n_reviews = 0;
        step.child_run = None;
        step.not_before = self.now;
        self.set(step);
        Ok(())
    }

    /// What was queued or skipped may stand otherwise now: everything that waits for nothing is judged.
    fn look_again(&mut self, definition: &crate::Definition) -> Result<(), Refused> {
        let mut waiting = Vec::new();
        for key in definition.steps.keys() {
            let Ok(step) = self.step(key) else { continue };
            let is_open = match &step.status {
                Status::Pending { .. } | Status::Ready { .. } => true,
                Status::Skipped { reason } => *reason != SkipReason::Person && self.waits(key).open > 0,
                _ => false,
            };
            if is_open {
                self.expect(key, StepEvent::Reopened, StepStatus::Pending)?;
                self.change(key, |step| step.status = Status::Pending { needs_decision: false });
                waiting.push(key.clone());
            }
        }
        let mut skipped = Vec::new();
        for key in &waiting {
            if self.unlock(key)? {
                skipped.push(key.clone());
            }
        }
        self.advance(skipped)
    }
}
