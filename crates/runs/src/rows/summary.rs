//! A run as lists and chores look for it, in one row. Must never be counted over the whole run: what its steps come to is told as what
//! became more or less.

use std::ops::{Add, Sub};

use chrono::{DateTime, Utc};
use workflow::{
    RunId, TemplateId, UserId,
    run::state::{Status, Step},
    status::{RunStatus, StatusReason},
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    pub run: RunId,
    pub seq: i64,
    pub user: UserId,
    pub template: TemplateId,
    pub template_version: i32,
    pub template_name: String,
    /// The beginnings of the inputs; told once, by the commit with which it begins.
    pub about: Option<String>,
    pub status: RunStatus,
    pub status_reason: Option<StatusReason>,
    pub auto_run: bool,
    pub is_test: bool,
    pub parent: Option<RunId>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    /// When something is due by itself.
    pub due_at: Option<DateTime<Utc>>,
    pub wants_judgement: bool,
    pub more: More,
}

impl Summary {
    pub(super) fn then(self, later: Self) -> Self {
        Self { about: self.about.or(later.about), more: self.more + later.more, ..later }
    }
}

/// Steps that became so, less those that are not so any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct More {
    /// Steps that are part of the run, items too.
    pub n_steps: i32,
    /// Of those of the definition, without items.
    pub n_completed: i32,
    pub n_skipped: i32,
    pub n_failed: i32,
    pub n_cancelled: i32,
    pub n_items: i32,
    /// Steps and items that await review.
    pub n_waiting: i32,
}

impl More {
    pub fn of<'a>(steps: impl Iterator<Item = &'a Step>) -> Self {
        steps.fold(Self::default(), |all, step| all + Self::of_one(step))
    }

    fn of_one(step: &Step) -> Self {
        let is_item = step.item.is_some();
        let own = |is: bool| i32::from(is && !is_item);
        Self {
            n_steps: 1,
            n_completed: own(matches!(step.status, Status::Completed)),
            n_skipped: own(matches!(step.status, Status::Skipped { .. })),
            n_failed: own(matches!(step.status, Status::Failed { .. })),
            n_cancelled: own(matches!(step.status, Status::Cancelled)),
            n_items: i32::from(is_item),
            n_waiting: i32::from(matches!(step.status, Status::AwaitingReview { .. })),
        }
    }

    fn with(self, other: Self, by: fn(i32, i32) -> i32) -> Self {
        Self {
            n_steps: by(self.n_steps, other.n_steps),
            n_completed: by(self.n_completed, other.n_completed),
            n_skipped: by(self.n_skipped, other.n_skipped),
            n_failed: by(self.n_failed, other.n_failed),
            n_cancelled: by(self.n_cancelled, other.n_cancelled),
            n_items: by(self.n_items, other.n_items),
            n_waiting: by(self.n_waiting, other.n_waiting),
        }
    }
}

impl Add for More {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.with(other, i32::saturating_add)
    }
}

impl Sub for More {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.with(other, i32::saturating_sub)
    }
}
