//! What a person sees of a run, and the reducer that keeps it current: REST answers with it, the browser and the tests fold events into it.
//! `apply` must stay the only way events change a view, so that every reader agrees.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    definition::Definition,
    event::RunEvent,
    id::{AgentId, ArtifactId, RunId, StepKey, TemplateId, UserId},
    status::{Origin, Outcome, Reason, RunStatus, StatusReason, StepStatus},
};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RunView {
    pub id: RunId,
    /// The last event folded into this view.
    pub seq: i64,
    pub template_id: TemplateId,
    pub template_name: String,
    pub template_version: i32,
    pub run_definition: Definition,
    pub inputs: BTreeMap<String, Value>,
    pub overrides: BTreeMap<StepKey, StepOverride>,
    pub status: RunStatus,
    pub status_reason: Option<StatusReason>,
    pub auto_run: bool,
    pub user_id: UserId,
    pub user_email: String,
    pub is_test: bool,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    /// By key.
    pub steps: Vec<StepView>,
    /// By step, name and version.
    pub artifacts: Vec<ArtifactMeta>,
}

/// What this run changes about a step; it never touches the template.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct StepOverride {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Value>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StepView {
    pub key: StepKey,
    pub title: String,
    pub agent_id: AgentId,
    pub agent_version: i32,
    pub kind: String,
    pub status: StepStatus,
    pub reason: Option<Reason>,
    pub generation: i32,
    #[serde(default)]
    pub not_before: Option<DateTime<Utc>>,
    /// By number.
    pub attempts: Vec<AttemptView>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AttemptView {
    pub step: StepKey,
    pub number: i32,
    pub generation: i32,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub outcome: Option<Outcome>,
    pub error_class: Option<Reason>,
    pub error: Option<String>,
    /// What the attempt was given: port to where it came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<ConsumedInput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// An input as one attempt consumed it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ConsumedInput {
    pub port: String,
    /// The artifact version it came from; absent for constants, run inputs and overrides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_id: Option<ArtifactId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,
    pub hash: String,
}

/// What an attempt cost.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Usage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default)]
    pub prompt_tokens: i64,
    #[serde(default)]
    pub completion_tokens: i64,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ArtifactMeta {
    pub id: ArtifactId,
    pub producing_step_id: StepKey,
    pub name: String,
    pub version: i32,
    pub is_latest: bool,
    pub content_hash: String,
    pub media_type: String,
    pub size: i64,
    pub origin: Origin,
    /// The attempt that made it.
    pub attempt: Option<i32>,
    /// The version that was latest then.
    pub parent: Option<ArtifactId>,
    pub created_at: DateTime<Utc>,
}

/// What became of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    Changed,
    /// It was already part of the view.
    AlreadyKnown,
    /// Events before it are missing: the view must be fetched again.
    Gap,
}

impl RunView {
    pub fn step(&self, key: &StepKey) -> Option<&StepView> {
        self.steps.binary_search_by(|step| step.key.cmp(key)).ok().map(|n| &self.steps[n])
    }

    fn step_mut(&mut self, key: &StepKey) -> Option<&mut StepView> {
        self.steps.binary_search_by(|step| step.key.cmp(key)).ok().map(|n| &mut self.steps[n])
    }

    /// The latest version of each artifact of a step, by name.
    pub fn latest_artifacts<'a>(&'a self, key: &'a StepKey) -> impl Iterator<Item = &'a ArtifactMeta> {
        self.artifacts.iter().filter(move |artifact| artifact.is_latest && artifact.producing_step_id == *key)
    }

    /// The digest an approval of this step must name.
    pub fn review_digest(&self, key: &StepKey) -> String {
        crate::hash::review_digest(self.latest_artifacts(key))
    }

    /// Folds one event.
    pub fn apply(&mut self, event: &RunEvent) -> Applied {
        if event.seq <= self.seq {
            return Applied::AlreadyKnown;
        }
        if event.seq != self.seq + 1 {
            return Applied::Gap;
        }
        self.seq = event.seq;
        let effects = &event.data;
        if let Some(run) = &effects.run {
            self.status = run.status;
            self.status_reason = run.status_reason;
            self.auto_run = run.auto_run;
            self.finished_at = run.finished_at;
        }
        for change in &effects.steps {
            if let Some(step) = self.step_mut(&change.key) {
                step.status = change.status;
                step.reason = change.reason;
                step.generation = change.generation;
                step.not_before = change.not_before;
            }
        }
        for (key, value) in &effects.overrides {
            match value {
                Some(value) => self.overrides.insert(key.clone(), value.clone()),
                None => self.overrides.remove(key),
            };
        }
        for artifact in &effects.artifacts {
            self.add_artifact(artifact);
        }
        self.apply_attempts(&effects.attempts);
        Applied::Changed
    }

    /// Takes in attempt rows: idempotent by number, and an ended one is never reopened.
    /// A started attempt means its step is running, which no event tells.
    pub fn apply_attempts(&mut self, attempts: &[AttemptView]) {
        for attempt in attempts {
            let Some(step) = self.step_mut(&attempt.step) else {
                continue;
            };
            match step.attempts.binary_search_by_key(&attempt.number, |known| known.number) {
                Ok(n) if step.attempts[n].outcome.is_none() => step.attempts[n] = attempt.clone(),
                Ok(_) => continue,
                Err(n) => step.attempts.insert(n, attempt.clone()),
            }
            let is_newest = step.attempts.last().is_some_and(|last| last.number == attempt.number);
            if is_newest
                && attempt.outcome.is_none()
                && attempt.generation == step.generation
                && step.status == StepStatus::Ready
            {
                step.status = StepStatus::Running;
                step.not_before = None;
            }
        }
    }

    fn add_artifact(&mut self, artifact: &ArtifactMeta) {
        // The list is sorted, so the versions of one name stand together.
        let first = self.artifacts.partition_point(|known| {
            (&known.producing_step_id, &known.name) < (&artifact.producing_step_id, &artifact.name)
        });
        let mut place = first;
        while let Some(known) = self.artifacts.get_mut(place)
            && known.producing_step_id == artifact.producing_step_id
            && known.name == artifact.name
            && known.version < artifact.version
        {
            known.is_latest = known.is_latest && !artifact.is_latest;
            place += 1;
        }
        self.artifacts.insert(place, artifact.clone());
    }
}
