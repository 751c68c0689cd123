//! Run events: the audit log, the wire frame of the live feed and the input of the reducer are one and the same.
//! Each mutation of a run writes exactly one, naming who did it. A started attempt is no event: it is told by its attempt row.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    id::{StepKey, UserId},
    status::{Reason, RunStatus, StatusReason, StepStatus},
    view::{ArtifactMeta, AttemptView, StepOverride},
};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RunEvent {
    /// Gapless from 1 in each run.
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub kind: EventKind,
    /// Absent when the engine did it.
    pub actor: Option<EventActor>,
    pub data: Effects,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EventActor {
    pub id: UserId,
    pub email: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    RunStarted,
    RunCancelled,
    AutoRunChanged,
    StepCompleted,
    StepAwaitingReview,
    StepFailed,
    /// An attempt failed and another follows by itself.
    StepRetrying,
    /// The worker died; the step is queued again.
    StepRecovered,
    /// A draining worker gave the step back.
    StepReleased,
    StepTriggered,
    StepApproved,
}

impl EventKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RunStarted => "run_started",
            Self::RunCancelled => "run_cancelled",
            Self::AutoRunChanged => "auto_run_changed",
            Self::StepCompleted => "step_completed",
            Self::StepAwaitingReview => "step_awaiting_review",
            Self::StepFailed => "step_failed",
            Self::StepRetrying => "step_retrying",
            Self::StepRecovered => "step_recovered",
            Self::StepReleased => "step_released",
            Self::StepTriggered => "step_triggered",
            Self::StepApproved => "step_approved",
        }
    }
}

/// Everything that one event changed, as new values: applying it needs no knowledge of the verb.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Effects {
    /// The step the event is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunChange>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepChange>,
    /// Attempts that ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptView>,
    /// New versions; each becomes the latest of its name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<ArtifactMeta>,
    /// New overrides of the named steps; null takes one back.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<StepKey, Option<StepOverride>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RunChange {
    pub status: RunStatus,
    pub status_reason: Option<StatusReason>,
    pub auto_run: bool,
    pub finished_at: Option<DateTime<Utc>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StepChange {
    pub key: StepKey,
    pub status: StepStatus,
    pub reason: Option<Reason>,
    pub generation: i32,
    /// When a step that backs off may start again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
}
