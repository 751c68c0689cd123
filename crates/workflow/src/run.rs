//! A run as the engine sees it: one `State` that is rebuilt from events alone, the commands that can come to it, and `decide`, which
//! answers a command with the events that follow or says why not. `apply` folds them.
//!
//! Pure and total: time, randomness, ids and the person who asks come in the context. Nothing else may choose a status, and an event
//! never holds content.

pub mod command;
pub mod decide;
pub mod dry;
pub mod event;
pub mod fork;
mod gate;
pub mod glance;
mod people;
pub mod pieces;
pub mod plan;
mod refresh;
mod seeded;
pub mod snapshot;
pub mod state;
pub mod task;
mod voters;

mod apply;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

#[cfg(test)]
mod tests;

pub use command::{Command, Context, Refused};
pub use decide::decide;
pub use event::RunEvent;
pub use fork::fork;
pub use gate::{Gate, GateInput};
pub use snapshot::Snapshot;
pub use state::State;
pub use voters::{Since, Voters};
