//! The toolbar over a canvas: one row of buttons that arrows lead through, as in every toolbar.
//! Must take no key from a menu that is open in it.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::components::dom::{all, focus, rove};

#[component]
pub fn CanvasToolbar(label: &'static str, children: Children) -> impl IntoView {
    view! {
        <div class="canvas-bar" data-at="bottom" role="toolbar" aria-label=label on:keydown=move |event| walk(&event)>
            {children()}
        </div>
    }
}

fn walk(event: &ev::KeyboardEvent) {
    let is_in_menu = |element: &HtmlElement| matches!(element.closest("[popover]"), Ok(Some(_)));
    let target = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let Some(target) = target.filter(|target| !is_in_menu(target)) else { return };
    let Ok(Some(bar)) = target.closest("[role=toolbar]") else { return };
    let key = event.key();
    if !matches!(key.as_str(), "ArrowLeft" | "ArrowRight" | "Home" | "End") {
        return;
    }
    // A phone shows fewer of them.
    let is_there = |button: &HtmlElement| button.offset_width() > 0 && !is_in_menu(button);
    let buttons: Vec<_> = all(&bar, "button:not(:disabled)").into_iter().filter(is_there).collect();
    let at = buttons.iter().position(|button| button.is_same_node(Some(&target)));
    if let Some(next) = rove(&key, at, buttons.len()).and_then(|at| buttons.get(at)) {
        event.prevent_default();
        focus(next);
    }
}
