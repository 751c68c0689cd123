//! A log in memory with the same compare-and-set as Postgres', virtual time, and everything that can go wrong between a process and its
//! database, drawn from one seed. It is the simulator's database, and it checks everything that is written to it.
//! It must never be part of the product, and never draw a number that its seed does not give.

pub(crate) mod check;
mod connection;
mod contents;
mod engine;
mod rng;
mod store;
mod stored;
mod tables;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use workflow::id::RunId;

pub use check::{Audit, Checks};
pub use connection::{Connection, Process};
pub use contents::Contents;
pub use rng::Rng;
pub use stored::{Row, Stored};

/// How often what goes wrong, one in so many; 0 is never.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// The request does not arrive.
    pub refused: usize,
    /// It is done, and its answer is lost.
    pub answer_lost: usize,
    /// It is not done, and nobody says so.
    pub request_lost: usize,
    /// It is done half a second after its client was told nothing.
    pub late: usize,
    /// It is done twice.
    pub doubled: usize,
    /// A load whose parts do not fit each other.
    pub torn: usize,
    /// A run stays locked for seconds by somebody who is not there.
    pub stalled_lock: usize,
}

impl Faults {
    pub const NONE: Self =
        Self { refused: 0, answer_lost: 0, request_lost: 0, late: 0, doubled: 0, torn: 0, stalled_lock: 0 };
    pub const SOME: Self =
        Self { refused: 60, answer_lost: 40, request_lost: 60, late: 60, doubled: 40, torn: 30, stalled_lock: 120 };
}

/// Everything of a database, behind one lock that is never held over a wait.
pub(crate) struct Database {
    pub(crate) stored: Stored,
    pub(crate) checks: Checks,
    pub(crate) faults: Faults,
    pub(crate) rng: Rng,
    /// A copy of what was stored, which is what there is after the next failover.
    pub(crate) replica: Option<(DateTime<Utc>, Box<Stored>)>,
    /// Statements that were sent before a failover do not land after it.
    pub(crate) n_failovers: u64,
}

#[derive(Clone)]
pub struct Memory {
    database: Arc<Mutex<Database>>,
    begun: Instant,
}

impl Memory {
    pub fn new(seed: u64) -> Self {
        let database = Database {
            stored: Stored::default(),
            checks: Checks::default(),
            faults: Faults::NONE,
            rng: Rng::new(seed),
            replica: None,
            n_failovers: 0,
        };
        Self { database: Arc::new(Mutex::new(database)), begun: Instant::now() }
    }

    /// The database's clock.
    pub fn now(&self) -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(self.begun.elapsed()).unwrap_or(TimeDelta::MAX);
        DateTime::UNIX_EPOCH + TimeDelta::days(365) + elapsed
    }

    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// Deletes a run that is over, as who does the chores: that it may go was looked at.
    pub fn delete(&self, run: RunId) {
        self.lock().stored.delete(run);
    }

    /// What is stored now is what there is after the next failover.
    pub fn replicate(&self) {
        let now = self.now();
        let mut database = self.lock();
        database.replica = Some((now, Box::new(database.stored.clone())));
    }

    /// The database is lost, and its replica goes on with the history that it has.
    pub fn fail_over(&self) {
        let now = self.now();
        let mut database = self.lock();
        if let Some((at, replica)) = database.replica.take() {
            database.stored = *replica;
            database.n_failovers += 1;
            database.checks.lost_between(at, now);
        }
    }

    /// Looks at everything that is stored, and that was said about it.
    pub fn with<T>(&self, look: impl FnOnce(&Stored, &mut Checks) -> T) -> T {
        let mut database = self.lock();
        let database = &mut *database;
        look(&database.stored, &mut database.checks)
    }
}
