//! The store against a real Postgres: every test has a database of its own.
//! Runs come to be as in the product: decided by `runs`, committed through the log.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

mod access;
mod batches;
mod cell;
mod contents;
mod deleting;
mod drops;
mod events;
mod inbox;
mod list_plans;
mod listed;
mod lists;
mod log;
mod one_run;
mod quotas;
mod races;
mod support;
mod takers;
mod totals;
