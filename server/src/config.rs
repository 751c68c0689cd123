//! The configuration: command-line flags and `WEFT_*` variables, one struct for each concern.
//! The only place of the server that reads the environment; no secret of it may reach a log or a help text.

mod database;
mod local_model;
mod log;
mod notices;
mod providers;
mod proxies;
mod quotas;
mod secret_keys;
mod telemetry;
mod web;
mod worker;

pub use database::{Database, DatabaseUrl, GAVE_UP_ROOT, HANDED_DATA_DIR, Place, Pooler};
pub use local_model::{Files as LocalModelFiles, HANDED_MODEL, HANDED_PROGRAM, LocalModel};
pub use log::{Log, LogFormat};
pub use notices::{Notices, Outside};
pub use providers::provider_variables;
pub use proxies::TrustedProxies;
pub use quotas::Quotas;
pub use secret_keys::{BadSecretKeys, HANDED_SECRET_KEYS, SecretKeys};
pub use telemetry::{BadTelemetry, Collector, Telemetry};
pub use web::{PublicUrl, Web};
pub use worker::Worker;
