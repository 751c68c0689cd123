//! The log of runs over Postgres: what was decided is written by one statement for many runs, each under the condition that its head is
//! still the one that was decided on; and what was written is read again in one snapshot.
//!
//! It decides nothing: it writes the rows that came with the decision. It must never write a row of a run without moving that run's head,
//! never hold a transaction while somebody decides (but for `alone`, for a second at most), and no plan of its hot statements may depend on
//! how full a table is: they are shaped for nested loops by key, and run on connections that are set so.

mod alone;
mod check;
mod claim;
mod columns;
mod commit;
mod failed;
mod inbox;
mod keys;
mod lanes;
mod load;
mod outcome;
pub mod plans;
mod release;
mod statement;
mod too_new;
mod verify;
mod waiting;
mod workers;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use runs::{
    Batch, Beat, CommitFailed, Committed, Decide, Loaded, Message, MessageKey, Newer, Outcome, Ready, Seen,
    Unavailable, Waiting, Want,
};
use sqlx::{PgPool, postgres::PgConnectOptions};
use uuid::Uuid;
use workflow::{RunId, StepKey, id::WorkerId};

pub use check::{Acknowledged, Checked, Invariant};
pub use lanes::ENGINE_SETTINGS;
pub use release::Release;
pub use verify::Difference;

use crate::{Result, Store, figures::Connections, lending::Pool};
use lanes::Lanes;
use too_new::TooNew;

/// The one door to the log; cheap to clone.
#[derive(Clone, Debug)]
pub struct Log {
    /// Commits, claims and loads.
    engine: Lanes,
    /// What looks at many runs at once, with the planner's own judgement.
    reader: Pool,
    /// Beats and what goes with them.
    beats: PgPool,
    /// The owner at whom the last claim ended.
    cursor: Arc<Mutex<Uuid>>,
    too_new: TooNew,
}

impl Log {
    /// `n_lanes`: statements of the engine at a time. No statement takes longer than `patience`; none is no limit.
    pub async fn connect(
        options: PgConnectOptions,
        n_lanes: u32,
        reader: PgPool,
        patience: Option<Duration>,
    ) -> Result<Self> {
        let beats = reader.clone();
        Self::beside(options, n_lanes, Pool::own(reader), beats, patience).await
    }

    async fn beside(
        options: PgConnectOptions,
        n_lanes: u32,
        reader: Pool,
        beats: PgPool,
        patience: Option<Duration>,
    ) -> Result<Self> {
        let engine = Lanes::connect(options, n_lanes, patience).await?;
        Ok(Self { engine, reader, beats, cursor: Arc::default(), too_new: TooNew::default() })
    }

    /// The same log, whose claims go round the owners by themselves.
    #[must_use]
    pub fn with_own_cursor(&self) -> Self {
        Self { cursor: Arc::default(), ..self.clone() }
    }

    /// Whether every connection of the engine's is set as it needs, as far as commits have shown. It is not where its address leads to a
    /// pooler that hands out another session at each statement.
    pub fn is_set(&self) -> bool {
        self.engine.is_set()
    }

    /// Those of the engine, just now.
    pub fn connections(&self) -> Connections {
        self.engine.connections()
    }

    pub async fn close(&self) {
        self.engine.close().await;
    }
}

impl Store {
    /// The log beside this store, on so many connections of its own to an address that leads past any pooler. What reads many runs at once
    /// goes through the store's.
    pub async fn log(&self, url: &str, n_lanes: u32, patience: Option<Duration>) -> Result<Log> {
        Log::beside(url.parse()?, n_lanes, self.pool.clone(), self.direct.clone(), patience).await
    }
}

impl runs::Log for Log {
    async fn commit(&self, batch: &Batch) -> Result<Committed, CommitFailed> {
        self.write(batch).await
    }

    async fn load(&self, runs: &[RunId]) -> Result<Vec<Loaded>, Unavailable> {
        self.load_runs(runs).await
    }

    async fn events_after(&self, seen: &[(RunId, Seen)]) -> Result<Vec<Newer>, Unavailable> {
        self.newer_than(seen).await
    }

    async fn alone(&self, run: RunId, seen: Seen, decide: Decide) -> Result<Option<Outcome>, CommitFailed> {
        self.go_alone(run, seen, decide).await
    }

    async fn clock(&self) -> Result<DateTime<Utc>, Unavailable> {
        let now = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&self.reader).await;
        now.map_err(failed::unavailable)
    }

    async fn beat(&self, worker: WorkerId) -> Result<Beat, Unavailable> {
        self.beats(worker).await
    }

    async fn retire(&self, worker: WorkerId) -> Result<(), Unavailable> {
        self.retires(worker).await
    }

    async fn sweep(&self, lease: Duration) -> Result<usize, Unavailable> {
        self.sweeps(lease).await
    }

    async fn reserve(&self, wants: &[Want]) -> Result<Vec<(RunId, StepKey)>, Unavailable> {
        self.grant_each(wants).await.map_err(failed::unavailable)
    }

    async fn claimable(
        &self,
        worker: WorkerId,
        kinds: &[String],
        agents: Option<&[String]>,
        but: &[RunId],
        limit: usize,
    ) -> Result<Vec<Ready>, Unavailable> {
        self.ready(worker, kinds, agents, but, limit).await
    }

    async fn waiting(&self, limit: usize) -> Result<Waiting, Unavailable> {
        self.what_waits(limit).await
    }

    async fn inbox(&self, limit: usize) -> Result<Vec<Message>, Unavailable> {
        self.oldest_messages(limit).await
    }

    async fn discard(&self, message: MessageKey) -> Result<(), Unavailable> {
        self.put_aside(message).await
    }

    async fn quarantine(&self, run: RunId, reason: &str) -> Result<(), Unavailable> {
        self.set_aside(run, reason).await
    }
}
