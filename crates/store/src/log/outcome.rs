//! What became of a commit, of what the database showed of its run.
//! Must never say lost because something is not there: only because something else is.

use chrono::{DateTime, Utc};
use runs::{Outcome, RunCommit};
use uuid::Uuid;
use workflow::RunId;

/// What the database showed of one run.
#[derive(sqlx::FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of the answer, and `Outcome` is made of them")]
pub(super) struct AnswerRow {
    pub(super) id: Uuid,
    pub(super) won: bool,
    pub(super) is_mine: bool,
    pub(super) seen_head: Option<Uuid>,
    pub(super) quarantine: Option<String>,
    pub(super) is_on_time: bool,
    pub(super) is_alive: bool,
    /// Large content that was written ahead is there.
    pub(super) is_kept: bool,
    pub(super) is_valid: bool,
    pub(super) known_run: Option<Uuid>,
    pub(super) now: DateTime<Utc>,
    pub(super) is_set: bool,
}

pub(super) fn outcome(row: AnswerRow, commit: &RunCommit) -> Outcome {
    if row.won {
        return Outcome::Written;
    }
    if row.is_mine {
        return Outcome::Found;
    }
    if let Some(run) = row.known_run
        && commit.expected.is_none()
        && run != commit.run.0
    {
        return Outcome::StartedAs(RunId(run));
    }
    if let Some(reason) = row.quarantine {
        return Outcome::Quarantined { reason };
    }
    let is_as_expected = row.seen_head == commit.expected.map(|head| head.0);
    if is_as_expected && row.is_on_time && row.is_alive && !row.is_kept {
        return Outcome::ContentGone;
    }
    match (is_as_expected, row.is_on_time, row.is_alive, row.is_valid) {
        (false, ..) => Outcome::Lost,
        (true, false, ..) => Outcome::ClockOff,
        (true, true, false, _) => Outcome::WorkerDead,
        // Somebody is just about to collect it.
        (true, true, true, false) if commit.holds.is_empty() && commit.messages().next().is_none() => {
            Outcome::ContentGone
        }
        // Where both may be gone each command is tried by itself.
        (true, true, true, false) if commit.holds.is_empty() => Outcome::MessageGone,
        (true, true, true, false) => Outcome::ReservationGone,
        (true, true, true, true) => Outcome::Locked,
    }
}
