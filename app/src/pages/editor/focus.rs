//! From a problem to the control that it is about, and from a control that is gone to what is left beside it.
//! Ids of the panel's controls are made here and nowhere else.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::draft::Draft;
use crate::components::{
    dom,
    keep_focus::{focus_first, keep_focus},
};
use workflow::{Problem, StepKey};

/// The id of the control of a field, as the validator names it.
pub(super) fn field_id(field: &str) -> String {
    let safe: String = field.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '-' }).collect();
    format!("f-{safe}")
}

/// Shows what the problem is about: its step, and the field in the panel.
pub(super) fn go_to(draft: Draft, problem: &Problem) {
    go_to_field(draft, problem.step.clone(), problem.field.clone().unwrap_or_default());
}

/// Shows a field of a step, or of the workflow itself.
pub(super) fn go_to_field(draft: Draft, step: Option<StepKey>, field: String) {
    draft.handle.select(step.into_iter().collect());
    draft.shown.set("panel".to_owned());
    focus_soon(field);
}

/// Selects a step, and begins to edit it.
pub(super) fn open_step(draft: Draft, key: StepKey) {
    draft.handle.select(vec![key]);
    draft.shown.set("panel".to_owned());
    focus_soon("title".to_owned());
}

/// Two frames later the panel of the newly selected step is there.
pub(super) fn focus_soon(field: String) {
    request_animation_frame(move || request_animation_frame(move || focus_field(&field)));
}

fn focus_field(field: &str) {
    let mut field = field;
    loop {
        if let Some(element) = document().get_element_by_id(&field_id(field)) {
            return focus(&element);
        }
        // A path may lead deeper than there are controls.
        match field.rfind(['.', '/']) {
            Some(end) => field = &field[..end],
            None => break,
        }
    }
    if let Some(panel) = document().get_element_by_id("side-panel-title") {
        focus(&panel);
    }
}

fn focus(element: &Element) {
    // One may be folded inside of another. Opening fails only on a bad attribute name, and ends the walk.
    while let Ok(Some(closed)) = element.closest("details:not([open])") {
        if closed.set_attribute("open", "").is_err() {
            break;
        }
    }
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        // What cannot take the focus is at least brought into view.
        let _ = element.focus();
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::Center);
        element.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

/// Where what is gone may have stood. The canvas and the list of steps say themselves what comes next there.
const PARTS: &str = ".side-panel, .bottom-drawer";
const CONTROLS: &str = "a[href], button, input, select, textarea, summary, [tabindex]";
/// Where the keyboard may go on. No field: in one, Ctrl Z would no more take back what was just done.
const PLACES: &str = "button, summary, [tabindex]:not(input, select, textarea)";

/// A control that had the keyboard, and what it stood in, the nearest first.
#[derive(Clone)]
struct Held {
    control: Element,
    around: Vec<Element>,
}

/// To be called once by the editor. A press on a quick fix, or on what brings a version up, takes the very button away: the keyboard goes
/// on at what is left around it, which is the part of the panel that it stood in, the next problem, or the heading.
pub(super) fn keep(draft: Draft) {
    let (selection, edge) = (draft.handle.selection(), draft.handle.selected_edge());
    let revision = draft.handle.revision();
    let changed = move || {
        draft.problems.track();
        draft.catalog.track();
        revision.track();
        selection.track();
        edge.track();
    };
    keep_focus(changed, held, |held| go_on_nearby(&held));
}

fn held(element: &Element) -> Option<Held> {
    let is_in_part = |element: &Element| element.closest(PARTS).is_ok_and(|part| part.is_some());
    let control = element.closest(CONTROLS).ok().flatten().filter(is_in_part)?;
    let outwards = std::iter::successors(control.parent_element(), |inner| inner.parent_element());
    let around = outwards.take_while(is_in_part).collect();
    Some(Held { control, around })
}

fn go_on_nearby(held: &Held) {
    // One that is still there was left by the person; one that takes no focus any more is as good as gone.
    if held.control.is_connected() && !held.control.matches(":disabled").unwrap_or(false) {
        return;
    }
    let left = held.around.iter().filter(|around| around.is_connected());
    focus_first(left.flat_map(places_in));
}

fn places_in(around: &Element) -> Vec<HtmlElement> {
    let is = |selector: &str| around.matches(selector).unwrap_or(false);
    if is("[tabindex]") {
        around.clone().dyn_into().into_iter().collect()
    } else if is("[data-row]") || is(PARTS) {
        dom::all(around, PLACES)
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::field_id;
    use crate::components::field::{error_id, help_id};

    #[test]
    fn no_field_has_the_id_of_what_is_said_about_another_one() {
        let input = field_id("inputs.text");
        assert_ne!(help_id(&input), field_id("inputs.text.help"));
        assert_ne!(error_id(&input), field_id("inputs.text.error"));
    }

    #[test]
    fn an_id_has_no_letter_that_a_selector_would_read() {
        assert_eq!(field_id("inputs.text"), "f-inputs-text");
        assert_eq!(field_id("inputs.topic.default/0"), "f-inputs-topic-default-0");
    }
}
