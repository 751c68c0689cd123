//! Whether the page that the server sent has been taken over yet.
//! Before that a control may hold what a person typed, or the browser restored; after it a control holds what the app put there.

use std::sync::atomic::{AtomicBool, Ordering};

use leptos::prelude::document;

static IS_OVER: AtomicBool = AtomicBool::new(false);

/// Called once, when the first page is taken over. Presses count from now on, and the document says so to tests.
pub fn over() {
    IS_OVER.store(true, Ordering::Relaxed);
    if let Some(root) = document().document_element() {
        // Fails only for names that are none.
        let _ = root.set_attribute("data-hydrated", "true");
    }
}

pub(crate) fn is_over() -> bool {
    IS_OVER.load(Ordering::Relaxed)
}
