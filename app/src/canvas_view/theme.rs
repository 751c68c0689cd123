//! The theme: what the style sheet's tokens look like now, for a canvas that knows no style sheet.
//! Tokens are read through a probe element, because a custom property's own value is text, not a colour.

use std::collections::HashMap;

use canvas::paint::Ink;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlDivElement, HtmlElement};

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
            let token = format!("var({})", ink.token());
            if self.probe.style().set_property("color", &token).is_ok()
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

impl Drop for Theme {
    fn drop(&mut self) {
        self.probe.remove();
    }
}
