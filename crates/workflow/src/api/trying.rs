//! Trying a draft: what to run of it and on what, values that somebody keeps for that, and those that were seen last.
//! A definition must never be part of a request here: what is tried is the draft as the server has it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    id::{ArtifactId, RunId, StepKey},
    trying,
};

/// Runs the stored draft, or a part of it; nothing is published.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TryDraft {
    /// The revision of the draft that is to be tried: the `draft_revision` that was given. 422 without one, 409 when it is stale.
    #[serde(default)]
    pub revision: Option<i64>,
    #[serde(default)]
    pub extent: Extent,
    /// Which step, unless the whole is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepKey>,
    /// Values for the workflow's inputs; for a step alone those of the step's own.
    #[serde(default, deserialize_with = "crate::json::exact")]
    pub inputs: BTreeMap<String, Value>,
    /// What is not given is taken from this run of the workflow, as far as it is not pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_run: Option<RunId>,
    /// What is still missing is made up.
    #[serde(default)]
    pub samples: bool,
    /// What the person has pinned counts.
    #[serde(default = "yes")]
    pub use_pins: bool,
    /// Steps that may act on the world outside.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub confirm: BTreeSet<StepKey>,
}

fn yes() -> bool {
    true
}

impl TryDraft {
    /// With what one has pinned, and nothing else but this.
    pub fn new(extent: trying::Extent, inputs: BTreeMap<String, Value>) -> Self {
        let (extent, step) = match extent {
            trying::Extent::Whole => (Extent::Whole, None),
            trying::Extent::UpTo(key) => (Extent::UpTo, Some(key)),
            trying::Extent::Step(key) => (Extent::Step, Some(key)),
        };
        let (from_run, confirm) = (None, BTreeSet::new());
        Self { revision: None, extent, step, inputs, from_run, samples: false, use_pins: true, confirm }
    }
}

/// How much of the draft.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    #[default]
    Whole,
    /// The step and all that it needs.
    UpTo,
    /// The step alone.
    Step,
}

impl Extent {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::UpTo => "up_to",
            Self::Step => "step",
        }
    }

    /// With the step that it is about; none where that is missing.
    pub fn at(self, step: Option<&StepKey>) -> Option<trying::Extent> {
        match self {
            Self::Whole => Some(trying::Extent::Whole),
            Self::UpTo => step.cloned().map(trying::Extent::UpTo),
            Self::Step => step.cloned().map(trying::Extent::Step),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TryStarted {
    pub run_id: RunId,
    /// Steps that do not run, because their outputs are pinned.
    pub given: Vec<StepKey>,
}

/// What a pinned value stands for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PinPlace {
    /// Absent: an input of the workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepKey>,
    #[serde(default)]
    pub side: PinSide,
    pub name: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PinSide {
    #[default]
    Input,
    /// The step does not run then.
    Output,
}

impl PinSide {
    pub const ALL: [Self; 2] = [Self::Input, Self::Output];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

/// A value that a person keeps for tries of one workflow. It is theirs alone: never published, never exported.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Pin {
    pub place: PinPlace,
    #[serde(deserialize_with = "crate::json::exact")]
    pub value: Value,
}

/// The values that were seen last, in tries and runs of a workflow.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Seen {
    /// The newest runs and tries, newest first: those whose values a try can be run on.
    #[serde(default)]
    pub runs: Vec<SeenRun>,
    /// Of the workflow's inputs.
    pub inputs: BTreeMap<String, SeenValue>,
    /// Of the outputs of steps.
    pub outputs: BTreeMap<StepKey, BTreeMap<String, SeenValue>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeenRun {
    pub run_id: RunId,
    pub is_test: bool,
    pub at: DateTime<Utc>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeenValue {
    pub run_id: RunId,
    /// Whether it comes from a try.
    pub is_test: bool,
    pub at: DateTime<Utc>,
    /// Absent for an input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_id: Option<ArtifactId>,
    /// Bytes.
    pub size: i64,
    /// Absent where it is large, or neither text nor JSON: the artifact has it then.
    #[serde(default, deserialize_with = "crate::json::exact_given", skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}
