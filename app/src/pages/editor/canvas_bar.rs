//! The floating toolbar of the canvas, and the keys that work wherever one is not typing.

use canvas::shortcuts::Command;
use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;

use super::{
    arrange_menu::Along,
    canvas_menu::{CopyItems, Delete},
    draft::Draft,
    replacing::Replacing,
};
use crate::canvas_view::{CanvasToolbar, MapToggle};
use crate::components::{Align, IconButton, Menu, MenuItem, MenuLine, Size, dom::key_of, is_typing};
use crate::finder::command_of;
use crate::reactive::{effect, memo};

#[component]
pub(super) fn CanvasBar(draft: Draft, replacing: Replacing) -> impl IntoView {
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
    keys(draft, replacing);
    view! {
        <CanvasToolbar label="Canvas">
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
            <Show when=move || !handle.selection().with(Vec::is_empty)>
                <span class="pin">
                    <IconButton
                        icon="lock"
                        label="Pin: Tidy up leaves it where it is"
                        keys="P"
                        size=Size::Sm
                        pressed=Signal::derive(move || Some(handle.is_pinned().get()))
                        on_click=move |()| handle.toggle_pin()
                    />
                </span>
            </Show>
            <Menu id="canvas-steps" label="Steps: copy, paste and more" size=Size::Sm align=Align::Centre>
                <StepsMenu draft/>
            </Menu>
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
            <MapToggle needed=handle.needs_map()/>
        </CanvasToolbar>
    }
}

/// What the keyboard does with steps, for those who do not know the keys.
#[component]
fn StepsMenu(draft: Draft) -> impl IntoView {
    let handle = draft.handle;
    let selection = handle.selection();
    let no_step = Signal::derive(move || selection.with(Vec::is_empty).then(|| "Select a step first".to_owned()));
    let nothing = Signal::derive(move || (!handle.is_any_selected()).then(|| "Select a step first".to_owned()));
    view! {
        <CopyItems draft refusal=nothing/>
        <MenuItem icon="clipboard-paste" keys="Ctrl V" on_select=move |()| draft.paste_by_menu()>"Paste"</MenuItem>
        <MenuLine/>
        <MenuItem icon="plus" keys="N" on_select=move |()| handle.add_by_key()>"Add a step"</MenuItem>
        <MenuItem icon="file-text" keys="T" on_select=move |()| handle.add_note()>"Add a note"</MenuItem>
        <MenuItem icon="network" keys="C" refusal=no_step on_select=move |()| handle.connect_by_key()>
            "Connect to"
        </MenuItem>
        <MenuLine/>
        <MenuItem icon="list-checks" keys="Ctrl A" on_select=move |()| handle.select_all()>"Select all"</MenuItem>
        <Along draft refusal=no_step/>
        <MenuItem icon="layers" keys="G" refusal=no_step on_select=move |()| handle.group_selected()>"Group"</MenuItem>
        <MenuLine/>
        <Delete draft refusal=nothing/>
    }
}

fn percent(zoom: f64) -> String {
    format!("{:.0}%", zoom * 100.0)
}

/// The keys that work anywhere on the page, by the table of shortcuts; the canvas itself keeps its own.
fn keys(draft: Draft, replacing: Replacing) {
    effect(move || {
        let listener = window_event_listener(ev::keydown, move |event| {
            if key_of(&event) == "Escape" && !event.default_prevented() && is_typing(&event) {
                leave_field(draft, &event);
            }
            let command = command_of(&event);
            // Another question is to be answered first: nothing behind it may change unseen.
            if command != Some(Command::Save) && !matches!(document().query_selector("dialog[open]"), Ok(None)) {
                return;
            }
            match command {
                Some(Command::Save) => draft.save(),
                Some(Command::Undo) => draft.handle.undo(),
                Some(Command::Redo) => draft.handle.redo(),
                Some(Command::Duplicate) if untrack(|| draft.handle.is_any_selected()) => {
                    draft.handle.duplicate_selected();
                }
                Some(Command::Replace) => replacing.open.set(true),
                _ => return,
            }
            event.prevent_default();
        });
        on_cleanup(move || listener.remove());
    });
}

/// A field of the panel is left for the canvas, where the step that it is about stays selected.
fn leave_field(draft: Draft, event: &ev::KeyboardEvent) {
    let field = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok());
    let is_in_panel = |field: &web_sys::HtmlElement| {
        // What floats over the page closes by the same key, and has its own way back.
        matches!(field.closest("#side-panel"), Ok(Some(_))) && matches!(field.closest("dialog, [popover]"), Ok(None))
    };
    if let Some(field) = field.filter(is_in_panel) {
        // A field that cannot be left is gone already.
        let _ = field.blur();
        draft.handle.take_focus();
    }
}
