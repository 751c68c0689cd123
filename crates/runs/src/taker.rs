//! The hand-off: steps that a commit sets free are started by that same commit, while this process has room. So a chain costs one round
//! trip a hop. Who gets them, and whether somebody else's step is older, is for the taker to say.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use workflow::{
    id::{AgentId, RunId, UserId, WorkerId},
    run::RunEvent,
};

/// What works on steps in this process. Called by the task that decides, so it must never wait for anything.
pub trait Taker: Send + Sync + 'static {
    /// Whether this process works on this agent, which is of this kind.
    fn takes(&self, _kind: &str, _agent: &AgentId) -> bool {
        true
    }

    /// Whether it leaves kinds or agents to other processes like this one.
    fn is_choosy(&self) -> bool {
        false
    }

    /// Room for at most so many steps of this run that a commit is about to set free. None: leave them to claims.
    fn take(&self, owner: UserId, oldest: DateTime<Utc>, n: usize) -> Option<(WorkerId, usize)>;

    /// Steps that were taken in a commit that is now written: the run, and the events of kind `steps_started`.
    fn started(&self, run: RunId, n_taken: usize, events: &[Arc<RunEvent>]);

    /// The commit was not written, or took fewer: so many places are free again.
    fn give_back(&self, n: usize);

    /// A commit of this process left something to judge in this run, or wrote messages to other runs, or steps that want reservations.
    fn look_at(&self, run: RunId);
}

/// What may be claimed of the run after a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Rest {
    /// Nothing that this commit saw.
    #[default]
    Nothing,
    /// This worker took as much as one commit takes, and takes the rest with the next ones.
    Next(WorkerId),
    /// There is no room for it here.
    Free,
}
