//! What a person sees of a run: REST answers with it, and pages show nothing else.
//! It is made of the run's state, and after an event it is refreshed from there: a view must never be changed by itself.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    definition::Definition,
    id::{AgentId, ArtifactId, RunId, StepKey, TemplateId, UserId},
    status::{Origin, Outcome, Reason, RunStatus, StatusReason, StepStatus},
};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunView {
    pub id: RunId,
    /// The last event that it shows.
    pub seq: i64,
    pub template_id: TemplateId,
    pub template_name: String,
    pub template_version: i32,
    pub run_definition: Arc<Definition>,
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
    /// By key. Each is kept until it changes, so that whoever shows thousands sees by the address which are the same.
    pub steps: Vec<Arc<StepView>>,
    /// By step, name and version.
    pub artifacts: Vec<ArtifactMeta>,
    /// What is not among these steps yet, while a page has only what is first seen of a large run. Never on the wire: there views are whole.
    #[serde(skip)]
    pub left_out: Option<LeftOut>,
}

/// How many steps, or items, are in which status.
pub type Tally = BTreeMap<StepStatus, i64>;

/// What is known of a whole run while only a part of it is there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LeftOut {
    /// Of all steps of the definition.
    pub steps: Tally,
    /// Of all items of the map steps that are there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub items: BTreeMap<StepKey, Tally>,
    /// Steps and items that wait for a person.
    pub n_waiting: usize,
    /// No step of the definition is left out, but perhaps items and what steps did and made.
    pub has_all_steps: bool,
    /// Where to look first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<StepKey>,
}

/// What this run changes about a step; it never touches the template.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepOverride {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    #[serde(default, deserialize_with = "crate::json::exact", skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Value>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepOfRun {
    pub run: RunId,
    pub step: StepKey,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BudgetView {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<i64>,
}

/// A gate that is open: who may decide, and who has.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReviewView {
    pub opened_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    #[serde(default = "one")]
    pub quorum: i32,
    #[serde(default = "yes")]
    pub allow_self: bool,
    /// Empty with `groups` and `users`: the run's owner and admins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Ids of groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Emails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Emails of those who approved what is latest now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<String>,
    /// Of those who did in the place of somebody who is away: by their email that of whom.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub approved_for: BTreeMap<String, String>,
}

impl ReviewView {
    /// Whether it asks nobody in particular: it is for the run's owner and admins.
    pub fn asks_nobody(&self) -> bool {
        self.roles.is_empty() && self.groups.is_empty() && self.users.is_empty()
    }
}

fn one() -> i32 {
    1
}

fn yes() -> bool {
    true
}

/// What a person asked for when rejecting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Feedback {
    pub text: String,
    pub by: String,
    /// 1 for the first rejection at this gate.
    pub round: i32,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// Of an outside worker: which build of it did this, as it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
}

/// What an attempt was made with besides its inputs: a difference to what is in force now makes its result stale.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// In which that money is, by its three letters; absent where nobody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// The emails of those who approved it there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
    pub created_at: DateTime<Utc>,
}

impl ArtifactMeta {
    /// By which consumers compare it.
    pub fn meaning(&self) -> &str {
        self.value_hash.as_deref().unwrap_or(&self.content_hash)
    }
}

pub(crate) fn is_zero<T: Default + PartialEq>(n: &T) -> bool {
    *n == T::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What became of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    Changed,
    /// It was folded before.
    AlreadyKnown,
    /// Events before it are missing: the run must be fetched again.
    Gap,
}

impl RunView {
    pub fn step(&self, key: &StepKey) -> Option<&StepView> {
        self.steps.binary_search_by(|step| step.key.cmp(key)).ok().map(|n| &*self.steps[n])
    }

    /// The items of a map step: their keys begin with its own, so they stand together.
    pub fn items(&self, map: &StepKey) -> &[Arc<StepView>] {
        let prefix = format!("{map}[");
        let first = self.steps.partition_point(|step| step.key.as_str() < prefix.as_str());
        let n = self.steps[first..].partition_point(|step| step.key.as_str().starts_with(&prefix));
        &self.steps[first..first + n]
    }

    /// How many steps and items wait for a person.
    pub fn n_waiting(&self) -> usize {
        let count = || self.steps.iter().filter(|step| step.status == StepStatus::AwaitingReview).count();
        self.left_out.as_ref().map_or_else(count, |left_out| left_out.n_waiting)
    }

    /// How many steps run. While an item does, so does its map step.
    pub fn n_steps_running(&self) -> i64 {
        let runs = |step: &&Arc<StepView>| step.status == StepStatus::Running && step.item_of.is_none();
        match &self.left_out {
            Some(left_out) => left_out.steps.get(&StepStatus::Running).copied().unwrap_or_default(),
            None => i64::try_from(self.steps.iter().filter(runs).count()).unwrap_or(i64::MAX),
        }
    }

    /// How many items of a map step wait for a person.
    pub fn n_items_waiting(&self, map: &StepKey) -> i64 {
        let waits = |step: &&Arc<StepView>| step.status == StepStatus::AwaitingReview;
        match &self.left_out {
            Some(left_out) => {
                let tally = left_out.items.get(map);
                tally.and_then(|tally| tally.get(&StepStatus::AwaitingReview)).copied().unwrap_or_default()
            }
            None => i64::try_from(self.items(map).iter().filter(waits).count()).unwrap_or(i64::MAX),
        }
    }

    /// The latest version of each artifact of a step, by name.
    pub fn latest_artifacts<'a>(&'a self, key: &'a StepKey) -> impl Iterator<Item = &'a ArtifactMeta> {
        self.artifacts.iter().filter(move |artifact| artifact.is_latest && artifact.producing_step_id == *key)
    }

    /// The digest an approval of this step must name.
    pub fn review_digest(&self, key: &StepKey) -> String {
        let shown = self.latest_artifacts(key);
        crate::hash::review_digest(shown.map(|artifact| (&*artifact.name, artifact.version, &*artifact.content_hash)))
    }

    /// Where its time counts from: as if it had begun later by what it was over in between.
    pub fn counts_from(&self) -> DateTime<Utc> {
        self.created_at + TimeDelta::milliseconds(self.rested_ms)
    }
}
