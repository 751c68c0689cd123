//! Run events: the audit log, the wire frame of the live feed and the input of the reducer are one and the same.
//! Each mutation of a run writes exactly one, naming who did it. A started attempt is no event: it is told by its attempt row.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    definition::Definition,
    id::{RunId, StepKey, UserId},
    status::{Reason, RunStatus, StatusReason, StepStatus},
    view::{ArtifactMeta, AttemptView, BudgetView, Feedback, ReviewView, StepOverride, StepView},
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
    /// A person's vote at a gate that wants more of them.
    StepVoted,
    StepEdited,
    /// A person wants another round, or had enough of them; the feedback is with the new generation.
    StepRejected,
    StepSkipped,
    StepSupplied,
    StepStopped,
    StepRerun,
    /// Its rule and condition were judged: it is queued, skipped, or failed.
    StepDecided,
    /// A map made its items, or a sub-workflow its run.
    StepExpanded,
    /// Nobody decided in time.
    ReviewTimedOut,
    ArtifactRolledBack,
    RunPaused,
    RunResumed,
    BudgetExceeded,
    RunTimedOut,
    /// Versions of another run were taken over.
    RunAdopted,
    /// The run goes on with another published version.
    RunMoved,
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
            Self::StepVoted => "step_voted",
            Self::StepEdited => "step_edited",
            Self::StepRejected => "step_rejected",
            Self::StepSkipped => "step_skipped",
            Self::StepSupplied => "step_supplied",
            Self::StepStopped => "step_stopped",
            Self::StepRerun => "step_rerun",
            Self::StepDecided => "step_decided",
            Self::StepExpanded => "step_expanded",
            Self::ReviewTimedOut => "review_timed_out",
            Self::ArtifactRolledBack => "artifact_rolled_back",
            Self::RunPaused => "run_paused",
            Self::RunResumed => "run_resumed",
            Self::BudgetExceeded => "budget_exceeded",
            Self::RunTimedOut => "run_timed_out",
            Self::RunAdopted => "run_adopted",
            Self::RunMoved => "run_moved",
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
    /// New versions, and versions whose flags changed. One that is latest ends every other of its name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<ArtifactMeta>,
    /// New overrides of the named steps; null takes one back.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<StepKey, Option<StepOverride>>,
    /// New items of a map, ready to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<NewItems>,
    /// Where kept items stand in their list now.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub indices: BTreeMap<StepKey, i32>,
    /// Steps that are no part of the run any more: items that vanished, steps that a newer version dropped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<StepKey>,
    /// The run goes on with another version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<Box<Moved>>,
}

/// Items of a map as they begin: everything else about them is the map step's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewItems {
    /// The map step.
    pub of: StepKey,
    /// Index and item key.
    pub items: Vec<(i32, String)>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Moved {
    pub template_version: i32,
    pub template_name: String,
    pub run_definition: Definition,
    /// Steps that are new, or whose agent or title changed.
    pub steps: Vec<StepView>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RunChange {
    pub status: RunStatus,
    pub status_reason: Option<StatusReason>,
    pub auto_run: bool,
    pub finished_at: Option<DateTime<Utc>>,
    /// As it was when the event was read; see the view.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rested_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetView>,
}

pub(crate) fn is_zero<T: Default + PartialEq>(n: &T) -> bool {
    *n == T::default()
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StepChange {
    pub key: StepKey,
    pub status: StepStatus,
    pub reason: Option<Reason>,
    pub generation: i32,
    /// When a step that backs off may start again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
    /// The run of a sub-workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child_run: Option<RunId>,
    /// The gate that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewView>,
    /// What a person asked for when this generation began with a rejection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
}
