//! `PanelHandle`: resizes the docked panel it stands in, by pointer and by arrows, and remembers the width on this device.
//! It writes only the panel's own `--panel-w`, through CSSOM; how much of it there is room for is the style sheet's to say.
//! `LeftToggle` and `LeftClose`: the left panel of a canvas page. Docked, it can be put away, which this device remembers; where the
//! window is too narrow to dock it, it lies over the canvas while it is open.

use crate::reactive::effect;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::{
    button::{IconButton, Variant},
    dom::{all, by_id, focus, key_of, set_style, window_width},
    icon::{Icon, Size},
};

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
            // There may be less room: then the next press goes on from what is seen.
            let seen = panel.get_bounding_client_rect().width().round();
            if seen > 0.0 && seen < to {
                width.set(Some(seen));
            }
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

/// Below it the left panel is never docked; the style sheet knows the same.
const DOCKED_FROM: f64 = 1_120.0;

#[derive(Clone, Copy)]
pub struct LeftPanel {
    /// It lies over the canvas; it means nothing while it is docked.
    is_open: RwSignal<bool>,
    /// It was put away; it means nothing where it cannot be docked.
    is_away: RwSignal<bool>,
    /// The panel's id; its button has `ID-toggle`.
    id: &'static str,
}

impl LeftPanel {
    pub fn new(id: &'static str) -> Self {
        let is_away = RwSignal::new(false);
        effect(move || {
            if remembered(&format!("panel.{id}")).as_deref() == Some("away") {
                is_away.set(true);
            }
        });
        Self { is_open: RwSignal::new(false), is_away, id }
    }

    /// For `data-left` of the page.
    pub fn state(self) -> Option<&'static str> {
        match (self.is_open.get(), self.is_away.get()) {
            (true, _) => Some("open"),
            (false, true) => Some("away"),
            (false, false) => None,
        }
    }

    fn put_away(self, is_away: bool) {
        self.is_away.set(is_away);
        remember(&format!("panel.{}", self.id), if is_away { "away" } else { "docked" });
    }

    /// As by its button, unless it is there already.
    pub fn show(self) {
        let is_there = if is_dockable() { !self.is_away.get_untracked() } else { self.is_open.get_untracked() };
        if !is_there {
            self.open();
        }
    }

    fn open(self) {
        if is_dockable() {
            self.put_away(false);
        } else {
            self.is_open.set(true);
        }
        request_animation_frame(move || {
            let panel = by_id(self.id);
            let first = panel.and_then(|panel| all(&panel, "input, .panel-body button").into_iter().next());
            if let Some(first) = first {
                focus(&first);
            }
        });
    }

    /// By its own button: docked, it stays away until it is brought back.
    fn leave(self) {
        if !is_dockable() {
            return self.close();
        }
        self.put_away(true);
        // The button is not there before the panel is gone.
        request_animation_frame(move || self.focus_toggle());
    }

    /// The focus goes back to the button, if it was in the panel.
    pub fn close(self) {
        if !self.is_open.get_untracked() {
            return;
        }
        self.is_open.set(false);
        self.focus_toggle();
    }

    fn focus_toggle(self) {
        if let Some(toggle) = by_id(&format!("{}-toggle", self.id)) {
            focus(&toggle);
        }
    }
}

/// In the canvas stage: brings the panel.
#[component]
pub fn LeftToggle(panel: LeftPanel, icon: &'static str, label: &'static str) -> impl IntoView {
    effect(move || {
        let listener = window_event_listener(leptos::ev::keydown, move |event| {
            let is_inside = || {
                let inside = by_id(panel.id).zip(document().active_element());
                inside.is_some_and(|(panel, active)| panel.contains(Some(&active)))
            };
            if key_of(&event) == "Escape" && !event.default_prevented() && is_inside() {
                panel.close();
            }
        });
        on_cleanup(move || listener.remove());
    });
    view! {
        <button
            class="btn left-toggle"
            type="button"
            data-size="sm"
            id=format!("{}-toggle", panel.id)
            aria-expanded=move || if panel.is_open.get() { "true" } else { "false" }
            aria-controls=panel.id
            on:click=move |_| if panel.is_open.get_untracked() { panel.close() } else { panel.open() }
        >
            <span class="btn-label"><Icon name=icon/> {label}</span>
        </button>
    }
}

/// In the head of the panel: takes it away again.
#[component]
pub fn LeftClose(panel: LeftPanel, label: &'static str) -> impl IntoView {
    view! {
        <span class="left-close">
            <IconButton icon="panel-left" label variant=Variant::Quiet size=Size::Sm on_click=move |()| panel.leave()/>
        </span>
    }
}

fn is_dockable() -> bool {
    window_width().is_some_and(|width| width >= DOCKED_FROM)
}

fn storage_key(key: &str) -> String {
    format!("weft.panel.{key}")
}

/// What this device remembers of how somebody wants a page to look; only in the browser, and never anything of what is on it.
pub fn remembered(key: &str) -> Option<String> {
    window().local_storage().ok().flatten()?.get_item(&format!("weft.{key}")).ok()?
}

pub fn remember(key: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        // A full or forbidden storage only means that it is not remembered.
        drop(storage.set_item(&format!("weft.{key}"), value));
    }
}
