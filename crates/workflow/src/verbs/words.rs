//! The sentences that a refusal begins with, and those for what no status tells. What to do instead is in the table.
//! Must never say what else can be done: that is the table's alone.

use std::borrow::Cow;

use crate::status::{RunStatus, StatusReason, StepStatus};

/// In place of advice: the status that was refused is not the one that is there now.
pub const CHANGED: &str = "It has just changed: look at it, then try again.";

/// A verb on a run that wants its steps at rest, whatever the run itself is.
pub const A_STEP_RUNS: &str = "A step is still running. Wait for it to finish, or stop it, then try again.";

/// What a step is, as the beginning of a refusal.
pub fn what_it_is(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "The step waits for those before it.",
        StepStatus::Ready => "The step is queued.",
        StepStatus::Running => "The step is running.",
        StepStatus::AwaitingReview => "The step waits for a review.",
        StepStatus::Completed => "The step is completed.",
        StepStatus::Failed => "The step has failed.",
        StepStatus::Skipped => "The step was skipped.",
        StepStatus::Cancelled => "The run was cancelled.",
    }
}

/// The same of a pending step, with the titles of those before it that are not over.
pub fn what_it_waits_for(before: &[&str]) -> Cow<'static, str> {
    match before {
        [] => Cow::Borrowed("The step is about to start."),
        before => Cow::Owned(format!("The step waits for {}.", before.join(", "))),
    }
}

/// All that is said of an item whose map does not collect its items now.
pub fn of_a_map(title: &str) -> String {
    format!("The step is an item of “{title}”, which does not collect its items now. Run “{title}” again instead.")
}

/// What a run is, as the beginning of a refusal.
pub fn what_a_run_is(status: RunStatus, reason: Option<StatusReason>) -> &'static str {
    match (status, reason) {
        (RunStatus::Pending, _) => "The run has not begun.",
        (RunStatus::Running, _) => "The run is running.",
        (RunStatus::Paused, Some(StatusReason::Person)) => "The run is paused by a person.",
        (RunStatus::Paused, Some(StatusReason::Budget)) => "The run has used up its budget.",
        (RunStatus::Paused, Some(StatusReason::Review) | None) => "The run waits for a review.",
        (RunStatus::Completed, _) => "The run is completed.",
        (RunStatus::Failed, _) => "The run has failed.",
        (RunStatus::Cancelled, _) => "The run was cancelled.",
    }
}
