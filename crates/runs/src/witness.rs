//! Who is told of what this process wrote to the log: for figures and for traces. It is told once what is written, and never before.
//! A process that ends between writing and telling tells nobody, so what is counted here is never what decides.
//!
//! Must never be waited for: it is called by the task that decides, and has to hand on whatever takes time.

use std::{collections::BTreeMap, time::Duration};

use workflow::{
    id::{RunId, StepKey},
    run::{State, task::Task},
    transcript::{Called, Timing, Transcript},
};

use crate::commit::RunCommit;

pub trait Witness: Send + Sync + 'static {
    /// The log has answered a commit, of one run or of many, after so long.
    fn answered(&self, _took: Duration) {}

    /// Whether it wants to know which steps ended, for which every event is looked at.
    fn follows_steps(&self) -> bool {
        false
    }

    /// This is in the log now.
    fn written(&self, _written: &Written<'_>) {}

    /// An attempt of this process asked a model; told when it is over, whatever became of it.
    fn asked(&self, _task: &Task, _transcript: &Transcript, _timings: &[Timing]) {}

    /// It sent requests to others; told likewise.
    fn called(&self, _task: &Task, _called: &[Called]) {}
}

/// What a commit came to.
#[derive(Debug)]
pub struct Written<'a> {
    pub run: RunId,
    /// The run with it.
    pub state: &'a State,
    pub commit: &'a RunCommit,
    /// The run was not over before, and is now.
    pub has_ended: bool,
    /// The steps of which the same holds; none where nobody follows steps.
    pub ended: Vec<StepKey>,
}

/// What has to be known of the state of before, once it is gone.
#[derive(Debug)]
pub(crate) struct Before {
    was_over: bool,
    /// The generations in which steps that the commit tells of were over already.
    over: BTreeMap<StepKey, Option<i32>>,
}

impl Before {
    /// `state`: none for a run that begins.
    pub(crate) fn of(state: Option<&State>, commit: &RunCommit, follows_steps: bool) -> Self {
        let was_over = state.is_some_and(|state| state.run.finished_at.is_some());
        let mut over = BTreeMap::new();
        if follows_steps {
            for step in commit.events().flat_map(|event| &event.data.steps) {
                let before = state.and_then(|state| state.step(&step.key));
                let generation = before.filter(|step| step.status.is_over()).map(|step| step.generation);
                over.insert(step.key.clone(), generation);
            }
        }
        Self { was_over, over }
    }

    pub(crate) fn then<'a>(self, state: &'a State, commit: &'a RunCommit) -> Written<'a> {
        let ended = self.over.into_iter().filter(|(key, before)| {
            let now = state.step(key).filter(|step| step.status.is_over());
            now.is_some_and(|step| *before != Some(step.generation))
        });
        Written {
            run: commit.run,
            state,
            commit,
            has_ended: !self.was_over && state.run.finished_at.is_some(),
            ended: ended.map(|(key, _)| key).collect(),
        }
    }
}
