//! A command that waits for its turn, with whoever waits for what becomes of it.

use tokio::sync::oneshot;
use workflow::run::Command;

use crate::{
    answer::{Answer, Error},
    ask::Ask,
    ids::{AskId, CommitId},
};

/// A command that waits for its turn.
pub(crate) struct Turn {
    pub(crate) id: AskId,
    pub(crate) ask: Ask,
    pub(crate) reply: oneshot::Sender<Result<Answer, Error>>,
    /// The tick of the driver in which it came.
    pub(crate) arrived: u64,
    /// Commits that may have it, or yet have it: nobody knows.
    pub(crate) sent: Vec<CommitId>,
    /// It is not to share a commit with others: one of them was wrong.
    pub(crate) is_single: bool,
}

impl Turn {
    pub(crate) fn is_start(&self) -> bool {
        matches!(self.ask.command, Command::Start(_))
    }

    pub(crate) fn answer(self, answer: Result<Answer, Error>) {
        // Whoever asked may be gone.
        let _ = self.reply.send(answer);
    }
}
