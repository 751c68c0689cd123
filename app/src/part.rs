//! What is fetched only once it is wanted: a piece of the page whose program is a part of its own, as palettes and large dialogs are.
//! Until it is there, its place is held; where it does not come, that is said, with the way to ask again.

use std::{future::Future, pin::Pin, sync::Mutex};

use leptos::{prelude::*, reactive::spawn_local_scoped_with_cancellation, wasm_split::SplitLoaderError};

use crate::{
    components::{Banner, Button, Kind, Size, Skeleton},
    reactive::effect,
};

pub type Fetching = Pin<Box<dyn Future<Output = Result<AnyView, SplitLoaderError>>>>;

/// A function that fetches the part and draws the view: `part!(part: view, load, fetch, ...)`. The view takes what it needs from the context.
macro_rules! part {
    ($part:ident: $view:ident, $load:ident, $fetch:ident, $body:expr) => {
        #[cfg(split_wasm)]
        #[leptos::wasm_split::wasm_split($part, wasm_split_path = leptos::wasm_split, fallible, preload($load))]
        fn $view() -> Result<leptos::prelude::AnyView, leptos::wasm_split::SplitLoaderError> {
            Ok($body)
        }

        #[cfg(split_wasm)]
        pub fn $fetch() -> $crate::part::Fetching {
            Box::pin(async {
                $load().await?;
                $view().await
            })
        }

        // On the server, and in a bundle that is whole, it is there already.
        #[cfg(not(split_wasm))]
        pub fn $fetch() -> $crate::part::Fetching {
            Box::pin(async { Ok($body) })
        }
    };
}
pub(crate) use part;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    There,
    Missing,
}

/// Draws a part as soon as it is fetched. It must never be drawn in a first render.
#[component]
pub fn Fetched(fetch: fn() -> Fetching) -> impl IntoView {
    let drawn = StoredValue::new(Mutex::new(None::<AnyView>));
    let state = RwSignal::new(State::Waiting);
    let n_asked = RwSignal::new(0_u32);
    effect(move || {
        n_asked.track();
        let fetching = async move {
            let answer = fetch().await;
            let is_there = answer.is_ok();
            drawn.try_update_value(|drawn| {
                if let (Ok(drawn), Ok(view)) = (drawn.get_mut(), answer) {
                    *drawn = Some(view);
                }
            });
            state.try_set(if is_there { State::There } else { State::Missing });
        };
        // What the view reads while it is drawn is nothing to fetch it again for.
        untrack(|| spawn_local_scoped_with_cancellation(fetching));
    });
    let again = move |()| {
        state.set(State::Waiting);
        n_asked.update(|n| *n += 1);
    };
    move || match state.get() {
        State::Waiting => view! { <div aria-busy="true"><Skeleton/></div> }.into_any(),
        State::There => {
            let view = drawn.try_update_value(|drawn| drawn.get_mut().ok().and_then(Option::take)).flatten();
            view.unwrap_or_else(|| ().into_any())
        }
        State::Missing => {
            let action = move || view! { <Button size=Size::Sm icon="refresh-cw" on_click=again>"Try again"</Button> };
            view! {
                <Banner kind=Kind::Error action>
                    "This could not be loaded: the connection failed, or Weft was updated while this tab was open."
                </Banner>
            }
            .into_any()
        }
    }
}
