//! Runs as they are started and listed, and what is shown beside one: artifacts, prompts, transcripts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Value, value::RawValue};

use crate::{
    agent::{InputPort, OutputPort},
    id::{ArtifactId, RunId, TemplateId, UserId},
    progress::Progress,
    status::{RunStatus, StatusReason},
    transcript::Transcript,
    view::ArtifactMeta,
};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StartRun {
    pub template_id: TemplateId,
    /// Absent for the published version.
    #[serde(default)]
    pub version: Option<i32>,
    #[serde(default, deserialize_with = "crate::json::exact")]
    pub inputs: BTreeMap<String, Value>,
    /// On unless switched off.
    #[serde(default = "on")]
    pub auto_run: bool,
}

fn on() -> bool {
    true
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunSummary {
    pub id: RunId,
    pub template_id: TemplateId,
    pub template_name: String,
    pub template_version: i32,
    pub status: RunStatus,
    pub status_reason: Option<StatusReason>,
    pub auto_run: bool,
    pub user_id: UserId,
    pub user_email: String,
    pub progress: Progress,
    /// Steps and items that wait for a review.
    pub n_waiting: i64,
    /// The beginnings of the inputs it was started on, in one line.
    pub about: Option<String>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RunPage {
    pub runs: Vec<RunSummary>,
    /// Give it back as `after` for the next page.
    pub next: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchRun {
    pub auto_run: bool,
}

/// What is shown of an artifact at first: all of it, or as text the beginning of one that is long. Of what is no text nothing.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ArtifactBeginning {
    pub encoding: Encoding,
    #[serde(deserialize_with = "crate::json::exact")]
    pub content: Value,
    /// There is no more to read.
    pub is_whole: bool,
}

/// An artifact with its content: a JSON value, text, or base64 for what is neither.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArtifactView {
    #[serde(flatten)]
    pub meta: ArtifactMeta,
    pub encoding: Encoding,
    pub content: Value,
}

impl<'de> Deserialize<'de> for ArtifactView {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Body {
            encoding: Encoding,
            #[serde(deserialize_with = "crate::json::exact")]
            content: Value,
        }
        // By hand, because a derived reader keeps the fields of `meta` in a buffer that does not know numbers by their text. Both halves
        // are read from the text, so that a browser brings no second reader of `meta`.
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let Body { encoding, content } = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        Ok(Self { meta: serde_json::from_str(text.get()).map_err(D::Error::custom)?, encoding, content })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    Json,
    Text,
    Base64,
}

/// What an attempt told a language model and what came back; absent where no model was asked, or nothing is kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttemptTranscript {
    pub transcript: Option<Transcript>,
}

/// What the run page needs to show a step's prompt: the text in force and where it comes from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepPrompt {
    /// Absent for kinds without a prompt.
    pub effective: Option<String>,
    /// What the template says, without the run's override.
    pub of_template: Option<String>,
    pub inputs: Vec<InputPort>,
    /// What an edit, a supplied output or the answer to a form consists of.
    #[serde(default)]
    pub outputs: Vec<OutputPort>,
}

/// Versions of the artifacts of a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArtifactVersions {
    pub artifacts: Vec<ArtifactMeta>,
    /// There is more: give it back as `after` for the next page.
    pub next: Option<String>,
}

impl ArtifactView {
    pub fn id(&self) -> ArtifactId {
        self.meta.id
    }
}
