//! What a person sees of a run, and the reducer that keeps it current: REST answers with it, the browser and the tests fold events into it.
//! `apply` must stay the only way events change a view, so that every reader agrees.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    definition::Definition,
    event::{Moved, NewItems, RunEvent, is_zero},
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
    #[serde(deserialize_with = "crate::json::exact")]
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
    /// How long it was over, each time before it went on again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rested_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_at: Option<DateTime<Utc>>,
    /// What the run may use at most, as it is now in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetView>,
    /// The step of another run that started this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<StepOfRun>,
    /// The step of another run that this one was forked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<StepOfRun>,
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
    #[serde(default, deserialize_with = "crate::json::exact", skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Value>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StepOfRun {
    pub run: RunId,
    pub step: StepKey,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BudgetView {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<i64>,
}

/// A gate that is open: who may decide, and who has.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReviewView {
    pub opened_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    #[serde(default = "one")]
    pub quorum: i32,
    #[serde(default = "yes")]
    pub allow_self: bool,
    /// Empty with `users`: the run's owner and admins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Emails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Emails of those who approved what is latest now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<String>,
}

fn one() -> i32 {
    1
}

fn yes() -> bool {
    true
}

/// What a person asked for when rejecting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Feedback {
    pub text: String,
    pub by: String,
    /// 1 for the first rejection at this gate.
    pub round: i32,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StepView {
    pub key: StepKey,
    pub title: String,
    pub agent_id: AgentId,
    pub agent_version: i32,
    pub kind: String,
    /// SHA-256 of the agent version's own prompt; absent for kinds without one. What the step or the run puts in its place is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_hash: Option<String>,
    pub status: StepStatus,
    pub reason: Option<Reason>,
    pub generation: i32,
    #[serde(default)]
    pub not_before: Option<DateTime<Utc>>,
    /// The map step that this is an item of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_of: Option<StepKey>,
    /// Its place in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_index: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child_run: Option<RunId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewView>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
    /// By number.
    pub attempts: Vec<AttemptView>,
}

impl StepView {
    /// The key under which the definition knows it: an item's is that of its map step.
    pub fn definition_key(&self) -> &StepKey {
        self.item_of.as_ref().unwrap_or(&self.key)
    }
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// What a `human` agent asks, as rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What an attempt was made with besides its inputs: a difference to what is in force now makes its result stale.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Basis {
    /// SHA-256 of the prompt in force, unrendered; absent for kinds without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    pub agent_version: i32,
    /// SHA-256 of the keys of the direct dependencies, sorted, a line each.
    pub dependencies: String,
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
    /// Money in millionths; absent where the provider has no prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<i64>,
    /// Whether the answer broke off at the longest one that the agent allows: what it made may not be whole.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_cut: bool,
    /// The provider did not say what it counted: the tokens are a guess by the length of the texts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_estimated: bool,
    /// Parameters that were not sent, because the model does not take them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ArtifactMeta {
    pub id: ArtifactId,
    pub producing_step_id: StepKey,
    pub name: String,
    pub version: i32,
    pub is_latest: bool,
    /// SHA-256 of the bytes.
    pub content_hash: String,
    /// Of JSON that is not in its canonical form, the hash of what it means: two versions that only differ in spelling are equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_hash: Option<String>,
    pub media_type: String,
    pub size: i64,
    pub origin: Origin,
    /// The attempt that made it.
    pub attempt: Option<i32>,
    /// The version that was latest then.
    pub parent: Option<ArtifactId>,
    /// The email of the person who wrote or brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    /// It was the latest when a gate was approved.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_approved: bool,
    pub created_at: DateTime<Utc>,
}

impl ArtifactMeta {
    /// By which consumers compare it.
    pub fn meaning(&self) -> &str {
        self.value_hash.as_deref().unwrap_or(&self.content_hash)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !value
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

    /// Where its time counts from: as if it had begun later by what it was over in between.
    pub fn counts_from(&self) -> DateTime<Utc> {
        self.created_at + TimeDelta::milliseconds(self.rested_ms)
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
            self.rested_ms = run.rested_ms;
            self.deadline_at = run.deadline_at;
            self.budget = run.budget;
        }
        if let Some(moved) = &effects.moved {
            self.move_to(moved);
        }
        self.steps.retain(|step| !effects.removed.contains(&step.key));
        self.artifacts.retain(|artifact| !effects.removed.contains(&artifact.producing_step_id));
        if let Some(new) = &effects.items {
            self.add_items(new);
        }
        for (key, index) in &effects.indices {
            if let Some(step) = self.step_mut(key) {
                step.item_index = Some(*index);
            }
        }
        for change in &effects.steps {
            if let Some(step) = self.step_mut(&change.key) {
                step.status = change.status;
                step.reason = change.reason;
                step.generation = change.generation;
                step.not_before = change.not_before;
                step.child_run = change.child_run;
                step.review.clone_from(&change.review);
                step.feedback.clone_from(&change.feedback);
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
        let mut n = first;
        while let Some(known) = self.artifacts.get_mut(n)
            && known.producing_step_id == artifact.producing_step_id
            && known.name == artifact.name
        {
            known.is_latest = known.is_latest && !artifact.is_latest;
            if known.version < artifact.version {
                place = n + 1;
            }
            n += 1;
        }
        match self.artifacts.get_mut(place).filter(|known| known.id == artifact.id) {
            Some(known) => *known = artifact.clone(),
            None => self.artifacts.insert(place, artifact.clone()),
        }
    }

    fn add_items(&mut self, new: &NewItems) {
        let Some(map) = self.step(&new.of).cloned() else { return };
        let items = new.items.iter().map(|(index, key)| StepView {
            key: map.key.item(key),
            title: format!("{} [{key}]", map.title),
            status: StepStatus::Ready,
            reason: None,
            generation: 1,
            not_before: None,
            item_of: Some(map.key.clone()),
            item_index: Some(*index),
            child_run: None,
            review: None,
            feedback: None,
            attempts: Vec::new(),
            ..map.clone()
        });
        self.steps.extend(items);
        self.steps.sort_by(|a, b| a.key.cmp(&b.key));
    }

    fn move_to(&mut self, moved: &Moved) {
        self.template_version = moved.template_version;
        self.template_name.clone_from(&moved.template_name);
        self.run_definition = moved.run_definition.clone();
        for step in &moved.steps {
            match self.steps.binary_search_by(|known| known.key.cmp(&step.key)) {
                // What it is doing is told with the steps that moved; here it is only named anew.
                Ok(n) => {
                    let known = &mut self.steps[n];
                    known.title.clone_from(&step.title);
                    known.agent_id.clone_from(&step.agent_id);
                    known.agent_version = step.agent_version;
                    known.kind.clone_from(&step.kind);
                    known.prompt_hash.clone_from(&step.prompt_hash);
                }
                Err(n) => self.steps.insert(n, step.clone()),
            }
        }
    }
}
