//! The Leptos app: pages, components, the editor view, the live feed and thin server functions, rendered on the server and hydrated in the browser.
//! Must hold no rule of the domain (that is `workflow`) and no access decision (that is `service`).

pub mod api;
pub mod error;
