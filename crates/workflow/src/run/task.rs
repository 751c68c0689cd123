//! What an attempt is about, as its run knew it when it began, and the values that its agent is given: the same for an agent inside and
//! for a worker outside.
//! What an attempt reads was recorded with its start, so whoever works it out again comes to the same.

use std::sync::Arc;

use serde_json::Value;

use super::{
    State,
    plan::StepPlan,
    state::{Attempt, Birth, Design, Rejection, Step, Version},
};
use crate::{
    AgentSpec, Step as Definition,
    content::{self, Read, Unreadable},
    hash::sha256_hex,
    id::{ArtifactId, RunId, StepKey},
    resolve::{InputArtifacts, MAP_PORT, MissingInput, Resolved, effective_override, resolve, value_now},
    source::{Source, at_path},
    view::StepOverride,
};

/// An attempt with all that its run says about it.
#[derive(Clone, Debug)]
pub struct Task {
    pub step: Step,
    pub attempt: Attempt,
    pub birth: Arc<Birth>,
    pub design: Arc<Design>,
    pub auto_run: bool,
    pub overrides: Option<StepOverride>,
    /// The versions that its inputs read.
    pub reads: Vec<Version>,
    /// What its map goes over, where that is an artifact.
    list: Option<Version>,
    /// What a person wanted when they rejected what it made last, and that.
    pub rejected: Option<(Rejection, Vec<Version>)>,
}

/// Why an attempt cannot be given its values.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unresolved {
    #[error("The agent of this step is not in the library any more")]
    Gone,
    #[error("The input `{}` has no value: the step it comes from made none, or it was left empty", .0.port)]
    Missing(MissingInput),
    #[error("{0}")]
    Unreadable(Unreadable),
}

/// Where the value of an item comes from.
#[derive(Clone, Debug)]
pub enum ItemFrom<'a> {
    /// It is none, or its map is not there any more.
    Nowhere,
    Value(Option<Value>),
    /// From this list, once it is read: [`Task::item_of`].
    List(&'a Version),
}

impl Task {
    /// None: there is no such attempt in the run.
    pub fn of(state: &State, key: &StepKey, number: i32) -> Option<Self> {
        let step = state.step(key)?.clone();
        let attempt = state.attempts(key).iter().rfind(|attempt| attempt.number == number)?.clone();
        let (of, _) = key.split();
        let both =
            [of, key.clone()].into_iter().filter_map(|key| Some((key.clone(), state.overrides.get(&key)?.clone())));
        let overrides = effective_override(&both.collect(), key);
        let reads = attempt.reads.iter().filter_map(|id| state.artifact(*id).cloned()).collect();
        let list = step.item.as_ref().and_then(|item| state.artifact(list_of(state, &item.of)?).cloned());
        let rejected = state.feedback(&step).map(|last| (last.clone(), state.latest(key).cloned().collect()));
        Some(Self {
            step,
            attempt,
            birth: Arc::clone(&state.birth),
            design: Arc::clone(&state.design),
            auto_run: state.run.auto_run,
            overrides,
            reads,
            list,
            rejected,
        })
    }

    pub fn run(&self) -> RunId {
        self.birth.id
    }

    pub fn key(&self) -> &StepKey {
        &self.step.key
    }

    /// The same for every attempt of a generation: what is done outside under it is done once.
    pub fn idempotency_key(&self) -> String {
        let (run, step) = (self.run(), self.key());
        sha256_hex(format!("{run}/{step}/{}", self.attempt.generation).as_bytes())
    }

    pub fn definition(&self) -> Option<&Definition> {
        self.design.step(self.step.definition_key())
    }

    pub fn plan(&self) -> Option<&StepPlan> {
        self.design.plan(self.step.definition_key())
    }

    /// Everything that is to be read before it runs; a list that many items share is counted by none of them.
    pub fn metas(&self) -> Vec<Version> {
        let rejected = self.rejected.iter().flat_map(|(_, made)| made);
        self.reads.iter().chain(rejected).cloned().collect()
    }

    /// Of what was read, the outputs that a person sent back, by name.
    pub fn sent_back<'r>(&self, spec: &AgentSpec, read: &'r [Read]) -> Vec<&'r Read> {
        let made: Vec<ArtifactId> = self.rejected.iter().flat_map(|(_, made)| made).map(|version| version.id).collect();
        let is_its = |read: &&Read| made.contains(&read.meta.id) && spec.output(&read.meta.name).is_some();
        read.iter().filter(is_its).collect()
    }

    pub fn item_from(&self) -> ItemFrom<'_> {
        let Some((_, over)) = self.map_over() else { return ItemFrom::Nowhere };
        if let Source::Step { .. } = over {
            return self.list.as_ref().map_or(ItemFrom::Nowhere, ItemFrom::List);
        }
        let list = value_now(&self.design.definition, &self.birth.inputs, &InputArtifacts::new(), over);
        ItemFrom::Value(list.and_then(|list| self.at_index(&list)))
    }

    /// The value of its item in the list that its map goes over.
    pub fn item_of(&self, list: &Value) -> Option<Value> {
        match self.map_over()?.1 {
            Source::Step { path, .. } => at_path(list, path).and_then(|list| self.at_index(list)),
            _ => None,
        }
    }

    fn map_over(&self) -> Option<(i32, &Source)> {
        let item = self.step.item.as_ref()?;
        Some((item.index, &self.design.step(&item.of)?.map.as_ref()?.over))
    }

    fn at_index(&self, list: &Value) -> Option<Value> {
        let index = usize::try_from(self.step.item.as_ref()?.index).ok()?;
        list.as_array()?.get(index).cloned()
    }

    pub fn resolve(&self, spec: &AgentSpec, read: &[Read], item: Option<&Value>) -> Result<Resolved, Unresolved> {
        let own: Vec<Read> =
            read.iter().filter(|read| self.reads.iter().any(|own| own.id == read.meta.id)).cloned().collect();
        let found = content::inputs(&own).map_err(Unresolved::Unreadable)?;
        let step = self.definition().ok_or(Unresolved::Gone)?;
        let (definition, inputs) = (&self.design.definition, &self.birth.inputs);
        resolve(definition, step, spec, self.overrides.as_ref(), inputs, &found, item).map_err(Unresolved::Missing)
    }
}

/// The artifact that the items of a map were made of.
fn list_of(state: &State, map: &StepKey) -> Option<ArtifactId> {
    let inputs = state.attempts(map).iter().rev().flat_map(|attempt| &attempt.inputs);
    inputs.into_iter().find(|input| input.port == MAP_PORT)?.artifact_id
}
