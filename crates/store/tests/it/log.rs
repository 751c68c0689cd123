//! The log over a real Postgres: who wins, what is written, and what it costs as tables fill.

mod alone;
mod checking;
mod claiming;
mod deleting;
mod driver;
mod edited;
mod inputs;
mod late;
mod older;
mod outcomes;
mod plans;
mod races;
mod refusing;
mod release;
mod too_new;
mod walk;
mod workers;
mod world;
