//! The handle by which `service` and `engine` ask runs for something. Cheap to clone; the work is done by the `Driver` beside it.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::{mpsc, oneshot};
use workflow::{id::RunId, run::State};

use crate::{
    answer::{Answer, Error},
    ask::Ask,
    clock::Clock,
    driver::{Driver, Job},
    hints::Hints,
    log::Log,
    taker::Taker,
};

#[derive(Clone, Debug)]
pub struct Options {
    /// Of states that are kept.
    pub cache_bytes: usize,
    pub batch_runs: usize,
    pub batch_rows: usize,
    pub batch_bytes: usize,
    /// Batches on their way at the same time, of different runs.
    pub parallel_commits: usize,
    /// Commands that wait to be looked at; whoever asks beyond that waits.
    pub queue: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 128 << 20,
            batch_runs: 200,
            batch_rows: 1_000,
            batch_bytes: 4 << 20,
            parallel_commits: 4,
            queue: 4_096,
        }
    }
}

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
}

impl Shared {
    pub(crate) fn taker(&self) -> Option<Arc<dyn Taker>> {
        self.taker.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Clone)]
pub struct Runs {
    jobs: mpsc::Sender<Job>,
    shared: Arc<Shared>,
}

impl Runs {
    /// The handle, and what does the work: whoever owns this process' tasks runs it.
    pub fn new<L: Log>(log: Arc<L>, around: Arc<Surroundings>, options: Options) -> (Self, Driver<L>) {
        let (jobs, receiver) = mpsc::channel(options.queue);
        let shared = Arc::new(Shared::default());
        let driver = Driver::new(log, around, options, receiver, Arc::clone(&shared));
        (Self { jobs, shared }, driver)
    }

    /// Decides and commits. What was asked is done once when this answers; a caller that goes away meanwhile changes nothing about that.
    pub async fn execute(&self, ask: Ask) -> Result<Answer, Error> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job::Ask(Box::new(ask), reply)).await.map_err(|_| Error::Stopped)?;
        answer.await.map_err(|_| Error::Stopped)?
    }

    /// Looks at a run as this process knows it: at least as new as what was answered here before, and as this event. None: there is none.
    pub async fn read<T: Send + 'static>(
        &self,
        run: RunId,
        at_least: i64,
        look: impl FnOnce(Option<&State>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let look = Box::new(move |found: Result<Option<&State>, Error>| {
            // Whoever asked may be gone.
            let _ = reply.send(found.map(look));
        });
        self.jobs.send(Job::Read(run, at_least, look)).await.map_err(|_| Error::Stopped)?;
        answer.await.map_err(|_| Error::Stopped)?
    }

    /// Looks at a run as it is in the log now: what was written by others before this was asked is in it.
    pub async fn read_now<T: Send + 'static>(
        &self,
        run: RunId,
        look: impl FnOnce(Option<&State>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.read(run, i64::MAX, look).await
    }

    /// From now on this gets the steps that commits of this process set free. One that takes its place must give back, or be told of, what
    /// the one before it took.
    pub fn set_taker(&self, taker: Arc<dyn Taker>) {
        *self.shared.taker.write().unwrap_or_else(PoisonError::into_inner) = Some(taker);
    }

    pub fn hints(&self) -> &Hints {
        &self.shared.hints
    }

    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }
}
