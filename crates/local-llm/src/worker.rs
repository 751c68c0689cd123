//! The one thread that computes: it takes accepted requests from a channel and gives them turns of the fair queue.
//! It never waits for a client: replies go into channels that end with the request's own token limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ApiError, ModelError, chain};
use crate::model::{Finish, Generation, Model, Options, Turn};
use crate::queue::{After, Rounds};

/// How many requests share the rounds. Each holds a cache of about 46 KB per token with the small model.
const ROUND_WIDTH: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) prompt: usize,
    pub(crate) answer: usize,
}

#[derive(Debug)]
pub(crate) enum Reply {
    Text(String),
    Done { finish: Finish, usage: Usage },
    Failed,
}

/// A place in the queue, free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
}

pub(crate) struct Job {
    pub(crate) prompt: Vec<u32>,
    pub(crate) options: Options,
    pub(crate) reply: UnboundedSender<Reply>,
    pub(crate) place: Place,
}

/// What the worker has done and is doing, readable from any thread.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    running: AtomicUsize,
    tokens: AtomicU64,
}

/// The way to the worker.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    jobs: mpsc::Sender<Job>,
    places: Arc<Semaphore>,
    n_places: usize,
    counters: Arc<Counters>,
}

impl Queue {
    pub(crate) fn new(n_places: usize) -> (Self, Inbox) {
        let (jobs, receiver) = mpsc::channel();
        let counters = Arc::new(Counters::default());
        let queue =
            Self { jobs, places: Arc::new(Semaphore::new(n_places)), n_places, counters: Arc::clone(&counters) };
        let inbox = Inbox { jobs: receiver, counters };
        (queue, inbox)
    }

    /// Taken before any work is done for a request, so that a full queue costs nothing.
    pub(crate) fn place(&self) -> Result<Place, ApiError> {
        Arc::clone(&self.places)
            .try_acquire_owned()
            .map(|permit| Place { _permit: permit })
            .map_err(|_| ApiError::QueueFull { places: self.n_places })
    }

    pub(crate) fn submit(&self, job: Job) -> Result<(), ApiError> {
        self.jobs.send(job).map_err(|_| ApiError::Stopped)
    }

    pub(crate) fn n_running(&self) -> usize {
        self.counters.running.load(Ordering::Relaxed)
    }

    pub(crate) fn n_waiting(&self) -> usize {
        let taken = self.n_places - self.places.available_permits();
        taken.saturating_sub(self.n_running())
    }

    /// Tokens generated since the start.
    pub(crate) fn n_tokens(&self) -> u64 {
        self.counters.tokens.load(Ordering::Relaxed)
    }
}

pub(crate) struct Inbox {
    jobs: mpsc::Receiver<Job>,
    counters: Arc<Counters>,
}

/// A job and, from its first turn on, its generation.
struct Entry {
    waiting: Option<(Vec<u32>, Options)>,
    generation: Option<Generation>,
    reply: UnboundedSender<Reply>,
    place: Option<Place>,
}

impl From<Job> for Entry {
    fn from(job: Job) -> Self {
        Self { waiting: Some((job.prompt, job.options)), generation: None, reply: job.reply, place: Some(job.place) }
    }
}

impl Inbox {
    /// Works until every `Queue` is gone.
    pub(crate) fn run(self, model: &Model) {
        let mut rounds: Rounds<Entry> = Rounds::new(ROUND_WIDTH);
        loop {
            if rounds.is_empty() {
                match self.jobs.recv() {
                    Ok(job) => rounds.push(job.into()),
                    Err(mpsc::RecvError) => return,
                }
            }
            while let Ok(job) = self.jobs.try_recv() {
                rounds.push(job.into());
            }
            // Clients that left are forgotten before the next turn, whether begun or waiting.
            rounds.retain(|entry| !entry.reply.is_closed());
            self.note_running(rounds.n_running());
            rounds.turn(|entry| self.turn(entry, model));
            self.note_running(rounds.n_running());
        }
    }

    fn note_running(&self, n: usize) {
        self.counters.running.store(n, Ordering::Relaxed);
    }

    fn turn(&self, entry: &mut Entry, model: &Model) -> After {
        if let Some((prompt, options)) = entry.waiting.take() {
            entry.generation = Some(model.begin(prompt, options));
        }
        let Some(generation) = &mut entry.generation else {
            return After::Done;
        };
        let before = generation.n_answer();
        let turn = generation.turn();
        let made = generation.n_answer() - before;
        self.counters.tokens.fetch_add(made as u64, Ordering::Relaxed);
        // A failed send means that the client has left; the next round drops the entry.
        match turn {
            Ok(Turn::Reading) => After::Again,
            Ok(Turn::Token { text }) => {
                if !text.is_empty() {
                    let _ = entry.reply.send(Reply::Text(text));
                }
                After::Again
            }
            Ok(Turn::Finished { text, finish }) => {
                let usage = Usage { prompt: generation.n_prompt(), answer: generation.n_answer() };
                if !text.is_empty() {
                    let _ = entry.reply.send(Reply::Text(text));
                }
                // Freed first: a client that has its answer finds its place free again.
                entry.place = None;
                let _ = entry.reply.send(Reply::Done { finish, usage });
                tracing::info!(prompt.tokens = usage.prompt, answer.tokens = usage.answer, "answered a request");
                After::Done
            }
            Err(error) => {
                let error: ModelError = error;
                tracing::error!(error = chain(&error), "a request failed");
                let _ = entry.reply.send(Reply::Failed);
                After::Done
            }
        }
    }
}
