//! The library: agents, and templates with their drafts and published versions.
//! Must never hold a provider's key.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    agent::{AgentConfig, AgentSpec, InputPort, OutputOf, OutputPort},
    definition::{Definition, RunInput},
    id::{AgentId, TemplateId, UserId},
    problem::Problem,
    schema::Schema,
};

/// What a published version takes and offers to an agent that runs it as one step.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WorkflowPorts {
    pub inputs: BTreeMap<String, RunInput>,
    /// By step; what its steps make, as other steps see it.
    pub offers: Vec<OfferedOutput>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferedOutput {
    pub of: OutputOf,
    pub step_title: String,
    pub schema: Schema,
}

/// An agent as the builder's library lists it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentView {
    pub id: AgentId,
    pub name: String,
    pub description: String,
    pub kind: String,
    pub version: i32,
    pub inputs: Vec<InputPort>,
    pub outputs: Vec<OutputPort>,
}

impl From<&AgentSpec> for AgentView {
    fn from(spec: &AgentSpec) -> Self {
        Self {
            id: spec.id.clone(),
            name: spec.name.clone(),
            description: spec.description.clone(),
            kind: spec.kind().to_owned(),
            version: spec.version,
            inputs: spec.inputs.clone(),
            outputs: spec.outputs.clone(),
        }
    }
}

/// Creates an agent, or its next version.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SaveAgent {
    pub id: AgentId,
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub inputs: Vec<InputPort>,
    #[serde(default)]
    pub outputs: Vec<OutputPort>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u32>,
    pub config: AgentConfig,
    /// The version this edit began from; absent to create. A newer one is a conflict.
    #[serde(default)]
    pub base_version: Option<i32>,
}

/// Tries an agent on sample input: a run of kind `test`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestAgent {
    pub agent_id: AgentId,
    #[serde(default)]
    pub version: Option<i32>,
    #[serde(default, deserialize_with = "crate::json::exact")]
    pub inputs: BTreeMap<String, Value>,
    /// What was typed and not saved: it is judged as if it were saved, kept where nobody finds it, and runs in place of the saved one. Its
    /// id is `agent_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsaved: Option<Box<SaveAgent>>,
    /// It may act on the world outside.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirm: bool,
}

/// A language-model provider as the server is configured, without its key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderView {
    pub name: String,
    /// `openai`, `anthropic`, `gemini`, `ollama`, ...
    pub kind: String,
    pub model: String,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TemplateSummary {
    pub id: TemplateId,
    pub name: String,
    pub description: String,
    pub draft_revision: i64,
    pub published_version: Option<i32>,
    pub n_steps: i64,
    pub created_by: UserId,
    pub updated_at: DateTime<Utc>,
    /// Set aside: no new runs, not in the gallery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<DateTime<Utc>>,
}

/// A template with its draft, as admins see it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TemplateView {
    pub id: TemplateId,
    pub name: String,
    pub description: String,
    pub definition: Definition,
    pub draft_revision: i64,
    pub published_version: Option<i32>,
    /// Whether the draft means something else than the published version.
    pub has_unpublished_changes: bool,
    pub created_by: UserId,
    pub updated_at: DateTime<Utc>,
    /// Set aside: no new runs, not in the gallery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<DateTime<Utc>>,
    pub problems: Vec<Problem>,
}

/// The published version of a template, as everybody sees it: enough for the gallery card and the start form.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PublishedTemplate {
    pub id: TemplateId,
    pub name: String,
    pub description: String,
    pub version: i32,
    pub n_steps: i64,
    pub inputs: BTreeMap<String, RunInput>,
    pub published_at: DateTime<Utc>,
    /// For admins who ask for this one: how the draft stands to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<DraftNotes>,
    /// For whoever asks for this one: what its last runs took; absent while there are few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<RunEstimate>,
}

/// What the last runs of a workflow that completed took, from their start to their end, with the time that people took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunEstimate {
    pub n_runs: i64,
    pub median_ms: i64,
    /// Nine of ten took no longer.
    pub p90_ms: i64,
    /// Absent where no cost is known.
    pub median_cost_micros: Option<i64>,
    pub p90_cost_micros: Option<i64>,
}

/// A published template with its drawing, as the gallery shows it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GalleryCard {
    pub template: PublishedTemplate,
    pub drawing: Drawing,
}

/// A small drawing of a workflow.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Drawing {
    /// Made by the server, without a text of anybody's in it; empty where there is nothing to draw.
    pub svg: String,
    /// What it shows, for whoever does not see it.
    pub words: String,
}

/// What an admin should know before starting a published version.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DraftNotes {
    /// Whether the draft means something else.
    pub has_unpublished_changes: bool,
    /// Who is asked at the gates of the published version and cannot come any more.
    pub problems: Vec<Problem>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateTemplate {
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// A document, read by `Definition::from_value`.
    #[serde(default = "empty_object", deserialize_with = "crate::json::exact")]
    pub definition: Value,
}

fn empty_object() -> Value {
    Value::Object(serde_json::Map::new())
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateTemplate {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default, deserialize_with = "crate::json::exact")]
    pub definition: Option<Value>,
    /// The revision this edit began from. 422 without one, 409 when it is stale.
    #[serde(default)]
    pub base_revision: Option<i64>,
}

/// What a search for a name found, of what this person may open.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FoundNames {
    pub workflows: Vec<FoundWorkflow>,
    /// Of the library, whose pages are for admins: nobody else is told of them here.
    pub agents: Vec<FoundAgent>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FoundWorkflow {
    pub id: TemplateId,
    /// Of the draft for those who may edit it, else of the published version.
    pub name: String,
    pub is_published: bool,
    pub may_edit: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FoundAgent {
    pub id: AgentId,
    pub name: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Published {
    pub version: i32,
}
