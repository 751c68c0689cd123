//! What helps to decide on a run: two runs side by side, and what is stale in one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{
    id::{RunId, StepKey, UserId},
    json::Tagged,
    status::{RunStatus, StatusReason, StepStatus},
    title::title_of,
    view::{ArtifactMeta, RunView},
};

/// What a run is, without its steps.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunHead {
    pub id: RunId,
    /// What people call it.
    #[serde(default)]
    pub title: String,
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
            title: title_of(run, None),
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comparison {
    pub left: RunId,
    pub right: RunId,
    pub left_run: RunHead,
    pub right_run: RunHead,
    /// By key; steps of either run.
    pub steps: Vec<StepComparison>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArtifactComparison {
    pub name: String,
    pub left: Option<ArtifactMeta>,
    pub right: Option<ArtifactMeta>,
    pub is_equal: bool,
}

/// Why a completed step is stale.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Staleness {
    /// Empty when only something before it is stale.
    pub because: Vec<StaleReason>,
    /// The stale steps it consumed from.
    pub through: Vec<StepKey>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
