//! What becomes of places that the taker gave: each is told once, as taken by steps that started or as free again.
//! Must never give one back while a commit that took it may yet be written.

use std::sync::Arc;

use workflow::{id::RunId, run::RunEvent};

use super::Driver;
use crate::{
    commit::RunCommit,
    decision::Taken,
    log::{Log, Logged},
    rows::For,
};

impl<L: Log> Driver<L> {
    /// A commit is written: what it took has started, and what it left is looked at.
    pub(super) fn hand_over(&self, commit: &RunCommit, handed: Option<Taken>) {
        let Some(taker) = self.shared.taker() else { return };
        if let Some(handed) = handed
            && let Some(part) = commit.parts.iter().rfind(|part| part.ask == handed.ask)
        {
            taker.started(commit.run, handed.n, &part.events);
        }
        let rows = &commit.rows;
        let reserves = || rows.steps.iter().any(|row| matches!(row.waits, Some((_, For::Keys(_)))));
        if rows.summary.wants_judgement || !rows.tells.is_empty() || reserves() {
            taker.look_at(commit.run);
        }
    }

    pub(super) fn give_back_taken(&self, taken: Option<Taken>) {
        if let (Some(taken), Some(taker)) = (taken, self.shared.taker()) {
            taker.give_back(taken.n);
        }
    }

    /// This is what came after a commit whose outcome was in doubt: it is among that, or will never be.
    pub(super) fn find_taken(&mut self, run: RunId, events: &[Logged]) {
        let Some(seat) = self.seats.get_mut(&run) else { return };
        for (commit, taken) in std::mem::take(&mut seat.in_doubt) {
            let of_it = |logged: &&Logged| logged.commit == commit && logged.ask == taken.ask;
            let found: Vec<Arc<RunEvent>> =
                events.iter().filter(of_it).map(|logged| Arc::clone(&logged.event)).collect();
            match self.shared.taker() {
                Some(taker) if !found.is_empty() => taker.started(run, taken.n, &found),
                _ => self.give_back_taken(Some(taken)),
            }
        }
    }
}
