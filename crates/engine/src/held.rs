//! The attempts that this worker has, by run, and how each is told to end.
//! An attempt that is not this worker's any more must be dropped, never told: somebody else decided about its step.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use runs::{Error, Runs};
use tokio_util::sync::CancellationToken;
use workflow::{
    RunId, StepKey,
    id::WorkerId,
    run::{RunEvent, State},
};

use crate::slots::Begun;

/// How an attempt is told to end.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) cancel: CancellationToken,
    is_lost: Arc<AtomicBool>,
    is_let_go: Arc<AtomicBool>,
}

impl Order {
    /// It is not this worker's any more: nothing is to be told of it.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    /// It was stopped because nobody could know any more whose it is.
    pub(crate) fn is_let_go(&self) -> bool {
        self.is_let_go.load(Ordering::Relaxed)
    }

    /// Whether it was told so for the first time.
    fn let_go(&self) -> bool {
        let was = self.is_let_go.swap(true, Ordering::Relaxed);
        self.cancel.cancel();
        !was
    }

    fn lose(&self) {
        self.is_lost.store(true, Ordering::Relaxed);
        self.cancel.cancel();
    }
}

/// Attempts by run and step.
type Held = BTreeMap<RunId, BTreeMap<StepKey, (i32, Order)>>;

#[derive(Debug)]
pub(crate) struct Attempts {
    worker: WorkerId,
    held: Mutex<Held>,
}

impl Attempts {
    pub(crate) fn new(worker: WorkerId) -> Self {
        Self { worker, held: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `dead`: cancels it as well.
    pub(crate) fn add(&self, begun: &Begun, dead: &CancellationToken) -> Order {
        let order = Order { cancel: dead.child_token(), is_lost: Arc::default(), is_let_go: Arc::default() };
        let held = (begun.attempt.number, order.clone());
        let before = self.lock().entry(begun.run).or_default().insert(begun.attempt.step.clone(), held);
        if let Some((_, before)) = before {
            before.lose();
        }
        order
    }

    pub(crate) fn remove(&self, begun: &Begun) {
        let mut held = self.lock();
        if let Some(of_run) = held.get_mut(&begun.run) {
            if of_run.get(&begun.attempt.step).is_some_and(|(number, _)| *number == begun.attempt.number) {
                of_run.remove(&begun.attempt.step);
            }
            if of_run.is_empty() {
                held.remove(&begun.run);
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().values().map(BTreeMap::len).sum()
    }

    /// Every attempt stops, and is given back where it is still ours.
    pub(crate) fn stop_all(&self) {
        self.lock().values().flat_map(BTreeMap::values).for_each(|(_, order)| order.cancel.cancel());
    }

    /// Every attempt stops, and counts as lost where it is still ours and its agent had begun. How many there are that were not told so
    /// before.
    pub(crate) fn let_go_all(&self) -> usize {
        self.lock().values().flat_map(BTreeMap::values).filter(|(_, order)| order.let_go()).count()
    }

    /// These events were written: what they ended of ours is dropped at once.
    pub(crate) fn take_events(&self, run: RunId, events: &[Arc<RunEvent>]) {
        let ended = events.iter().flat_map(|event| &event.data.attempts).filter(|attempt| attempt.outcome.is_some());
        let held = self.lock();
        let Some(of_run) = held.get(&run) else { return };
        for attempt in ended {
            if let Some((number, order)) = of_run.get(&attempt.step)
                && *number == attempt.number
            {
                order.lose();
            }
        }
    }

    /// Drops what is ours no more in a run, as the log has it now.
    pub(crate) async fn check(&self, runs: &Runs, run: RunId) {
        let of_run = |held: &BTreeMap<StepKey, (i32, Order)>| {
            held.iter().map(|(key, (number, _))| (key.clone(), *number)).collect::<Vec<_>>()
        };
        let ours = self.lock().get(&run).map(of_run).unwrap_or_default();
        if ours.is_empty() {
            return;
        }
        let worker = self.worker;
        let look = move |state: Option<&State>| {
            ours.into_iter()
                .filter(|(key, number)| !state.is_some_and(|state| state.has(key, *number, worker)))
                .collect()
        };
        let lost: Vec<(StepKey, i32)> = match runs.read_now(run, look).await {
            Ok(lost) => lost,
            // What cannot be looked at is looked at again; what is set aside takes no result either.
            Err(Error::Unavailable | Error::Stopped) => return,
            Err(_) => Vec::new(),
        };
        let held = self.lock();
        let Some(of_run) = held.get(&run) else { return };
        for (key, number) in lost {
            if let Some((held, order)) = of_run.get(&key)
                && *held == number
            {
                order.lose();
            }
        }
    }

    pub(crate) async fn check_all(&self, runs: &Runs) {
        let all: Vec<RunId> = self.lock().keys().copied().collect();
        futures::future::join_all(all.into_iter().map(|run| self.check(runs, run))).await;
    }
}
