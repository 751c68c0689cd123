//! The web side: pages, server functions, REST and live sockets, and what surrounds every request.
//! Handlers take a context, make one service call and answer; no rule and no access decision stands here.

mod after;
mod agents;
mod artifacts;
mod audit;
mod auth;
mod batches;
mod body;
mod client_address;
mod compress;
mod delegations;
mod described;
mod elsewhere;
mod entry;
mod exchange;
mod export;
mod extract;
mod fault;
mod finish;
mod functions;
mod gate;
mod groups;
mod headers;
mod health;
mod in_flight;
mod inbox;
mod interface;
mod metrics;
mod notices;
mod openapi;
mod origin;
mod pages;
mod params;
mod people;
mod problem;
mod query;
mod request_id;
mod requests;
mod router;
mod routes;
mod runs;
mod secrets;
mod sharing;
mod site;
mod state;
mod steps;
mod templates;
mod trying;
mod worker;
mod workers;

pub use entry::{Entry, For};
pub(crate) use extract::Ids;
pub use functions::functions;
pub use health::Readiness;
pub use in_flight::InFlight;
pub use interface::openapi;
pub use origin::SameOrigin;
pub use problem::Problem;
pub use requests::Requests;
pub use router::router;
pub use routes::{Route, routes};
pub use state::{AppState, Parts};

/// Where server functions are reached; equal to `server-fn-prefix` of the leptos options.
pub(crate) const SERVER_FN_PREFIX: &str = "/_fn/";
