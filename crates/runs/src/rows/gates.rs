//! Gates as lists show them: an open one with what its step is by the definition in force, and one that was closed, for the history.
//! Must never need the run again: what a list tells of a gate stands in its row.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use workflow::{
    StepKey, UserId, definition,
    run::{
        RunEvent,
        plan::StepPlan,
        state::{ClosedReview, Review, Step, Verdict},
    },
};

/// Characters of a rejection in a list; the whole text stands in the log.
const CHARS: usize = 4_000;

/// An open gate.
#[derive(Clone, PartialEq, Debug)]
pub struct Gate {
    pub generation: i32,
    pub review: Review,
    /// What people call the step.
    pub title: String,
    /// Rejections in a row.
    pub round: i32,
    /// So many of them there may be. As the definition in force has it, which is another one after the run moved.
    pub max_rounds: u32,
    /// It wants an answer.
    pub is_form: bool,
}

impl Gate {
    /// None: the step waits for nobody.
    pub(super) fn of(step: &Step, definition: Option<&definition::Step>, plan: Option<&StepPlan>) -> Option<Self> {
        Some(Self {
            generation: step.generation,
            review: step.review()?.clone(),
            title: plan.map_or_else(|| step.key.as_str().to_owned(), |plan| plan.title_of(&step.key)),
            round: step.rounds,
            max_rounds: definition.map_or(0, |definition| definition.review.max_rounds),
            is_form: plan.is_some_and(StepPlan::is_form),
        })
    }
}

/// A gate that was closed.
#[derive(Clone, PartialEq, Debug)]
pub struct GateEnd {
    pub closed: ClosedReview,
    pub closed_at: DateTime<Utc>,
    /// What was wanted instead, or its beginning.
    pub text: Option<String>,
}

/// The step, its generation, and which gate of that it was.
pub(super) type EndKey = (StepKey, i32, i32);

impl GateEnd {
    fn of(closed: &ClosedReview, event: &RunEvent) -> Self {
        let is_its = closed.verdict == Verdict::Rejected;
        let rejection = event.data.rejections.iter().filter(|_| is_its).find(|rejection| rejection.step == closed.step);
        Self {
            closed: closed.clone(),
            closed_at: event.at,
            text: rejection.map(|rejection| rejection.text.chars().take(CHARS).collect()),
        }
    }

    /// Those that the events tell of.
    pub(super) fn all(events: &[RunEvent]) -> Vec<Self> {
        let told = events.iter().flat_map(|event| event.data.reviews.iter().map(move |closed| Self::of(closed, event)));
        let ends: BTreeMap<EndKey, Self> = told.map(|end| (end.key(), end)).collect();
        ends.into_values().collect()
    }

    pub(super) fn key(&self) -> EndKey {
        (self.closed.step.clone(), self.closed.generation, self.closed.number)
    }

    /// What the step was called then.
    pub fn title(&self) -> &str {
        self.closed.title.as_deref().unwrap_or(self.closed.step.as_str())
    }

    /// Of the oldest logs nobody knows it.
    pub fn opened_at(&self) -> DateTime<Utc> {
        self.closed.opened_at.unwrap_or(self.closed_at)
    }

    /// Whoever closed it, and those who approved.
    pub fn deciders(&self) -> BTreeSet<UserId> {
        self.closed.votes.iter().copied().chain(self.closed.by).collect()
    }
}
