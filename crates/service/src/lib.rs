//! The use cases: authorize, validate, store. Server functions, REST and the command line call the same functions.
//!
//! Every function takes the [`OpContext`] of its request and checks who is asking before it does anything else.
//! What a verb does to a run is decided in `runs`; the function here checks who may use it and whether the input is valid.
//! It must never trust a caller to have checked, never show an internal cause, and never talk to an agent or the engine.

pub mod accounts;
pub mod agents;
pub mod artifacts;
pub mod audience;
pub mod audit;
pub mod batches;
mod contents;
mod context;
mod courier;
pub mod delegations;
mod error;
pub mod exchange;
pub mod find;
pub mod groups;
mod id;
pub mod inbox;
pub mod library;
pub mod notices;
mod paging;
pub mod people;
pub mod pins;
pub mod presence;
mod recent;
pub mod runs;
pub mod secrets;
mod settings;
pub mod steps;
pub mod table;
pub mod templates;
mod text;
pub mod trying;
mod turns;
pub mod users;
mod validation;
mod versions;
pub mod worker;
pub mod workers;

#[cfg(test)]
mod tests;

pub use contents::Held;
pub use context::{OpContext, Principal, Refusal, RequestInfo, Service};
pub use courier::Courier;
pub use error::Error;
pub use paging::Wanted;
pub use settings::Settings;
pub use text::is_invisible;

pub type Result<T, E = Error> = std::result::Result<T, E>;
