//! What a person sees when the WASM program has panicked: a page that no longer answers must say so.
//! Must not use the reactive system, which may be what broke.

use leptos::prelude::document;

/// Puts a notice over the page; called by the panic hook.
pub fn tell() {
    // Without a document there is nobody to tell.
    let _ = notice();
}

fn notice() -> Option<()> {
    let document = document();
    let body = document.body()?;
    if document.get_element_by_id("crashed").is_some() {
        return None;
    }
    let banner = document.create_element("div").ok()?;
    banner.set_id("crashed");
    banner.set_class_name("banner crash-notice");
    banner.set_attribute("data-kind", "error").ok()?;
    banner.set_attribute("role", "alert").ok()?;
    let text = document.create_element("div").ok()?;
    text.set_class_name("banner-text");
    text.set_text_content(Some("This page stopped working because of a fault in it. What the server confirmed is kept. Copy what you typed, then "));
    let link = document.create_element("a").ok()?;
    link.set_text_content(Some("load the page again"));
    link.set_attribute("href", "").ok()?;
    link.set_attribute("rel", "external").ok()?;
    text.append_child(&link).ok()?;
    banner.append_child(&text).ok()?;
    body.append_child(&banner).ok()?;
    Some(())
}
