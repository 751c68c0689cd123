//! Where the keyboard goes when the control that it was on is gone, as Continue is once it was pressed.
//! Must never move a focus that is somewhere, nor take it when a person has pressed into the empty page.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, EventTarget, HtmlElement};
use workflow::{StepKey, StepStatus};

use super::state::LiveRun;
use crate::{components::dom, reactive::effect};

/// The part of the page that a control belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Panel,
    Head,
    Timeline,
}

/// To be called once by the run page.
pub(super) fn keep_focus(live: LiveRun) {
    let last = StoredValue::new(None::<Part>);
    effect(move || {
        let note = move |target: Option<EventTarget>| {
            last.try_set_value(target.and_then(|target| target.dyn_into::<Element>().ok()).and_then(|it| part_of(&it)));
        };
        let focused = window_event_listener(ev::focusin, move |event| note(event.target()));
        let pressed = window_event_listener(ev::pointerdown, move |event| note(event.target()));
        on_cleanup(move || {
            focused.remove();
            pressed.remove();
        });
    });
    effect(move || {
        live.run.track();
        live.selected.track();
        // What the change draws is there a frame later, and a dialog that it closes has given the focus back by then.
        request_animation_frame(move || {
            request_animation_frame(move || {
                if let Some(part) = last.try_get_value().flatten().filter(|_| is_lost()) {
                    move_on(live, part);
                }
            });
        });
    });
}

fn part_of(element: &Element) -> Option<Part> {
    let is_in = |selector: &str| element.closest(selector).is_ok_and(|found| found.is_some());
    if is_in(".side-panel") {
        Some(Part::Panel)
    } else if is_in(".run-head") {
        Some(Part::Head)
    } else if is_in(".bottom-drawer") {
        Some(Part::Timeline)
    } else {
        None
    }
}

fn is_lost() -> bool {
    let has_dialog = document().query_selector("dialog[open]").ok().flatten().is_some();
    !has_dialog && document().active_element().is_none_or(|active| active.tag_name() == "BODY")
}

fn move_on(live: LiveRun, part: Part) {
    let places = match part {
        Part::Panel => [next_waiting(live).and_then(|key| row_of(&key)), first(".side-panel .panel-head h2")],
        Part::Head => {
            [first(".run-actions :is(button, input):not(:disabled, [popover] *, dialog *)"), first(".run-head h1")]
        }
        Part::Timeline => [first(".bottom-drawer-head button"), None],
    };
    for place in places.into_iter().flatten() {
        dom::focus(&place);
        // What is not drawn, as the outline on a phone, takes no focus.
        if document().active_element().is_some_and(|active| active.is_same_node(Some(&place))) {
            return;
        }
    }
}

/// The step to review next, where that is not the one that is shown.
fn next_waiting(live: LiveRun) -> Option<StepKey> {
    let shown = live.selected.get_untracked();
    live.run.with_untracked(|run| {
        let waits = |key: &StepKey| run.step(key).is_some_and(|step| step.status == StepStatus::AwaitingReview);
        if shown.as_ref().is_some_and(waits) {
            return None;
        }
        live.order.with_untracked(|order| order.iter().find(|key| waits(key)).cloned())
    })
}

fn row_of(key: &StepKey) -> Option<HtmlElement> {
    let rows = dom::all(document().document_element()?.as_ref(), ".outline [data-step]");
    rows.into_iter().find(|row| row.get_attribute("data-step").as_deref() == Some(key.as_str()))
}

fn first(selector: &str) -> Option<HtmlElement> {
    document().query_selector(selector).ok().flatten()?.dyn_into().ok()
}
