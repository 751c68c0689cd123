//! The inbox: what waits for a person across runs, and what was decided.
//! Must never decide by itself: who may is asked of each gate alone.

mod lists;

pub use lists::{counts, history, list};
