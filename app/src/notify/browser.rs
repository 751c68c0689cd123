//! What the browser has of notices: its permission, and one that is shown.
//! Must never ask for permission by itself.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Notification, NotificationOptions, NotificationPermission};

use super::fresh::Words;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Permission {
    Missing,
    Unasked,
    Granted,
    Denied,
}

pub(super) fn permission() -> Permission {
    let window = window();
    // Plain http from another host has none; and where the name is missing, even reading from it fails.
    let is_there = window.is_secure_context() && js_sys::Reflect::has(&window, &"Notification".into()).unwrap_or(false);
    if !is_there {
        return Permission::Missing;
    }
    match Notification::permission() {
        NotificationPermission::Granted => Permission::Granted,
        NotificationPermission::Denied => Permission::Denied,
        _ => Permission::Unasked,
    }
}

/// Only on a press: browsers hold it against a site that asks unasked.
pub(super) async fn ask() -> Permission {
    if permission() == Permission::Unasked
        && let Ok(asked) = Notification::request_permission()
    {
        // Whatever it says, the browser is asked once more below.
        let _ = JsFuture::from(asked).await;
    }
    permission()
}

/// Shows one; `open` is called when it is pressed, in the tab that showed it, which comes to the front.
pub(super) fn show(words: &Words, open: impl Fn() + 'static) {
    let options = NotificationOptions::new();
    options.set_body(&words.body);
    options.set_tag(&words.tag);
    options.set_icon(crate::site::favicon());
    // Some phones show them for installed apps only, and say so with an error.
    let Ok(shown) = Notification::new_with_options(&words.title, &options) else { return };
    let pressed = shown.clone();
    let on_press = Closure::<dyn Fn()>::new(move || {
        // A browser that lets no page come to the front leaves it where it is.
        drop(window().focus());
        open();
        pressed.close();
    });
    shown.set_onclick(Some(on_press.as_ref().unchecked_ref()));
    // It may be pressed long after: the browser alone knows when it is gone.
    on_press.forget();
}
