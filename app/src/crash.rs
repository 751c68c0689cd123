//! What a person sees when the WASM program has panicked or was stopped, or has not all come yet: a page that does not answer must say so,
//! and lose nothing.
//! Must not use the reactive system, which may be what broke: what is to be rescued is held here beforehand, in full.

use std::cell::{Cell, RefCell};

use leptos::{
    ev,
    prelude::{document, window_event_listener},
};
use wasm_bindgen::{JsCast, JsValue};

/// Writes down what is not saved, and answers whether it could.
type Rescue = Box<dyn FnOnce() -> bool>;

thread_local! {
    static HELD: RefCell<Option<Rescue>> = const { RefCell::new(None) };
    static HAS_CRASHED: Cell<bool> = const { Cell::new(false) };
}

/// What would be lost by a crash from now on, in place of what was held before. `rescue` must own all that it writes.
/// After a crash it is written at once, since nobody can say how much still works.
pub fn hold(rescue: impl FnOnce() -> bool + 'static) {
    if has_crashed() {
        rescue();
    } else {
        HELD.set(Some(Box::new(rescue)));
    }
}

/// Nothing would be lost any more.
pub fn let_go() {
    HELD.set(None);
}

/// Nothing that the program still believes is to be trusted.
pub fn has_crashed() -> bool {
    HAS_CRASHED.get()
}

/// A stack or a memory that is used up is no panic: the browser stops the program and says so to the page alone. For as long as the page is.
pub fn watch() {
    let tell_if_stopped = |error: &JsValue| {
        if error.is_instance_of::<js_sys::RangeError>() || error.is_instance_of::<js_sys::WebAssembly::RuntimeError>() {
            tell();
        }
    };
    window_event_listener(ev::error, move |event| tell_if_stopped(&event.error()));
    window_event_listener(ev::unhandledrejection, move |event| tell_if_stopped(&event.reason()));
}

/// Rescues what is held and puts a notice over the page; called by the panic hook and by what watches the page. The trap that
/// ends a panic comes here too, and finds all done.
pub fn tell() {
    let words = if rescue() { RESCUED } else { KEPT };
    // Without a document there is nobody to tell.
    let _ = notice(CRASHED, words);
}

/// The page stands as the server sent it, and nothing of it answers: a part of the program did not come, and is asked for again.
pub(crate) fn tell_waiting() {
    let _ = notice(WAITING, NOT_COME);
}

/// The part has come.
pub(crate) fn waited() {
    if let Some(banner) = document().get_element_by_id(WAITING) {
        banner.remove();
    }
}

/// Once: a second panic may come of the first one.
fn rescue() -> bool {
    HAS_CRASHED.set(true);
    HELD.take().is_some_and(|rescue| rescue())
}

const CRASHED: &str = "crashed";
const WAITING: &str = "not-come";

const NOT_COME: &str = "This page does not answer yet, because a part of it could not be loaded: the connection failed, or Weft was updated meanwhile. It is asked for again. You can also ";
const KEPT: &str =
    "This page stopped working because of a fault in it. What the server confirmed is kept. Copy what you typed, then ";
const RESCUED: &str = "This page stopped working because of a fault in it. Nothing is lost: what was not saved yet is kept in this browser, and comes back when you ";

/// A notice over the page, which ends in the way to load it again. Once under each id.
fn notice(id: &str, words: &str) -> Option<()> {
    let document = document();
    let body = document.body()?;
    if document.get_element_by_id(id).is_some() {
        return None;
    }
    let banner = document.create_element("div").ok()?;
    banner.set_id(id);
    banner.set_class_name("banner crash-notice");
    banner.set_attribute("data-kind", "error").ok()?;
    banner.set_attribute("role", "alert").ok()?;
    let text = document.create_element("div").ok()?;
    text.set_class_name("banner-text");
    text.set_text_content(Some(words));
    let link = document.create_element("a").ok()?;
    link.set_text_content(Some("load the page again"));
    link.set_attribute("href", "").ok()?;
    link.set_attribute("rel", "external").ok()?;
    text.append_child(&link).ok()?;
    banner.append_child(&text).ok()?;
    body.append_child(&banner).ok()?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static WRITTEN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    }

    fn hold_words(words: &'static str) {
        hold(move || {
            WRITTEN.with_borrow_mut(|written| written.push(words));
            true
        });
    }

    #[test]
    fn a_crash_writes_down_what_was_held_last_and_what_comes_later_is_written_at_once() {
        hold_words("first");
        hold_words("second");
        assert!(!has_crashed() && WRITTEN.with_borrow(Vec::is_empty));
        assert!(rescue() && has_crashed());
        assert!(!rescue(), "what is written is not held any more");
        hold_words("third");
        assert_eq!(WRITTEN.with_borrow(Clone::clone), ["second", "third"]);
    }

    #[test]
    fn what_was_saved_is_not_written_down_and_nobody_is_told_that_all_is_kept_where_it_could_not_be() {
        hold_words("saved");
        let_go();
        assert!(!rescue());
        HAS_CRASHED.set(false);
        hold(|| false);
        assert!(!rescue());
        assert!(WRITTEN.with_borrow(Vec::is_empty));
    }
}
