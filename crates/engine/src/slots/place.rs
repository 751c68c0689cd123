//! A place while somebody has it: an attempt its own, a claim those that it was promised. Must come free whatever becomes of them.

use std::sync::Arc;

use super::Slots;

/// The place of one attempt; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    pub(super) slots: Arc<Slots>,
    pub(super) term: u64,
    pub(super) is_ending: bool,
}

/// Places for a claim on its way; free again when dropped.
#[derive(Debug)]
pub(crate) struct Promised {
    pub(super) slots: Arc<Slots>,
    pub(crate) n: usize,
}

impl Place {
    /// Its attempt is over, but for telling it.
    pub(crate) fn ends(&mut self) {
        let mut inner = self.slots.lock();
        if !self.is_ending && inner.term == self.term {
            self.is_ending = true;
            inner.n_ending += 1;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.slots.lock();
        if inner.term != self.term {
            return;
        }
        inner.n_running = inner.n_running.saturating_sub(1);
        inner.n_ending = inner.n_ending.saturating_sub(usize::from(self.is_ending));
        let owes = inner.n_taken() < self.slots.n && std::mem::take(&mut inner.owes);
        drop(inner);
        self.slots.bell.notify_one();
        if owes {
            self.slots.claim.notify_one();
        }
    }
}

impl Drop for Promised {
    fn drop(&mut self) {
        if self.n > 0 {
            self.slots.keep(self.n);
        }
    }
}
