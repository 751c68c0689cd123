//! The theme: what the style sheet's tokens look like now, for a canvas that knows no style sheet.
//! Tokens are read through a probe element, because a custom property's own value is text, not a colour.

use std::collections::HashMap;

use canvas::paint::Ink;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlDivElement, HtmlElement, MediaQueryList};

pub(super) const REDUCED_MOTION: &str = "(prefers-reduced-motion: reduce)";

pub(super) struct Theme {
    probe: HtmlElement,
    colours: HashMap<Ink, String>,
    pub(super) font_family: String,
}

impl Theme {
    pub(super) fn new(parent: &HtmlDivElement) -> Option<Self> {
        let probe: HtmlElement = document().create_element("span").ok()?.dyn_into().ok()?;
        probe.set_attribute("aria-hidden", "true").ok()?;
        // A transition would answer with the colour on its way.
        probe.style().set_property("transition", "none").ok()?;
        probe.style().set_property("font-family", "var(--font)").ok()?;
        // Where a person has colours of their own the browser would put one in place of each of ours, the same for grounds and for text.
        // The tokens name those colours themselves.
        probe.style().set_property("forced-color-adjust", "none").ok()?;
        parent.append_child(&probe).ok()?;
        let mut theme = Self { probe, colours: HashMap::new(), font_family: "sans-serif".to_owned() };
        theme.read();
        Some(theme)
    }

    /// Looks every token up again.
    pub(super) fn read(&mut self) {
        let Ok(Some(computed)) = window().get_computed_style(&self.probe) else {
            return;
        };
        for ink in Ink::all() {
            if self.probe.style().set_property("color", &format!("var({})", ink.token())).is_ok()
                && let Ok(colour) = computed.get_property_value("color")
            {
                self.colours.insert(ink, colour);
            }
        }
        if let Ok(family) = computed.get_property_value("font-family")
            && !family.is_empty()
        {
            self.font_family = family;
        }
    }

    pub(super) fn colour(&self, ink: Ink) -> &str {
        self.colours.get(&ink).map_or("gray", String::as_str)
    }
}

/// What is known of the person's screen and wishes, followed for as long as it is kept.
pub(super) fn media(query: &str) -> Option<MediaQueryList> {
    window().match_media(query).ok().flatten()
}

impl Drop for Theme {
    fn drop(&mut self) {
        self.probe.remove();
    }
}
