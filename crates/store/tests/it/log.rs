//! The log over a real Postgres: who wins, what is written, and what it costs as tables fill.

/// As the baseline has them.
pub(crate) static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("tests/log_migrations");

mod alone;
mod claiming;
mod driver;
mod inputs;
mod outcomes;
mod plans;
mod races;
mod walk;
mod workers;
mod world;
