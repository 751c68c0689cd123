//! The Leptos app: pages, components, the editor view, the live feed and thin server functions, rendered on the server and hydrated in the browser.
//! Must hold no rule of the domain (that is `workflow`) and no access decision (that is `service`).
#![expect(unreachable_pub, reason = "the component macro writes `pub` items into the private modules of pages")]

mod address;
pub mod api;
pub mod app;
mod as_sent;
pub mod behind;
pub mod canvas_view;
mod clock;
pub mod components;
pub mod counted;
pub mod crash;
mod days;
pub mod device;
#[cfg(feature = "ssr")]
mod document;
pub mod error;
pub mod finder;
pub mod form;
pub mod hydration;
pub mod kept;
pub mod later;
pub mod link;
pub mod live;
pub mod load;
pub mod notify;
mod paced;
pub mod page_failed;
mod paged;
pub mod pages;
#[cfg(feature = "ssr")]
mod plain_form;
mod polled;
pub mod prefs;
pub mod presence;
pub mod reactive;
mod return_path;
mod searched;
pub mod session;
pub mod shell;
pub mod single_keys;
pub mod site;
mod told;
pub mod unsent;
pub mod waiting;
pub mod wish;
pub mod words;

pub use app::App;
#[cfg(feature = "ssr")]
pub use document::shell;
