//! `TooltipLayer`: one tooltip for the whole page, in the top layer, so that no panel can clip it. Mounted once, by the shell.
//! It shows the `data-tip` of what is hovered or focused; it must never hold the only copy of a fact.

use std::time::Duration;

use crate::reactive::effect;
use leptos::ev;
use leptos::html;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::dom::{Align, key_of, place_near};

const DELAY: Duration = Duration::from_millis(350);

#[component]
pub fn TooltipLayer() -> impl IntoView {
    let popup = NodeRef::<html::Div>::new();
    let text = RwSignal::new(String::new());
    let pending = StoredValue::new(None::<TimeoutHandle>);

    let hide = move || {
        if let Some(timer) = pending.get_value() {
            timer.clear();
            pending.set_value(None);
        }
        if let Some(popup) = popup.get_untracked()
            && popup.matches(":popover-open").unwrap_or(false)
        {
            drop(popup.hide_popover());
        }
    };
    let show = move |anchor: HtmlElement| {
        let (Some(popup), Some(tip)) = (popup.get_untracked(), anchor.get_attribute("data-tip")) else { return };
        if tip.is_empty() || !anchor.is_connected() || says_it_itself(&anchor) {
            return;
        }
        text.set(tip.clone());
        // Set now as well: the text has to be there when the box is measured.
        popup.set_text_content(Some(&tip));
        drop(popup.show_popover());
        place_near(&anchor, &popup, Align::Centre, 6.0);
    };
    let soon = move |anchor: HtmlElement| {
        hide();
        pending.set_value(set_timeout_with_handle(move || show(anchor), DELAY).ok());
    };

    effect(move || {
        let handles = [
            window_event_listener(ev::pointerover, move |event| match anchor_of(event.target()) {
                Some(anchor) if event.pointer_type() == "mouse" => soon(anchor),
                _ => hide(),
            }),
            window_event_listener(ev::focusin, move |event| match anchor_of(event.target()) {
                Some(anchor) if anchor.matches(":focus-visible").unwrap_or(false) => soon(anchor),
                _ => hide(),
            }),
            window_event_listener(ev::focusout, move |_| hide()),
            window_event_listener(ev::pointerdown, move |_| hide()),
            window_event_listener(ev::keydown, move |event| {
                if key_of(&event) == "Escape" {
                    hide();
                }
            }),
        ];
        on_cleanup(move || handles.into_iter().for_each(WindowListenerHandle::remove));
    });

    view! { <div node_ref=popup class="tooltip" popover="manual" aria-hidden="true"></div> }
}

/// A rail that is wide shows its labels, and a title that is not cut is whole where it stands.
fn says_it_itself(anchor: &HtmlElement) -> bool {
    if let Ok(Some(title)) = anchor.query_selector(".two-lines") {
        return title.scroll_height() <= title.client_height() + 1;
    }
    let label = anchor.query_selector(".rail-label").ok().flatten();
    label.is_some_and(|label| label.get_bounding_client_rect().width() > 1.0)
}

fn anchor_of(target: Option<web_sys::EventTarget>) -> Option<HtmlElement> {
    let element = target?.dyn_into::<web_sys::Element>().ok()?;
    element.closest("[data-tip]").ok()??.dyn_into().ok()
}

/// Gives any content a tooltip; the text is also there for those who do not hover.
#[component]
pub fn Tooltip(#[prop(into)] text: Signal<String>, children: Children) -> impl IntoView {
    view! {
        <span class="tip" data-tip=move || text.get()>
            {children()} <span class="visually-hidden">{move || text.get()}</span>
        </span>
    }
}
