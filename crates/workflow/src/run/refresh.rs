//! Keeping a view up to date with the state it is a view of, at the cost of what an event touched.
//! Must lead to what `State::view` would make: it knows no rule, and copies from the state alone.

use std::{collections::BTreeSet, ops::Range};

use super::{RunEvent, State, event::Effects, state::Emails};
use crate::{
    id::StepKey,
    view::{ArtifactMeta, RunView},
};

/// More outputs than this in one event are put in order once, not one by one.
const FEW: usize = 32;

impl Effects {
    /// The steps whose view is another one afterwards, or may be; all of them where the run begins or goes on with another version.
    pub fn touched(&self) -> BTreeSet<&StepKey> {
        let mut touched: BTreeSet<&StepKey> = self.steps.iter().map(|step| &step.key).collect();
        touched.extend(&self.removed);
        touched.extend(self.attempts.iter().map(|attempt| &attempt.step));
        touched.extend(self.rejections.iter().map(|rejection| &rejection.step));
        touched
    }
}

impl RunView {
    /// After `state` took in the event. `emails`: of everybody whom the state or the event names.
    pub fn refresh(&mut self, state: &State, event: &RunEvent, emails: &Emails) {
        let data = &event.data;
        if data.started.is_some() || data.moved.is_some() {
            *self = state.view(emails);
            return;
        }
        self.seq = state.seq;
        self.refresh_run(state);
        for key in data.overrides.keys() {
            match state.overrides.get(key) {
                Some(value) => self.overrides.insert(key.clone(), value.clone()),
                None => self.overrides.remove(key),
            };
        }
        let came = self.refresh_steps(state, &data.touched(), emails);
        let mut names: BTreeSet<(&StepKey, &str)> =
            data.artifacts.iter().map(|version| (&version.producing_step_id, version.name.as_str())).collect();
        // A step that is back has what it made before.
        names.extend(came.iter().flat_map(|key| state.names(key).map(move |name| (*key, name))));
        self.refresh_artifacts(state, &names, emails);
    }

    fn refresh_run(&mut self, state: &State) {
        let run = &state.run;
        self.status = run.status;
        self.status_reason = run.status_reason;
        self.auto_run = run.auto_run;
        self.finished_at = run.finished_at;
        self.rested_ms = run.rested_ms;
        self.deadline_at = run.deadline_at;
        self.budget = run.budget;
    }

    /// Those that were not there before.
    fn refresh_steps<'a>(
        &mut self,
        state: &State,
        touched: &BTreeSet<&'a StepKey>,
        emails: &Emails,
    ) -> Vec<&'a StepKey> {
        let (mut came, mut new) = (Vec::new(), Vec::new());
        let mut has_gone = false;
        for key in touched {
            let place = self.steps.binary_search_by(|known| known.key.cmp(key));
            match (place, state.step(key)) {
                (Ok(n), Some(step)) => self.steps[n] = state.step_view(step, emails),
                (Ok(_), None) => has_gone = true,
                (Err(_), Some(step)) => {
                    new.push(state.step_view(step, emails));
                    came.push(*key);
                }
                (Err(_), None) => {}
            }
        }
        if has_gone {
            self.steps.retain(|known| state.step(&known.key).is_some());
            self.artifacts.retain(|known| state.step(&known.producing_step_id).is_some());
        }
        if !new.is_empty() {
            self.steps.extend(new);
            self.steps.sort_by(|a, b| a.key.cmp(&b.key));
        }
        came
    }

    fn refresh_artifacts(&mut self, state: &State, names: &BTreeSet<(&StepKey, &str)>, emails: &Emails) {
        if names.len() > FEW {
            self.artifacts = state.artifact_views(emails);
            return;
        }
        for (key, name) in names {
            let now = if state.step(key).is_some() { state.version_views(key, name, emails) } else { Vec::new() };
            let known = self.versions_of(key, name);
            self.artifacts.splice(known, now);
        }
    }

    /// The list is sorted, so the versions of one name stand together.
    fn versions_of(&self, key: &StepKey, name: &str) -> Range<usize> {
        let place =
            |known: &ArtifactMeta| (known.producing_step_id.as_str(), known.name.as_str()).cmp(&(key.as_str(), name));
        let first = self.artifacts.partition_point(|known| place(known).is_lt());
        first..self.artifacts.partition_point(|known| place(known).is_le())
    }
}
