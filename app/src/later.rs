//! Program that is fetched when it is first needed, so that a first visit loads what it shows: whoever has some names it by the macro,
//! with the part that it belongs to. Must show nothing: views wait for it in `behind`.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local, wasm_split::SplitLoaderError};

use crate::reactive::effect;

/// What a part gives: a function alone, so that it is fetched once and shown as often as wanted.
pub type Fetched<V> = Result<V, SplitLoaderError>;
/// A view of something that is cheap to copy.
pub type View<A> = fn(A) -> AnyView;

macro_rules! later {
    ($($part:ident: $vis:vis $name:ident, $type:ty, $view:expr;)*) => {$(
        #[cfg(split_wasm)]
        #[leptos::wasm_split::wasm_split($part, wasm_split_path = leptos::wasm_split, fallible)]
        $vis fn $name() -> $crate::later::Fetched<$type> {
            Ok($view)
        }

        // On the server, and in a bundle that is whole, it is there already.
        #[cfg(not(split_wasm))]
        $vis fn $name() -> std::future::Ready<$crate::later::Fetched<$type>> {
            std::future::ready(Ok($view))
        }
    )*};
}
pub(crate) use later;

/// So long after a part did not come it is asked for again.
pub(crate) const AGAIN: Duration = Duration::from_secs(3);

/// For what is shown often or shows nothing of its own meanwhile: what the part gives, once it is there. It is asked for until it comes.
pub fn soon<V, F>(part: fn() -> F) -> Signal<Option<V>>
where
    V: Copy + Send + Sync + 'static,
    F: Future<Output = Fetched<V>> + 'static,
{
    let found = RwSignal::new(None::<V>);
    effect(move || ask(part, found));
    found.into()
}

/// The same for what is of use only once something is pressed or changed: it is asked for when the page has been drawn, which fetching and
/// compiling it beside all else would make late.
pub fn once_drawn<V, F>(part: fn() -> F) -> Signal<Option<V>>
where
    V: Copy + Send + Sync + 'static,
    F: Future<Output = Fetched<V>> + 'static,
{
    let found = RwSignal::new(None::<V>);
    // The first frame is drawn after its callbacks, so it is over with the second one.
    effect(move || request_animation_frame(move || request_animation_frame(move || ask(part, found))));
    found.into()
}

fn ask<V, F>(part: fn() -> F, found: RwSignal<Option<V>>)
where
    V: Copy + Send + Sync + 'static,
    F: Future<Output = Fetched<V>> + 'static,
{
    spawn_local(async move {
        match part().await {
            Ok(value) => drop(found.try_set(Some(value))),
            // Whoever waited may be gone.
            Err(_) if found.is_disposed() => {}
            Err(_) => set_timeout(move || ask(part, found), AGAIN),
        }
    });
}
