//! The wire form of a run and of its events: what a browser folds. What only the engine needs stays behind: which worker holds what,
//! tokens that let outside work answer, what verbs were asked under, what other runs are told.
//!
//! A snapshot is one event that tells the whole run, so that a browser has one reader of both. It must never be written to a log.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    RunEvent, State, Voters,
    event::{Effects, Moved, Started},
    plan::StepPlan,
    state::{Attempt, Item, Outputs, Review, Status, Step, Version, Wait, Work},
};
use crate::id::{UserId, WorkerId};

/// A run as it is, from which events fold on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    /// All of it as new values. The steps that are no part of the run any more are among the steps too.
    pub data: Effects,
}

impl State {
    /// Those who voted at gates that are open, and those in whose place they did.
    pub fn voters(&self) -> BTreeSet<UserId> {
        self.entries.values().filter_map(|entry| entry.step.review()).flat_map(Review::voters).collect()
    }

    /// Shows no approval that counts no more: else others would wait for one less than are wanted, and whoever gave it could not look anew.
    /// For a copy that is only shown: nothing may be decided by it.
    pub fn leave_out_void_votes(&mut self, voters: &Voters) {
        let owner = self.birth.user_id;
        for entry in self.entries.values_mut() {
            if let Status::AwaitingReview { review } = &mut entry.step.status {
                review.leave_out_void(voters, owner);
            }
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        let birth = &self.birth;
        let started = Started {
            id: birth.id,
            template_id: birth.template_id,
            template_name: self.template_name.clone(),
            template_version: self.template_version,
            run_definition: self.design.definition.clone(),
            inputs: birth.inputs.clone(),
            overrides: self.overrides.clone(),
            auto_run: self.run.auto_run,
            user_id: birth.user_id,
            is_test: birth.is_test,
            parent: birth.parent.clone(),
            depth: birth.depth,
            forked_from: birth.forked_from.clone(),
            steps: self.design.plans().into_iter().map(StepPlan::for_wire).collect(),
        };
        let removed = self.entries.values().filter(|entry| entry.is_removed);
        let versions = self.versions.values().flat_map(Outputs::all).flatten();
        Snapshot {
            seq: self.seq,
            at: self.at,
            created_at: birth.created_at,
            data: Effects {
                started: Some(Box::new(started)),
                run: Some(self.run.clone()),
                steps: self.entries.values().map(|entry| entry.step.for_wire()).collect(),
                removed: removed.map(|entry| entry.step.key.clone()).collect(),
                attempts: self.attempts.values().flatten().map(Attempt::for_wire).collect(),
                artifacts: versions.map(Version::for_wire).collect(),
                rejections: self.rejections.values().flatten().cloned().collect(),
                ..Effects::default()
            },
        }
    }
}

impl RunEvent {
    /// As others than the engine may have it.
    #[must_use]
    pub fn for_wire(&self) -> Self {
        let Effects {
            step,
            started,
            moved,
            run,
            steps,
            removed,
            attempts,
            artifacts,
            overrides,
            reviews,
            rejections,
            acted_for,
            ..
        } = &self.data;
        let data = Effects {
            step: step.clone(),
            started: started.as_ref().map(|started| {
                Box::new(Started {
                    steps: started.steps.iter().map(StepPlan::for_wire).collect(),
                    ..Started::clone(started)
                })
            }),
            moved: moved.as_ref().map(|moved| {
                Box::new(Moved { steps: moved.steps.iter().map(StepPlan::for_wire).collect(), ..Moved::clone(moved) })
            }),
            run: run.clone(),
            steps: steps.iter().map(Step::for_wire).collect(),
            removed: removed.clone(),
            attempts: attempts.iter().map(Attempt::for_wire).collect(),
            artifacts: artifacts.iter().map(Version::for_wire).collect(),
            overrides: overrides.clone(),
            reviews: reviews.clone(),
            rejections: rejections.clone(),
            acted_for: *acted_for,
            request: None,
            tells: Vec::new(),
        };
        Self { seq: self.seq, at: self.at, kind: self.kind, actor: self.actor, cause: self.cause, data }
    }
}

impl Step {
    fn for_wire(&self) -> Self {
        Self {
            status: self.status.for_wire(),
            decision_epoch: 0,
            n_reviews: 0,
            child_attempt: 0,
            item: self.item.as_ref().map(|item| Item { of: item.of.clone(), index: item.index, basis: String::new() }),
            ..self.clone()
        }
    }
}

impl Status {
    fn for_wire(&self) -> Self {
        match self {
            Self::Running(Work::Attempt { .. }) => Self::Running(Work::Attempt { worker: WorkerId(Uuid::nil()) }),
            // Whoever has the token may answer for what the attempt waits for.
            Self::Running(Work::Suspended { wait: Wait::Callback { .. } }) => {
                Self::Running(Work::Suspended { wait: Wait::Callback { token: String::new() } })
            }
            other => other.clone(),
        }
    }
}

impl Attempt {
    fn for_wire(&self) -> Self {
        Self { worker: None, fence: 0, reads: Vec::new(), ..self.clone() }
    }
}

impl Version {
    fn for_wire(&self) -> Self {
        Self { copy_of: None, ..self.clone() }
    }
}

impl StepPlan {
    fn for_wire(&self) -> Self {
        Self { defaults: Vec::new(), keys: Vec::new(), ..self.clone() }
    }
}
