//! The HTML document around the app. Its one script starts the WASM and carries the nonce of the request.
//! Must never hold an inline style or a script without that nonce: the content policy forbids both.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::MetaTags;

use crate::{app::App, prefs, site};

pub fn shell(options: LeptosOptions) -> impl IntoView {
    let files = site::files();
    // It runs as soon as it is read, so that the bundle is compiled while the document still comes; all of it is there before it is taken
    // over. Names of the build, which hold nothing that a string of a script could end on.
    let start = format!(
        "const wasm = WebAssembly.compileStreaming(fetch({:?})); wasm.catch(() => {{}}); \
        const read = new Promise(done => document.readyState === 'loading' ? document.addEventListener('DOMContentLoaded', done) : done()); \
        import({:?}).then(weft => weft.default({{module_or_path: wasm}}).then(() => read).then(() => weft.hydrate()))",
        files.wasm, files.script
    );
    view! {
        <!DOCTYPE html>
        <html
            lang="en"
            data-theme=prefs::theme_of_request().attribute()
            data-icons=site::icons()
            data-favicon=site::favicon()
        >
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="description" content="Weft runs workflows of AI agents and keeps you in control of them"/>
                <link rel="icon" href=site::favicon() type="image/svg+xml"/>
                <link rel="stylesheet" href=files.style.clone()/>
                <AutoReload options/>
                <link rel="modulepreload" href=files.script.clone()/>
                <link rel="preload" href=files.wasm.clone() r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
                <MetaTags/>
                // After the names of the files of the page's part, which tell it where they are.
                <script type="module" r#async=true nonce=use_nonce()>{start}</script>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}
