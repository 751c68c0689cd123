//! The log over a real Postgres: who wins, what is written, and what it costs as tables fill.

mod alone;
mod claiming;
mod driver;
mod inputs;
mod late;
mod outcomes;
mod plans;
mod races;
mod release;
mod walk;
mod workers;
mod world;
