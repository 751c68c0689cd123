//! Batches: many runs of a workflow from the rows of one table (docs/starting.md).
//! Must never carry what a row holds in a list of batches: tables are long.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    id::{BatchId, RunId, TemplateId},
    status::{RunStatus, Unknown, words},
};

words!(
    /// How a batch is.
    BatchState {
        /// Its rows are started, one after the other, as far as quotas let them.
        Running = "running",
        /// By a person: no row is started until it goes on.
        Paused = "paused",
        /// By the server, since whoever uploaded it may start no more runs of the workflow.
        Stopped = "stopped",
        /// By a person, for good. Runs that it started go on.
        Cancelled = "cancelled",
        /// Every row was started or refused.
        Done = "done",
    }
);

impl BatchState {
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Cancelled | Self::Done)
    }
}

words!(
    /// What became of a row.
    BatchRowState {
        Waiting = "waiting",
        Started = "started",
        Refused = "refused",
    }
);

/// What is done with a whole batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BatchAct {
    Pause,
    Resume,
    Cancel,
}

/// A batch, with how far it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchView {
    pub id: BatchId,
    pub template_id: TemplateId,
    pub template_name: String,
    /// Every row runs on this version.
    pub template_version: i32,
    /// Of the file that it came from.
    pub name: String,
    /// The email of whoever uploaded it.
    pub owner: String,
    pub state: BatchState,
    /// Why it waits, or why it was stopped.
    pub reason: Option<String>,
    pub n_rows: i64,
    pub n_waiting: i64,
    pub n_started: i64,
    pub n_refused: i64,
    /// Runs that it started and that are over.
    pub n_over: i64,
    pub created_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// A row of a batch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchRow {
    /// In the table, without its head: from 1.
    pub n: i32,
    pub state: BatchRowState,
    pub run_id: Option<RunId>,
    /// Absent where the run was deleted since.
    pub status: Option<RunStatus>,
    /// What the run is about.
    pub about: Option<String>,
    /// Why it was refused.
    pub reason: Option<String>,
}

/// What a table would do, before anything is started.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchCheck {
    pub template_version: i32,
    pub separator: char,
    /// In the order of the table.
    pub columns: Vec<BatchColumn>,
    pub n_rows: usize,
    /// The first rows, as they stand in the table, each cell cut.
    pub first: Vec<Vec<String>>,
    pub n_faults: usize,
    /// The first of them.
    pub faults: Vec<BatchFault>,
    /// The same table was uploaded before: it would be this batch.
    pub earlier: Option<BatchId>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchColumn {
    pub name: String,
    /// The key of the input that it gives; absent where it gives none.
    pub input: Option<String>,
}

/// What keeps a table from being started.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchFault {
    /// Absent where it is about the table or a column as a whole.
    pub row: Option<usize>,
    /// As the head has it.
    pub column: Option<String>,
    pub message: String,
}
