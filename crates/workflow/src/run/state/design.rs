//! What a run's definition comes to: each step with the agent it is pinned to, and who waits for whom.
//! Made when a run begins and when it moves, shared by every copy of its state, and never changed.

use std::{collections::BTreeMap, sync::Arc};

use crate::{Definition, definition, definition::TriggerRule, id::StepKey, run::plan::StepPlan, source::Source};

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Design {
    pub definition: Arc<Definition>,
    /// With its rank: every step after its dependencies.
    plans: BTreeMap<StepKey, (u32, StepPlan)>,
    dependents: BTreeMap<StepKey, Vec<StepKey>>,
}

impl Design {
    pub fn of(definition: Arc<Definition>, plans: &[StepPlan]) -> Self {
        let mut dependents: BTreeMap<StepKey, Vec<StepKey>> = BTreeMap::new();
        for (key, step) in &definition.steps {
            for before in step.direct_dependencies() {
                dependents.entry(before.clone()).or_default().push(key.clone());
            }
        }
        let plans = (0..).zip(plans).map(|(rank, plan)| (plan.key.clone(), (rank, plan.clone()))).collect();
        Self { definition, plans, dependents }
    }

    pub fn step(&self, key: &StepKey) -> Option<&definition::Step> {
        self.definition.steps.get(key)
    }

    pub fn plan(&self, key: &StepKey) -> Option<&StepPlan> {
        self.plans.get(key).map(|(_, plan)| plan)
    }

    pub(in crate::run) fn rank(&self, key: &StepKey) -> u32 {
        self.plans.get(key).map_or(u32::MAX, |(rank, _)| *rank)
    }

    /// Every step, each after its dependencies.
    pub fn plans(&self) -> Vec<&StepPlan> {
        let mut plans: Vec<&(u32, StepPlan)> = self.plans.values().collect();
        plans.sort_by_key(|(rank, _)| *rank);
        plans.into_iter().map(|(_, plan)| plan).collect()
    }

    /// The steps that wait for this one directly.
    pub fn dependents(&self, key: &StepKey) -> &[StepKey] {
        self.dependents.get(key).map_or(&[], Vec::as_slice)
    }

    pub fn is_map(&self, key: &StepKey) -> bool {
        self.step(key).is_some_and(|step| step.map.is_some())
    }

    /// It has a condition, a list, or another rule than the default: what skipped it once says nothing about the next time.
    pub(in crate::run) fn has_rule(&self, key: &StepKey) -> bool {
        self.step(key).is_some_and(|step| {
            step.when.is_some() || step.map.is_some() || step.trigger_rule != TriggerRule::NoneFailed
        })
    }

    /// The artifacts that judging the step reads: those of its condition, and for a map those of its list and its items.
    pub(in crate::run) fn judged_by(step: &definition::Step) -> impl Iterator<Item = (&StepKey, &str)> {
        let of_items = step.map.iter().flat_map(|_| step.inputs.values());
        let sources = step.when.iter().flat_map(|when| when.sources()).chain(step.map.iter().map(|map| &map.over));
        sources.chain(of_items).filter_map(|source| match source {
            Source::Step { step, artifact, .. } => Some((step, artifact.as_str())),
            _ => None,
        })
    }
}
