//! What a step did and made: its attempts, and the versions of its outputs. The wire form is that of today's views, and a little more.
//! No content: a version is known by its hashes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    hash::sha256_hex,
    id::{ArtifactId, StepKey, UserId, WorkerId},
    status::{ErrorClass, Origin, Outcome},
    view::{AttemptView, Basis, ConsumedInput, Usage, is_zero},
};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    pub step: StepKey,
    pub number: i32,
    pub generation: i32,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub outcome: Option<Outcome>,
    pub error_class: Option<ErrorClass>,
    pub error: Option<String>,
    /// What the attempt was given: port to where it came from. Told with its result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<ConsumedInput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// What a `human` agent asks, as rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Absent for maps, and for what a decision ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerId>,
    /// How often it was resumed: each time under a new lease.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fence: i32,
    /// The versions it reads: those that were latest when it started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<ArtifactId>,
    /// What its worker said of itself: which build of it did this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<AnsweredBy>,
}

/// With what somebody outside ended an attempt: who never heard the answer and sends the same again is answered the same. In hex.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AnsweredBy {
    /// SHA-256 of the secret.
    pub secret: String,
    /// SHA-256 of what came with it.
    pub body: String,
}

impl Attempt {
    pub fn view(&self) -> AttemptView {
        AttemptView {
            step: self.step.clone(),
            number: self.number,
            generation: self.generation,
            started_at: self.started_at,
            ended_at: self.ended_at,
            outcome: self.outcome,
            error_class: self.error_class.map(Into::into),
            error: self.error.clone(),
            inputs: self.inputs.clone(),
            usage: self.usage.clone(),
            basis: self.basis.clone(),
            message: self.message.clone(),
            build: self.build.clone(),
        }
    }
}

/// One version of one output.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Version {
    pub id: ArtifactId,
    pub producing_step_id: StepKey,
    pub name: String,
    pub version: i32,
    pub is_latest: bool,
    pub content_hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_hash: Option<String>,
    pub media_type: String,
    pub size: i64,
    pub origin: Origin,
    pub attempt: Option<i32>,
    pub parent: Option<ArtifactId>,
    /// The person who wrote or brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<UserId>,
    /// It was the latest when a gate was approved.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub is_approved: bool,
    /// Those who approved it there, in order; nobody where it passed with what it was made of, or came approved from another run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<UserId>,
    pub created_at: DateTime<Utc>,
    /// The artifact, perhaps of another run, whose content it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<ArtifactId>,
}

impl Version {
    /// A version of its content under this id, perhaps in another run.
    pub fn copied(&self, id: ArtifactId) -> NewVersion {
        NewVersion {
            id,
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            content_hash: self.content_hash.clone(),
            value_hash: self.value_hash.clone(),
            size: self.size,
            copy_of: Some(self.id),
        }
    }
}

/// A version that a command brings; its content travels beside the command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewVersion {
    pub id: ArtifactId,
    pub name: String,
    pub media_type: String,
    pub content_hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_hash: Option<String>,
    pub size: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<ArtifactId>,
}

impl NewVersion {
    /// Of this content, which means what its bytes say.
    pub fn of(id: ArtifactId, name: impl Into<String>, media_type: impl Into<String>, content: &[u8]) -> Self {
        Self {
            id,
            name: name.into(),
            media_type: media_type.into(),
            content_hash: sha256_hex(content),
            value_hash: None,
            size: i64::try_from(content.len()).unwrap_or(i64::MAX),
            copy_of: None,
        }
    }
}
