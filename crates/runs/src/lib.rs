//! The runs that a process works on. Their states are in a bounded cache; commands on one run are decided one at a time; decisions about
//! many runs are committed to the log together, each by compare-and-set on its run's head. `service` and `engine` share the one instance
//! that `server` makes.
//!
//! It never names a database, a clock or a source of random numbers: they are passed in (`Log`, `Surroundings`). Nothing
//! else decides what is committed; `service` calls `decide` only to say what a verb would do.

mod answer;
mod ask;
pub mod bugs;
mod cache;
mod clock;
mod commit;
mod decision;
mod driver;
mod hints;
mod ids;
mod job;
mod log;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
mod message;
mod options;
mod reserving;
pub mod rows;
mod runs;
mod shared;
mod size;
mod taker;
mod turn;
mod witness;

#[cfg(any(test, feature = "testing"))]
pub mod sim;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Error};
pub use ask::{Ask, By};
pub use clock::Clock;
pub use commit::{Batch, Content, Part, RunCommit, StartKey};
pub use driver::Driver;
pub use hints::{Change, Hints};
pub use ids::{AskId, CommitId};
pub use log::{
    Beat, CommitFailed, Committed, Decide, Loaded, Log, Logged, LostWorker, Newer, Outcome, Ready, Seen, Unavailable,
    Waiting, Want,
};
pub use message::{Message, MessageKey, Sent};
pub use options::Options;
pub use reserving::{reserve_again, reserved};
pub use rows::Rows;
pub use runs::Runs;
pub use shared::{Stats, Surroundings};
pub use taker::Taker;
pub use witness::{Witness, Written};
