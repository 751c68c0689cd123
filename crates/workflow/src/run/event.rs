//! Run events as the decider writes them: the audit log, the wire frame of the live feed and the input of `apply` are one and the same.
//! Each tells new values, never differences, and the state rebuilds from events alone. It must never hold content.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    plan::StepPlan,
    state::{Attempt, ClosedReview, Rejection, RunChange, Step, Version},
};
use crate::{
    Definition,
    id::{RunId, StepKey, TemplateId, UserId},
    status::{RunStatus, Unknown, words},
    view::{StepOfRun, StepOverride, Usage},
};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RunEvent {
    /// Gapless from 1 in each run.
    pub seq: i64,
    /// Never before that of the event before it.
    pub at: DateTime<Utc>,
    pub kind: EventKind,
    /// The person who asked for it. Absent when it happened by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// The event of the same decision that it follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<i64>,
    #[serde(default)]
    pub data: Effects,
}

words!(
    EventKind {
        RunStarted = "run_started",
        RunCancelled = "run_cancelled",
        AutoRunChanged = "auto_run_changed",
        StepCompleted = "step_completed",
        StepAwaitingReview = "step_awaiting_review",
        StepFailed = "step_failed",
        /// An attempt failed and another follows by itself.
        StepRetrying = "step_retrying",
        /// The worker died; the step is queued again.
        StepRecovered = "step_recovered",
        /// A draining worker gave the step back.
        StepReleased = "step_released",
        StepTriggered = "step_triggered",
        StepApproved = "step_approved",
        /// A person's vote at a gate that wants more of them.
        StepVoted = "step_voted",
        StepEdited = "step_edited",
        /// A person wants another round.
        StepRejected = "step_rejected",
        StepSkipped = "step_skipped",
        StepSupplied = "step_supplied",
        StepStopped = "step_stopped",
        StepRerun = "step_rerun",
        /// Its condition or its list was judged: it is queued, skipped, or failed.
        StepDecided = "step_decided",
        /// A map made its items, or a sub-workflow its run.
        StepExpanded = "step_expanded",
        /// Nobody decided in time.
        ReviewTimedOut = "review_timed_out",
        ArtifactRolledBack = "artifact_rolled_back",
        RunPaused = "run_paused",
        RunResumed = "run_resumed",
        BudgetExceeded = "budget_exceeded",
        RunTimedOut = "run_timed_out",
        /// Versions of another run were taken over.
        RunAdopted = "run_adopted",
        /// The run goes on with another published version.
        RunMoved = "run_moved",
        /// Workers took steps: all that one commit starts.
        StepsStarted = "steps_started",
        /// Steps got their reservations, and may be claimed.
        StepsAdmitted = "steps_admitted",
        /// Their reservations are gone: they wait for others.
        StepsUnreserved = "steps_unreserved",
        /// An attempt waits for something outside, without a worker.
        StepSuspended = "step_suspended",
        /// What it waited for came.
        StepResumed = "step_resumed",
        /// What one event before it had no room for.
        Continued = "continued",
    }
);

/// Everything that one event changed, as new values: applying it needs no knowledge of the verb.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Effects {
    /// The step the event is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepKey>,
    /// The run begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Box<Started>>,
    /// The run goes on with another version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<Box<Moved>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunChange>,
    /// Steps as they are now. One that is not known yet is a new item or a new step; one that was removed is back, and counts on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Steps that are no part of the run any more: items that vanished, steps that a newer version dropped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<StepKey>,
    /// Attempts as they are now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// New versions, and versions whose flags changed. One that is latest ends every other of its name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Version>,
    /// New overrides of the named steps; null takes one back.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<StepKey, Option<StepOverride>>,
    /// Gates that were closed, and how.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reviews: Vec<ClosedReview>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejections: Vec<Rejection>,
    /// In whose place the person did it, who were not asked themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acted_for: Option<UserId>,
    /// What a verb was asked under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// What other runs are to learn of this.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tells: Vec<Tell>,
}

/// A run as it began. All of it but the definition stays so.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Started {
    pub id: RunId,
    pub template_id: TemplateId,
    pub template_name: String,
    pub template_version: i32,
    pub run_definition: Arc<Definition>,
    #[serde(deserialize_with = "crate::json::exact")]
    pub inputs: BTreeMap<String, Value>,
    #[serde(default)]
    pub overrides: BTreeMap<StepKey, StepOverride>,
    pub auto_run: bool,
    pub user_id: UserId,
    #[serde(default)]
    pub is_test: bool,
    /// The step of another run that started this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<StepOfRun>,
    /// How many runs are around it, itself counted.
    pub depth: i32,
    /// The step of another run that this one was forked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<StepOfRun>,
    /// Every step after its dependencies.
    pub steps: Arc<[StepPlan]>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Moved {
    pub template_version: i32,
    pub template_name: String,
    pub run_definition: Arc<Definition>,
    pub steps: Arc<[StepPlan]>,
}

/// The key that a verb was asked under, and the hash of what was asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Request {
    pub key: String,
    pub hash: String,
}

/// A message to another run. It is written with the event, and carried to that run's inbox.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tell {
    /// A sub-workflow is to begin under this id, for the step and attempt.
    BeginChild { run: RunId, step: StepKey, attempt: i32 },
    /// Its step does not wait for it any more.
    CancelChild { run: RunId },
    /// This run is over; `used` is all that it ever used.
    Parent { of: StepOfRun, status: RunStatus, used: Usage },
}
