//! What became of a command.

use std::sync::Arc;

use workflow::{
    id::RunId,
    run::{Refused, RunEvent},
};

/// It is done, or was done already.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// Another one than was asked for where the key of a start had been used.
    pub run: RunId,
    /// The last event of the run when it was answered.
    pub seq: i64,
    /// What it came to; none where it was so already.
    pub events: Vec<Arc<RunEvent>>,
}

/// It is not done.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Error {
    /// As the run was at `seq`, which was not before it was asked.
    #[error("{refused}")]
    Refused { seq: i64, refused: Refused },
    #[error("the database cannot hold it: {0}")]
    Data(String),
    #[error("the run is set aside: {0}")]
    Quarantined(String),
    /// Nothing was written; asking again is safe.
    #[error("the database cannot be reached")]
    Unavailable,
    #[error("the worker that was to take steps is dead")]
    WorkerDead,
    #[error("a reservation of concurrency keys is gone")]
    ReservationGone,
    /// It has to be written again first.
    #[error("large content that was written ahead is gone")]
    ContentGone,
    /// The process ends. What was asked may yet be done.
    #[error("this process does not work on runs any more")]
    Stopped,
}
