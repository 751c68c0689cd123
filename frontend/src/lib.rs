//! The entry of the browser: takes over the page that the server has rendered. Must hold nothing else.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
pub fn hydrate() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        app::crash::tell();
    }));
    leptos::mount::hydrate_body(app::App);
    app::hydration::over();
}
