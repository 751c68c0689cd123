//! The web side: pages, server functions, REST and live sockets, and what surrounds every request.
//! Handlers take a context, make one service call and answer; no rule and no access decision stands here.

mod agents;
mod artifacts;
mod auth;
mod extract;
mod headers;
mod health;
mod limit;
mod origin;
mod pages;
mod people;
mod problem;
mod router;
mod routes;
mod runs;
mod site;
mod state;
mod steps;
mod templates;

pub(crate) use extract::Ids;
pub use health::Readiness;
pub use limit::MAX_BODY_BYTES;
pub use origin::SameOrigin;
pub use problem::Problem;
pub use router::router;
pub use routes::{Route, routes};
pub use state::{AppState, Parts};

/// Where server functions are reached; equal to `server-fn-prefix` of the leptos options.
pub(crate) const SERVER_FN_PREFIX: &str = "/_fn/";
