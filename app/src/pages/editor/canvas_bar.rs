//! The floating toolbar of the canvas, and the keys that work wherever one is not typing.

use leptos::{ev, prelude::*};

use super::draft::Draft;
use crate::components::{IconButton, Size, is_typing};
use crate::reactive::{effect, memo};

#[component]
pub(super) fn CanvasBar(draft: Draft) -> impl IntoView {
    let handle = draft.handle;
    let (can_undo, can_redo) = (handle.can_undo(), handle.can_redo());
    let named = |verb: &'static str, label: Signal<Option<String>>| {
        Signal::derive(move || {
            label.with(|label| label.as_ref().map_or_else(|| verb.to_owned(), |l| format!("{verb}: {l}")))
        })
    };
    let undo_label = named("Undo", handle.undo_label());
    let redo_label = named("Redo", handle.redo_label());
    let zoom = handle.zoom();
    let is_empty = memo(move || handle.with_definition(|definition| definition.steps.is_empty()));
    keys(draft);
    view! {
        <div class="canvas-bar" data-at="bottom" role="toolbar" aria-label="Canvas">
            <IconButton
                icon="undo-2"
                label=undo_label
                keys="Ctrl Z"
                size=Size::Sm
                disabled=Signal::derive(move || !can_undo.get())
                on_click=move |()| handle.undo()
            />
            <IconButton
                icon="redo-2"
                label=redo_label
                keys="Ctrl Shift Z"
                size=Size::Sm
                disabled=Signal::derive(move || !can_redo.get())
                on_click=move |()| handle.redo()
            />
            <hr/>
            <IconButton
                icon="network"
                label="Tidy up: lay out the steps"
                size=Size::Sm
                disabled=is_empty
                on_click=move |()| handle.tidy()
            />
            <hr/>
            <IconButton icon="zoom-out" label="Zoom out" keys="-" size=Size::Sm on_click=move |()| handle.zoom_out()/>
            <button
                class="btn zoom"
                type="button"
                data-variant="quiet"
                data-size="sm"
                data-tip="Life size (0)"
                aria-label=move || format!("Zoom {}, set to life size", percent(zoom.get()))
                on:click=move |_| handle.zoom_to(1.0)
            >
                {move || percent(zoom.get())}
            </button>
            <IconButton icon="zoom-in" label="Zoom in" keys="+" size=Size::Sm on_click=move |()| handle.zoom_in()/>
            <IconButton icon="maximize" label="Fit" keys="Shift 1" size=Size::Sm on_click=move |()| handle.fit()/>
        </div>
    }
}

fn percent(zoom: f64) -> String {
    format!("{:.0}%", zoom * 100.0)
}

/// Undo, redo and save from anywhere on the page; the canvas itself keeps its own keys.
fn keys(draft: Draft) {
    effect(move || {
        let listener = window_event_listener(ev::keydown, move |event| {
            if !(event.ctrl_key() || event.meta_key()) || event.alt_key() {
                return;
            }
            match event.key().to_lowercase().as_str() {
                "s" => {
                    event.prevent_default();
                    draft.save();
                }
                "z" if !is_typing(&event) => {
                    event.prevent_default();
                    if event.shift_key() { draft.handle.redo() } else { draft.handle.undo() }
                }
                "y" if !is_typing(&event) => {
                    event.prevent_default();
                    draft.handle.redo();
                }
                _ => {}
            }
        });
        on_cleanup(move || listener.remove());
    });
}
