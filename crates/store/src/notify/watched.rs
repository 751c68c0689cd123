//! The runs that somebody looks at now: whoever streams what an attempt writes asks here whether anybody wants it, and from where.
//! Must never be what a text depends on: it is lossy, and the artifact replaces it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use workflow::RunId;

/// The runs that somebody watches now.
#[derive(Clone, Debug, Default)]
pub struct Watched(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    runs: BTreeSet<RunId>,
    /// Which wish was the last for all text of a run, counted over all of them.
    wishes: BTreeMap<RunId, u64>,
    n_wishes: u64,
}

impl Watched {
    pub fn set(&self, runs: BTreeSet<RunId>) {
        let mut inner = self.lock();
        inner.wishes.retain(|run, _| runs.contains(run));
        inner.runs = runs;
    }

    /// Somebody began to watch, who has none of the text yet.
    pub fn add(&self, run: RunId) {
        let mut inner = self.lock();
        inner.n_wishes += 1;
        let wish = inner.n_wishes;
        inner.wishes.insert(run, wish);
        inner.runs.insert(run);
    }

    /// The number of the last wish for all of the run's text, 0 for none; absent while nobody watches.
    pub fn look(&self, run: RunId) -> Option<u64> {
        let inner = self.lock();
        inner.runs.contains(&run).then(|| inner.wishes.get(&run).copied().unwrap_or_default())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
