//! The configuration: command-line flags and `WEFT_*` variables, one struct for each concern.
//! The only place of the server that reads the environment; no secret of it may reach a log or a help text.

mod database;
mod local_model;
mod log;
mod providers;
mod web;
mod worker;

pub use database::{Database, DatabaseUrl, Place};
pub use local_model::{Files as LocalModelFiles, LocalModel};
pub use log::{Log, LogFormat};
pub use providers::provider_variables;
pub use web::{PublicUrl, Web};
pub use worker::Worker;
