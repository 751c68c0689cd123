//! The system's clipboard and the canvas, by the browser's own events, which need no permission: wherever on the page one is not typing.
//! What is copied in a field, or as selected text, stays the browser's.

use canvas::{Clip, clip::Unreadable};
use leptos::{ev, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::ClipboardEvent;

use super::draft::Draft;
use crate::{
    components::{copy_text, is_typing},
    error::AppError,
    later::later,
    reactive::effect,
};

const TEXT: &str = "text/plain";

later! {
    more: reader, fn(&str) -> Result<Clip, Unreadable>, Clip::read;
}

impl Draft {
    pub(super) fn follow_clipboard(self) {
        effect(move || {
            let listeners = [
                window_event_listener(ev::copy, move |event| self.put(&event, false)),
                window_event_listener(ev::cut, move |event| self.put(&event, true)),
                window_event_listener(ev::paste, move |event| self.take(&event)),
            ];
            on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
        });
    }

    fn put(self, event: &ClipboardEvent, is_cut: bool) {
        if !is_for_the_canvas(event) || is_text_selected(event) {
            return;
        }
        let (Some(text), Some(clipboard)) = (self.handle.copied(self.id), event.clipboard_data()) else { return };
        if clipboard.set_data(TEXT, &text).is_err() {
            self.handle.say_over("The browser did not take the steps".to_owned());
            return;
        }
        event.prevent_default();
        if is_cut {
            self.handle.cut();
        }
    }

    fn take(self, event: &ClipboardEvent) {
        if !is_for_the_canvas(event) {
            return;
        }
        let text = event.clipboard_data().and_then(|clipboard| clipboard.get_data(TEXT).ok()).unwrap_or_default();
        event.prevent_default();
        spawn_local(self.paste(text));
    }

    async fn paste(self, text: String) {
        let Ok(read) = reader().await else {
            self.handle.say_over(AppError::not_fetched().0.detail);
            return;
        };
        match read(&text) {
            Ok(clip) => self.handle.paste(&clip, self.id),
            Err(unreadable) => self.handle.say_over(unreadable.to_string()),
        }
    }

    /// From the menu: what is selected goes to the clipboard, and away if it is cut.
    pub(super) fn copy_by_menu(self, is_cut: bool) {
        self.copy_by_menu_then(is_cut, || {});
    }

    /// The same; what was cut is gone by then.
    pub(super) fn copy_by_menu_then(self, is_cut: bool, then: impl FnOnce() + 'static) {
        let Some(text) = self.handle.copied(self.id) else { return };
        spawn_local(async move {
            if !copy_text(&text).await {
                let keys = if is_cut { "Ctrl X" } else { "Ctrl C" };
                self.handle.say_over(format!("This browser lets no menu copy: press {keys}"));
            } else if is_cut {
                self.handle.cut();
                then();
            }
        });
    }

    /// From the menu, which a browser may forbid: then the key does it.
    pub(super) fn paste_by_menu(self) {
        spawn_local(async move {
            match read_text().await {
                Some(text) => self.paste(text).await,
                None => self.handle.say_over("This browser lets no menu read the clipboard: press Ctrl V".to_owned()),
            }
        });
    }
}

async fn read_text() -> Option<String> {
    if !window().is_secure_context() {
        return None;
    }
    let promise = window().navigator().clipboard().read_text();
    wasm_bindgen_futures::JsFuture::from(promise).await.ok()?.as_string()
}

fn is_for_the_canvas(event: &ClipboardEvent) -> bool {
    let has_dialog = matches!(document().query_selector("dialog[open]"), Ok(Some(_)));
    !event.default_prevented() && !has_dialog && !is_typing(event)
}

/// Text that somebody marked on the page goes before the steps; but not once the keyboard is back on the canvas.
fn is_text_selected(event: &ClipboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let is_on_canvas = target.is_some_and(|target| matches!(target.closest(".canvas-mirror"), Ok(Some(_))));
    let selection = window().get_selection().ok().flatten();
    !is_on_canvas && selection.is_some_and(|selection| !selection.is_collapsed())
}
