//! Real processes that are killed, stopped and cut off from Postgres, and what must still be true afterwards.
//! Nothing here may reach into a process: faults come from outside, as in life.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

mod gone;
mod machine;
mod operator;
mod pooler;
mod postgres;
mod processes;
mod restore;
mod server;
mod support;
mod telling;
mod together;
mod verbs;
