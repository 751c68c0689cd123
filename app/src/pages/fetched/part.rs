//! What the pages of every part share: the route that fetches its part, the names of the part's files in the document, and what is
//! shown when they do not come. Must name no page.

use futures::channel::oneshot;
use leptos::prelude::*;

use crate::{
    components::Empty,
    crash, hydration,
    later::{AGAIN, Fetched},
    link::{Link, use_link},
    reactive::effect_with,
    shell::Page,
};

/// Pages of one part come together: who opens one of them will most likely open another.
macro_rules! fetched {
    ($($part:ident: $route:ident, $page:ident, $load:ident, $view:expr;)*) => {$(
        #[cfg(split_wasm)]
        #[leptos::wasm_split::wasm_split($part, wasm_split_path = leptos::wasm_split, fallible, preload($load))]
        fn $page() -> Result<leptos::prelude::AnyView, leptos::wasm_split::SplitLoaderError> {
            Ok($view)
        }

        // On the server, and in a bundle that is whole, the page is there already.
        #[cfg(not(split_wasm))]
        fn $page() -> std::future::Ready<Result<leptos::prelude::AnyView, leptos::wasm_split::SplitLoaderError>> {
            std::future::ready(Ok($view))
        }

        #[cfg(not(split_wasm))]
        fn $load() -> std::future::Ready<Result<(), leptos::wasm_split::SplitLoaderError>> {
            std::future::ready(Ok(()))
        }

        pub struct $route;

        impl leptos_router::LazyRoute for $route {
            fn data() -> Self {
                Self
            }

            async fn preload() {
                $crate::pages::fetched::part::ahead($load).await;
            }

            async fn view(_: Self) -> leptos::prelude::AnyView {
                #[cfg(feature = "ssr")]
                $crate::pages::fetched::part::name_files(stringify!($part));
                $page().await.unwrap_or_else(|_| $crate::pages::fetched::part::not_fetched())
            }
        }
    )*};
}
pub(super) use fetched;

/// Names the files of a part in the head of the document, so that the browser fetches them beside the bundle and not after it.
#[cfg(feature = "ssr")]
pub(super) fn name_files(part: &str) {
    use leptos_meta::Link;

    for href in crate::site::files().parts.get(part).into_iter().flatten().cloned() {
        let kind = href.rsplit('.').next().unwrap_or_default().to_owned();
        // Drawing a link adds it to the head; there is nothing to show.
        match kind.as_str() {
            "js" => view! { <Link rel="modulepreload" href/> }.to_html(),
            "wasm" => view! { <Link rel="preload" href as_="fetch" type_="application/wasm" crossorigin="anonymous"/> }
                .to_html(),
            // All of the part in one file, of no kind of its own.
            _ => view! { <Link rel="preload" href as_="fetch" crossorigin="anonymous"/> }.to_html(),
        };
    }
}

/// Fetches a part before its page is drawn. What fails in a page that is in use is asked for once more by its view, which shows it. While
/// the page stands as the server sent it, it is asked for until it comes: to take it over by the page that says what did not come, which
/// is another one, would stop the program.
pub(super) async fn ahead<F: Future<Output = Fetched<()>>>(load: fn() -> F) {
    if load().await.is_ok() || hydration::is_over() {
        return;
    }
    crash::tell_waiting();
    loop {
        pause().await;
        if load().await.is_ok() {
            break;
        }
    }
    crash::waited();
}

async fn pause() {
    let (over, is_over) = oneshot::channel::<()>();
    let tell = move || {
        // The receiver is gone where nobody waits any more.
        let _ = over.send(());
    };
    set_timeout(tell, AGAIN);
    // Without a timer it goes on at once.
    let _ = is_over.await;
}

/// The network failed, or the server was updated while this document was open.
pub(super) fn not_fetched() -> AnyView {
    // There is nothing on this page to lose: once the connection is back, it is asked for without a press.
    let link = use_link();
    effect_with(move |was_lost: Option<bool>| {
        let is_lost = link.is_some_and(Link::is_lost);
        if was_lost == Some(true) && !is_lost {
            // Where the browser refuses, the link below is still there.
            let _ = window().location().reload();
        }
        is_lost
    });
    view! {
        <Page title="Page not loaded">
            <div class="page">
                <h1 class="visually-hidden">"Page not loaded"</h1>
                <Empty
                    icon="circle-alert"
                    title="This page could not be loaded"
                    text="The connection failed, or Weft was updated while this tab was open."
                >
                    // Not the router's: the whole document is asked for again.
                    <a class="btn" data-variant="primary" href="" rel="external">
                        <span class="btn-label">"Load it again"</span>
                    </a>
                </Empty>
            </div>
        </Page>
    }
    .into_any()
}
