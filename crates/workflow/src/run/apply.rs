//! Folding an event into the state. Total, and it costs what the event changed and its neighbours, never the run
//! (but for the events that bring a definition).

use std::sync::Arc;

use super::{
    event::{Moved, RunEvent, Started},
    state::{Attempt, Birth, Design, Rejection, State, Step, Version, insert, put},
};
use crate::view::Applied;

impl State {
    /// The state after these events of one run, which begin with its first.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a RunEvent>) -> Self {
        let mut state = Self::empty();
        for event in events {
            state.apply(event);
        }
        state
    }

    pub fn apply(&mut self, event: &RunEvent) -> Applied {
        if event.seq <= self.seq {
            return Applied::AlreadyKnown;
        }
        if event.seq != self.seq + 1 {
            return Applied::Gap;
        }
        self.seq = event.seq;
        self.at = event.at;
        let data = &event.data;
        if let Some(started) = &data.started {
            self.begin(started, event);
        }
        if let Some(moved) = &data.moved {
            self.redesign(moved);
        }
        if let Some(run) = &data.run {
            self.run = run.clone();
        }
        for (key, value) in &data.overrides {
            match value {
                Some(value) => self.overrides.insert(key.clone(), value.clone()),
                None => self.overrides.remove(key),
            };
        }
        for step in &data.steps {
            put(self, step.clone(), false);
        }
        for key in &data.removed {
            if let Some(step) = self.step(key).cloned() {
                put(self, step, true);
            }
        }
        for attempt in &data.attempts {
            self.put_attempt(attempt);
        }
        for version in &data.artifacts {
            self.put_version(version);
        }
        for rejection in &data.rejections {
            self.put_rejection(rejection);
        }
        if let (Some(request), Some(actor)) = (&data.request, event.actor) {
            self.requests.insert((actor, request.key.clone()), request.hash.clone());
        }
        Applied::Changed
    }

    pub(super) fn begin(&mut self, started: &Started, event: &RunEvent) {
        self.birth = Arc::new(Birth {
            id: started.id,
            template_id: started.template_id,
            inputs: started.inputs.clone(),
            user_id: started.user_id,
            is_test: started.is_test,
            parent: started.parent.clone(),
            depth: started.depth,
            forked_from: started.forked_from.clone(),
            created_at: event.at,
        });
        self.at = event.at;
        self.template_name.clone_from(&started.template_name);
        self.template_version = started.template_version;
        self.overrides.clone_from(&started.overrides);
        self.run.auto_run = started.auto_run;
        self.design = Arc::new(Design::of(Arc::clone(&started.run_definition), &started.steps));
        for plan in started.steps.iter() {
            self.entries.insert(plan.key.clone(), super::state::Entry::new(Step::new(plan.key.clone(), event.at)));
        }
        self.derive();
    }

    pub(super) fn redesign(&mut self, moved: &Moved) {
        self.template_name.clone_from(&moved.template_name);
        self.template_version = moved.template_version;
        self.design = Arc::new(Design::of(Arc::clone(&moved.run_definition), &moved.steps));
        self.derive();
    }

    pub(super) fn put_attempt(&mut self, attempt: &Attempt) {
        let of_step = self.attempts.entry(attempt.step.clone()).or_default();
        match of_step.binary_search_by_key(&attempt.number, |known| known.number) {
            Ok(n) => of_step[n] = attempt.clone(),
            Err(n) => insert(of_step, n, attempt.clone()),
        }
    }

    pub(super) fn put_version(&mut self, version: &Version) {
        let (key, name) = (&version.producing_step_id, &version.name);
        self.makers.insert(version.id, (key.clone(), name.clone()));
        self.versions.entry(key.clone()).or_default().put(version);
    }

    fn put_rejection(&mut self, rejection: &Rejection) {
        self.rejections.entry(rejection.step.clone()).or_default().push(rejection.clone());
    }
}
