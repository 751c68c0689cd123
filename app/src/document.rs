//! The HTML document around the app. Its two scripts start the WASM and keep the way clear for it; they carry the nonce of the request.
//! Must never hold an inline style or a script without that nonce: the content policy forbids both.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::MetaTags;

use crate::{app::App, prefs, site};

/// What extensions of the browser have put into the page since it was read, such as the button of a password manager beside its field, is
/// set aside while the page is taken over, which walks what the server has sent node by node and would stop at any other. Afterwards it
/// stands where it stood. A script of its own, which is there before anything can be put in: the one that starts the WASM may come later.
/// Taken over before all of the page was told to be there, it looks at nothing any more: what the app adds is not to be kept.
const SET_ASIDE: &str = "const added = [], note = records => records.forEach(record => added.push(...record.addedNodes)); \
    const watch = new MutationObserver(note); \
    const look = () => watch.observe(document.body, {childList: true, subtree: true}); \
    document.addEventListener('DOMContentLoaded', look); \
    const setAside = () => { \
        document.removeEventListener('DOMContentLoaded', look); \
        note(watch.takeRecords()); \
        watch.disconnect(); \
        const places = added.filter(node => node.isConnected).map(node => { \
            const place = [node, node.parentNode, node.nextSibling]; \
            node.remove(); \
            return place; \
        }); \
        return () => places.reverse().forEach(([node, parent, next]) => \
            parent.insertBefore(node, next && next.parentNode === parent ? next : null)); \
    };";

pub fn shell(options: LeptosOptions) -> impl IntoView {
    let files = site::files();
    // It runs as soon as it is read, so that the bundle is compiled while the document still comes; all of it is there before it is taken
    // over. Names of the build, which hold nothing that a string of a script could end on.
    let start = format!(
        "const wasm = WebAssembly.compileStreaming(fetch({:?})); wasm.catch(() => {{}}); \
        const read = new Promise(done => document.readyState === 'loading' ? document.addEventListener('DOMContentLoaded', done) : done()); \
        import({:?}).then(weft => weft.default({{module_or_path: wasm}}).then(() => read).then(() => {{ \
            const putBack = setAside(); \
            return weft.hydrate().finally(putBack); \
        }}))",
        files.wasm, files.script
    );
    // A translation in place puts elements of its own where texts of the page were, and what the page changes is not seen any more: a run
    // would be "running" for ever. What agents have written stands still, and says that it may be translated.
    view! {
        <!DOCTYPE html>
        <html
            lang="en"
            translate="no"
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
                <script nonce=use_nonce()>{SET_ASIDE}</script>
                // After the names of the files of the page's part, which tell it where they are.
                <script type="module" r#async=true nonce=use_nonce()>{start}</script>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}
