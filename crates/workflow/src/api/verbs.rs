//! Requests and answers of what a person does to a run.
//! Must never carry a rule: whether a verb is allowed is judged by `run::decide`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::Value;

use crate::{
    id::{RunId, StepKey},
    schema::Schema,
    status::StepStatus,
    view::{BudgetView, RunView},
};

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TriggerStep {
    /// Absent leaves the override as it is, null takes it back, a text replaces it.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub prompt_override: Option<Option<String>>,
    /// Literal values for ports; absent leaves them as they are.
    #[serde(default, deserialize_with = "crate::json::exact", skip_serializing_if = "Option::is_none")]
    pub inputs: Option<BTreeMap<String, Value>>,
    /// The generation that was seen: of many equal clicks one has an effect, the others get 409.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_generation: Option<i32>,
}

/// Tells an absent field from an explicit null.
#[expect(clippy::option_option, reason = "absent, null and a text are three different wishes")]
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContinueStep {
    /// The digest of what was seen (`review_digest`); refused with 409 once something newer is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_generation: Option<i32>,
}

/// New versions by a person. JSON outputs take any JSON value, text outputs a string.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct EditStep {
    /// Content by output name.
    #[serde(deserialize_with = "crate::json::exact")]
    pub artifacts: BTreeMap<String, Value>,
    /// Approve at once what was written.
    pub and_continue: bool,
    /// The digest of what was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect_generation: Option<i32>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RejectStep {
    /// What to do better: the agent sees it with its last output.
    pub feedback: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect_generation: Option<i32>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SkipStep {
    /// Values for required ports that read this step's artifacts: `{step: {port: value}}`.
    #[serde(deserialize_with = "crate::json::exact")]
    pub inputs: BTreeMap<StepKey, BTreeMap<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect_generation: Option<i32>,
}

/// A required port that reads what a step would have made: skipping the step wants a value for it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SkipNeed {
    /// The dependent that has the port.
    pub step: StepKey,
    pub step_title: String,
    pub port: String,
    pub schema: Schema,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SupplyStep {
    /// Content by output name; every output of the agent.
    #[serde(deserialize_with = "crate::json::exact")]
    pub outputs: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect_generation: Option<i32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct StopStep {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect_generation: Option<i32>,
}

/// What runs again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RerunMode {
    #[default]
    StepOnly,
    /// The step and everything downstream of it.
    Downstream,
    /// The step and what is stale downstream of it.
    StaleDownstream,
    /// All that is stale in the run and that no person wrote; the step is one of these.
    Stale,
}

impl RerunMode {
    pub const ALL: [Self; 4] = [Self::StepOnly, Self::Downstream, Self::StaleDownstream, Self::Stale];
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RerunStep {
    pub mode: RerunMode,
    /// Only say what would run again.
    pub dry_run: bool,
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub prompt_override: Option<Option<String>>,
    #[serde(deserialize_with = "crate::json::exact", skip_serializing_if = "Option::is_none")]
    pub inputs: Option<BTreeMap<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect_generation: Option<i32>,
}

/// What a verb would run again, and what the last attempts of it cost.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BlastRadius {
    /// By key.
    pub steps: Vec<BlastStep>,
    pub total_tokens: i64,
    pub total_cost_micros: Option<i64>,
    /// Some of the tokens are a guess.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_estimated: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BlastStep {
    pub key: StepKey,
    pub title: String,
    pub status: StepStatus,
    /// Of the last attempt that ended.
    pub tokens: i64,
    pub cost_micros: Option<i64>,
    pub seconds: f64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_estimated: bool,
    /// A person wrote what is the latest of it, or of one of its items: what it makes anew takes that place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_written: bool,
}

/// The answer to a verb that can be tried dry.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Rerun {
    Dry(BlastRadius),
    Done(Box<RunView>),
}

impl<'de> Deserialize<'de> for Rerun {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match either(deserializer)? {
            Either::Run(run) => Self::Done(run),
            Either::Other(dry) => Self::Dry(dry),
        })
    }
}

enum Either<T> {
    Run(Box<RunView>),
    Other(T),
}

/// A run has an id, which no other answer has. Read from its text again: a browser then has one reader of runs, not two.
fn either<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<Either<T>, D::Error> {
    let value: Value = crate::json::exact(deserializer)?;
    if value.get("id").is_some() {
        serde_json::from_str(&value.to_string()).map(Either::Run).map_err(D::Error::custom)
    } else {
        serde_json::from_value(value).map(Either::Other).map_err(D::Error::custom)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RollbackArtifact {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect_generation: Option<i32>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ForkRun {
    /// The new run begins here; what is upstream or beside it is shared.
    pub step: StepKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_run: Option<bool>,
    /// Another prompt for the step in the new run, as with a trigger: absent leaves what the run has, null takes it back.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub prompt_override: Option<Option<String>>,
    /// Literal values for its ports there; absent leaves those that the run has.
    #[serde(default, deserialize_with = "crate::json::exact", skip_serializing_if = "Option::is_none")]
    pub inputs: Option<BTreeMap<String, Value>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdoptRun {
    /// The run to take versions from: of the same template.
    pub from: RunId,
    /// Empty for every step whose artifacts differ.
    #[serde(default)]
    pub steps: Vec<StepKey>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MoveRun {
    pub version: i32,
    /// Only say which completed steps stay valid.
    #[serde(default)]
    pub dry_run: bool,
}

/// A published version of a template, as it can be started, moved to, or used as a step.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PublishedVersion {
    pub version: i32,
    pub n_steps: i64,
    pub published_at: DateTime<Utc>,
    /// The email of whoever published it; for admins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_by: Option<String>,
    /// What they said about it, perhaps nothing; for admins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What moving to another version means for each step.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MovePlan {
    /// Completed, and stays so.
    pub kept: Vec<StepKey>,
    /// Runs again, because its meaning or that of a step before it changed.
    pub rerun: Vec<StepKey>,
    pub added: Vec<StepKey>,
    pub removed: Vec<StepKey>,
    /// What the new version calls its steps, where the run calls them otherwise or has none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub titles: BTreeMap<StepKey, String>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum MoveAnswer {
    Dry(MovePlan),
    Done(Box<RunView>),
}

impl<'de> Deserialize<'de> for MoveAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match either(deserializer)? {
            Either::Run(run) => Self::Done(run),
            Either::Other(dry) => Self::Dry(dry),
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ResumeRun {
    /// A new budget; a run that a budget paused needs one larger than what it used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetView>,
}
