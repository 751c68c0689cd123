//! Forms that were posted before the script arrived: they are answered with a page, not with data.

use leptos::context::use_context;

/// Whether the request is a form that was posted before the script arrived.
pub fn is_posted() -> bool {
    use_context::<http::request::Parts>().is_some_and(|parts| {
        let accepts = parts.headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok());
        parts.method == http::Method::POST && accepts.is_some_and(|accepts| accepts.contains("text/html"))
    })
}
