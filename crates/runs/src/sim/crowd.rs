//! Moments in which every process has enough to do: nothing is started, while everything else goes on. So what lies between the
//! reservation of a step and its start is met, which is over at once otherwise.
//! Must never outlive whoever began it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// How many of them there are just now; all clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crowds(Arc<AtomicUsize>);

/// One of them, for as long as this is there.
#[derive(Debug)]
pub(crate) struct Crowd(Crowds);

impl Crowds {
    pub(crate) fn begin(&self) -> Crowd {
        self.0.fetch_add(1, Ordering::Relaxed);
        Crowd(self.clone())
    }

    pub(crate) fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
