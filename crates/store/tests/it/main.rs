//! The protocol against a real Postgres: every test has a database of its own.
//! After each operation the invariants of the design are checked, and the events are folded and compared with the tables.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

mod checks;
mod decider;
mod gates;
mod log;
mod quotas;
mod races;
mod recovery;
mod replays;
mod success;
mod support;
mod verbs_walk;
mod walk;
mod worker_races;
