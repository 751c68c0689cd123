//! What follows from the run: the order of its steps, which of them are stale, and what is there of one. Must keep no truth of its own.

use std::collections::BTreeMap;

use leptos::prelude::*;
use workflow::{
    RunView, StepKey,
    api::Staleness,
    graph::Graph,
    staleness::staleness,
    view::{Feedback, StepView},
};

use super::LiveRun;

impl LiveRun {
    /// The version of the workflow that is published now, where it is newer than the run's. Of a try there is none.
    pub(in crate::pages::run) fn newer_version(self) -> Option<i32> {
        let published = self.published.get()?;
        self.run.with(|run| (!run.is_test && published > run.template_version).then_some(published))
    }

    /// Whether all of a step is there: what it did and made. Follows the run until it is.
    pub(in crate::pages::run) fn has_all_of(self, key: &StepKey) -> bool {
        self.opened_on.with_value(|opened| opened.as_ref() == Some(key)) || self.is_whole.get()
    }

    pub(in crate::pages) fn step(self, key: &StepKey) -> Option<StepView> {
        self.touched.follow(key);
        self.run.with_untracked(|run| run.step(key).cloned())
    }

    /// What was said when results of a step were sent back, by the generation that each began. Follows nothing.
    pub(in crate::pages::run) fn sent_back(self, key: &StepKey) -> BTreeMap<i32, Feedback> {
        self.folded.with_value(|folded| {
            let sent_back = folded.state.rejections(key).iter().filter(|rejection| !rejection.is_last);
            sent_back.map(|rejection| (rejection.generation + 1, rejection.view(&folded.people))).collect()
        })
    }
}

/// None while not all is there that it follows from.
pub(super) fn stale_steps(run: &RunView) -> BTreeMap<StepKey, Staleness> {
    if run.left_out.is_some() { BTreeMap::new() } else { staleness(run) }
}

pub(super) fn order(run: &RunView) -> Vec<StepKey> {
    let order: Vec<StepKey> = match Graph::of(&run.run_definition).order() {
        Ok(order) => order.into_iter().cloned().collect(),
        // A published definition has no cycle; by key is still a list.
        Err(_) => run.steps.iter().map(|step| step.key.clone()).collect(),
    };
    if run.left_out.is_none() {
        return order;
    }
    // The step that is looked at may be there without what it waits for: it stands behind the first ones, as it does in the whole list.
    let steps = &run.run_definition.steps;
    let stands = |key: &StepKey| {
        let step = steps.get(key);
        step.is_none_or(|step| step.direct_dependencies().into_iter().all(|before| steps.contains_key(before)))
    };
    let (first, apart): (Vec<_>, Vec<_>) = order.into_iter().partition(stands);
    [first, apart].concat()
}
