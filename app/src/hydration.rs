//! Whether the page that the server sent has been taken over yet.
//! Before that a control may hold what a person typed, or the browser restored; after it a control holds what the app put there.

use std::sync::atomic::{AtomicBool, Ordering};

use js_sys::Reflect;
use leptos::prelude::{document, window};
use wasm_bindgen::JsValue;

static IS_OVER: AtomicBool = AtomicBool::new(false);

/// Called once, when the first page is taken over. Presses count from now on, and the document says so to tests.
pub fn over() {
    IS_OVER.store(true, Ordering::Relaxed);
    let_go();
    if let Some(root) = document().document_element() {
        // Fails only for names that are none.
        let _ = root.set_attribute("data-hydrated", "true");
    }
}

/// What the page came with is in its signals now. Its text, megabytes of a workflow of thousands of steps, stays as long as the page if it is
/// not let go: once as what Leptos read, and once more as the script that brought it.
fn let_go() {
    // Both fail only where the page brought nothing.
    if let Ok(brought) = Reflect::get(&window(), &"__RESOLVED_RESOURCES".into()) {
        let _ = Reflect::set(&brought, &"length".into(), &JsValue::from(0_u32));
    }
    // They have run, and none is read by anybody.
    if let Ok(scripts) = document().query_selector_all("script:not([src])") {
        for script in (0..scripts.length()).filter_map(|n| scripts.get(n)) {
            script.set_text_content(None);
        }
    }
}

pub(crate) fn is_over() -> bool {
    IS_OVER.load(Ordering::Relaxed)
}
