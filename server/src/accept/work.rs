//! What is going on on a connection: whether the server is at work for it, or waits for its peer.
//! Must never count as work what the peer alone can draw out.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// What is going on on a connection, by how many guards are held.
#[derive(Debug, Default)]
pub(super) struct Work {
    busy: AtomicUsize,
    receiving: AtomicUsize,
    stuck: AtomicUsize,
}

/// Whom a connection waits for, if not for us. Of one site's, the first ones are closed first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Waits {
    Idle,
    /// For the peer to send the rest of a body.
    Receiving,
    /// For the peer to take the answer.
    Stuck,
}

/// Something is going on on a connection, until this is dropped.
#[derive(Debug)]
pub(super) struct Guard {
    work: Arc<Work>,
    counter: fn(&Work) -> &AtomicUsize,
}

impl Work {
    pub(super) fn busy(self: &Arc<Self>) -> Guard {
        Guard::hold(self, |work| &work.busy)
    }

    pub(super) fn receiving(self: &Arc<Self>) -> Guard {
        Guard::hold(self, |work| &work.receiving)
    }

    pub(super) fn stuck(self: &Arc<Self>) -> Guard {
        Guard::hold(self, |work| &work.stuck)
    }

    /// Whom it waits for; none while the server is at work.
    pub(super) fn waits(&self) -> Option<Waits> {
        let is_held = |counter: &AtomicUsize| counter.load(Ordering::SeqCst) > 0;
        if is_held(&self.busy) {
            None
        } else if is_held(&self.stuck) {
            Some(Waits::Stuck)
        } else if is_held(&self.receiving) {
            Some(Waits::Receiving)
        } else {
            Some(Waits::Idle)
        }
    }
}

impl Guard {
    fn hold(work: &Arc<Work>, counter: fn(&Work) -> &AtomicUsize) -> Self {
        counter(work).fetch_add(1, Ordering::SeqCst);
        Self { work: Arc::clone(work), counter }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        (self.counter)(&self.work).fetch_sub(1, Ordering::SeqCst);
    }
}
