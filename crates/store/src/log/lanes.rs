//! The engine's connections: set so that plans do not depend on how full tables are, and kept at hand between statements.
//! Must never serve lists: with sequential scans and hash joins off, a question that wants them takes for ever.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{
    Connection, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use crate::{Result, figures::Connections, settings};

/// How long a statement waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a connection of the engine needs, and keeps for as long as it lives: its statements are few, and each is one message, to which a
/// transaction on a session that a pooler lends would add two. So they go past it.
pub const ENGINE_SETTINGS: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// Connections on which the engine's statements run, one at a time on each.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    pool: PgPool,
    /// One for each connection: who waits for a place gets the next connection that is free, whether it is new or lies idle.
    places: Arc<Semaphore>,
    /// Those without work. They do not go back to the pool after each statement, which would ask each time whether they still live.
    idle: Arc<Mutex<Vec<PoolConnection<Postgres>>>>,
    is_set: Arc<AtomicBool>,
}

/// One connection for as long as a statement takes. Given back by `done`; one that is dropped with a statement under way is closed.
pub(super) struct Lane<'a> {
    of: &'a Lanes,
    connection: Option<PoolConnection<Postgres>>,
    _place: SemaphorePermit<'a>,
}

impl Lanes {
    pub(super) async fn connect(options: PgConnectOptions, n: u32, patience: Option<Duration>) -> Result<Self> {
        let pool = PgPoolOptions::new()
            .max_connections(n)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // A statement that finds its connection dead is sent again: its answer is as unknown as that of any other.
            .test_before_acquire(false)
            .after_connect(move |connection, _| Box::pin(settings::set(connection, &ENGINE_SETTINGS, patience)))
            .connect_with(options.application_name("weft engine"))
            .await?;
        let places = Arc::new(Semaphore::new(usize::try_from(n).unwrap_or(1)));
        Ok(Self { pool, places, idle: Arc::default(), is_set: Arc::new(AtomicBool::new(true)) })
    }

    pub(super) async fn take(&self) -> Result<Lane<'_>> {
        let waited = timeout(ACQUIRE_TIMEOUT, self.places.acquire()).await;
        // Nobody closes the places, so only the time can be up.
        let Ok(Ok(place)) = waited else { return Err(sqlx::Error::PoolTimedOut.into()) };
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        Ok(Lane { of: self, connection: Some(connection), _place: place })
    }

    /// One that lies here without work is idle, as is one that the pool has.
    pub(super) fn connections(&self) -> Connections {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).len();
        Connections::of(self.pool.size(), idle + self.pool.num_idle())
    }

    pub(super) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }

    /// What a statement found about the session that it ran in.
    pub(super) fn found_set(&self, is_set: bool) {
        if !is_set && self.is_set.swap(false, Ordering::Relaxed) {
            tracing::error!(
                "a session of the engine is not set as it needs ({ENGINE_SETTINGS:?}): it leads through a pooler that lends its sessions. \
                 Set WEFT_DB_POOLER=transaction, and WEFT_DB_DIRECT_URL to an address that leads past it"
            );
        }
    }

    pub(super) async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        drop(idle);
        self.pool.close().await;
    }
}

impl Lane<'_> {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("it is given back only when the lane ends")
    }

    /// A statement that writes was answered by an error. That is told before what it had locked is let go, so it is waited for: whoever
    /// came next on another session would think that somebody commits.
    pub(super) async fn refused(mut self, serves_on: bool) {
        let is_over = self.connection().ping().await.is_ok();
        if is_over && serves_on {
            self.done();
        }
    }

    /// The statement was large, and its connection has as much room for the next one, which mostly is not.
    pub(super) fn shrink(&mut self) {
        self.connection().shrink_buffers();
    }

    /// The statement was answered, by a result or by an error of its own.
    pub(super) fn done(mut self) {
        if let Some(connection) = self.connection.take()
            && !self.of.pool.is_closed()
        {
            self.of.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.close_on_drop();
            // What ended one session has often ended all, as when a server starts or another takes over. Those at hand are made anew: a
            // commit that finds its session dead cannot be told what became of it.
            let idle = std::mem::take(&mut *self.of.idle.lock().unwrap_or_else(PoisonError::into_inner));
            for mut connection in idle {
                connection.close_on_drop();
            }
        }
    }
}
