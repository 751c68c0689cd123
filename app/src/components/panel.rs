//! `PanelHandle`: resizes the docked panel it stands in, by pointer and by arrows, and remembers the width on this device.
//! It writes only the panel's own `--panel-w`, through CSSOM.

use crate::reactive::effect;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::dom::set_style;

/// The edge of the panel that the handle stands on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    Left,
    Right,
}

const STEP: f64 = 16.0;

/// Place it as a child of `.panel`. `key` names the width in the device's storage.
#[component]
pub fn PanelHandle(
    side: Side,
    key: &'static str,
    #[prop(into)] label: String,
    #[prop(default = 200.0)] min: f64,
    #[prop(default = 640.0)] max: f64,
) -> impl IntoView {
    let node = NodeRef::<html::Div>::new();
    let width = RwSignal::new(None::<f64>);
    let dragging = RwSignal::new(false);
    let panel = move || node.get_untracked().and_then(|handle| handle.parent_element()?.dyn_into::<HtmlElement>().ok());
    let resize = move |to: f64| {
        let to = to.clamp(min, max).round();
        width.set(Some(to));
        if let Some(panel) = panel() {
            set_style(&panel, "--panel-w", &format!("{to}px"));
        }
    };
    let remember = move || {
        if let (Some(width), Ok(Some(storage))) = (width.get_untracked(), window().local_storage()) {
            // A full or forbidden storage only means that the width is not remembered.
            drop(storage.set_item(&storage_key(key), &width.to_string()));
        }
    };
    effect(move || {
        if node.get().is_none() {
            return;
        }
        let remembered = window().local_storage().ok().flatten().and_then(|s| s.get_item(&storage_key(key)).ok()?);
        if let Some(to) = remembered.and_then(|text| text.parse().ok()) {
            resize(to);
        } else {
            width.set(panel().map(|panel| panel.get_bounding_client_rect().width()));
        }
    });
    let on_move = move |event: leptos::ev::PointerEvent| {
        if dragging.get_untracked()
            && let Some(panel) = panel()
        {
            let rect = panel.get_bounding_client_rect();
            let x = f64::from(event.client_x());
            resize(match side {
                Side::Right => x - rect.left(),
                Side::Left => rect.right() - x,
            });
        }
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        let now = width.get_untracked().unwrap_or(min);
        let outward = match side {
            Side::Right => STEP,
            Side::Left => -STEP,
        };
        let to = match event.key().as_str() {
            "ArrowRight" => now + outward,
            "ArrowLeft" => now - outward,
            "Home" => min,
            "End" => max,
            _ => return,
        };
        event.prevent_default();
        resize(to);
        remember();
    };
    view! {
        <div
            node_ref=node
            class="panel-handle"
            role="separator"
            tabindex="0"
            aria-orientation="vertical"
            aria-label=label
            aria-valuemin=min.to_string()
            aria-valuemax=max.to_string()
            aria-valuenow=move || width.get().map(|w| w.round().to_string())
            data-side=match side {
                Side::Left => "left",
                Side::Right => "right",
            }
            data-dragging=move || dragging.get()
            on:pointerdown=move |event| {
                event.prevent_default();
                if let Some(handle) = node.get_untracked() {
                    drop(handle.set_pointer_capture(event.pointer_id()));
                }
                dragging.set(true);
            }
            on:pointermove=on_move
            on:pointerup=move |_| {
                dragging.set(false);
                remember();
            }
            on:pointercancel=move |_| dragging.set(false)
            on:keydown=on_key
        ></div>
    }
}

fn storage_key(key: &str) -> String {
    format!("weft.panel.{key}")
}
