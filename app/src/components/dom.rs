//! Small helpers over the browser: placing what floats, keeping an input and its signal equal, moving the focus.
//! They run only in effects and event handlers, never in a first render; they set styles through CSSOM, which the CSP allows.

use leptos::html::ElementType;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement, KeyboardEvent};

use crate::hydration;
use crate::reactive::effect_with;

/// The edge of the anchor that a popup lines up with.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Align {
    #[default]
    Start,
    Centre,
    End,
}

const MARGIN: f64 = 8.0;

/// Puts `popup` (in the top layer, `position: fixed`) below `anchor`, or above it where there is no room below.
pub(crate) fn place_near(anchor: &Element, popup: &HtmlElement, align: Align, gap: f64) {
    let (Some(width), Some(height)) = viewport() else { return };
    let a = anchor.get_bounding_client_rect();
    let p = popup.get_bounding_client_rect();
    let left = match align {
        Align::Start => a.left(),
        Align::Centre => a.left() + (a.width() - p.width()) / 2.0,
        Align::End => a.right() - p.width(),
    };
    let left = left.min(width - p.width() - MARGIN).max(MARGIN);
    let below = a.bottom() + gap;
    let above = a.top() - gap - p.height();
    let top = if below + p.height() > height - MARGIN && above >= MARGIN { above } else { below };
    set_style(popup, "left", &format!("{left}px"));
    set_style(popup, "top", &format!("{top}px"));
}

/// Puts `popup` where a menu was asked for: its corner there, or what fits beside it.
pub(crate) fn place_at(popup: &HtmlElement, (x, y): (f64, f64)) {
    let (Some(width), Some(height)) = viewport() else { return };
    let p = popup.get_bounding_client_rect();
    let left = x.min(width - p.width() - MARGIN).max(MARGIN);
    let top = if y + p.height() > height - MARGIN { y - p.height() } else { y };
    let top = top.min(height - p.height() - MARGIN).max(MARGIN);
    set_style(popup, "left", &format!("{left}px"));
    set_style(popup, "top", &format!("{top}px"));
}

/// How wide the window is.
pub fn window_width() -> Option<f64> {
    viewport().0
}

fn viewport() -> (Option<f64>, Option<f64>) {
    let window = window();
    let number = |value: Result<wasm_bindgen::JsValue, _>| value.ok().and_then(|v| v.as_f64());
    (number(window.inner_width()), number(window.inner_height()))
}

/// Sets one property through CSSOM. A value the browser refuses leaves the stylesheet's own, so the error carries nothing.
pub(crate) fn set_style(element: &HtmlElement, property: &str, value: &str) {
    drop(element.style().set_property(property, value));
}

pub(crate) fn by_id(id: &str) -> Option<HtmlElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

/// Moves the focus; an element that cannot take it keeps it where it was.
pub(crate) fn focus(element: &HtmlElement) {
    drop(element.focus());
}

/// Moves the focus to what is drawn only now, or was just covered by a dialog that gives the focus back when it closes: two frames later.
pub(crate) fn focus_soon(id: impl Into<String>) {
    let id = id.into();
    request_animation_frame(move || {
        request_animation_frame(move || {
            if let Some(element) = by_id(&id) {
                focus(&element);
            }
        });
    });
}

/// Moves the focus, also to what takes none by the keyboard, such as a row.
pub(crate) fn focus_row(row: &HtmlElement) {
    if row.tab_index() < 0 && !row.has_attribute("tabindex") {
        // Setting an attribute fails only for names that are none.
        drop(row.set_attribute("tabindex", "-1"));
    }
    focus(row);
}

/// Once what came last is drawn: two frames later. A focus that is somewhere by then is left there.
pub(crate) fn focus_if_lost(row: impl FnOnce() -> Option<HtmlElement> + 'static) {
    request_animation_frame(|| {
        request_animation_frame(|| {
            let is_lost = document().active_element().is_none_or(|active| active.tag_name() == "BODY");
            if let Some(row) = row().filter(|_| is_lost) {
                focus_row(&row);
            }
        });
    });
}

/// The key of a press, by its name. Empty where there is none: browsers that fill a field in tell of it by an event without a key, and
/// a press that puts a word together, as for Japanese, is the input method's and no Enter or Esc of ours.
pub(crate) fn key_of(event: &KeyboardEvent) -> String {
    let pressed = event.dyn_ref::<KeyboardEvent>().filter(|event| !composes(event.is_composing(), event.key_code()));
    pressed.map(KeyboardEvent::key).unwrap_or_default()
}

/// Safari ends a word with a press that it no longer counts to it, and tells it by this code alone.
fn composes(is_composing: bool, code: u32) -> bool {
    is_composing || code == 229
}

/// The elements inside `root` that match, in document order.
pub(crate) fn all(root: &Element, selector: &str) -> Vec<HtmlElement> {
    let Ok(list) = root.query_selector_all(selector) else { return Vec::new() };
    (0..list.length()).filter_map(|i| list.item(i)?.dyn_into().ok()).collect()
}

/// Which of `count` things a roving key leads to from `current`; `None` for other keys.
pub(crate) fn rove(key: &str, current: Option<usize>, count: usize) -> Option<usize> {
    if count == 0 {
        return None;
    }
    match key {
        "ArrowDown" | "ArrowRight" => Some(current.map_or(0, |i| (i + 1) % count)),
        "ArrowUp" | "ArrowLeft" => Some(current.map_or(count - 1, |i| (i + count - 1) % count)),
        "Home" => Some(0),
        "End" => Some(count - 1),
        _ => None,
    }
}

/// The elements that hold a text value.
pub(crate) trait HasValue {
    fn text(&self) -> String;
    fn set_text(&self, value: &str);
}

macro_rules! has_value {
    ($($element:ty),*) => {$(
        impl HasValue for $element {
            fn text(&self) -> String {
                self.value()
            }
            fn set_text(&self, value: &str) {
                self.set_value(value);
            }
        }
    )*};
}
has_value!(HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement);

/// Keeps a control and its signal equal, from the signal to the page.
/// What a person typed before hydration wins over the signal's first value. What a browser restores of an earlier visit must not look like
/// that: it may be of another field, or of before somebody else saved. Hence no control without a name for it is completed by browsers.
/// Later it must not: a view that takes another's place takes over its elements, with what was typed there.
pub(crate) fn bind_value<E>(node: NodeRef<E>, value: RwSignal<String>)
where
    E: ElementType + 'static,
    E::Output: JsCast + Clone + HasValue + 'static,
{
    let first = value.get_untracked();
    let may_be_early = !hydration::is_over();
    effect_with(move |bound: Option<bool>| {
        let Some(element) = node.get() else { return false };
        let shown = element.text();
        // A control turns line ends into single line feeds; that alone is no change. A long text is not copied to be compared.
        if value.with(|wanted| shown == *wanted || shown == wanted.replace("\r\n", "\n")) {
            return true;
        }
        if may_be_early && bound != Some(true) && !shown.is_empty() && value.with_untracked(|wanted| *wanted == first) {
            value.set(shown);
        } else {
            value.with_untracked(|wanted| element.set_text(wanted));
        }
        true
    });
}

/// The value of an ARIA state, which has to be a word.
pub(crate) fn aria(on: bool) -> &'static str {
    if on { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use super::{composes, rove};

    #[test]
    fn arrows_wrap_around_and_home_and_end_jump() {
        assert_eq!(rove("ArrowDown", Some(2), 3), Some(0));
        assert_eq!(rove("ArrowUp", Some(0), 3), Some(2));
        assert_eq!(rove("ArrowUp", None, 3), Some(2));
        assert_eq!(rove("Home", Some(2), 3), Some(0));
        assert_eq!(rove("End", None, 3), Some(2));
        assert_eq!(rove("x", Some(0), 3), None);
        assert_eq!(rove("ArrowDown", None, 0), None);
    }

    #[test]
    fn a_press_that_puts_a_word_together_is_no_press_of_ours_in_any_browser() {
        let enter = 13;
        assert!(composes(true, enter) && composes(true, 229));
        assert!(composes(false, 229), "the one that ends the word, in Safari");
        assert!(!composes(false, enter));
    }
}
