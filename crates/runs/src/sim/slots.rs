//! The places of a process, shared by claims and by what commits hand off, and what its commits leave to look at.
//! A place is free, promised to a commit on its way, or an attempt's: it must never be anything else.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use workflow::{
    id::{RunId, StepKey, UserId, WorkerId},
    run::RunEvent,
};

use super::{crowd::Crowds, world::Held};
use crate::taker::Taker;

const PLACES: usize = 12;

/// An attempt that began: its run, its step and its number.
pub(crate) type Begun = (RunId, StepKey, i32);

#[derive(Debug)]
pub(crate) struct Slots {
    inner: Mutex<Inner>,
    crowds: Crowds,
}

#[derive(Debug, Default)]
struct Inner {
    worker: Option<WorkerId>,
    /// For commits on their way.
    n_promised: usize,
    n_running: usize,
    begun: Vec<Begun>,
    look: BTreeSet<RunId>,
}

impl Inner {
    fn n_free(&self) -> usize {
        PLACES.saturating_sub(self.n_promised + self.n_running)
    }
}

impl Slots {
    pub(crate) fn new(crowds: Crowds) -> Self {
        Self { inner: Mutex::default(), crowds }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker before it is no more, nor is what it ran.
    pub(crate) fn begin(&self, worker: Option<WorkerId>) {
        let mut inner = self.lock();
        (inner.worker, inner.n_running) = (worker, 0);
        inner.begun.clear();
    }

    /// Room for claims, at most so much.
    pub(crate) fn promise(&self, most: usize) -> usize {
        if self.crowds.is_any() {
            return 0;
        }
        let mut inner = self.lock();
        let n = inner.n_free().min(most);
        inner.n_promised += n;
        n
    }

    pub(crate) fn kept(&self, n: usize) {
        self.lock().n_promised -= n;
    }

    /// Attempts of this worker that began since this was last asked.
    pub(crate) fn take_begun(&self) -> Vec<Begun> {
        std::mem::take(&mut self.lock().begun)
    }

    pub(crate) fn take_look(&self) -> BTreeSet<RunId> {
        std::mem::take(&mut self.lock().look)
    }

    /// An attempt is over.
    pub(crate) fn ended(&self, worker: WorkerId) {
        let mut inner = self.lock();
        if inner.worker == Some(worker) {
            inner.n_running -= 1;
        }
    }

    /// What began by these events, as far as it is this worker's.
    pub(crate) fn begin_all(&self, run: RunId, events: &[Arc<RunEvent>]) {
        let mut inner = self.lock();
        let Some(worker) = inner.worker else { return };
        let attempts = events.iter().flat_map(|event| &event.data.attempts);
        for attempt in attempts.filter(|attempt| attempt.worker == Some(worker) && attempt.outcome.is_none()) {
            inner.n_running += 1;
            inner.begun.push((run, attempt.step.clone(), attempt.number));
        }
    }
}

impl Held for Slots {
    /// Places that were promised to a commit, and of which nobody was ever told what became of them.
    fn left(&self) -> Option<String> {
        let n = self.lock().n_promised;
        (n > 0).then(|| format!("{n} places of a process are neither taken nor free"))
    }
}

impl Taker for Slots {
    fn take(&self, _: UserId, _: DateTime<Utc>, n: usize) -> Option<(WorkerId, usize)> {
        let worker = self.lock().worker?;
        let n = self.promise(n);
        (n > 0).then_some((worker, n))
    }

    fn started(&self, run: RunId, n_taken: usize, events: &[Arc<RunEvent>]) {
        self.kept(n_taken);
        self.begin_all(run, events);
    }

    fn give_back(&self, n: usize) {
        self.kept(n);
    }

    fn look_at(&self, run: RunId) {
        self.lock().look.insert(run);
    }
}
