//! The scheduler: claims ready steps, runs their agents, reports the results, evaluates conditions and lists ("judging"), delivers
//! messages between runs, and takes over the steps of dead workers. docs/engine.md explains it from the outside.
//!
//! It changes a run only by a command to `runs`, and communicates with other processes only through the log, so it makes no difference
//! whether one process runs or twenty. Promise: every step runs at least once, an attempt at most once and by one worker, and exactly one attempt's result is
//! committed per (step, generation). It must never choose a status, and never hold a lock or a transaction while an agent runs.

mod asking;
mod attempt;
pub mod bugs;
mod cache;
mod child;
mod chores;
mod claims;
mod content;
mod deciding;
mod dice;
mod ending;
mod heart;
mod held;
mod inbox;
mod inputs;
mod judging;
mod kept;
mod kinds;
mod look;
mod maps;
mod memory;
mod options;
mod outputs;
mod refusals;
mod room;
mod secrets;
mod shared;
pub mod shelf;
#[cfg(any(test, feature = "testing"))]
pub mod sim;
mod slots;
mod stream;
mod tasks;
mod worker;

use std::sync::Arc;

use agents::{Agent, Registry};
use runs::{Log, Runs};
use store::notify::{Hints, Watched};
use tokio_util::sync::CancellationToken;

pub use deciding::{work_on_runs, work_on_runs_with};
pub use dice::Dice;
pub use kinds::{AgentNames, Kinds};
pub use memory::{InUse, Memory};
pub use options::Options;
pub use refusals::StoredRefusals;
pub use secrets::StoredSecrets;
pub use shelf::Shelf;

use shared::Shared;
use slots::Slots;

/// Where the engine finds the agent of a kind.
pub trait Agents: Send + Sync + 'static {
    fn for_kind(&self, kind: &str) -> Option<Arc<dyn Agent>>;
}

impl Agents for Registry {
    fn for_kind(&self, kind: &str) -> Option<Arc<dyn Agent>> {
        Self::for_kind(self, kind)
    }
}

/// The places of an engine; cheap to clone.
#[derive(Clone, Debug)]
pub struct Load(Arc<Slots>);

impl Load {
    /// Attempts that it runs at the same time at most.
    pub fn places(&self) -> usize {
        self.0.places()
    }

    /// Places that attempts have, or soon have.
    pub fn used(&self) -> usize {
        let (promised, running) = self.0.taken();
        promised + running
    }
}

/// One process's engine. [`Engine::run`] ends only when it was told to, whatever happens to the database.
pub struct Engine<L> {
    log: Arc<L>,
    hints: Hints,
    shared: Arc<Shared>,
}

impl<L: Log> Engine<L> {
    /// `runs`: those of this process, as [`work_on_runs`] made them over the same log.
    pub fn new<S: Shelf>(
        runs: Runs,
        log: Arc<L>,
        shelf: Arc<S>,
        agents: Arc<dyn Agents>,
        hints: Hints,
        options: Options,
    ) -> Self {
        let shared = Shared {
            runs,
            shelf,
            agents,
            cache: cache::Cache::default(),
            watched: Watched::default(),
            memory: Memory::new(options.memory),
            slots: Arc::new(Slots::new(options.slots, options.kinds.clone(), options.agents.clone())),
            kept: kept::Kept::default(),
            judging: room::Room::default(),
            underway: room::Underway::default(),
            options,
        };
        Self { log, hints, shared: Arc::new(shared) }
    }

    /// How many attempts it has, to look at while it runs.
    pub fn load(&self) -> Load {
        Load(Arc::clone(&self.shared.slots))
    }

    /// To look at while it runs.
    pub fn memory(&self) -> Memory {
        self.shared.memory.clone()
    }

    /// Executes steps until `shutdown`, then drains: no new steps, what runs may finish, the rest is given back.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { log, hints, shared } = self;
        let background = shutdown.child_token();
        let chores = [
            tasks::spawn({
                let (shared, log, stop) = (Arc::clone(&shared), Arc::clone(&log), background.clone());
                async move { chores::sweep(&shared.options, &*log, &stop).await }
            }),
            tasks::spawn({
                let (shared, stop) = (Arc::clone(&shared), background.clone());
                async move { chores::tidy(&shared, &stop).await }
            }),
            tasks::spawn({
                let (shared, stop) = (Arc::clone(&shared), background.clone());
                async move { chores::watch(&shared, &stop).await }
            }),
        ];
        shared.runs.set_taker(Arc::clone(&shared.slots) as Arc<dyn runs::Taker>);
        let mut hints = hints.subscribe();
        // A worker that was declared dead comes back as a new one: everything it held belongs to others now.
        while worker::live(&shared, &log, &mut hints, &shutdown).await == worker::End::Dead {
            tracing::warn!("this worker was declared dead; it goes on as a new one");
        }
        background.cancel();
        for task in chores {
            if let Err(error) = task.await {
                tracing::error!(error = &error as &dyn std::error::Error, "a background task of the engine panicked");
            }
        }
    }
}
