//! The engine against a real Postgres with scripted agents: whatever an agent does, the run ends as it should.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

mod children;
mod control;
mod every_node;
mod fairness;
mod faults;
mod lab;
mod limits;
mod maps;
mod memory;
mod moves;
mod outage;
mod player;
mod runs;
mod sharing;
mod slow_database;
mod too_new;
