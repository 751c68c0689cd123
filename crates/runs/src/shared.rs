//! What the handle of the runs and the task that decides about them have in common, and what comes in from outside.

use std::sync::{
    Arc, OnceLock, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use crate::{clock::Clock, hints::Hints, taker::Taker, witness::Witness};

/// What comes in from outside: the time and what is random.
pub struct Surroundings {
    pub clock: Clock,
    pub random: Box<dyn Fn() -> u128 + Send + Sync>,
}

/// What was done so far.
#[derive(Debug, Default)]
pub struct Stats {
    pub decisions: AtomicU64,
    pub commits: AtomicU64,
    pub written: AtomicU64,
    pub lost: AtomicU64,
    pub alone: AtomicU64,
    pub loads: AtomicU64,
}

impl Stats {
    pub(crate) fn count(of: &AtomicU64, n: usize) {
        of.fetch_add(n as u64, Ordering::Relaxed);
    }
}

#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) hints: Hints,
    pub(crate) stats: Stats,
    taker: RwLock<Option<Arc<dyn Taker>>>,
    witness: OnceLock<Arc<dyn Witness>>,
}

impl Shared {
    pub(crate) fn set_taker(&self, taker: Arc<dyn Taker>) {
        *self.taker.write().unwrap_or_else(PoisonError::into_inner) = Some(taker);
    }

    /// The first stays.
    pub(crate) fn set_witness(&self, witness: Arc<dyn Witness>) {
        if self.witness.set(witness).is_err() {
            tracing::debug!("somebody is told of what is written already");
        }
    }

    pub(crate) fn witness(&self) -> Option<&dyn Witness> {
        self.witness.get().map(|witness| &**witness)
    }

    pub(crate) fn taker(&self) -> Option<Arc<dyn Taker>> {
        self.taker.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
