//! What tells the stage to look again: its size, the theme, how a person wants things to look and move, and the fonts.
//! Must take every listener down with it.

use leptos::{ev, leptos_dom::helpers::WindowListenerHandle, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{HtmlCanvasElement, MediaQueryList, MutationObserver, MutationObserverInit, ResizeObserver};

use super::theme::{REDUCED_MOTION, media};

/// What changes how everything looks or moves.
const LOOKS: [&str; 4] =
    ["(prefers-color-scheme: dark)", "(prefers-contrast: more)", "(forced-colors: active)", REDUCED_MOTION];

/// Everything that tells the stage to look again.
pub(super) struct Watchers {
    resize: ResizeObserver,
    _on_resize: Closure<dyn FnMut()>,
    attributes: MutationObserver,
    looks: Vec<MediaQueryList>,
    on_theme: Closure<dyn FnMut()>,
    window_resize: Option<WindowListenerHandle>,
}

impl Watchers {
    /// `resized` is called when something may have another size, `changed` when everything looks another way.
    pub(super) fn new(
        canvas: &HtmlCanvasElement,
        resized: impl Fn() + Copy + 'static,
        changed: impl Fn() + Copy + 'static,
    ) -> Option<Self> {
        let on_resize = Closure::<dyn FnMut()>::new(resized);
        let resize = ResizeObserver::new(on_resize.as_ref().unchecked_ref()).ok()?;
        resize.observe(canvas);

        let on_theme = Closure::<dyn FnMut()>::new(changed);
        let attributes = MutationObserver::new(on_theme.as_ref().unchecked_ref()).ok()?;
        let options = MutationObserverInit::new();
        options.set_attributes(true);
        options.set_attribute_filter(&js_sys::Array::of1(&"data-theme".into()));
        let root: web_sys::Node = document().document_element()?.into();
        attributes.observe_with_options(&root, &options).ok()?;
        let looks: Vec<MediaQueryList> = LOOKS.into_iter().filter_map(media).collect();
        for look in &looks {
            look.add_event_listener_with_callback("change", on_theme.as_ref().unchecked_ref()).ok()?;
        }
        // Texts were measured with the fallback font until the real one is there.
        if let Ok(ready) = document().fonts().ready() {
            wasm_bindgen_futures::spawn_local(async move {
                // The promise never fails; and without it texts are merely cut a little wrong.
                let _ = wasm_bindgen_futures::JsFuture::from(ready).await;
                changed();
            });
        }
        // The pixel ratio changes with the browser's zoom, which resizes the window but not always the canvas.
        let window_resize = Some(window_event_listener(ev::resize, move |_| resized()));
        Some(Self { resize, _on_resize: on_resize, attributes, looks, on_theme, window_resize })
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        self.resize.disconnect();
        self.attributes.disconnect();
        for look in &self.looks {
            // It was added, so it can be removed.
            let _ = look.remove_event_listener_with_callback("change", self.on_theme.as_ref().unchecked_ref());
        }
        if let Some(listener) = self.window_resize.take() {
            listener.remove();
        }
    }
}
