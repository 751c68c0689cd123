//! What an artifact was made from. Must never name a version of another run.

use serde::{Deserialize, Serialize};

use crate::{
    id::{AgentId, ArtifactId, StepKey},
    view::{ArtifactMeta, AttemptView, Feedback},
};

/// Everything an artifact was made from, back to the inputs of the run. Nodes are listed once, the asked one first.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lineage {
    pub artifacts: Vec<LineageNode>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "RawLineageInput")]
pub struct LineageInput {
    pub port: String,
    #[serde(flatten)]
    pub source: LineageSource,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
