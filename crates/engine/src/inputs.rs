//! What an attempt is about, as its run knew it when it began, and the values that its agent is given.
//! Whoever begins the run of a sub-workflow works the same out again: what an attempt reads was recorded with its start.

use std::sync::Arc;

use agents::{AgentError, Revision};
use serde_json::Value;
use workflow::{
    AgentSpec, ArtifactId, RunId, Step, StepKey,
    resolve::{InputArtifacts, MAP_PORT, Resolved, effective_override, resolve, value_now},
    run::{
        State,
        plan::StepPlan,
        state::{self, Attempt, Birth, Design, Version},
    },
    source::{Source, at_path},
    status::Reason,
    view::StepOverride,
};

use crate::{
    content::{self, Read},
    shared::Shared,
    shelf,
};

/// An attempt with all that its run says about it.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) step: state::Step,
    pub(crate) attempt: Attempt,
    pub(crate) birth: Arc<Birth>,
    pub(crate) design: Arc<Design>,
    pub(crate) auto_run: bool,
    pub(crate) overrides: Option<StepOverride>,
    /// The versions that its inputs read.
    pub(crate) reads: Vec<Version>,
    /// What its map goes over, where that is an artifact.
    list: Option<Version>,
    /// What a person wanted when they rejected what it made last, and that.
    rejected: Option<(String, Vec<Version>)>,
}

impl Task {
    /// None: there is no such attempt in the run.
    pub(crate) fn of(state: &State, key: &StepKey, number: i32) -> Option<Self> {
        let step = state.step(key)?.clone();
        let attempt = state.attempts(key).iter().rfind(|attempt| attempt.number == number)?.clone();
        let (of, _) = key.split();
        let both =
            [of, key.clone()].into_iter().filter_map(|key| Some((key.clone(), state.overrides.get(&key)?.clone())));
        let overrides = effective_override(&both.collect(), key);
        let reads = attempt.reads.iter().filter_map(|id| state.artifact(*id).cloned()).collect();
        let list = step.item.as_ref().and_then(|item| state.artifact(list_of(state, &item.of)?).cloned());
        let rejected =
            state.rejections(key).last().filter(|last| !last.is_last && last.generation + 1 == step.generation);
        let rejected = rejected.map(|last| (last.text.clone(), state.latest(key).cloned().collect()));
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

    pub(crate) fn run(&self) -> RunId {
        self.birth.id
    }

    pub(crate) fn key(&self) -> &StepKey {
        &self.step.key
    }

    pub(crate) fn definition(&self) -> Option<&Step> {
        self.design.step(self.step.definition_key())
    }

    pub(crate) fn plan(&self) -> Option<&StepPlan> {
        self.design.plan(self.step.definition_key())
    }

    /// Everything that is to be read before it runs; a list that many items share is counted by none of them.
    pub(crate) fn metas(&self) -> Vec<Version> {
        let rejected = self.rejected.iter().flat_map(|(_, made)| made);
        self.reads.iter().chain(rejected).cloned().collect()
    }

    /// What the agent made last and what a person wants changed, if this generation began with a rejection.
    pub(crate) fn revision(&self, spec: &AgentSpec, read: &[Read]) -> Option<Revision> {
        let (feedback, made) = self.rejected.as_ref()?;
        let is_its = |read: &&Read| made.iter().any(|version| version.id == read.meta.id);
        let previous = read
            .iter()
            .filter(is_its)
            .filter(|read| spec.output(&read.meta.name).is_some())
            .filter_map(|read| Some((read.meta.name.clone(), read.value.as_deref()?.clone())))
            .collect();
        Some(Revision { previous, feedback: feedback.clone() })
    }

    /// The value of its item, where it is one.
    pub(crate) async fn item(&self, shared: &Shared) -> shelf::Result<Option<Value>> {
        let Some(item) = &self.step.item else { return Ok(None) };
        let Some(map) = self.design.step(&item.of).and_then(|step| step.map.as_ref()) else { return Ok(None) };
        let index = usize::try_from(item.index).unwrap_or(usize::MAX);
        let at = |list: &Value| list.as_array().and_then(|items| items.get(index)).cloned();
        if let Source::Step { path, .. } = &map.over {
            let Some(meta) = &self.list else { return Ok(None) };
            let list = shared.cache.contents.list(&*shared.shelf, meta).await?;
            return Ok(list.and_then(|list| at_path(&list, path).and_then(at)));
        }
        let list = value_now(&self.design.definition, &self.birth.inputs, &InputArtifacts::new(), &map.over);
        Ok(list.as_ref().and_then(at))
    }

    pub(crate) fn resolve(
        &self,
        spec: &AgentSpec,
        read: &[Read],
        item: Option<&Value>,
    ) -> Result<Resolved, AgentError> {
        let own: Vec<Read> =
            read.iter().filter(|read| self.reads.iter().any(|own| own.id == read.meta.id)).cloned().collect();
        let found = content::inputs(&own)?;
        let Some(step) = self.definition() else { return Err(gone()) };
        let (definition, inputs) = (&self.design.definition, &self.birth.inputs);
        resolve(definition, step, spec, self.overrides.as_ref(), inputs, &found, item).map_err(|missing| {
            AgentError::new(
                Reason::MissingInput,
                format!(
                    "The input `{}` has no value: the step it comes from made none, or it was left empty",
                    missing.port
                ),
            )
        })
    }
}

/// Its agent, or its step, is not there.
pub(crate) fn gone() -> AgentError {
    AgentError::new(Reason::Permanent, "The agent of this step is not in the library any more")
}

/// The artifact that the items of a map were made of.
fn list_of(state: &State, map: &StepKey) -> Option<ArtifactId> {
    let inputs = state.attempts(map).iter().rev().flat_map(|attempt| &attempt.inputs);
    inputs.into_iter().find(|input| input.port == MAP_PORT)?.artifact_id
}
