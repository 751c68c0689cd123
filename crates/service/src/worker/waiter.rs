//! A claim that waits, and what it is told: the attempts that began for it.
//! Must never hold a lock: it is handed from who waits to who deals, and to who starts.

use std::sync::Arc;

use store::outside::beats::Place;
use tokio::sync::oneshot;
use workflow::{RunId, run::state::Attempt};

use super::known::Live;

/// An attempt that began for a session.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    pub(super) run: RunId,
    pub(super) seq: i64,
    pub(super) attempt: Attempt,
}

impl Begun {
    pub(super) fn place(&self) -> Place {
        Place { run: self.run, step: self.attempt.step.clone(), number: self.attempt.number }
    }
}

pub(super) struct Waiter {
    pub(super) live: Arc<Live>,
    pub(super) queues: Arc<[String]>,
    pub(super) max: usize,
    /// It wants to know what is there now.
    pub(super) is_hurried: bool,
    /// A look had it in mind.
    pub(super) is_seen: bool,
    pub(super) reply: oneshot::Sender<Vec<Begun>>,
}
