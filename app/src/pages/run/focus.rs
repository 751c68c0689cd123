//! Where the keyboard goes when the control that it was on is gone, as Continue is once it was pressed.
//! Must never choose a place that the person would not look for it: the next step that waits, or a heading of the same part.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use workflow::{StepKey, StepStatus};

use super::{state::LiveRun, step_panel::Shown};
use crate::components::{
    dom,
    keep_focus::{focus_first, keep_focus as keep},
};

/// The part of the page that a control belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Panel,
    Head,
    Timeline,
}

/// To be called once by the run page.
pub(super) fn keep_focus(live: LiveRun, shown: Shown) {
    let changed = move || {
        live.run.track();
        live.selected.track();
        // The panel is a moment behind what is chosen.
        shown.track();
        // A moment behind the run, and with it the button that refreshes.
        live.stale.track();
    };
    keep(changed, part_of, move |part| move_on(live, part));
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

fn move_on(live: LiveRun, part: Part) {
    let places = match part {
        Part::Panel => [next_waiting(live).and_then(|key| row_of(&key)), first(".side-panel .panel-head h2")],
        Part::Head => {
            [first(".run-actions :is(button, input):not(:disabled, [popover] *, dialog *)"), first(".run-head h1")]
        }
        Part::Timeline => [first(".bottom-drawer-head button"), None],
    };
    focus_first(places.into_iter().flatten());
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
