//! What the parts of the panel share: the step as it is in the draft, and the one way to change it.

use leptos::prelude::*;
use workflow::{AgentSpec, Step, StepKey};

use super::super::draft::Draft;
use crate::reactive::memo;

#[derive(Clone, Copy)]
pub(super) struct OneStep {
    pub draft: Draft,
    pub key: StoredValue<StepKey>,
    pub step: Memo<Option<Step>>,
    pub agent: Memo<Option<AgentSpec>>,
}

impl OneStep {
    pub(super) fn new(draft: Draft, key: StepKey) -> Self {
        let key = StoredValue::new(key);
        let step = memo(move || key.with_value(|key| draft.step(key)));
        let agent = memo(move || step.with(|step| step.as_ref().and_then(|step| draft.agent_of(step))));
        Self { draft, key, step, agent }
    }

    pub(super) fn key(self) -> StepKey {
        self.key.get_value()
    }

    pub(super) fn read<R: Default>(self, f: impl FnOnce(&Step) -> R) -> R {
        self.step.with(|step| step.as_ref().map(f)).unwrap_or_default()
    }

    pub(super) fn change(self, label: &str, change: impl FnOnce(&mut Step)) {
        self.draft.change_step(&self.key(), label, change);
    }

    /// Changes the step, and says whether the model took it: a cycle is refused.
    pub(super) fn try_change(self, label: &str, change: impl FnOnce(&mut Step)) -> bool {
        self.draft.try_change_step(&self.key(), label, change)
    }

    /// What is wrong with one field of this step.
    pub(super) fn problem(self, field: impl Into<String>) -> Signal<Option<String>> {
        self.draft.problem_at(Some(self.key()), field.into())
    }

    /// What is wrong with one field of this step, or with a part of it.
    pub(super) fn problem_under(self, field: impl Into<String>) -> Signal<Option<String>> {
        self.draft.problem_under(Some(self.key()), field.into())
    }
}
