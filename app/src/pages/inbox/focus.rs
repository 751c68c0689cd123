//! Where the keyboard is in the inbox: in the list or in what is read. What has it may go at any time, decided here or elsewhere.
//! Must never take the keyboard from a field or a dialog.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::asked::{Key, key_of};
use crate::components::{
    dom::{self, by_id},
    keep_focus::{focus_first, keep_focus as keep},
};

pub(super) const TITLE: &str = "inbox-title";
pub(super) const LIST: &str = "inbox-list";
pub(super) const PANE: &str = "inbox-pane";
pub(super) const SEARCH: &str = "inbox-search";

/// From this width on the list and what is read stand side by side; as in style/layouts/inbox.css.
const SPLIT: f64 = 900.0;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    List,
    Pane,
}

/// To be called once by the page. `changed` reads what draws rows anew.
pub(super) fn keep_focus(changed: impl Fn() + Copy + 'static) {
    keep(changed, part_of, |part| focus_first(places(part)));
}

pub(super) fn is_split() -> bool {
    dom::window_width().is_some_and(|width| width >= SPLIT)
}

/// The part with the keyboard.
pub(super) fn here() -> Option<Part> {
    part_of(&document().active_element()?)
}

pub(super) fn part_of(element: &Element) -> Option<Part> {
    let is_in = |id: &str| element.closest(&format!("#{id}")).is_ok_and(|found| found.is_some());
    if is_in(LIST) {
        Some(Part::List)
    } else if is_in(PANE) {
        Some(Part::Pane)
    } else {
        None
    }
}

/// The gate of the row that an element stands in.
pub(super) fn row_of(element: &Element) -> Option<Key> {
    let row = element.closest("[data-gate]").ok().flatten()?;
    key_of(&row.get_attribute("data-gate")?)
}

/// The row with the keyboard.
pub(super) fn row_here() -> Option<Key> {
    row_of(&document().active_element()?)
}

pub(super) fn row_id((run, step): &Key) -> String {
    format!("gate-{run}-{step}")
}

/// To a row; where the list is not in sight, to what is read.
pub(super) fn to_row(gate: &Key) {
    focus_first([by_id(&row_id(gate)), by_id(PANE)].into_iter().flatten());
}

/// Once what is asked for is drawn.
pub(super) fn to_pane() {
    dom::focus_soon(PANE);
}

/// Once what is asked for is drawn: back to the row that is read, or was read.
pub(super) fn to_list(gate: Option<Key>) {
    soon(move || {
        let row = gate.and_then(|gate| by_id(&row_id(&gate)));
        focus_first(row.into_iter().chain(places(Part::List)));
    });
}

/// The button that was pressed goes with what it decided: the keyboard stays in the same part, at the next one.
pub(super) fn after_decision() {
    let part = here().unwrap_or(Part::Pane);
    soon(move || {
        let has_dialog = document().query_selector("dialog[open]").is_ok_and(|dialog| dialog.is_some());
        if !has_dialog {
            focus_first(places(part));
        }
    });
}

fn soon(act: impl FnOnce() + 'static) {
    request_animation_frame(|| request_animation_frame(act));
}

/// Where one may go on in a part, the first that is in sight.
fn places(part: Part) -> impl Iterator<Item = HtmlElement> {
    let in_list = [first("[data-gate] a[aria-current]"), first("[data-gate] a")];
    let pane = by_id(PANE);
    let ordered = match part {
        Part::List => in_list.into_iter().chain([pane]).collect::<Vec<_>>(),
        Part::Pane => [pane].into_iter().chain(in_list).collect::<Vec<_>>(),
    };
    ordered.into_iter().chain([by_id(TITLE)]).flatten()
}

fn first(selector: &str) -> Option<HtmlElement> {
    document().query_selector(selector).ok().flatten()?.dyn_into().ok()
}
