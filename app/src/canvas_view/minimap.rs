//! The small map in the corner of a canvas, while not everything is in view: a press or a drag moves what is seen, arrows too.
//! What is on it is drawn by the stage; a person who does not want it puts it away, and this device remembers.

use crate::{
    components::{IconButton, Size, dom},
    wish::Wish,
};
use canvas::{Point, Vec2};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent, PointerEvent};

use super::handle::BoardHandle;

const KEY: &str = "map";
/// A press of an arrow moves by this part of the screen.
const STEP: f64 = 0.25;
/// Windows narrower than this are phones, as the style sheet knows.
const PHONE: f64 = 640.0;

/// Whether the map is wanted, for the canvas and its toolbar.
#[derive(Clone, Copy)]
struct Wanted(Wish);

/// To be called by a page with a canvas, before both.
pub fn provide_map() {
    // On a phone it would cover what there is; who wants it there asks for it.
    let is_wide = || dom::window_width().is_none_or(|width| width >= PHONE);
    provide_context(Wanted(Wish::of_device(KEY, true, is_wide)));
}

/// In the toolbar; absent while everything is in view anyway.
#[component]
pub fn MapToggle(#[prop(into)] needed: Signal<bool>) -> impl IntoView {
    let wanted: Wanted = expect_context();
    view! {
        <Show when=move || needed.get()>
            <IconButton
                icon="map"
                label="Map"
                size=Size::Sm
                pressed=Signal::derive(move || Some(wanted.0.is_on()))
                on_click=move |()| wanted.0.toggle()
            />
        </Show>
    }
}

#[component]
pub(super) fn Minimap(board: BoardHandle) -> impl IntoView {
    let wanted: Wanted = expect_context();
    let is_shown = move || board.needs_map.get() && wanted.0.is_on();
    let is_held = RwSignal::new(false);
    view! {
        <Show when=is_shown>
            <button
                class="minimap"
                type="button"
                aria-label="Map: arrows move what is seen, Home shows the beginning"
                data-held=move || is_held.get()
                on:pointerdown=move |event| {
                    if event.button() == 0 {
                        if let Some(target) = target(&event) {
                            // Refused only for a pointer that is gone already.
                            let _ = target.set_pointer_capture(event.pointer_id());
                        }
                        is_held.set(true);
                        look(board, &event);
                    }
                }
                on:pointermove=move |event| {
                    if is_held.get_untracked() {
                        look(board, &event);
                    }
                }
                on:pointerup=move |_| is_held.set(false)
                on:pointercancel=move |_| is_held.set(false)
                on:keydown=move |event| key_down(board, &event)
            >
                <canvas node_ref=board.map aria-hidden="true"></canvas>
                <span node_ref=board.map_frame class="minimap-frame" aria-hidden="true"></span>
            </button>
            <span class="minimap-close">
                <IconButton icon="x" label="Put the map away" size=Size::Sm on_click=move |()| wanted.0.toggle()/>
            </span>
        </Show>
    }
}

fn target(event: &PointerEvent) -> Option<Element> {
    event.current_target()?.dyn_into().ok()
}

fn look(board: BoardHandle, event: &PointerEvent) {
    if let Some(map) = board.map.get_untracked() {
        let rect = map.get_bounding_client_rect();
        let at = Point::new(f64::from(event.client_x()) - rect.x(), f64::from(event.client_y()) - rect.y());
        board.act(|board| board.look_at_map(at, canvas::Size::new(rect.width(), rect.height())));
    }
}

fn key_down(board: BoardHandle, event: &KeyboardEvent) {
    let by = match event.key().as_str() {
        "ArrowLeft" => Vec2::new(-STEP, 0.0),
        "ArrowRight" => Vec2::new(STEP, 0.0),
        "ArrowUp" => Vec2::new(0.0, -STEP),
        "ArrowDown" => Vec2::new(0.0, STEP),
        "Home" => {
            event.prevent_default();
            board.act(|board| {
                board.stop_following();
                board.fit();
            });
            return;
        }
        _ => return,
    };
    event.prevent_default();
    board.act(|board| board.look_aside(by));
}
