//! A step that wants judging, and all of its run that judging it looks at, taken at one moment. It must never read content.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use workflow::{
    ArtifactId, Step, StepKey, StepStatus,
    content::names,
    run::{
        State,
        state::{self, Birth, Design, Version},
    },
    source::Source,
    view::StepOverride,
};

use crate::bugs::{Bug, is_on};

/// A step that wants judging, with all that judging it looks at.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub(crate) step: state::Step,
    pub(crate) at: chrono::DateTime<chrono::Utc>,
    pub(crate) birth: Arc<Birth>,
    pub(crate) design: Arc<Design>,
    pub(crate) overrides: BTreeMap<StepKey, StepOverride>,
    /// Versions to read; of a map that collects, those of its items.
    pub(crate) reads: Vec<Version>,
    /// Of a map that collects: its items in order, with whether each completed or has failed.
    pub(crate) items: Vec<(StepKey, StepStatus)>,
}

impl Asking {
    /// `wanted`: the versions that the run said are to be read. None: it does not want judging any more.
    pub(crate) fn of(state: &State, key: &StepKey, wanted: Option<&BTreeSet<ArtifactId>>) -> Option<Self> {
        let step = state.step(key).filter(|step| step.status.needs_decision())?.clone();
        let definition = state.design.step(step.definition_key())?;
        let mut asking = Self {
            at: state.at,
            birth: Arc::clone(&state.birth),
            design: Arc::clone(&state.design),
            overrides: state.overrides.clone(),
            reads: Vec::new(),
            items: Vec::new(),
            step,
        };
        if asking.is_collecting() {
            let mut items: Vec<&state::Step> = state.items(key).collect();
            if !is_on(Bug::CollectsByKey) {
                items.sort_by_key(|item| item.item.as_ref().map(|item| item.index));
            }
            asking.items = items.iter().map(|item| (item.key.clone(), item.status.word())).collect();
            let completed = items.iter().filter(|item| item.status.word() == StepStatus::Completed);
            asking.reads = completed.flat_map(|item| state.latest(&item.key)).cloned().collect();
        } else if let Some(wanted) = wanted {
            asking.reads = wanted.iter().filter_map(|id| state.artifact(*id).cloned()).collect();
        } else {
            let latest = |(key, name): (&StepKey, &String)| state.latest(key).find(|version| version.name == *name);
            asking.reads = names(sources(definition)).into_iter().filter_map(latest).cloned().collect();
        }
        Some(asking)
    }

    pub(crate) fn is_collecting(&self) -> bool {
        self.step.status.word() == StepStatus::Running
    }

    pub(crate) fn definition(&self) -> Option<&Step> {
        self.design.step(self.step.definition_key())
    }
}

/// What judging it reads: its condition, and for a map its list and what its items read.
fn sources(step: &Step) -> Vec<&Source> {
    let of_items = step.map.iter().flat_map(|_| step.inputs.values());
    let of_list = step.map.iter().map(|map| &map.over);
    step.when.iter().flat_map(|when| when.sources()).chain(of_list).chain(of_items).collect()
}

/// Steps of a run that want judging now.
pub(crate) fn asked(state: &State) -> Vec<StepKey> {
    state.undecided().map(|step| step.key.clone()).collect()
}
