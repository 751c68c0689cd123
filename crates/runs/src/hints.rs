//! Which runs this process changed, for whoever tells other processes and the feeds of this one. Coalesced, and it may be lost: everybody
//! who is told also looks by himself.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;
use workflow::id::RunId;

#[derive(Debug, Default)]
pub struct Hints {
    changed: Mutex<BTreeMap<RunId, i64>>,
    notify: Notify,
}

impl Hints {
    pub(crate) fn changed(&self, run: RunId, seq: i64) {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).insert(run, seq);
        self.notify.notify_one();
    }

    /// The runs that changed since this was last asked, with their last events; waits until there is one.
    pub async fn next(&self) -> BTreeMap<RunId, i64> {
        loop {
            let changed = std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner));
            if !changed.is_empty() {
                return changed;
            }
            self.notify.notified().await;
        }
    }
}
