//! Outside workers: processes in any language that claim steps over HTTP, do them, and send back what they made (docs/workers.md).
//!
//! A session is a worker like those inside: its claims and results are the same commands to the same `decide`, fenced by the attempt and
//! its worker. Long polls wait in memory, however many there are; one query of the database serves all of them.
//! Must never believe more of a worker than that it ended an attempt that it holds, nor show it more than its own tasks.

mod beats;
mod callbacks;
mod content;
mod due;
pub(crate) mod ending;
mod hand_out;
mod known;
pub mod limits;
mod offering;
mod outputs;
mod place;
mod queue;
mod results;
mod starting;
mod told;
mod values;
mod waiter;
pub mod wire;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::future::join_all;
use runs::Runs;
use store::{
    Store,
    log::Log,
    notify::{Hint, Hints},
    outside::tokens::OpenWorkerToken,
    secret::SecretHash,
};
use tokio::{sync::broadcast::error::RecvError, time::sleep};
use tokio_util::sync::CancellationToken;
use workflow::id::{TokenId, WorkerId};

use crate::{Error, Result, id};
pub use content::{Arriving, Piece};

/// What a worker token begins with, so that people and secret scanners recognise one.
pub const TOKEN_PREFIX: &str = "weftw_";
/// Tokens that are remembered for a moment.
const MAX_TOKENS: usize = 1_024;

/// All that serves outside workers in this process; cheap to clone.
#[derive(Clone)]
pub struct Workers(Arc<Inner>);

struct Inner {
    store: Store,
    runs: Runs,
    log: Arc<Log>,
    hints: Hints,
    tokens: Mutex<HashMap<SecretHash, Caller>>,
    /// One reads a token for all who wait for it. By a part of its hash: tokens that nobody has stand in front of few.
    reading: [tokio::sync::Mutex<()>; 64],
    sessions: known::Sessions,
    queue: queue::Queue,
    beats: beats::Beats,
    told: told::Told,
    agents: values::Agents,
    memory: values::Memory,
}

/// Who calls: a worker token that stands.
#[derive(Clone, Debug)]
pub struct Caller {
    token: OpenWorkerToken,
    read_at: Instant,
}

impl Caller {
    pub fn token(&self) -> TokenId {
        self.token.id
    }

    /// How long the token is good for, from now.
    fn stands_for(&self) -> Duration {
        self.token.stands_for.saturating_sub(self.read_at.elapsed())
    }
}

impl Workers {
    /// `log`: that of the runs of this process.
    pub fn new(store: Store, runs: Runs, log: &Log, hints: Hints) -> Self {
        Self(Arc::new(Inner {
            store,
            runs,
            // Its claims go round the owners by themselves.
            log: Arc::new(log.with_own_cursor()),
            hints,
            tokens: Mutex::default(),
            reading: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            sessions: known::Sessions::default(),
            queue: queue::Queue::default(),
            beats: beats::Beats::default(),
            told: told::Told::default(),
            agents: values::Agents::default(),
            memory: values::Memory::default(),
        }))
    }

    /// Whose token it is. None: it is unknown, expired or revoked.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Caller>> {
        if !token.starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        let hash = id::hash_secret(token);
        if let Some(caller) = self.fresh(&hash) {
            return Ok(Some(caller));
        }
        let _turn = self.0.reading[usize::from(hash[0]) % self.0.reading.len()].lock().await;
        if let Some(caller) = self.fresh(&hash) {
            return Ok(Some(caller));
        }
        let read_at = Instant::now();
        let Some(open) = self.0.store.open_worker_token(&hash).await? else {
            self.tokens().remove(&hash);
            return Ok(None);
        };
        if open.is_behind {
            self.0.store.touch_worker_token(open.id).await?;
        }
        let mut tokens = self.tokens();
        if tokens.len() >= MAX_TOKENS {
            tokens.clear();
        }
        let caller = Caller { token: open, read_at };
        tokens.insert(hash, caller.clone());
        Ok(Some(caller))
    }

    fn fresh(&self, hash: &SecretHash) -> Option<Caller> {
        let tokens = self.tokens();
        let is_fresh =
            |caller: &&Caller| caller.read_at.elapsed() < limits::TOKEN_FRESH && !caller.stands_for().is_zero();
        tokens.get(hash).filter(is_fresh).cloned()
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, HashMap<SecretHash, Caller>> {
        self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What serves them beside their requests, until it is told to stop: then whoever waits is answered.
    pub async fn run(&self, stop: CancellationToken) {
        let (deal, look, due, hear) = (self.clone(), self.clone(), self.clone(), self.clone());
        let tasks = [
            tokio::spawn({
                let stop = stop.clone();
                async move { queue::deal(&deal, &stop).await }
            }),
            tokio::spawn({
                let stop = stop.clone();
                async move { look.look_at_sessions(&stop).await }
            }),
            tokio::spawn({
                let stop = stop.clone();
                async move { due::look(&due, &stop).await }
            }),
            tokio::spawn({
                let stop = stop.clone();
                async move { hear.hear(&stop).await }
            }),
        ];
        for ended in join_all(tasks).await {
            if let Err(error) = ended {
                tracing::error!(error = &error as &dyn std::error::Error, "what serves outside workers panicked");
            }
        }
    }

    /// Hints of this process and of others.
    async fn hear(&self, stop: &CancellationToken) {
        let mut hints = self.0.hints.subscribe();
        while let Some(hint) = stop.run_until_cancelled(hints.recv()).await {
            match hint {
                Ok(Hint::Ready) => self.0.queue.wake(),
                Ok(Hint::Cancelled(run)) => self.0.beats.wake(run),
                Ok(Hint::Watched(run)) => self.0.told.watched(&self.0.store, run),
                Ok(Hint::Lagged) | Err(RecvError::Lagged(_)) => {
                    self.0.queue.wake();
                    self.0.beats.wake_all();
                }
                Ok(
                    Hint::Run(_) | Hint::Kept(..) | Hint::Delta(_) | Hint::Telling(_) | Hint::Here(_) | Hint::Person(_),
                ) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// What changed of the sessions that this process knows: an admin's wish, an offer that was accepted, an end.
    async fn look_at_sessions(&self, stop: &CancellationToken) {
        while stop.run_until_cancelled(sleep(limits::LOOK_AT_SESSIONS)).await.is_some() {
            self.0.told.look(&self.0.store).await;
            if let Err(error) = ending::finish_endings(&self.0.store, &self.0.runs).await {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "sessions that are ending were not looked at; the next look does it");
            }
            if self.0.sessions.is_empty() {
                continue;
            }
            if let Err(error) = self.refresh().await {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "sessions were not looked at; the next look does it"
                );
            }
        }
        self.0.sessions.wake_all();
    }

    async fn refresh(&self) -> Result<()> {
        let timeline = self.0.log.timeline().await?;
        for (id, changed_at) in self.0.store.changed_sessions().await? {
            if let Some(live) = self.0.sessions.older_than(id, changed_at) {
                self.read_session(id).await?.map_or_else(|| live.end(), |read| live.set(read));
            }
        }
        self.0.sessions.forget(timeline);
        Ok(())
    }

    /// The caller's session, while it lives.
    async fn session(&self, caller: &Caller, id: WorkerId) -> Result<Arc<known::Live>> {
        if let Some(live) = self.0.sessions.get(id) {
            live.check(caller.token.id)?;
            return Ok(live);
        }
        let Some((open, standings)) = self.read_session(id).await? else { return Err(Error::SessionGone) };
        let live = known::Live::new(open, standings);
        live.check(caller.token.id)?;
        if !live.is_of(self.0.log.timeline().await?) {
            return Err(Error::SessionGone);
        }
        Ok(self.0.sessions.put(live))
    }

    /// Whether the caller has such a session, and it is not over.
    pub async fn knows(&self, caller: &Caller, session: WorkerId) -> Result<()> {
        self.session(caller, session).await.map(|_| ())
    }

    async fn read_session(&self, id: WorkerId) -> Result<Option<known::Read>> {
        let Some(open) = self.0.store.worker_session(id).await? else { return Ok(None) };
        let standings = self.0.store.standings(open.token, None, &open.agents).await?;
        Ok(Some((open, standings)))
    }

    /// The session is over: what waits is answered, and what it holds is given back at no cost.
    pub async fn end(&self, caller: &Caller, session: WorkerId) -> Result<()> {
        let live = match self.session(caller, session).await {
            Ok(live) => live,
            // It may be repeated.
            Err(Error::SessionGone) => return Ok(()),
            Err(error) => return Err(error),
        };
        // Who waits here is answered that there was nothing.
        live.set_wish(workflow::api::WorkerState::Draining);
        // Before anything is given back: no process takes anything for it any more.
        self.0.store.end_worker_session(session).await?;
        live.end();
        for place in self.0.store.held_by(session).await? {
            self.give_back(session, place).await;
        }
        Ok(())
    }
}
