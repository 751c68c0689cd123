//! What bounds judging in a process: the memory that what is judged at a time reads, and that no step is judged twice at a time.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use workflow::{RunId, StepKey};

/// Bytes of memory that what is judged at a time reads, and the grain in which it is counted.
const JUDGED_AT_ONCE: u64 = 64 * 1024 * 1024;
const UNIT: u64 = 64 * 1024;

/// Room for what judgements read; one that reads more than all of it is alone.
#[derive(Debug)]
pub(crate) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(usize::try_from(JUDGED_AT_ONCE / UNIT).unwrap_or(1))))
    }
}

impl Room {
    pub(crate) async fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let units = bytes.min(JUDGED_AT_ONCE).div_ceil(UNIT);
        // Nobody closes the semaphore.
        Arc::clone(&self.0).acquire_many_owned(u32::try_from(units).unwrap_or(u32::MAX)).await.ok()
    }
}

/// Steps that are being judged, so that none is judged twice at a time.
#[derive(Debug, Default)]
pub(crate) struct Underway(Mutex<BTreeSet<(RunId, StepKey)>>);

/// One of them; no longer when dropped.
pub(crate) struct Mark<'u>(&'u Underway, (RunId, StepKey));

impl Underway {
    pub(crate) fn mark(&self, of: (RunId, StepKey)) -> Option<Mark<'_>> {
        let is_new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(of.clone());
        is_new.then_some(Mark(self, of))
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}
