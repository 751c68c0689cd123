//! Views that stand behind a press or a tab and whose program is fetched then, or a little ahead of it.
//! Must hold no such view: those who have one give it, by `later!`.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};

use crate::{
    components::{Skeleton, SkeletonKind, use_toasts},
    error::AppError,
    later::{Fetched, View},
    load::PartFailed,
    reactive::effect,
};

/// So long after what a visit shows is there, what it may show next is fetched, so that no press has to wait for it.
const AHEAD: Duration = Duration::from_millis(1_500);
/// So long a press waits for a part that does not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A part of a page, in its place, with what is shown until it is there.
#[component]
pub fn Later<A, F>(
    /// Fetches it.
    part: fn() -> F,
    of: A,
) -> impl IntoView
where
    A: Copy + Send + Sync + 'static,
    F: Future<Output = Fetched<View<A>>> + 'static,
{
    let found = RwSignal::new(None::<Option<View<A>>>);
    let fetch = move || {
        spawn_local(async move {
            let view = part().await.ok();
            found.try_set(Some(view));
        });
    };
    effect(fetch);
    move || match found.get() {
        None => view! { <Skeleton kind=SkeletonKind::Row/> }.into_any(),
        Some(Some(view)) => view(of),
        Some(None) => view! { <PartFailed error=AppError::not_fetched() on_retry=move |()| fetch()/> }.into_any(),
    }
}

/// Dialogs, which are nowhere until they are there, and are fetched ahead.
#[component]
pub fn LaterDialogs<A, F>(
    part: fn() -> F,
    of: A,
    /// Whether one of them was asked for.
    #[prop(into)]
    wanted: Signal<bool>,
    /// They do not come: nothing is asked for any more.
    #[prop(into)]
    on_failure: Callback<()>,
) -> impl IntoView
where
    A: Copy + Send + Sync + 'static,
    F: Future<Output = Fetched<View<A>>> + 'static,
{
    let found = RwSignal::new(None::<View<A>>);
    let toasts = use_toasts();
    let is_there = move || found.try_get_untracked().is_none_or(|found| found.is_some());
    let give_up = move || {
        if !is_there() && wanted.try_get_untracked() == Some(true) {
            toasts.error(AppError::not_fetched().0.detail);
            on_failure.run(());
        }
    };
    let fetch = move || {
        spawn_local(async move {
            match part().await {
                Ok(view) => drop(found.try_set(Some(view))),
                Err(_) => give_up(),
            }
        });
    };
    // Of the presses: the patience with one that was given up says nothing of the next.
    let turn = StoredValue::new(0_u32);
    effect(move || {
        if wanted.get() && !is_there() {
            let mine = turn.get_value().wrapping_add(1);
            turn.set_value(mine);
            fetch();
            let lose_patience = move || {
                if turn.try_get_value() == Some(mine) {
                    give_up();
                }
            };
            set_timeout(lose_patience, PATIENCE);
        }
    });
    effect(move || {
        set_timeout(
            move || {
                if !is_there() {
                    fetch();
                }
            },
            AHEAD,
        );
    });
    move || found.get().map(|view| view(of))
}
