//! Requests and answers of what a person does to a run: the verbs, and the views that help to decide on one.
//! Must never carry a rule: whether a verb is allowed is judged by `run::decide`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::Value;

use crate::{
    id::{AgentId, ArtifactId, RunId, StepKey, UserId},
    json::Tagged,
    schema::Schema,
    status::{RunStatus, StatusReason, StepStatus},
    view::{ArtifactMeta, AttemptView, BudgetView, Feedback, RunView},
};

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
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
pub struct ContinueStep {
    /// The digest of what was seen (`review_digest`); refused with 409 once something newer is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_generation: Option<i32>,
}

/// New versions by a person. JSON outputs take any JSON value, text outputs a string.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
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
pub struct SkipNeed {
    /// The dependent that has the port.
    pub step: StepKey,
    pub step_title: String,
    pub port: String,
    pub schema: Schema,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SupplyStep {
    /// Content by output name; every output of the agent.
    #[serde(deserialize_with = "crate::json::exact")]
    pub outputs: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect_generation: Option<i32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StopStep {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect_generation: Option<i32>,
}

/// What runs again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RerunMode {
    #[default]
    StepOnly,
    /// The step and everything downstream of it.
    Downstream,
    /// The step and what is stale downstream of it.
    StaleDownstream,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
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
}

/// The answer to a verb that can be tried dry.
#[derive(Clone, PartialEq, Debug, Serialize)]
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
#[serde(default)]
pub struct RollbackArtifact {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect_generation: Option<i32>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ForkRun {
    /// The new run begins here; what is upstream or beside it is shared.
    pub step: StepKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_run: Option<bool>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdoptRun {
    /// The run to take versions from: of the same template.
    pub from: RunId,
    /// Empty for every step whose artifacts differ.
    #[serde(default)]
    pub steps: Vec<StepKey>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MoveRun {
    pub version: i32,
    /// Only say which completed steps stay valid.
    #[serde(default)]
    pub dry_run: bool,
}

/// A published version of a template, as it can be started, moved to, or used as a step.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PublishedVersion {
    pub version: i32,
    pub n_steps: i64,
    pub published_at: DateTime<Utc>,
}

/// What moving to another version means for each step.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
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
#[serde(default)]
pub struct ResumeRun {
    /// A new budget; a run that a budget paused needs one larger than what it used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetView>,
}

/// What a run is, without its steps.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RunHead {
    pub id: RunId,
    pub template_name: String,
    pub template_version: i32,
    pub status: RunStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<StatusReason>,
    pub user_id: UserId,
    pub user_email: String,
    pub created_at: DateTime<Utc>,
}

impl From<&RunView> for RunHead {
    fn from(run: &RunView) -> Self {
        Self {
            id: run.id,
            template_name: run.template_name.clone(),
            template_version: run.template_version,
            status: run.status,
            status_reason: run.status_reason,
            user_id: run.user_id,
            user_email: run.user_email.clone(),
            created_at: run.created_at,
        }
    }
}

/// Two runs of one template side by side.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Comparison {
    pub left: RunId,
    pub right: RunId,
    pub left_run: RunHead,
    pub right_run: RunHead,
    /// By key; steps of either run.
    pub steps: Vec<StepComparison>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StepComparison {
    pub key: StepKey,
    pub title: String,
    /// One item of a list: it is taken over with its list or not at all.
    pub is_item: bool,
    /// Absent where the run has no such step.
    pub left: Option<StepStatus>,
    pub right: Option<StepStatus>,
    /// The prompt in force differs.
    pub prompt_differs: bool,
    pub artifacts: Vec<ArtifactComparison>,
}

impl StepComparison {
    pub fn differs(&self) -> bool {
        self.prompt_differs || self.left != self.right || self.artifacts.iter().any(|artifact| !artifact.is_equal)
    }

    /// Whether the left run can take over what the right one made.
    pub fn is_adoptable(&self) -> bool {
        let is_free = self.left.is_some_and(|left| !matches!(left, StepStatus::Running | StepStatus::Cancelled));
        let is_done = self.left == Some(StepStatus::Completed);
        let mut made = self.artifacts.iter().filter(|artifact| artifact.right.is_some());
        !self.is_item
            && is_free
            && self.right == Some(StepStatus::Completed)
            && made.any(|artifact| !artifact.is_equal || !is_done)
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ArtifactComparison {
    pub name: String,
    pub left: Option<ArtifactMeta>,
    pub right: Option<ArtifactMeta>,
    pub is_equal: bool,
}

/// Why a completed step is stale.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Staleness {
    /// Empty when only something before it is stale.
    pub because: Vec<StaleReason>,
    /// The stale steps it consumed from.
    pub through: Vec<StepKey>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StaleReason {
    /// "because `research.notes` is now v3"
    Artifact {
        port: String,
        step: StepKey,
        name: String,
        consumed: i32,
        now: i32,
    },
    /// The artifact it consumed is not there any more.
    ArtifactGone {
        port: String,
        step: StepKey,
        name: String,
    },
    /// A literal, a run input or the item is another one.
    Input {
        port: String,
    },
    Prompt,
    AgentVersion {
        consumed: i32,
        now: i32,
    },
    Dependencies,
}

#[derive(Deserialize)]
struct StaleArtifact {
    port: String,
    step: StepKey,
    name: String,
    #[serde(default)]
    consumed: i32,
    #[serde(default)]
    now: i32,
}

#[derive(Deserialize)]
struct StaleInput {
    port: String,
}

#[derive(Deserialize)]
struct StaleVersion {
    consumed: i32,
    now: i32,
}

impl<'de> Deserialize<'de> for StaleReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const KINDS: &[&str] = &["artifact", "artifact_gone", "input", "prompt", "agent_version", "dependencies"];
        let tagged = Tagged::read(deserializer, "kind")?;
        Ok(match tagged.tag.as_str() {
            "artifact" => {
                let StaleArtifact { port, step, name, consumed, now } = tagged.rest()?;
                Self::Artifact { port, step, name, consumed, now }
            }
            "artifact_gone" => {
                let StaleArtifact { port, step, name, .. } = tagged.rest()?;
                Self::ArtifactGone { port, step, name }
            }
            "input" => {
                let StaleInput { port } = tagged.rest()?;
                Self::Input { port }
            }
            "prompt" => Self::Prompt,
            "agent_version" => {
                let StaleVersion { consumed, now } = tagged.rest()?;
                Self::AgentVersion { consumed, now }
            }
            "dependencies" => Self::Dependencies,
            other => return Err(D::Error::unknown_variant(other, KINDS)),
        })
    }
}

/// Everything an artifact was made from, back to the inputs of the run. Nodes are listed once, the asked one first.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Lineage {
    pub artifacts: Vec<LineageNode>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LineageNode {
    pub artifact: ArtifactMeta,
    pub step_title: String,
    pub agent_id: AgentId,
    pub agent_version: i32,
    /// The attempt that made it, or on whose result the edit was based.
    pub attempt: Option<AttemptView>,
    /// Attempts before it in the same generation, that failed.
    pub failed_attempts: i32,
    /// The prompt template in force then.
    pub prompt: Option<String>,
    pub model: Option<String>,
    pub feedback: Option<Feedback>,
    /// What each port was fed.
    pub inputs: Vec<LineageInput>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawLineageInput")]
pub struct LineageInput {
    pub port: String,
    #[serde(flatten)]
    pub source: LineageSource,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum LineageSource {
    Artifact {
        id: ArtifactId,
        step: StepKey,
        name: String,
        version: i32,
    },
    RunInput {
        key: String,
    },
    Const,
    /// A literal given with a verb.
    Override,
    Item,
}

/// As it is read: all fields of all sources.
#[derive(Deserialize)]
struct RawLineageInput {
    port: String,
    from: String,
    id: Option<ArtifactId>,
    step: Option<StepKey>,
    name: Option<String>,
    version: Option<i32>,
    key: Option<String>,
}

impl TryFrom<RawLineageInput> for LineageInput {
    type Error = crate::status::Unknown;

    fn try_from(raw: RawLineageInput) -> Result<Self, Self::Error> {
        let RawLineageInput { port, from, id, step, name, version, key } = raw;
        let unknown = || crate::status::Unknown(from.clone());
        let source = match from.as_str() {
            "artifact" => LineageSource::Artifact {
                id: id.ok_or_else(unknown)?,
                step: step.ok_or_else(unknown)?,
                name: name.ok_or_else(unknown)?,
                version: version.ok_or_else(unknown)?,
            },
            "run_input" => LineageSource::RunInput { key: key.ok_or_else(unknown)? },
            "const" => LineageSource::Const,
            "override" => LineageSource::Override,
            "item" => LineageSource::Item,
            _ => return Err(unknown()),
        };
        Ok(Self { port, source })
    }
}
