//! Server functions: the context, one service call, return. No SQL, no rules, no string errors.
//! Each is a public HTTP endpoint under `/_fn`; authorization happens in `service`, never here.

mod account;
mod agents;
mod client;
mod runs;
mod steps;
mod templates;
mod users;
mod wire;

pub use account::*;
pub use agents::*;
pub use runs::*;
pub use steps::*;
pub use templates::*;
pub use users::*;

/// Whether the request is a form that was posted before the script arrived.
#[cfg(feature = "ssr")]
pub(crate) fn is_plain_form() -> bool {
    leptos::context::use_context::<http::request::Parts>().is_some_and(|parts| {
        let accepts = parts.headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok());
        parts.method == http::Method::POST && accepts.is_some_and(|accepts| accepts.contains("text/html"))
    })
}
