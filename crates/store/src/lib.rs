//! Every SQL query, and the only crate that names sqlx: one module for each subject, each a set of methods on [`Store`]. `log` is the
//! log of runs, with the statements of the engine.
//!
//! It keeps rows and domain values apart: a row that the domain cannot read is an error that names its table and column, never a default.
//! It must never decide who may do what (that is `service`), and never hold a transaction while an agent runs or a person thinks.

mod access;
pub mod agents;
pub mod artifacts;
pub mod audience;
pub mod audit;
pub mod batches;
pub mod blobs;
mod called;
pub mod cell;
mod chores;
mod decode;
pub mod delegations;
pub mod devices;
mod error;
mod estimate;
pub mod events;
pub mod exchange;
pub mod figures;
pub mod find;
mod gather;
pub mod groups;
mod history;
pub mod inbox;
mod lending;
pub mod log;
pub mod models;
pub mod notices;
pub mod notify;
pub mod outside;
mod page;
mod people;
pub mod pins;
mod pool;
pub mod quotas;
mod read_only;
pub mod runs;
pub mod schema;
pub mod secret;
pub mod secrets;
pub mod seen;
pub mod sessions;
mod settings;
pub mod templates;
#[cfg(test)]
mod testing;
pub mod throttle;
pub mod tokens;
pub mod users;
pub mod vault;

pub use error::Error;
pub use page::Window;
pub use pool::Store;
pub use schema::MIGRATOR;

pub type Result<T, E = Error> = std::result::Result<T, E>;
