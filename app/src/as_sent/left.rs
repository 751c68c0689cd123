//! What somebody did in a part of the page that is about to be drawn anew: where the keyboard was, what was typed, opened and scrolled.
//! Must never press anything: what was pressed before the program was there is for whoever presses it to see.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlDetailsElement, HtmlElement, HtmlInputElement, HtmlTextAreaElement};

use crate::components::dom;

pub(super) struct Left {
    marks: Vec<Mark>,
    focused: Option<usize>,
    typed: Vec<(usize, Typed)>,
    opened: Vec<usize>,
    scrolled: Vec<(usize, i32)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Typed {
    Text(String),
    Tick(bool),
}

impl Left {
    /// None where nothing was done.
    pub(super) fn in_place(root: &Element) -> Option<Self> {
        let elements = dom::all(root, "*");
        let active = document().active_element();
        let is_active = |element: &HtmlElement| active.as_ref().is_some_and(|it| it.is_same_node(Some(element)));
        let numbered = || elements.iter().enumerate();
        let focused = elements.iter().position(is_active);
        let typed: Vec<_> = numbered().filter_map(|(at, it)| Some((at, typed_in(it)?))).collect();
        let opened: Vec<_> = numbered().filter(|(_, it)| is_opened(it)).map(|(at, _)| at).collect();
        let scrolled: Vec<_> = numbered().map(|(at, it)| (at, it.scroll_top())).filter(|(_, top)| *top != 0).collect();
        if focused.is_none() && typed.is_empty() && opened.is_empty() && scrolled.is_empty() {
            return None;
        }
        Some(Self { marks: elements.iter().map(Mark::of).collect(), focused, typed, opened, scrolled })
    }

    /// To what stands there now and is the same. What is not there any more is let go.
    pub(super) fn give_back(&self, root: &Element) {
        let elements = dom::all(root, "*");
        let now: Vec<_> = elements.iter().map(Mark::of).collect();
        let same = |at: usize| partner(at, &self.marks, &now).and_then(|at| elements.get(at));
        for (at, typed) in &self.typed {
            if let Some(field) = same(*at) {
                write(field, typed);
            }
        }
        for details in self.opened.iter().filter_map(|at| same(*at)?.dyn_ref::<HtmlDetailsElement>()) {
            details.set_open(true);
        }
        for (at, top) in &self.scrolled {
            if let Some(scroller) = same(*at) {
                scroller.set_scroll_top(*top);
            }
        }
        if let Some(focused) = self.focused.and_then(same) {
            dom::focus(focused);
        }
    }
}

fn typed_in(element: &HtmlElement) -> Option<Typed> {
    if let Some(area) = element.dyn_ref::<HtmlTextAreaElement>() {
        let text = area.value();
        let is_typed = area.default_value().is_ok_and(|default| default != text);
        return is_typed.then_some(Typed::Text(text));
    }
    let input = element.dyn_ref::<HtmlInputElement>()?;
    match input.type_().as_str() {
        kind @ ("checkbox" | "radio") => ticked(kind == "radio", input.checked(), input.default_checked()),
        // No program may choose a file.
        "file" => None,
        _ => {
            let text = input.value();
            (text != input.default_value()).then_some(Typed::Text(text))
        }
    }
}

/// A radio button is let go by pressing another, and no browser tells of that: whoever heard of it would take it for the chosen one.
fn ticked(is_radio: bool, is_on: bool, was_on: bool) -> Option<Typed> {
    (is_on != was_on && (is_on || !is_radio)).then_some(Typed::Tick(is_on))
}

/// As by hand, so that whoever follows the field takes it in.
fn write(field: &HtmlElement, typed: &Typed) {
    let told = match typed {
        Typed::Text(text) => {
            if let Some(area) = field.dyn_ref::<HtmlTextAreaElement>() {
                area.set_value(text);
            } else if let Some(input) = field.dyn_ref::<HtmlInputElement>() {
                input.set_value(text);
            }
            "input"
        }
        Typed::Tick(is_on) => {
            if let Some(input) = field.dyn_ref::<HtmlInputElement>() {
                input.set_checked(*is_on);
            }
            "change"
        }
    };
    if let Ok(event) = Event::new(told) {
        // It fails only while it is being told already.
        let _ = field.dispatch_event(&event);
    }
}

fn is_opened(element: &HtmlElement) -> bool {
    element.dyn_ref::<HtmlDetailsElement>().is_some_and(HtmlDetailsElement::open)
}

/// What an element is known by in what is drawn anew.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct Mark {
    tag: String,
    id: String,
    name: String,
    /// What it says, where it is something to press; else its class.
    words: String,
}

impl Mark {
    fn of(element: &HtmlElement) -> Self {
        let tag = element.tag_name();
        let is_pressed = matches!(tag.as_str(), "A" | "BUTTON" | "SUMMARY");
        let words = if is_pressed { element.text_content().unwrap_or_default() } else { element.class_name() };
        Self { tag, id: element.id(), name: element.get_attribute("name").unwrap_or_default(), words }
    }
}

/// The one with the same id, or the same among those that are alike.
fn partner(at: usize, before: &[Mark], now: &[Mark]) -> Option<usize> {
    let mark = before.get(at)?;
    if !mark.id.is_empty() {
        return now.iter().position(|other| other.id == mark.id && other.tag == mark.tag);
    }
    let nth = before[..at].iter().filter(|other| *other == mark).count();
    now.iter().enumerate().filter(|(_, other)| *other == mark).nth(nth).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::{Mark, Typed, partner, ticked};

    fn mark(tag: &str, id: &str, words: &str) -> Mark {
        Mark { tag: tag.into(), id: id.into(), words: words.into(), name: String::new() }
    }

    #[test]
    fn of_radio_buttons_the_one_that_was_chosen_is_told_and_not_the_one_that_was_left_by_it() {
        assert_eq!(ticked(true, true, false), Some(Typed::Tick(true)));
        assert_eq!(ticked(true, false, true), None);
        assert_eq!(ticked(false, false, true), Some(Typed::Tick(false)), "a box is unticked by hand");
        assert_eq!((ticked(true, true, true), ticked(false, false, false)), (None, None));
    }

    #[test]
    fn an_element_is_found_again_by_its_id_wherever_it_stands() {
        let before = [mark("BUTTON", "step-tab-output", "Output"), mark("BUTTON", "", "Re-run")];
        let now = [mark("DIV", "", "note"), mark("BUTTON", "", "Re-run"), mark("BUTTON", "step-tab-output", "Output1")];
        assert_eq!(partner(0, &before, &now), Some(2));
        assert_eq!(partner(1, &before, &now), Some(1));
    }

    #[test]
    fn of_those_that_are_alike_it_is_the_same_one_and_what_is_gone_has_none() {
        let before = [mark("BUTTON", "", "Copy"), mark("A", "", "Download"), mark("BUTTON", "", "Copy")];
        let now = [mark("BUTTON", "", "Copy"), mark("BUTTON", "", "Show all"), mark("BUTTON", "", "Copy")];
        assert_eq!(partner(2, &before, &now), Some(2));
        assert_eq!(partner(1, &before, &now), None);
        assert_eq!(partner(2, &before, &now[..2]), None, "another that is alike is not the same");
        assert_eq!(partner(3, &before, &now), None);
    }
}
