//! The scheduler: claims ready steps, runs their agents, commits the results, and cares for what dead workers left.
//!
//! It meets the rest of the program only in Postgres, so one process or twenty is the same program.
//! Promise: every step runs at least once, an attempt at most once and by one worker, and exactly one attempt's result is
//! committed per (step, generation). It must never hold a lock or a transaction while an agent runs.

mod attempt;
mod cache;
mod child;
mod chores;
mod committer;
mod content;
mod decisions;
mod memory;
mod options;
mod outputs;
mod refusals;
mod retry;
mod stream;
mod worker;

use std::sync::Arc;

use agents::{Agent, Registry};
use store::{Store, notify::Hints};
use tokio_util::sync::CancellationToken;

pub use memory::{InUse, Memory};
pub use options::Options;
pub use refusals::StoredRefusals;

/// Where the engine finds the agent of a kind.
pub trait Agents: Send + Sync + 'static {
    fn for_kind(&self, kind: &str) -> Option<Arc<dyn Agent>>;
}

impl Agents for Registry {
    fn for_kind(&self, kind: &str) -> Option<Arc<dyn Agent>> {
        Self::for_kind(self, kind)
    }
}

/// One process's engine. [`Engine::run`] ends only when it was told to, whatever happens to the database.
pub struct Engine {
    store: Store,
    agents: Arc<dyn Agents>,
    hints: Hints,
    options: Options,
    memory: Memory,
}

impl Engine {
    /// The engine wants a store of its own, so that a busy web side cannot keep its heartbeat waiting.
    pub fn new(store: Store, agents: Arc<dyn Agents>, hints: Hints, options: Options) -> Self {
        let memory = Memory::new(options.memory);
        Self { store, agents, hints, options, memory }
    }

    /// To look at while it runs.
    pub fn memory(&self) -> Memory {
        self.memory.clone()
    }

    /// Executes steps until `shutdown`, then drains: no new claims, what runs may finish, the rest is given back.
    pub async fn run(self, shutdown: CancellationToken) {
        let background = shutdown.child_token();
        let sender = tokio::spawn({
            let (store, stop) = (self.store.clone(), background.clone());
            async move { store.send_hints(stop.cancelled()).await }
        });
        let sweeper = tokio::spawn(chores::sweep(self.store.clone(), self.options.clone(), background.clone()));
        // A worker that was declared dead comes back as a new one: everything it held belongs to others now.
        while worker::Worker::new(&self).run(&shutdown).await == worker::End::Dead {
            tracing::warn!("this worker was declared dead; it goes on as a new one");
        }
        background.cancel();
        for task in [sender, sweeper] {
            if let Err(error) = task.await {
                tracing::error!(error = &error as &dyn std::error::Error, "a background task of the engine panicked");
            }
        }
    }
}
