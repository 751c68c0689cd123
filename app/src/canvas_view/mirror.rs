//! The accessible list in the page: one button per listed node, kept in place with the picture by one transform.
//! It is never painted and takes no pointer; styles are set through CSSOM, which the content security policy allows.

use std::collections::HashMap;

use canvas::{Camera, MirrorNode};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, FocusOptions, HtmlDivElement, HtmlElement, HtmlUListElement};
use workflow::StepKey;

use crate::words::thousands;

/// What is the same of every button.
const BUTTON: &str = "position:absolute;margin:0;padding:0;min-width:0;min-height:0;pointer-events:none;";

pub(super) struct Mirror {
    frame: HtmlDivElement,
    list: HtmlUListElement,
    items: HashMap<StepKey, Item>,
    camera: Option<Camera>,
}

struct Item {
    row: Element,
    button: HtmlElement,
    node: MirrorNode,
}

impl Mirror {
    pub(super) fn new(frame: HtmlDivElement, list: HtmlUListElement) -> Self {
        style(&frame, &[("overflow", "clip")]);
        style(
            &list,
            &[
                ("position", "absolute"),
                ("inset", "0 auto auto 0"),
                ("margin", "0"),
                ("padding", "0"),
                ("list-style", "none"),
                ("transform-origin", "0 0"),
            ],
        );
        // The page of one workflow may become that of another without a new list.
        list.set_text_content(None);
        Self { frame, list, items: HashMap::new(), camera: None }
    }

    /// Brings the list up to date, touching only what differs.
    pub(super) fn update(&mut self, nodes: Vec<MirrorNode>) {
        // Where there is no step yet the canvas itself is reached by Tab: its keys add the first one.
        let place = if nodes.is_empty() { "0" } else { "-1" };
        // Fails only for names that are none.
        let _ = self.frame.set_attribute("tabindex", place);
        let order: Vec<StepKey> = nodes.iter().map(|node| node.key.clone()).collect();
        let mut old = std::mem::take(&mut self.items);
        for node in nodes {
            let item = match old.remove(&node.key) {
                Some(mut item) => {
                    item.change(node);
                    item
                }
                None => match Item::new(node) {
                    Some(item) => item,
                    None => continue,
                },
            };
            self.items.insert(item.node.key.clone(), item);
        }
        for item in old.into_values() {
            item.row.remove();
        }
        // What stays keeps its order nearly always, so only what came is put in: to move an element takes its focus away, and whoever
        // reads it to where it was, and costs a layout of the list.
        let focused = document().active_element();
        let mut next = self.list.first_element_child();
        for item in order.iter().filter_map(|key| self.items.get(key)) {
            if next.as_ref() == Some(&item.row) {
                next = item.row.next_element_sibling();
            } else {
                // Inserting fails only where it would make a cycle.
                let _ = self.list.insert_before(&item.row, next.as_deref());
            }
        }
        if let Some(focused) = focused.and_then(|focused| focused.dyn_into::<HtmlElement>().ok())
            && self.frame.contains(Some(&focused))
        {
            take_focus(Some(focused));
        }
    }

    pub(super) fn follow(&mut self, camera: Camera) {
        if self.camera != Some(camera) {
            self.camera = Some(camera);
            let (zoom, at) = (camera.zoom, camera.origin.to_vec2() * -camera.zoom);
            let transform = format!("matrix({zoom}, 0, 0, {zoom}, {}, {})", at.x, at.y);
            style(&self.list, &[("transform", &transform)]);
        }
    }

    /// What should have the focus: the node the keyboard stands on, or the frame of an empty list.
    pub(super) fn focus_target(&self) -> HtmlElement {
        let focus = self.items.values().find(|item| item.node.holds_focus);
        focus.map_or_else(|| self.frame.clone().into(), |item| item.button.clone())
    }
}

impl Item {
    fn new(node: MirrorNode) -> Option<Self> {
        let row = document().create_element("li").ok()?;
        let button: HtmlElement = document().create_element("button").ok()?.dyn_into().ok()?;
        for (name, value) in [("type", "button"), ("data-step-key", node.key.as_str())] {
            button.set_attribute(name, value).ok()?;
        }
        row.append_child(&button).ok()?;
        let item = Self { row, button, node };
        item.place();
        item.count();
        item.name();
        Some(item)
    }

    fn change(&mut self, node: MirrorNode) {
        let (before, node) = (std::mem::replace(&mut self.node, node), &self.node);
        let has_moved = before.rect != node.rect;
        let is_counted_anew = (before.place, before.of) != (node.place, node.of);
        let is_renamed =
            before.label != node.label || (before.is_selected, before.is_focus) != (node.is_selected, node.is_focus);
        if has_moved {
            self.place();
        }
        if is_counted_anew {
            self.count();
        }
        if is_renamed {
            self.name();
        }
    }

    fn place(&self) {
        let rect = self.node.rect;
        let (x, y, width, height) = (rect.x0, rect.y0, rect.width(), rect.height());
        // In one go: while the picture moves, hundreds of rows come and go.
        let place = format!("{BUTTON}left:{x}px;top:{y}px;width:{width}px;height:{height}px");
        self.button.style().set_css_text(&place);
    }

    /// Of a large workflow a part is listed, and a reader would count that. Readers that walk from button to button tell no place of a row.
    fn count(&self) {
        let in_words = |n: usize| thousands(i64::try_from(n).unwrap_or(i64::MAX));
        let place = format!("{} of {}", in_words(self.node.place), in_words(self.node.of));
        // Fails only for names that are none.
        let _ = self.button.set_attribute("aria-description", &place);
        for (name, n) in [("aria-posinset", self.node.place), ("aria-setsize", self.node.of)] {
            // Fails only for names that are none.
            let _ = self.row.set_attribute(name, &n.to_string());
        }
    }

    fn name(&self) {
        let MirrorNode { label, is_selected, is_focus, .. } = &self.node;
        for (name, value) in [
            ("aria-label", label.as_str()),
            ("aria-pressed", if *is_selected { "true" } else { "false" }),
            ("tabindex", if *is_focus { "0" } else { "-1" }),
        ] {
            // Fails only for names that are none.
            let _ = self.button.set_attribute(name, value);
        }
    }
}

/// Moves the focus without letting the browser scroll to it: the camera does that.
pub(super) fn take_focus(target: Option<HtmlElement>) {
    if let Some(target) = target
        && document().active_element().as_ref() != Some(target.as_ref())
    {
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        // An element that left the page meanwhile takes no focus, and needs none.
        let _ = target.focus_with_options(&options);
    }
}

fn style(element: &HtmlElement, properties: &[(&str, &str)]) {
    for (name, value) in properties {
        // Setting a style fails only for read-only declarations, which these are not.
        let _ = element.style().set_property(name, value);
    }
}
