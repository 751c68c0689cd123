//! Back, while a dialog is open: it closes the dialog, or says first that what was typed there would be lost, and leaves the page as it is.
//!
//! From the first dialog on an entry for dialogs stands above that of the page in the history, with the same address. Back leads off it, which
//! is kept from the router. Once the dialogs are closed the entry stays, and Back passes over it: to take it away is a step back that would
//! race whatever an answer navigates to.
//! Must never hold anybody on a page: with no dialog open, Back leads where it would lead without all this.

use std::{cell::RefCell, rc::Rc};

use leptos::{html, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::PopStateEvent;

/// The states of the entry for dialogs and of the one below it.
const DIALOG: &str = "weft:dialog";
const BELOW: &str = "weft:below-dialog";
/// Where somebody looks for something, nothing is lost.
const LOOKS: &str = "[type=search], [role=combobox]";

/// Closes a dialog, unless it must stay.
type Close = Rc<dyn Fn() -> bool>;

#[derive(Default)]
struct Watch {
    /// The topmost last.
    open: Vec<(u32, Close)>,
    n_made: u32,
    /// Whether the entry for dialogs is the one that the page stands on, as far as it was told.
    is_on: bool,
    is_listening: bool,
}

thread_local! {
    static WATCH: RefCell<Watch> = RefCell::default();
}

/// Of one dialog.
#[derive(Clone, Copy)]
pub(super) struct Back {
    key: u32,
    /// Since it opened, and nobody was told yet that it would be lost.
    is_typed: StoredValue<bool>,
    is_told: RwSignal<bool>,
}

impl Back {
    /// For as long as the calling component is there.
    pub(super) fn new() -> Self {
        let key = WATCH.with_borrow_mut(|watch| {
            watch.n_made = watch.n_made.wrapping_add(1);
            watch.n_made
        });
        let back = Self { key, is_typed: StoredValue::new(false), is_told: RwSignal::new(false) };
        on_cleanup(move || back.closed());
        back
    }

    /// The dialog is shown. `close` closes it, unless it must stay.
    pub(super) fn opened(self, close: impl Fn() -> bool + 'static) {
        self.is_typed.set_value(false);
        self.is_told.set(false);
        self.closed();
        let close: Close = Rc::new(move || self.lets_go() && close());
        WATCH.with_borrow_mut(|watch| watch.open.push((self.key, close)));
        watch_back();
        stand();
    }

    pub(super) fn closed(self) {
        // At the end of the program there is nothing to note.
        let _gone = WATCH.try_with(|watch| watch.borrow_mut().open.retain(|(key, _)| *key != self.key));
    }

    /// Something was typed or chosen in a field, of this dialog and not of one within it.
    pub(super) fn note(self, event: &web_sys::Event, dialog: NodeRef<html::Dialog>) {
        let Some(field) = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) else { return };
        let owner = field.closest("dialog").ok().flatten();
        let is_ours =
            dialog.get_untracked().is_some_and(|dialog| owner.is_some_and(|owner| dialog.is_same_node(Some(&owner))));
        if is_ours && !field.matches(LOOKS).unwrap_or(false) {
            self.is_typed.set_value(true);
            self.is_told.set(false);
        }
    }

    /// Whether nothing would be lost, or that was said already; else it is said now.
    fn lets_go(self) -> bool {
        if self.is_typed.try_get_value() != Some(true) {
            return true;
        }
        self.is_typed.set_value(false);
        self.is_told.set(true);
        false
    }

    /// What is said.
    pub(super) fn words(self) -> impl IntoView {
        view! {
            <Show when=move || self.is_told.get()>
                <p role="alert">"What you typed here was not sent. Back once more closes this without it."</p>
            </Show>
        }
    }
}

/// Listens, ahead of the router: listeners that capture are called first. Only in the browser; a second call changes nothing.
pub fn watch_back() {
    let is_new = WATCH.with_borrow_mut(|watch| !std::mem::replace(&mut watch.is_listening, true));
    if !is_new {
        return;
    }
    // A page that is loaded again stands where it stood.
    let is_on = state().as_deref() == Some(DIALOG);
    WATCH.with_borrow_mut(|watch| watch.is_on = is_on);
    let popped = Closure::<dyn Fn(PopStateEvent)>::new(|event: PopStateEvent| popped(&event)).into_js_value();
    // Where the browser refuses, Back is what it was.
    drop(window().add_event_listener_with_callback_and_bool("popstate", popped.unchecked_ref(), true));
}

/// What the entry says that the page stands on.
fn state() -> Option<String> {
    window().history().ok()?.state().ok()?.as_string()
}

/// Puts the entry for dialogs above that of the page, unless the page stands on it.
fn stand() {
    let Ok(history) = window().history() else { return };
    // Browsers refuse pages that do it too often: then Back leaves the page.
    let is_on = state().as_deref() == Some(DIALOG)
        || history.replace_state_with_url(&BELOW.into(), "", None).is_ok()
            && history.push_state_with_url(&DIALOG.into(), "", None).is_ok();
    WATCH.with_borrow_mut(|watch| watch.is_on = is_on);
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// The router's.
    Pass,
    /// One step further back: nothing is seen of this one.
    GoOn,
    Close,
}

/// What to do where the page stands now. `came_off`: a moment ago it was the entry for dialogs.
fn way(state: Option<&str>, came_off: bool, is_any_open: bool) -> Way {
    match state {
        Some(BELOW) if came_off && is_any_open => Way::Close,
        Some(BELOW) if came_off => Way::GoOn,
        // Also from further away, as from a list of where somebody was.
        _ => Way::Pass,
    }
}

fn popped(event: &PopStateEvent) {
    let state = event.state().as_string();
    let (came_off, open) = WATCH.with_borrow_mut(|watch| {
        let is_on = state.as_deref() == Some(DIALOG);
        (std::mem::replace(&mut watch.is_on, is_on), watch.open.clone())
    });
    match way(state.as_deref(), came_off, !open.is_empty()) {
        Way::Pass => {}
        Way::GoOn => {
            event.stop_immediate_propagation();
            if let Ok(history) = window().history() {
                drop(history.back());
            }
        }
        Way::Close => {
            event.stop_immediate_propagation();
            let is_closed = open.last().is_some_and(|(_, close)| close());
            if !is_closed || open.len() > 1 {
                stand();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_closes_what_is_open_and_else_leads_where_it_did() {
        for (state, came_off, is_any_open, expected) in [
            (Some(BELOW), true, true, Way::Close),
            (Some(BELOW), true, false, Way::GoOn),
            // Forward, from the page before.
            (Some(BELOW), false, false, Way::Pass),
            (Some(BELOW), false, true, Way::Pass),
            // Back from a page that was gone to from here, or Forward.
            (Some(DIALOG), false, false, Way::Pass),
            // The entries of the router have no such state.
            (None, true, true, Way::Pass),
            (Some("theirs"), true, false, Way::Pass),
        ] {
            assert_eq!(way(state, came_off, is_any_open), expected, "{state:?} {came_off} {is_any_open}");
        }
    }
}
