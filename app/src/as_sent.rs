//! A part of a page whose HTML comes with it: it stands as the server sent it, to be read, until its program is there. So a first visit
//! loads no program for it. Must lose nothing of what somebody did there meanwhile, nor go on showing what is not looked at any more.

mod left;

use std::time::Duration;

use leptos::{
    either::Either,
    html,
    prelude::*,
    task::{spawn_local, tick},
};

use self::left::Left;
use crate::{
    crash,
    hydration::{self, Standing},
    later::{Fetched, View, soon},
    reactive::effect,
};

/// So long nothing is said of a part that does not come.
const PATIENCE: Duration = Duration::from_secs(8);

#[component]
pub fn AsSent<A, F>(
    /// Fetches its program.
    part: fn() -> F,
    of: A,
    /// Whether what the server sent shows what is looked at.
    #[prop(into)]
    holds: Signal<bool>,
    /// What stands there once it does not, and where the server sent nothing, until the program comes.
    #[prop(into)]
    fallback: ViewFn,
) -> impl IntoView
where
    A: Copy + Send + Sync + 'static,
    F: Future<Output = Fetched<View<A>>> + 'static,
{
    let taken = RwSignal::new(at_once(part));
    let is_missing = taken.with_untracked(Option::is_none);
    let is_sent = RwSignal::new(is_missing && !hydration::is_over());
    let node = NodeRef::<html::Div>::new();
    if is_missing {
        let standing = StoredValue::new(is_sent.get_untracked().then(Standing::begin));
        let place = Place { taken, is_sent, node, standing };
        let came = soon(part);
        effect(move || {
            if let Some(draw) = came.get() {
                // Not before: what is made anew would take what came with the page for something else.
                hydration::once_over(move || spawn_local(take_over(place, draw)));
            }
        });
        effect(move || {
            if !holds.get() {
                is_sent.set(false);
            }
        });
        say_if_late(place);
    }
    let drawn = move || match taken.get() {
        Some(draw) => Either::Left(view! { <div class="as-sent">{draw(of)}</div> }.into_any()),
        // What is in it is not touched: to take it over is to leave it as it is.
        None if is_sent.get() => {
            Either::Right(view! { <div class="as-sent" inner_html=String::new()></div> }.into_any())
        }
        None => Either::Right(fallback.run()),
    };
    view! { <div class="as-sent" node_ref=node>{drawn}</div> }
}

/// On the server, and in a bundle that is whole, it is there already.
#[cfg(not(split_wasm))]
fn at_once<V, F: Future<Output = Fetched<V>>>(part: fn() -> F) -> Option<V> {
    use futures::FutureExt as _;

    part().now_or_never()?.ok()
}

/// It is asked for by what waits for it: to ask and not to wait would end the fetch.
#[cfg(split_wasm)]
fn at_once<V, F: Future<Output = Fetched<V>>>(_: fn() -> F) -> Option<V> {
    None
}

#[derive(Clone, Copy)]
struct Place<A: 'static> {
    /// How it is drawn, once it is taken over.
    taken: RwSignal<Option<View<A>>>,
    /// It stands as the server sent it.
    is_sent: RwSignal<bool>,
    node: NodeRef<html::Div>,
    standing: StoredValue<Option<Standing>>,
}

async fn take_over<A: Copy + 'static>(place: Place<A>, draw: View<A>) {
    let root = move || place.node.try_get_untracked().flatten();
    let was_sent = place.is_sent.try_get_untracked() == Some(true);
    let left = root().filter(|_| was_sent).and_then(|root| Left::in_place(&root));
    place.taken.try_set(Some(draw));
    // It is drawn by a task that waits already, and fields are filled by those that this one begins.
    tick().await;
    tick().await;
    if let (Some(left), Some(root)) = (left, root()) {
        left.give_back(&root);
    }
    place.standing.try_update_value(|standing| *standing = None);
}

/// It is taken back once all of the page answers, or whatever did not come is looked at no more.
fn say_if_late<A: Copy + 'static>(place: Place<A>) {
    let is_standing = move || place.standing.try_with_value(Option::is_some) == Some(true);
    effect(move || {
        let say = move || {
            if is_standing() {
                crash::tell_waiting();
            }
        };
        if let Ok(timer) = set_timeout_with_handle(say, PATIENCE) {
            on_cleanup(move || timer.clear());
        }
    });
}
