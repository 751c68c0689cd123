//! The handle by which `service` and `engine` ask runs for something. Cheap to clone; the work is done by the `Driver` beside it.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use workflow::{id::RunId, run::State};

use crate::{
    answer::{Answer, Error},
    ask::Ask,
    driver::Driver,
    hints::Hints,
    job::{Job, Read},
    log::Log,
    options::Options,
    shared::{Shared, Stats, Surroundings},
    taker::Taker,
    witness::Witness,
};

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
        self.look(run, at_least, false, look).await
    }

    async fn look<T: Send + 'static>(
        &self,
        run: RunId,
        at_least: i64,
        will_ask: bool,
        look: impl FnOnce(Option<&State>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let look = Box::new(move |found: Result<Option<&State>, Error>| {
            // Whoever asked may be gone.
            let _ = reply.send(found.map(look));
        });
        self.jobs.send(Job::Read(Read { run, at_least, will_ask, look })).await.map_err(|_| Error::Stopped)?;
        answer.await.map_err(|_| Error::Stopped)?
    }

    /// Looks at a run as it is in the log now: what was written by others before this was asked is in it.
    pub async fn read_now<T: Send + 'static>(
        &self,
        run: RunId,
        look: impl FnOnce(Option<&State>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.look(run, i64::MAX, false, look).await
    }

    /// The same for who is just about to ask the run for something: where the run is busy, it is looked at before what others left is decided,
    /// and held for a moment, so that what is asked then does not wait for that once more.
    pub async fn read_to_ask<T: Send + 'static>(
        &self,
        run: RunId,
        look: impl FnOnce(Option<&State>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.look(run, i64::MAX, true, look).await
    }

    /// From now on this gets the steps that commits of this process set free. One that takes its place must give back, or be told of, what
    /// the one before it took.
    pub fn set_taker(&self, taker: Arc<dyn Taker>) {
        self.shared.set_taker(taker);
    }

    /// From now on this is told of what this process writes; whoever is set first stays.
    pub fn set_witness(&self, witness: Arc<dyn Witness>) {
        self.shared.set_witness(witness);
    }

    /// Who is told of what this process writes.
    pub fn witness(&self) -> Option<&dyn Witness> {
        self.shared.witness()
    }

    pub fn hints(&self) -> &Hints {
        &self.shared.hints
    }

    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }
}
