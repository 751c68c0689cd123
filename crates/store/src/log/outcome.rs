//! What became of a commit. Only what the database showed is told: an answer that did not come is an error, and the same commit is sent
//! again until there is one of these.
//! Must never say lost because something is not there: only because something else is.

use workflow::RunId;

use super::{commit::Commit, statement::AnswerRow};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Written now.
    Written,
    /// Written before: this was sent again.
    Found,
    /// Somebody else's commit came first, or the run is not there. What is new has to be read, and decided on.
    Lost,
    /// Somebody is committing the run, or has done so in this moment. In a few milliseconds the same commit may be sent again.
    Locked,
    /// It was decided by a clock that is off, or too long ago.
    ClockOff,
    /// The worker that was to take steps is dead, for good.
    WorkerDead,
    /// A reservation that it counts on is gone, or somebody looks at it in this moment.
    ReservationGone,
    /// Nobody may go on with this run, and why.
    Quarantined(String),
    /// The same person has begun this run under the key before.
    StartedAs(RunId),
    /// A value in it cannot be stored, whatever is tried. Where it came of several commands, they have to be decided one by one.
    Refused(Refusal),
}

/// A value that the database does not take.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the database refused a value ({code}): {message}")]
pub struct Refusal {
    /// SQLSTATE; empty for what cannot even be sent.
    pub code: String,
    pub message: String,
}

impl Refusal {
    /// Data exceptions, broken constraints, and values beyond what Postgres can hold. Anything else is no property of the values.
    pub(super) fn of(error: &sqlx::Error) -> Option<Self> {
        match error {
            sqlx::Error::Database(error) => {
                let code =
                    error.code().filter(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))?;
                Some(Self { code: code.into_owned(), message: error.message().to_owned() })
            }
            sqlx::Error::Encode(error) => Some(Self { code: String::new(), message: error.to_string() }),
            _ => None,
        }
    }
}

impl Outcome {
    /// Whether it is written.
    pub fn is_won(&self) -> bool {
        matches!(self, Self::Written | Self::Found)
    }

    pub(super) fn of(row: AnswerRow, commit: &Commit) -> Self {
        if row.won {
            return Self::Written;
        }
        if row.is_mine {
            return Self::Found;
        }
        if let Some(run) = row.known_run
            && commit.expected.is_none()
        {
            return Self::StartedAs(RunId(run));
        }
        if let Some(reason) = row.quarantine {
            return Self::Quarantined(reason);
        }
        let is_as_expected = row.seen_head == commit.expected.map(|head| head.0);
        match (is_as_expected, row.is_on_time, row.is_alive, row.is_valid) {
            (false, ..) => Self::Lost,
            (true, false, ..) => Self::ClockOff,
            (true, true, false, _) => Self::WorkerDead,
            // A message that somebody put aside meanwhile: the run has to be looked at again.
            (true, true, true, false) if commit.holds.is_empty() => Self::Lost,
            (true, true, true, false) => Self::ReservationGone,
            (true, true, true, true) => Self::Locked,
        }
    }
}
