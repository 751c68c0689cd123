//! The engine against a real Postgres with scripted agents: whatever an agent does, the run ends as it should.

mod faults;
mod runs;
mod support;
