//! The rows of several decisions about one run, made one over the other: of each row the last one, and what had rows before all of them.
//! Adding a decision costs what it tells, however many came before it.

use std::collections::{BTreeMap, btree_map::Entry};

use workflow::{ArtifactId, StepKey, run::state::Version};

use super::{ArtifactHead, AttemptRow, GateEnd, Rows, StepRow, Summary, gates::EndKey};
use crate::message::Sent;

/// Rows in the making.
#[derive(Clone, Debug)]
pub struct Merged {
    summary: Summary,
    steps: BTreeMap<StepKey, StepRow>,
    attempts: BTreeMap<(StepKey, i32), AttemptRow>,
    artifacts: BTreeMap<ArtifactId, Version>,
    artifact_heads: BTreeMap<(StepKey, String), ArtifactHead>,
    ends: BTreeMap<EndKey, GateEnd>,
    tells: Vec<Sent>,
}

impl Merged {
    pub fn of(first: Rows) -> Self {
        let mut merged = Self {
            summary: first.summary.clone(),
            steps: BTreeMap::new(),
            attempts: BTreeMap::new(),
            artifacts: BTreeMap::new(),
            artifact_heads: BTreeMap::new(),
            ends: BTreeMap::new(),
            tells: Vec::new(),
        };
        merged.put(first);
        merged
    }

    /// `later` was decided on what these lead to.
    pub fn add(&mut self, later: Rows) {
        self.summary = self.summary.clone().then(later.summary.clone());
        self.put(later);
    }

    fn put(&mut self, rows: Rows) {
        for row in rows.steps {
            match self.steps.entry(row.step.clone()) {
                Entry::Vacant(vacant) => {
                    vacant.insert(row);
                }
                // It had what it had before all of them.
                Entry::Occupied(mut earlier) => {
                    let had = earlier.get().had;
                    earlier.insert(StepRow { had, ..row });
                }
            }
        }
        self.attempts
            .extend(rows.attempts.into_iter().map(|row| ((row.attempt.step.clone(), row.attempt.number), row)));
        self.artifacts.extend(rows.artifacts.into_iter().map(|version| (version.id, version)));
        self.artifact_heads
            .extend(rows.artifact_heads.into_iter().map(|row| ((row.step.clone(), row.name.clone()), row)));
        self.ends.extend(rows.ends.into_iter().map(|end| (end.key(), end)));
        self.tells.extend(rows.tells);
    }

    pub fn rows(self) -> Rows {
        // What waited only in between has no rows and gets none.
        let steps = self.steps.into_values().filter(StepRow::is_any);
        Rows {
            summary: self.summary,
            steps: steps.collect(),
            attempts: self.attempts.into_values().collect(),
            artifacts: self.artifacts.into_values().collect(),
            artifact_heads: self.artifact_heads.into_values().collect(),
            ends: self.ends.into_values().collect(),
            tells: self.tells,
        }
    }
}
