//! Whether the page that the server sent has been taken over yet.
//! Before that a control may hold what a person typed, or a browser filled in; after it a control holds what the app put there.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use js_sys::Reflect;
use leptos::prelude::{document, window};
use wasm_bindgen::JsValue;

use crate::crash;

static IS_OVER: AtomicBool = AtomicBool::new(false);
static N_STANDING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THEN: RefCell<Vec<Box<dyn FnOnce()>>> = const { RefCell::new(Vec::new()) };
}

/// A part of the first page that still stands as the server sent it, and does not answer yet.
pub(crate) struct Standing(());

impl Standing {
    pub(crate) fn begin() -> Self {
        N_STANDING.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        let was_last = N_STANDING.fetch_sub(1, Ordering::Relaxed) == 1;
        if was_last && is_over() {
            crash::waited();
            tell();
        }
    }
}

/// Called once, when the first page is taken over. Presses count from now on, but for those on what still stands as it was sent.
pub fn over() {
    IS_OVER.store(true, Ordering::Relaxed);
    let_go();
    for run in THEN.take() {
        run();
    }
    if N_STANDING.load(Ordering::Relaxed) == 0 {
        tell();
    }
}

/// All of the page answers, which the document says to tests.
fn tell() {
    if let Some(root) = document().document_element() {
        // Fails only for names that are none.
        let _ = root.set_attribute("data-hydrated", "true");
    }
}

/// At once where the first page was taken over already.
pub(crate) fn once_over(run: impl FnOnce() + 'static) {
    if is_over() {
        run();
    } else {
        THEN.with_borrow_mut(|then| then.push(Box::new(run)));
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
