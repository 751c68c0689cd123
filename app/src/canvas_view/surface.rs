//! The surface: two canvases, the list beside them, the line of words over them, and the events of all of these.
//! On the server it is the list alone; the browser takes over without changing what was sent.

use crate::components::{quoted, unquoted};
use crate::link::use_link;
use crate::reactive::effect;
use crate::single_keys;
use canvas::{Board, Button, Input, Key, Mods, Point, Precision, Vec2, scene::hit::Hit, shortcuts::latin};
use leptos::{ev, html, prelude::*, reactive::send_wrapper_ext::SendOption};
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent, PointerEvent, WheelEvent};
use workflow::StepKey;

use super::{
    handle::{BoardHandle, mods_of, precision_of},
    menu::{LongPress, ask_by_keyboard, ask_by_pointer},
    mirror::take_focus,
    stage::{Stage, StageRef},
};

/// The characters that a board to build on has a use for,
const OURS: &str = "+-=_0cCfFnNpPuUdDtTgGlLmM12!";
/// and one that is only looked at.
const LOOKS: &str = "+-=_012!";

#[component]
pub(super) fn Surface(board: BoardHandle, label: &'static str) -> impl IntoView {
    let base = NodeRef::<html::Canvas>::new();
    let mirror = NodeRef::<html::Div>::new();
    let list = NodeRef::<html::Ul>::new();
    let stage: StageRef = StoredValue::new(SendOption::new_local(None));
    let is_live = RwSignal::new(false);
    let link = use_link();
    let placeholder: Vec<String> =
        board.read(|board| board.mirror().into_iter().map(|node| node.label).collect()).unwrap_or_default();
    let placeholder = StoredValue::new(placeholder);

    effect(move || {
        let (Some(base), Some(overlay), Some(mirror), Some(list)) =
            (base.get(), board.canvas.get(), mirror.get(), list.get())
        else {
            return;
        };
        if stage.with_value(|stage| stage.is_none()) {
            is_live.set(true);
            stage.set_value(SendOption::new_local(Stage::new(board, stage, [base, overlay], mirror, list, link)));
            super::stage::schedule(board, stage);
        }
    });
    effect(move || {
        board.frame.track();
        // The map draws itself with the frame after it came.
        let _ = board.map.get();
        super::stage::schedule(board, stage);
    });
    effect(move || {
        board.frame.track();
        super::edge_pan::drive(board);
    });
    on_cleanup(move || {
        stage.try_update_value(|stage| stage.update(|stage| *stage = None));
    });
    let blurred = window_event_listener(ev::blur, move |_| board.input(Input::Cancel));
    on_cleanup(move || blurred.remove());

    let long = LongPress::new(board, mirror);
    // The reason of a refusal stays until the next press; a hint of the running gesture goes before it.
    let words = move || board.hint.get().or_else(|| board.refused.get());
    view! {
        <canvas node_ref=base aria-hidden="true"></canvas>
        <canvas
            node_ref=board.canvas
            aria-hidden="true"
            data-canvas="true"
            on:mousedown=|event| event.prevent_default()
            on:pointerdown=move |event| {
                hold_focus(&event, mirror.get_untracked());
                pointer_down(board, &event);
                long.begin(&event);
            }
            on:pointermove=move |event| {
                long.follow(&event);
                if let Some(at) = board.place_of(&event) {
                    board.input(Input::Move { id: event.pointer_id(), at, mods: mods_of(&event) });
                }
            }
            on:pointerup=move |event| {
                long.end();
                pointer_up(board, &event);
            }
            on:pointercancel=move |_| {
                long.end();
                board.input(Input::Cancel);
            }
            on:contextmenu=move |event| ask_by_pointer(board, &event, mirror.get_untracked())
            on:pointerleave=move |_| board.input(Input::Leave)
            on:dblclick=move |event| {
                if let Some(at) = board.place_of(&event) {
                    press_twice(board, at);
                }
            }
            on:wheel=move |event| wheel(board, &event)
        ></canvas>
        <div
            class="canvas-mirror"
            node_ref=mirror
            role="application"
            aria-label=label
            aria-roledescription="canvas"
            tabindex="-1"
            on:contextmenu=move |event| ask_by_keyboard(board, &event)
            on:keydown=move |event| key_down(board, &event)
            on:focusin=move |event| arrive(board, event.target())
            on:click=move |event| click(board, event.target())
        >
            <ul role="list" node_ref=list></ul>
            <Show when=move || !is_live.get()>
                <ul role="list">
                    {move || placeholder.with_value(|items| {
                        items.iter().map(|item| view! { <li>{item.clone()}</li> }).collect_view()
                    })}
                </ul>
            </Show>
        </div>
        <Show when=move || words().is_some()>
            <div class="canvas-hint">{move || words().map(|words| quoted(&words))}</div>
        </Show>
        <div class="visually-hidden" role="status" aria-live="polite">{move || board.said.with(|said| unquoted(said))}</div>
    }
}

/// Before the next frame finds the node: a key that is pressed right after belongs to the canvas already.
fn hold_focus(event: &PointerEvent, mirror: Option<web_sys::HtmlDivElement>) {
    if event.button() == 0
        && let Some(mirror) = mirror
        && !mirror.contains(document().active_element().as_deref())
    {
        take_focus(Some(mirror.into()));
    }
}

fn pointer_down(board: BoardHandle, event: &PointerEvent) {
    let Some(at) = board.place_of(event) else {
        return;
    };
    if board.refused.with_untracked(Option::is_some) {
        board.refused.set(None);
    }
    if let Some(canvas) = board.canvas.get_untracked() {
        // Refused only for a pointer that is gone already.
        let _ = canvas.set_pointer_capture(event.pointer_id());
    }
    let button = match event.button() {
        0 => Button::Main,
        1 => Button::Middle,
        _ => Button::Other,
    };
    board.wants_focus.set_value(button == Button::Main);
    board.input(Input::Down {
        id: event.pointer_id(),
        at,
        button,
        precision: precision_of(&event.pointer_type()),
        mods: mods_of(event),
        clicks: 1,
    });
}

fn pointer_up(board: BoardHandle, event: &PointerEvent) {
    if let Some(at) = board.place_of(event) {
        board.input(Input::Up { id: event.pointer_id(), at, mods: mods_of(event) });
    }
    // A finger that is gone rests on nothing.
    if precision_of(&event.pointer_type()) == Precision::Touch {
        board.input(Input::Leave);
    }
}

/// Pointer events do not count clicks, so the second press of a double click is told again as one.
fn press_twice(board: BoardHandle, at: Point) {
    let (id, mods) = (-1, Mods::default());
    let precision = precision_of("mouse");
    // On a port it would begin a connection; where nothing is a step can be added, and notes and titles are written.
    let is_meant = board.read(|board| {
        let (scene, camera) = (board.scene(), board.camera());
        let is_free = || {
            let hit = scene.hit(&camera, at, precision, true);
            matches!(hit, Hit::Nothing | Hit::Note(_) | Hit::Corner(_) | Hit::Group(_))
        };
        scene.hit_node(&camera, at).is_some() || (board.is_editor() && is_free())
    });
    if is_meant.unwrap_or(false) {
        board.input(Input::Down { id, at, button: Button::Main, precision, mods, clicks: 2 });
        board.input(Input::Up { id, at, mods });
    }
}

fn wheel(board: BoardHandle, event: &WheelEvent) {
    event.prevent_default();
    let unit = match event.delta_mode() {
        WheelEvent::DOM_DELTA_LINE => 20.0,
        WheelEvent::DOM_DELTA_PAGE => 400.0,
        _ => 1.0,
    };
    if let Some(at) = board.place_of(event) {
        let by = Vec2::new(event.delta_x(), event.delta_y()) * unit;
        // Browsers report a pinch on a trackpad as the wheel with Ctrl.
        let is_zoom = event.ctrl_key() || event.meta_key();
        board.input(Input::Wheel { at, by, is_zoom, mods: mods_of(event) });
    }
}

/// The focus comes to a step of the list.
fn arrive(board: BoardHandle, target: Option<web_sys::EventTarget>) {
    if let Some(key) = step_of(target)
        && board.read(|board| board.focus() != Some(&key)).unwrap_or(false)
        && let Some(outputs) = board.act(|board| {
            board.stop_following();
            board.focus_node(&key)
        })
    {
        board.emit(outputs);
    }
}

/// Screen readers press a button by a click without a pointer.
fn click(board: BoardHandle, target: Option<web_sys::EventTarget>) {
    if let Some(key) = step_of(target) {
        if let Some(outputs) = board.act(|board| board.look_at_step(&key)) {
            board.emit(outputs);
        }
        board.opened.set(Some(key));
    }
}

fn key_down(board: BoardHandle, event: &KeyboardEvent) {
    // Not every browser makes a menu event of them.
    if event.key() == "ContextMenu" || (event.key() == "F10" && event.shift_key()) {
        return ask_by_keyboard(board, event);
    }
    let mods = Mods { shift: event.shift_key(), ctrl: event.ctrl_key() || event.meta_key(), alt: event.alt_key() };
    let (name, code) = (event.key(), event.code());
    let name = latin(&name, &code);
    let key = match &*name {
        "ArrowLeft" => Key::Left,
        "ArrowRight" => Key::Right,
        "ArrowUp" => Key::Up,
        "ArrowDown" => Key::Down,
        "Home" => Key::Home,
        "End" => Key::End,
        "Enter" => Key::Enter,
        " " => Key::Space,
        "Escape" => Key::Escape,
        "Delete" | "Backspace" => Key::Delete,
        // By its place: with Shift the key of 1 writes something else on every keyboard.
        _ if code == "Digit1" && mods.shift => Key::Char('1'),
        _ if code == "Digit2" && mods.shift => Key::Char('2'),
        other => {
            let mut chars = other.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => Key::Char(c),
                _ => return,
            }
        }
    };
    if matches!(key, Key::Char(_)) && !mods.ctrl && !single_keys::are_on() {
        return;
    }
    if board.read(|board| is_ours(board, key, mods)).unwrap_or(false) {
        if board.refused.with_untracked(Option::is_some) {
            board.refused.set(None);
        }
        event.prevent_default();
        event.stop_propagation();
        board.wants_focus.set_value(true);
        board.input(Input::Key { key, mods });
    }
}

/// What the board has no use for stays the browser's: copying, its own zoom, its menus; and lets no run out of sight.
fn is_ours(board: &Board, key: Key, mods: Mods) -> bool {
    let is_editor = board.is_editor();
    let characters = if is_editor { OURS } else { LOOKS };
    match key {
        // Copy, cut and paste come as events of their own.
        Key::Char('d' | 'D' | 'z' | 'Z' | 'y' | 'Y') if mods.ctrl => is_editor,
        Key::Char(c) if mods.ctrl => "aA".contains(c),
        Key::Char('f' | 'F') => !mods.alt && board.is_watched(),
        Key::Char(c) => !mods.alt && characters.contains(c),
        Key::Delete => !mods.alt && is_editor,
        _ => !mods.alt,
    }
}

fn step_of(target: Option<web_sys::EventTarget>) -> Option<StepKey> {
    target?.dyn_into::<Element>().ok()?.get_attribute("data-step-key").map(StepKey::new)
}

#[cfg(test)]
mod tests {
    use canvas::{
        Board, Document, Key, Mods,
        shortcuts::{By, SHORTCUTS},
    };
    use workflow::AgentCatalog;

    use super::{LOOKS, OURS, is_ours};

    #[test]
    fn what_only_builds_is_taken_from_the_browser_where_something_is_built() {
        let editor = Board::editor(Document::default(), AgentCatalog::default());
        let looked_at = Board::compare(&Document::default(), &Document::default(), AgentCatalog::default());
        let is_taken = |board: &Board, key: Key, ctrl: bool| is_ours(board, key, Mods { ctrl, ..Mods::default() });
        for key in OURS.chars().filter(|key| !LOOKS.contains(*key) && !"fF".contains(*key)).map(Key::Char) {
            assert!(is_taken(&editor, key, false) && !is_taken(&looked_at, key, false), "{key:?}");
        }
        for key in [Key::Char('z'), Key::Char('y'), Key::Char('d')] {
            assert!(is_taken(&editor, key, true) && !is_taken(&looked_at, key, true), "{key:?}");
        }
        assert!(is_taken(&editor, Key::Delete, false) && !is_taken(&looked_at, Key::Delete, false));
        for key in LOOKS.chars().map(Key::Char).chain([Key::Left, Key::Enter, Key::Home]) {
            assert!(is_taken(&editor, key, false) && is_taken(&looked_at, key, false), "{key:?}");
        }
    }

    #[test]
    fn every_character_that_the_board_listens_to_reaches_it() {
        let of_board = SHORTCUTS.iter().filter(|row| row.by == By::Board);
        for &keys in of_board.flat_map(|row| row.keys) {
            let (held, key) = keys.rsplit_once(' ').unwrap_or(("", keys));
            let mut signs = key.chars();
            // Arrows have names of their own, and what is held with Ctrl is asked for apart.
            if let (Some(sign), None) = (signs.next(), signs.next())
                && !held.contains("Ctrl")
                && !"←→↑↓".contains(sign)
            {
                assert!(OURS.contains(sign), "{keys}");
                assert!(sign.to_lowercase().all(|sign| OURS.contains(sign)), "{keys}");
            }
        }
    }
}
