//! What one run has to tell another. Two runs are never in one decision: it is a row that the sender's commit writes, and that the
//! receiver's deletes, so it is heard exactly once.

use workflow::{
    id::RunId,
    run::{RunEvent, event::Tell},
};

use crate::ids::CommitId;

/// A message as its sender's commit writes it.
#[derive(Clone, PartialEq, Debug)]
pub struct Sent {
    pub to: RunId,
    pub seq: i64,
    pub n: u32,
    pub tell: Tell,
}

/// What one run has to tell another.
#[derive(Clone, PartialEq, Debug)]
pub struct Message {
    pub key: MessageKey,
    pub tell: Tell,
}

/// Each message is there once: by its reader, the place in its sender's log, and the commit that wrote it. By the place alone it might be
/// another one, where a database was lost that had the first, and somebody still knows it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MessageKey {
    pub to: RunId,
    pub from: RunId,
    pub seq: i64,
    pub n: u32,
    pub commit: CommitId,
}

impl Sent {
    /// The messages that an event sends.
    pub fn of(event: &RunEvent) -> impl Iterator<Item = Self> {
        let seq = event.seq;
        (0..).zip(&event.data.tells).map(move |(n, tell)| {
            let to = match tell {
                Tell::BeginChild { run, .. } | Tell::CancelChild { run } => *run,
                Tell::Parent { of, .. } => of.run,
            };
            Self { to, seq, n, tell: tell.clone() }
        })
    }

    pub fn message(&self, from: RunId, commit: CommitId) -> Message {
        let Self { to, seq, n, ref tell } = *self;
        Message { key: MessageKey { to, from, seq, n, commit }, tell: tell.clone() }
    }
}
