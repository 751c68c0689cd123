//! Dragging an agent from the palette onto the canvas, by pointer events: mouse, pen and touch alike.
//! Outside the canvas a small label follows the pointer; over it the board draws the card itself.

use canvas::{Input, PaletteItem};
use leptos::{ev, leptos_dom::helpers::WindowListenerHandle, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, PointerEvent};
use workflow::api::AgentView;

use super::handle::{BoardHandle, mods_of, precision_of};
use crate::components::dom::key_of;

/// What one drag needs to end cleanly.
#[derive(Clone, Copy)]
pub(super) struct PaletteDrag {
    listeners: StoredValue<Vec<WindowListenerHandle>>,
    was_dragged: StoredValue<bool>,
}

impl PaletteDrag {
    pub(super) fn new() -> Self {
        let drag = Self { listeners: StoredValue::new(Vec::new()), was_dragged: StoredValue::new(false) };
        // The page may be left by a key while the pointer drags.
        on_cleanup(move || {
            if drag.is_on() {
                drag.end();
                remove_ghost();
            }
        });
        drag
    }

    fn has_moved(self) -> bool {
        self.was_dragged.try_get_value() == Some(true)
    }

    /// Whether the press moved; the click that follows a drag is not meant.
    pub(super) fn take_was_dragged(self) -> bool {
        self.was_dragged.try_update_value(std::mem::take).unwrap_or(false)
    }

    pub(super) fn is_on(self) -> bool {
        self.listeners.try_with_value(|listeners| !listeners.is_empty()).unwrap_or(false)
    }

    fn end(self) {
        for listener in self.listeners.try_update_value(std::mem::take).unwrap_or_default() {
            listener.remove();
        }
    }
}

pub(super) fn begin(board: BoardHandle, drag: PaletteDrag, agent: &AgentView, event: &PointerEvent) {
    if event.button() != 0 {
        return;
    }
    drag.end();
    drag.was_dragged.set_value(false);
    let (id, from) = (event.pointer_id(), (event.client_x(), event.client_y()));
    let slop = precision_of(&event.pointer_type()).slop();
    // A touch is captured by what it began on, and would never be told to the window's other listeners as ours.
    if let Some(target) = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok())
        && target.has_pointer_capture(id)
    {
        // Refused only for a pointer that is gone already.
        let _ = target.release_pointer_capture(id);
    }
    let item = PaletteItem::from(agent);
    let label = StoredValue::new_local(None::<HtmlElement>);
    let end = move || {
        drag.end();
        if let Some(label) = label.try_update_value(Option::take).flatten() {
            label.remove();
        }
    };

    let moved = window_event_listener(ev::pointermove, move |event| {
        if event.pointer_id() != id {
            return;
        }
        let by = (f64::from(event.client_x() - from.0)).hypot(f64::from(event.client_y() - from.1));
        if !drag.has_moved() {
            if by < slop {
                return;
            }
            drag.was_dragged.set_value(true);
            board.act(|board| board.begin_palette_drag(item.clone()));
            label.set_value(ghost(&item.name));
        }
        if let Some(at) = board.place_of(&event) {
            board.input(Input::Move { id, at, mods: mods_of(&event) });
            let is_over = board.read(|board| board.palette_ghost().is_some()).unwrap_or(false);
            label.try_with_value(|label| follow(label.as_ref(), &event, is_over));
        }
    });
    let released = window_event_listener(ev::pointerup, move |event| {
        if event.pointer_id() != id {
            return;
        }
        if drag.has_moved()
            && let Some(at) = board.place_of(&event)
        {
            board.wants_focus.set_value(true);
            board.input(Input::Up { id, at, mods: mods_of(&event) });
        }
        end();
    });
    let cancelled = window_event_listener(ev::pointercancel, move |event| {
        if event.pointer_id() == id {
            board.input(Input::Cancel);
            end();
        }
    });
    let escaped = window_event_listener(ev::keydown, move |event| {
        if key_of(&event) == "Escape" && drag.has_moved() {
            board.input(Input::Cancel);
            end();
        }
    });
    drag.listeners.set_value(vec![moved, released, cancelled, escaped]);
}

const GHOST: &str = "data-drag-ghost";

fn remove_ghost() {
    if let Ok(Some(ghost)) = document().query_selector(&format!("[{GHOST}]")) {
        ghost.remove();
    }
}

fn ghost(name: &str) -> Option<HtmlElement> {
    let element: HtmlElement = document().create_element("div").ok()?.dyn_into().ok()?;
    element.set_text_content(Some(name));
    element.set_attribute("aria-hidden", "true").ok()?;
    element.set_attribute(GHOST, "").ok()?;
    let style = element.style();
    for (name, value) in [
        ("position", "fixed"),
        ("inset", "0 auto auto 0"),
        ("z-index", "50"),
        ("padding", "8px 12px"),
        ("pointer-events", "none"),
        ("border", "1px solid var(--canvas-selected)"),
        ("border-radius", "var(--r-lg)"),
        ("background", "var(--surface-float)"),
        ("color", "var(--text)"),
        ("font-size", "var(--text-sm)"),
        ("box-shadow", "var(--shadow-float)"),
    ] {
        style.set_property(name, value).ok()?;
    }
    document().body()?.append_child(&element).ok()?;
    Some(element)
}

fn follow(label: Option<&HtmlElement>, event: &PointerEvent, is_over_canvas: bool) {
    if let Some(label) = label {
        let place = format!("translate({}px, {}px)", event.client_x() + 12, event.client_y() + 12);
        // Setting a style fails only for read-only declarations, which these are not.
        let _ = label.style().set_property("transform", &place);
        let _ = label.style().set_property("visibility", if is_over_canvas { "hidden" } else { "visible" });
    }
}
