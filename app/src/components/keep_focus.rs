//! Where the keyboard goes when the control that it was on is gone: one mechanism for every page whose controls come and go.
//! Must never move a focus that is somewhere, nor take it when a person has pressed into the empty page.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, EventTarget, HtmlElement};

use super::dom;
use crate::reactive::effect;

/// To be called once by a page. `changed` reads what draws its controls anew, `place_of` says what is to be remembered of the one that has
/// the keyboard, and `move_on` is asked with it when the keyboard is nowhere after a change.
pub(crate) fn keep_focus<T: Clone + 'static>(
    changed: impl Fn() + Copy + 'static,
    place_of: impl Fn(&Element) -> Option<T> + Copy + 'static,
    move_on: impl Fn(T) + Copy + 'static,
) {
    effect(move || {
        // Made here and not before: what is remembered may be of the browser, and must never be made on the server.
        let last = StoredValue::new_local(None::<T>);
        let note = move |target: Option<EventTarget>| {
            let element = target.and_then(|target| target.dyn_into::<Element>().ok());
            last.try_set_value(element.and_then(|element| place_of(&element)));
        };
        let focused = window_event_listener(ev::focusin, move |event| note(event.target()));
        let pressed = window_event_listener(ev::pointerdown, move |event| note(event.target()));
        on_cleanup(move || {
            focused.remove();
            pressed.remove();
        });
        effect(move || {
            changed();
            // What the change draws is there a frame later, and a dialog that it closes has given the focus back by then.
            request_animation_frame(move || {
                request_animation_frame(move || {
                    if let Some(place) = last.try_get_value().flatten().filter(|_| is_lost()) {
                        move_on(place);
                    }
                });
            });
        });
    });
}

/// The first of these that takes the focus: what is not drawn, as the outline on a phone, takes none.
pub(crate) fn focus_first(places: impl IntoIterator<Item = HtmlElement>) {
    for place in places {
        dom::focus(&place);
        if document().active_element().is_some_and(|active| active.is_same_node(Some(&place))) {
            return;
        }
    }
}

fn is_lost() -> bool {
    let has_dialog = document().query_selector("dialog[open]").ok().flatten().is_some();
    !has_dialog && document().active_element().is_none_or(|active| active.tag_name() == "BODY")
}
