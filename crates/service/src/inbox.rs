//! The inbox: what waits for a person across runs, what was decided, reading one gate, and deciding many at once.
//! Must never decide by itself: a decision about many is the verbs of each, and who may is asked of each run.

mod deciding;
mod lists;
mod previews;
mod reading;

use workflow::api::MOST_AT_ONCE;

pub use deciding::decide_many;
pub use lists::{counts, history, list};
pub use previews::previews;
pub use reading::reading;

use crate::{Error, Result};

/// Runs that are looked at, or decided about, side by side for one request.
const AT_ONCE: usize = 8;

/// Refuses more gates than one request may name.
fn not_too_many(n_gates: usize) -> Result<()> {
    if n_gates <= MOST_AT_ONCE {
        return Ok(());
    }
    let detail =
        format!("These are {n_gates} gates, and one request takes {MOST_AT_ONCE}. Send it for some at a time.");
    Err(Error::invalid("gates", detail))
}
