//! A run begins, perhaps with what another one has made. Its steps begin as they would in any run; what is taken over is then theirs.

use super::draft::Draft;
use crate::{
    id::StepKey,
    run::{
        Context, Refused, RunEvent, State,
        command::{Kept, Start},
        event::{Effects, EventKind},
    },
    status::Origin,
    step_machine::StepEvent,
    view::BudgetView,
};

pub(super) fn start(start: &Start, ctx: &Context<'_>) -> Result<Vec<RunEvent>, Refused> {
    let mut base = State::empty();
    let first = RunEvent {
        seq: 1,
        at: ctx.now,
        kind: EventKind::RunStarted,
        actor: Some(start.run.user_id),
        cause: None,
        data: Effects::default(),
    };
    base.begin(&start.run, &first);
    let mut draft = Draft::over(&base, ctx);
    let budget = start.run.run_definition.limits.budget.as_ref();
    draft.run.auto_run = start.run.auto_run;
    draft.run.budget = budget.and_then(|budget| {
        let budget = BudgetView { tokens: budget.tokens, cost_micros: budget.cost_micros };
        (budget != BudgetView::default()).then_some(budget)
    });
    draft.run.deadline_at = draft.deadline();
    for plan in start.run.steps.iter() {
        if draft.unlock(&plan.key)? {
            draft.advance(vec![plan.key.clone()])?;
        }
    }
    let first = Effects { started: Some(Box::new(start.run.clone())), ..Effects::default() };
    draft.tell_with(EventKind::RunStarted, None, None, first)?;
    if !start.kept.is_empty() {
        draft.take_over(&start.kept)?;
    }
    draft.into_events()
}

impl Draft<'_> {
    /// The steps of a new run that are taken over as they are, with their latest versions as imports.
    fn take_over(&mut self, kept: &[Kept]) -> Result<(), Refused> {
        // What was skipped at once is taken over all the same: until then its dependents wait as if it were open.
        for one in kept {
            if self.step(&one.step)?.status.is_over() {
                self.lift(&one.step)?;
            }
        }
        let mut over: Vec<StepKey> = Vec::new();
        for one in kept {
            let key = &one.step;
            self.expect(key, StepEvent::TakenOver(one.status.word()), one.status.word())?;
            self.change(key, |step| step.status = one.status.clone());
            for (new, is_approved) in &one.versions {
                self.add_version(key, new, Origin::Import, None, self.actor());
                // What passed a gate there has passed it here.
                if let Some(version) = self.latest_of(key, &new.name).filter(|_| *is_approved).cloned() {
                    self.put_version(crate::run::state::Version { is_approved: true, ..version });
                }
            }
            over.push(key.clone());
        }
        self.advance(over)?;
        self.tell(EventKind::RunAdopted, None, None)?;
        Ok(())
    }
}
