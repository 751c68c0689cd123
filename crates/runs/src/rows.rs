//! The rows beside the log that a commit writes, folded to their last values: parts of one statement do not see each other, so each key of
//! each table is there once. What follows only from all of a run's events is no row.

use std::collections::BTreeMap;

use workflow::{
    id::{ArtifactId, StepKey},
    run::{
        RunEvent,
        event::RunChange,
        state::{Attempt, Step, Version},
    },
};

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Rows {
    pub run: Option<RunChange>,
    /// None: it is no part of the run any more.
    pub steps: BTreeMap<StepKey, Option<Step>>,
    pub attempts: BTreeMap<(StepKey, i32), Attempt>,
    /// Only ever inserted; whether one is the latest stands in `latest`.
    pub artifacts: BTreeMap<ArtifactId, Version>,
    pub latest: BTreeMap<(StepKey, String), ArtifactId>,
}

impl Rows {
    pub fn of<'e>(events: impl IntoIterator<Item = &'e RunEvent>) -> Self {
        let mut rows = Self::default();
        for event in events {
            let data = &event.data;
            rows.run = data.run.clone().or(rows.run);
            rows.steps.extend(data.steps.iter().map(|step| (step.key.clone(), Some(step.clone()))));
            rows.steps.extend(data.removed.iter().map(|key| (key.clone(), None)));
            let attempts = data.attempts.iter();
            rows.attempts.extend(attempts.map(|attempt| ((attempt.step.clone(), attempt.number), attempt.clone())));
            for version in &data.artifacts {
                rows.artifacts.insert(version.id, version.clone());
                if version.is_latest {
                    rows.latest.insert((version.producing_step_id.clone(), version.name.clone()), version.id);
                }
            }
        }
        rows
    }

    /// What the tables hold after these were written over them.
    pub fn write(&mut self, rows: Self) {
        self.run = rows.run.or(self.run.take());
        self.steps.extend(rows.steps);
        self.attempts.extend(rows.attempts);
        self.artifacts.extend(rows.artifacts);
        self.latest.extend(rows.latest);
    }
}
