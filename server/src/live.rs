//! The live feed: sockets that follow one run or all of mine, over what Postgres says, never over what a socket missed.
//! Hints only wake readers: what is sent comes from the event log, so that a lost hint costs a second and nothing else.

mod attend;
mod door;
mod events;
mod frame;
mod hub;
mod link;
mod my_runs;
mod presence;
mod room;
mod run_feed;
mod seat;
mod socket;
mod texts;

pub(crate) use door::Presented;
pub use hub::Hub;
pub(crate) use my_runs::my_socket;
pub(crate) use run_feed::run_socket;
pub(crate) use socket::Upgrade;

/// Whether a live socket is asked for, by the path alone.
pub(crate) fn is_socket(path: &str) -> bool {
    path == "/api/live" || (path.starts_with("/api/workflows/runs/") && path.ends_with("/live"))
}
