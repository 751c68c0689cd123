//! What became of a command, in words that both engines share.

use store::verbs::{Conflict, VerbOutcome};
use workflow::{
    run::{Refused, RunEvent, State},
    verbs::Access,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Done,
    Unchanged,
    NotFound,
    Forbidden,
    /// Of the step, its map, or the run.
    Status(String),
    Generation,
    Digest,
    SelfApproval,
    AlreadyVoted,
    Unanswered,
    NothingToAdopt,
    BudgetTooSmall,
    Mismatch,
    Missing,
    Fenced,
    Outdated,
    /// What only one of them says.
    Other(String),
}

impl From<VerbOutcome> for Outcome {
    fn from(outcome: VerbOutcome) -> Self {
        match outcome {
            VerbOutcome::Done => Self::Done,
            VerbOutcome::Unchanged => Self::Unchanged,
            VerbOutcome::NotFound => Self::NotFound,
            VerbOutcome::Conflict(conflict) => match conflict {
                Conflict::Status(status) => Self::Status(status),
                Conflict::Generation => Self::Generation,
                Conflict::Digest => Self::Digest,
                Conflict::Moved => Self::Other("moved".into()),
                Conflict::SelfApproval => Self::SelfApproval,
                Conflict::AlreadyVoted => Self::AlreadyVoted,
                Conflict::NothingToAdopt => Self::NothingToAdopt,
                Conflict::BudgetTooSmall => Self::BudgetTooSmall,
                Conflict::IdempotencyMismatch => Self::Mismatch,
                Conflict::Unanswered => Self::Unanswered,
            },
        }
    }
}

impl Outcome {
    pub(crate) fn of(decided: &Result<Vec<RunEvent>, Refused>, state: &State) -> Self {
        let refused = match decided {
            Ok(events) if events.is_empty() => return Self::Unchanged,
            Ok(_) => return Self::Done,
            Err(refused) => refused,
        };
        match refused {
            Refused::NotFound | Refused::Access(Access::NotFound) => Self::NotFound,
            Refused::Access(Access::Forbidden) => Self::Forbidden,
            Refused::Status(status) => Self::Status(status.as_str().into()),
            Refused::RunStatus(status) => Self::Status(status.as_str().into()),
            Refused::NotCollecting(map) => {
                Self::Status(state.step(map).map_or("gone", |map| map.status.word().as_str()).into())
            }
            Refused::StepRuns => Self::Status("running".into()),
            Refused::Generation => Self::Generation,
            Refused::Digest => Self::Digest,
            Refused::SelfApproval => Self::SelfApproval,
            Refused::AlreadyVoted => Self::AlreadyVoted,
            Refused::Unanswered => Self::Unanswered,
            Refused::NothingToAdopt => Self::NothingToAdopt,
            Refused::BudgetTooSmall => Self::BudgetTooSmall,
            Refused::IdempotencyMismatch => Self::Mismatch,
            Refused::Missing(_) => Self::Missing,
            Refused::Fenced => Self::Fenced,
            Refused::Outdated => Self::Outdated,
            other => Self::Other(format!("{other:?}")),
        }
    }

    /// Something was written.
    pub(crate) fn is_done(&self) -> bool {
        *self == Self::Done
    }
}
