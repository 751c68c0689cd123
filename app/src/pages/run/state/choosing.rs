//! Which step is looked at: what a person chose, or what the page goes to by itself while nobody has chosen.
//! Must never take the page from a step that somebody chose.

use leptos::prelude::*;
use workflow::{
    RunView, StepKey, StepStatus,
    run::{RunEvent, glance::first_look},
};

use super::{LiveRun, derived::order};

impl LiveRun {
    /// A person wants to look at this step.
    pub(in crate::pages) fn choose(self, key: StepKey) {
        self.proposed.set_value(None);
        self.selected.set(Some(key.clone()));
        self.chosen.set(Some(key));
    }

    /// Goes where the page leads while nobody has chosen a step.
    pub(in crate::pages::run) fn propose(self) {
        let first = self.run.with_untracked(first_choice);
        self.proposed.set_value(first.clone());
        self.selected.set(first);
    }

    /// Goes to the step that begins to want a person, if nobody has chosen where to look and nothing there wants one.
    pub(super) fn look_at(self, event: &RunEvent) {
        let wants = |status: StepStatus| matches!(status, StepStatus::AwaitingReview | StepStatus::Failed);
        let now = self.selected.get_untracked();
        if now.is_none() || now != self.proposed.get_value() || dialog_is_open() {
            return;
        }
        let is_needed = |key: &StepKey| self.run.with_untracked(|run| run.step(key).is_some_and(|it| wants(it.status)));
        let next = event.data.steps.iter().find(|step| wants(step.status.word())).map(|step| step.key.clone());
        if let Some(next) = next.filter(|_| !now.as_ref().is_some_and(is_needed)) {
            self.proposed.set_value(Some(next.clone()));
            self.selected.set(Some(next));
        }
    }
}

/// Somebody is in the middle of something.
fn dialog_is_open() -> bool {
    document().query_selector("dialog[open]").ok().flatten().is_some()
}

/// Where to look first.
pub(super) fn first_choice(run: &RunView) -> Option<StepKey> {
    if let Some(left_out) = &run.left_out {
        return left_out.first.clone();
    }
    let order = order(run);
    let statuses = run.steps.iter().map(|step| (&step.key, step.status));
    first_look(&order.iter().collect::<Vec<_>>(), run.status.is_terminal(), statuses)
}
