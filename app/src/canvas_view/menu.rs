//! Asking for a menu on the canvas: by the right button, by a long press, by the Menu key. The board says what it is about, the page
//! what stands in it. Where a run is watched the browser keeps its own menu.

use std::time::Duration;

use canvas::{Board, Input, Precision};
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlDivElement, HtmlElement, MouseEvent, PointerEvent};

use super::{
    handle::{Asked, BoardHandle, precision_of},
    mirror::take_focus,
};

/// A finger that rests so long asks for the menu.
const LONG: Duration = Duration::from_millis(550);

pub(super) fn ask_by_pointer(board: BoardHandle, event: &MouseEvent, mirror: Option<HtmlDivElement>) {
    if !board.read(Board::is_editor).unwrap_or(false) {
        return;
    }
    event.prevent_default();
    let Some(at) = board.place_of(event) else { return };
    let pointer_type = event.dyn_ref::<PointerEvent>().map(PointerEvent::pointer_type).unwrap_or_default();
    let window = (f64::from(event.client_x()), f64::from(event.client_y()));
    ask(board, at, window, precision_of(&pointer_type), mirror);
}

fn ask(
    board: BoardHandle,
    at: canvas::Point,
    window: (f64, f64),
    precision: Precision,
    mirror: Option<HtmlDivElement>,
) {
    // By a finger it is asked twice where the browser tells of a long press, too.
    if board.asked.with_untracked(Option::is_some) {
        return;
    }
    board.input(Input::Cancel);
    // To where it comes back when the menu closes.
    take_focus(mirror.filter(|mirror| !mirror.contains(document().active_element().as_deref())).map(HtmlElement::from));
    if let Some((subject, outputs)) = board.act(|board| board.menu_at(at, precision)) {
        board.emit(outputs);
        board.asked.set(Some(Asked { subject, at: window }));
    }
}

/// About what the keyboard stands on.
pub(super) fn ask_by_keyboard(board: BoardHandle, event: &Event) {
    if !board.read(Board::is_editor).unwrap_or(false) {
        return;
    }
    event.prevent_default();
    event.stop_propagation();
    if board.asked.with_untracked(Option::is_some) {
        return;
    }
    if let (Some((subject, place, outputs)), Some(canvas)) = (board.act(Board::menu_at_focus), board.canvas_rect()) {
        board.emit(outputs);
        let at = (canvas.x0 + place.x0.midpoint(place.x1), canvas.y0 + place.y1);
        board.asked.set(Some(Asked { subject, at }));
    }
}

/// A finger on the canvas, as long as it rests.
#[derive(Clone, Copy)]
pub(super) struct LongPress {
    board: BoardHandle,
    mirror: NodeRef<leptos::html::Div>,
    resting: StoredValue<Option<(TimeoutHandle, (f64, f64))>>,
}

impl LongPress {
    pub(super) fn new(board: BoardHandle, mirror: NodeRef<leptos::html::Div>) -> Self {
        let press = Self { board, mirror, resting: StoredValue::new(None) };
        on_cleanup(move || press.end());
        press
    }

    pub(super) fn begin(self, event: &PointerEvent) {
        let is_second = self.resting.with_value(Option::is_some);
        self.end();
        let is_touch = precision_of(&event.pointer_type()) == Precision::Touch;
        if is_second || !is_touch || !self.board.read(Board::is_editor).unwrap_or(false) {
            return;
        }
        let Some(at) = self.board.place_of(event) else { return };
        let window = (f64::from(event.client_x()), f64::from(event.client_y()));
        let rested = move || {
            self.end();
            ask(self.board, at, window, Precision::Touch, self.mirror.try_get_untracked().flatten());
        };
        if let Ok(timer) = set_timeout_with_handle(rested, LONG) {
            self.resting.set_value(Some((timer, window)));
        }
    }

    pub(super) fn follow(self, event: &PointerEvent) {
        let from = self.resting.with_value(|resting| resting.as_ref().map(|(_, from)| *from));
        if let Some((x, y)) = from
            && (f64::from(event.client_x()) - x).hypot(f64::from(event.client_y()) - y) > Precision::Touch.slop()
        {
            self.end();
        }
    }

    pub(super) fn end(self) {
        if let Some((timer, _)) = self.resting.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    }
}
