//! What one run has to tell another. Two runs are never in one decision: it is a row that the sender's commit writes, and that the
//! receiver's deletes, so it is heard exactly once.

use workflow::{
    id::RunId,
    run::{RunEvent, event::Tell},
};

/// What one run has to tell another.
#[derive(Clone, PartialEq, Debug)]
pub struct Message {
    pub key: MessageKey,
    pub tell: Tell,
}

/// Each message is there once: by its reader, and the place in its sender's log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MessageKey {
    pub to: RunId,
    pub from: RunId,
    pub seq: i64,
    pub n: u32,
}

impl Message {
    /// The messages that an event sends.
    pub fn of(from: RunId, event: &RunEvent) -> impl Iterator<Item = Self> {
        let seq = event.seq;
        (0..).zip(&event.data.tells).map(move |(n, tell)| {
            let to = match tell {
                Tell::BeginChild { run, .. } | Tell::CancelChild { run } => *run,
                Tell::Parent { of, .. } => of.run,
            };
            Self { key: MessageKey { to, from, seq, n }, tell: tell.clone() }
        })
    }
}
