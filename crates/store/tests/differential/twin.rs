//! One run as both engines have it. The old one stands in the database, the new one is a state of its own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use workflow::{
    Definition, RunId, RunView, StepKey, TemplateId, UserId,
    run::{RunEvent, State},
};

pub(crate) struct Twin {
    pub run: RunId,
    pub owner: UserId,
    pub template: TemplateId,
    /// As it was last published for this run.
    pub document: Value,
    pub state: State,
    /// Told by the new engine since both were last compared.
    pub fresh: Vec<RunEvent>,
    /// As the old engine showed it when both were last compared.
    pub seen: RunView,
    /// Events of the old engine about what the new one judges in the decision that leads to it.
    pub by_itself: BTreeSet<i64>,
    /// Generations that the old engine began for the words of a last rejection, by its own numbers.
    pub empty_generations: BTreeMap<StepKey, Vec<i32>>,
}

impl Twin {
    pub(crate) fn keys(&self) -> Vec<StepKey> {
        self.state.steps().map(|step| step.key.clone()).collect()
    }

    pub(crate) fn keys_where(&self, is: impl Fn(&workflow::run::state::Step) -> bool) -> Vec<StepKey> {
        self.state.steps().filter(|step| is(step)).map(|step| step.key.clone()).collect()
    }

    pub(crate) fn definition(&self) -> &Definition {
        &self.state.design.definition
    }

    pub(crate) fn kind(&self, key: &StepKey) -> String {
        let of = key.split().0;
        self.state.design.plan(&of).map(|plan| plan.kind.clone()).unwrap_or_default()
    }

    pub(crate) fn is_map(&self, key: &StepKey) -> bool {
        key.split().1.is_none() && self.state.design.is_map(key)
    }

    /// The generation of a step as the old engine counts it.
    pub(crate) fn old_generation(&self, key: &StepKey, generation: i32) -> i32 {
        let empty = self.empty_generations.get(key).map_or(0, Vec::len);
        generation + i32::try_from(empty).unwrap()
    }
}
