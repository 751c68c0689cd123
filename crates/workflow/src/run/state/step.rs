//! One step of a run with all that events tell of it. Its status carries what is true only then, so nothing can be missing or left over.
//! On the wire it is flat, as today's views are; what does not fit together is refused when it is read.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::review::Review;
use crate::{
    definition::OnError,
    id::{RunId, StepKey, WorkerId},
    status::{ErrorClass, Reason, SkipReason, StepStatus},
    view::is_zero,
};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Flat", into = "Flat")]
pub struct Step {
    pub key: StepKey,
    pub status: Status,
    pub generation: i32,
    /// Its place in the queue, and when a step that backs off may start again.
    pub not_before: DateTime<Utc>,
    /// A person wants its next attempt, whatever its rule, its condition, a pause or a used-up budget say.
    pub manually_triggered: bool,
    /// Which decision task is the current one: the answer to an older one is passed over.
    pub decision_epoch: i32,
    /// Rejections in a row.
    pub rounds: i32,
    /// Gates that were opened in this generation.
    pub n_reviews: i32,
    /// The run of its sub-workflow, and the attempt that it was begun by.
    pub child_run: Option<RunId>,
    pub child_attempt: i32,
    pub item: Option<Item>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Status {
    /// `needs_decision`: all before it is over, and its condition or its list wants content.
    Pending {
        needs_decision: bool,
    },
    Ready {
        admission: Admission,
    },
    Running(Work),
    AwaitingReview {
        review: Box<Review>,
    },
    Completed,
    Failed {
        class: ErrorClass,
    },
    Skipped {
        reason: SkipReason,
    },
    Cancelled,
}

/// Who or what works on a running step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// A worker holds the lease of its open attempt.
    Attempt { worker: WorkerId },
    /// Its items; `needs_decision` once all of them are over.
    Items { needs_decision: bool },
    /// The run of its sub-workflow.
    Child {},
    /// Nobody: its attempt waits for something outside.
    Suspended { wait: Wait },
}

/// What a suspended attempt waits for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    Callback {
        token: String,
    },
    Person {},
    Until {
        at: DateTime<Utc>,
    },
    /// It came: a worker may go on with the attempt.
    Over {
        admission: Admission,
    },
}

/// Whether a queued step may be claimed, and if not, what keeps it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// The run is held.
    Held,
    /// A limit of its run or its map has no room.
    Limited,
    /// Its run lets it go; it wants a reservation of all its concurrency keys.
    Reserving,
    Claimable,
}

/// Which item of a map it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Item {
    /// The map step.
    pub of: StepKey,
    /// Its place in the list.
    pub index: i32,
    /// Hash of everything that it was made with, or is to be: an equal one need not run again.
    pub basis: String,
}

impl Status {
    pub fn word(&self) -> StepStatus {
        match self {
            Self::Pending { .. } => StepStatus::Pending,
            Self::Ready { .. } => StepStatus::Ready,
            Self::Running(_) => StepStatus::Running,
            Self::AwaitingReview { .. } => StepStatus::AwaitingReview,
            Self::Completed => StepStatus::Completed,
            Self::Failed { .. } => StepStatus::Failed,
            Self::Skipped { .. } => StepStatus::Skipped,
            Self::Cancelled => StepStatus::Cancelled,
        }
    }

    pub fn is_over(&self) -> bool {
        self.word().is_terminal()
    }

    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Failed { class } => Some((*class).into()),
            Self::Skipped { reason } => Some((*reason).into()),
            _ => None,
        }
    }

    pub fn needs_decision(&self) -> bool {
        matches!(self, Self::Pending { needs_decision: true } | Self::Running(Work::Items { needs_decision: true }))
    }

    /// What keeps it from being claimed, of a step that waits for a worker.
    pub fn admission(&self) -> Option<Admission> {
        match self {
            Self::Ready { admission } | Self::Running(Work::Suspended { wait: Wait::Over { admission } }) => {
                Some(*admission)
            }
            _ => None,
        }
    }
}

impl Step {
    pub(in crate::run) fn new(key: StepKey, now: DateTime<Utc>) -> Self {
        Self {
            key,
            status: Status::Pending { needs_decision: false },
            generation: 1,
            not_before: now,
            manually_triggered: false,
            decision_epoch: 0,
            rounds: 0,
            n_reviews: 0,
            child_run: None,
            child_attempt: 0,
            item: None,
        }
    }

    /// The key under which the definition knows it: an item's is that of its map step.
    pub fn definition_key(&self) -> &StepKey {
        self.item.as_ref().map_or(&self.key, |item| &item.of)
    }

    /// What is done about its failure. The map judges its items, so the run does not.
    pub(in crate::run) fn on_error(&self, definition: Option<&crate::Step>) -> OnError {
        match (&self.item, definition) {
            (Some(_), _) => OnError::Continue,
            (None, Some(step)) => step.on_error,
            (None, None) => OnError::Fail,
        }
    }

    /// When nobody has taken it for as long as it may wait. What a limit keeps waits for that, not for a worker.
    pub fn queue_ends(&self, definition: Option<&crate::Step>) -> Option<DateTime<Utc>> {
        let may_be_taken = self.status == Status::Ready { admission: Admission::Claimable };
        let seconds = definition.filter(|_| may_be_taken)?.queue_timeout_s?;
        self.not_before.checked_add_signed(TimeDelta::seconds(seconds.into()))
    }

    pub fn review(&self) -> Option<&Review> {
        match &self.status {
            Status::AwaitingReview { review } => Some(review),
            _ => None,
        }
    }
}

/// A step on the wire.
#[derive(Serialize, Deserialize)]
struct Flat {
    key: StepKey,
    status: StepStatus,
    reason: Option<Reason>,
    generation: i32,
    not_before: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "is_zero")]
    needs_decision: bool,
    #[serde(default, skip_serializing_if = "is_zero")]
    decision_epoch: i32,
    #[serde(default, skip_serializing_if = "is_zero")]
    manually_triggered: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    admission: Option<Admission>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    work: Option<Work>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    review: Option<Box<Review>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    rounds: i32,
    #[serde(default, skip_serializing_if = "is_zero")]
    n_reviews: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    child_run: Option<RunId>,
    #[serde(default, skip_serializing_if = "is_zero")]
    child_attempt: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    item: Option<Item>,
}

impl From<Step> for Flat {
    fn from(step: Step) -> Self {
        let (status, reason) = (step.status.word(), step.status.reason());
        let needs_decision = matches!(step.status, Status::Pending { needs_decision: true });
        let (mut admission, mut work, mut review) = (None, None, None);
        match step.status {
            Status::Ready { admission: kept_by } => admission = Some(kept_by),
            Status::Running(by) => work = Some(by),
            Status::AwaitingReview { review: open } => review = Some(open),
            _ => {}
        }
        Self {
            key: step.key,
            status,
            reason,
            generation: step.generation,
            not_before: step.not_before,
            needs_decision,
            decision_epoch: step.decision_epoch,
            manually_triggered: step.manually_triggered,
            admission,
            work,
            review,
            rounds: step.rounds,
            n_reviews: step.n_reviews,
            child_run: step.child_run,
            child_attempt: step.child_attempt,
            item: step.item,
        }
    }
}

/// Parts of a step that do not fit together.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the step `{key}` is {status}, but what belongs to that is missing or wrong")]
pub struct Unfit {
    key: StepKey,
    status: StepStatus,
}

impl TryFrom<Flat> for Step {
    type Error = Unfit;

    fn try_from(flat: Flat) -> Result<Self, Unfit> {
        let status = match (flat.status, flat.reason, flat.admission, flat.work, flat.review) {
            (StepStatus::Pending, None, None, None, None) => {
                Some(Status::Pending { needs_decision: flat.needs_decision })
            }
            (StepStatus::Ready, None, Some(admission), None, None) => Some(Status::Ready { admission }),
            (StepStatus::Running, None, None, Some(work), None) => Some(Status::Running(work)),
            (StepStatus::AwaitingReview, None, None, None, Some(review)) => Some(Status::AwaitingReview { review }),
            (StepStatus::Completed, None, None, None, None) => Some(Status::Completed),
            (StepStatus::Failed, Some(reason), None, None, None) => {
                reason.as_str().parse().ok().map(|class| Status::Failed { class })
            }
            (StepStatus::Skipped, Some(reason), None, None, None) => {
                reason.as_str().parse().ok().map(|reason| Status::Skipped { reason })
            }
            (StepStatus::Cancelled, None, None, None, None) => Some(Status::Cancelled),
            _ => None,
        };
        let Some(status) = status else { return Err(Unfit { key: flat.key, status: flat.status }) };
        Ok(Self {
            key: flat.key,
            status,
            generation: flat.generation,
            not_before: flat.not_before,
            manually_triggered: flat.manually_triggered,
            decision_epoch: flat.decision_epoch,
            rounds: flat.rounds,
            n_reviews: flat.n_reviews,
            child_run: flat.child_run,
            child_attempt: flat.child_attempt,
            item: flat.item,
        })
    }
}
