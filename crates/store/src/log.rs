//! The log of runs over Postgres: what was decided is written by one statement for many runs, each under the condition that its head is
//! still the one that was decided on; and what was written is read again in one snapshot.
//!
//! It decides nothing: rows follow from the events and the state that they lead to (`rows`). It must never write a row of a run
//! without moving that run's head, never hold a transaction while somebody decides (but for `alone`, for a second at most), and no plan
//! of its statements may depend on how full a table is: they are shaped for nested loops by key, and run on connections that are set so.

mod alone;
mod claim;
mod columns;
mod commit;
mod inbox;
mod keys;
mod lanes;
mod load;
mod outcome;
pub mod plans;
mod rows;
mod statement;
mod verify;

pub use alone::Alone;
pub use claim::{Cursor, Ready};
pub use commit::{AskId, Batch, Commit, CommitId, Committed, Content, Part};
pub use inbox::{Message, MessageId};

pub use keys::Want;
pub use lanes::{ENGINE_SETTINGS, Lanes};
pub use load::{Loaded, Logged, Seen};
pub use outcome::{Outcome, Refusal};
pub use rows::{Rows, Summary};
pub use verify::Difference;

use sqlx::{PgPool, postgres::PgConnectOptions};
use std::time::Duration;

use crate::Result;

/// The one door to the log; cheap to clone.
#[derive(Clone, Debug)]
pub struct Log {
    /// Commits, claims and loads.
    engine: Lanes,
    /// What reads many runs at once, with the planner's own judgement.
    reader: PgPool,
}

impl Log {
    /// `n_lanes`: statements of the engine at a time. No statement takes longer than `patience`; none is no limit.
    pub async fn connect(
        options: PgConnectOptions,
        n_lanes: u32,
        reader: PgPool,
        patience: Option<Duration>,
    ) -> Result<Self> {
        Ok(Self { engine: Lanes::connect(options, n_lanes, patience).await?, reader })
    }

    /// The database's time, which alone decides what is due.
    pub async fn clock(&self) -> Result<chrono::DateTime<chrono::Utc>> {
        Ok(sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&self.reader).await?)
    }

    /// Whether every connection of the engine's is set as it needs, as far as commits have shown. It is not where a pooler hands out
    /// another session at each statement: then the role has to be set, as [`ENGINE_SETTINGS`] says.
    pub fn is_set(&self) -> bool {
        self.engine.is_set()
    }

    pub async fn close(&self) {
        self.engine.close().await;
    }
}
