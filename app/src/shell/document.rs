//! The HTML document around the app. Its one script starts the WASM and carries the nonce of the request.
//! Must never hold an inline style or a script without that nonce: the content policy forbids both.

use leptos::prelude::*;
use leptos_meta::MetaTags;

use crate::{app::App, prefs};

pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=prefs::theme_of_request().attribute()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="description" content="Weft runs workflows of AI agents and keeps you in control of them"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href="/pkg/weft.css"/>
                <AutoReload options=options.clone()/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}
