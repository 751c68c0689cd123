//! The entry of the browser: takes over the page that the server has rendered. Must hold nothing else.

use leptos::{mount::hydrate_from_async, tachys::dom::body};
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
pub async fn hydrate() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        app::crash::tell();
    }));
    app::crash::watch();
    // Asynchronous, since the page may stand in a part of the program that has to be fetched first.
    hydrate_from_async(body(), app::App).await.forget();
    app::hydration::over();
}
