//! Renders /design as the server does and checks what the browser would otherwise find: the CSP, the sprite, the ids.
//! Also leaves the page in the target folder, to be looked at. Must never need a database or a browser.
#![cfg(feature = "ssr")]

use std::collections::BTreeSet;

use app::components::{Toaster, TooltipLayer, provide_toasts};
use app::pages::DesignPage;
use leptos::prelude::*;

const SPRITE: &str = include_str!("../../style/public/icons.svg");

fn page() -> String {
    let owner = Owner::new();
    owner.with(|| {
        provide_toasts();
        view! {
            <main class="main">
                <DesignPage/>
            </main>
            <Toaster/>
            <TooltipLayer/>
        }
        .to_html()
    })
}

/// The values of an attribute, in document order.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    html.split(&start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn the_server_writes_no_style_attribute() {
    assert_eq!(values(&page(), "style"), [] as [&str; 0]);
}

#[test]
fn every_icon_is_in_the_sprite() {
    let html = page();
    let symbols: BTreeSet<&str> = values(SPRITE, "id").into_iter().collect();
    let missing: BTreeSet<&str> = values(&html, "href")
        .into_iter()
        .filter_map(|href| href.strip_prefix("/icons.svg#"))
        .filter(|symbol| !symbols.contains(symbol))
        .collect();
    assert!(missing.is_empty(), "not in style/public/icons.svg: {missing:?}");
}

#[test]
fn ids_are_unique_and_labels_lead_to_them() {
    let html = page();
    let all = values(&html, "id");
    let ids: BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(ids.len(), all.len(), "an id is used twice");
    for wired in ["for", "aria-describedby", "aria-labelledby", "aria-controls", "popovertarget"] {
        for value in values(&html, wired) {
            for id in value.split(' ') {
                assert!(ids.contains(id), "{wired}={id:?} leads nowhere");
            }
        }
    }
}

/// What stands on a canvas page alone: there it has its panel, its graph and its window.
const ELSEWHERE: [&str; 4] = ["ContextMenu", "LeftClose", "LeftToggle", "PanelHandle"];

/// The names of all components of the design system.
fn components() -> BTreeSet<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/components");
    let files = std::fs::read_dir(folder).expect("the sources are beside the test");
    let texts = files.filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok());
    texts
        .flat_map(|text| {
            let names = text.split("#[component]").skip(1).filter_map(|part| {
                let name = part.trim_start().strip_prefix("pub fn ")?;
                Some(name.split(['(', '<']).next()?.to_owned())
            });
            names.collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_component_stands_on_the_page_under_its_name() {
    let html = page();
    let headings = html.split("<h3").skip(1).filter_map(|rest| rest.split("</h3>").next());
    let named: BTreeSet<&str> = headings.flat_map(|text| text.split(|c: char| !c.is_alphanumeric())).collect();
    let all = components();
    assert!(all.len() > 40, "these are read from the sources: {all:?}");
    let missing: Vec<&String> =
        all.iter().filter(|name| !named.contains(name.as_str()) && !ELSEWHERE.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "not on /design: {missing:?}");
}

#[test]
fn two_renders_are_alike() {
    assert_eq!(page(), page());
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("design.html");
    let head = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/weft.css\"><body>";
    std::fs::write(file, format!("{head}{}", page())).expect("the target folder is writable");
}
