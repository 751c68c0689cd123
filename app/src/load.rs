//! What a page shows when its data does not come: what happened, and the way on.
//! Must look alike for what is missing and for what is not ours to see.

use std::sync::Arc;

use leptos::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use workflow::api::ErrorCode;

use crate::reactive::{effect, effect_with};
use crate::{
    components::{Button, Empty, Size},
    error::AppError,
    form::ErrorBanner,
    link::{Link, use_link},
    session::use_session,
};

/// A new sign-in fetches again what failed, and only that: what is being filled in on the page must stay.
pub fn refetch_after_sign_in<T>(resource: Resource<T>, has_failed: impl Fn(&T) -> bool + Send + Sync + 'static)
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let session = use_session();
    effect_with(move |before: Option<u32>| {
        let epoch = session.epoch();
        let is_new = before.is_some_and(|before| before != epoch);
        if is_new && resource.with_untracked(|known| known.as_ref().is_some_and(&has_failed)) {
            resource.refetch();
        }
        epoch
    });
}

/// What a resource brings, once it is there; until then what stands in its place, and where it fails the way to ask again.
#[component]
pub fn Loaded<T, F, V>(
    of: Resource<Result<T, AppError>>,
    #[prop(into)] fallback: ViewFnOnce,
    /// Draws what came.
    children: F,
) -> impl IntoView
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Fn(T) -> V + Send + Sync + 'static,
    V: IntoView + 'static,
{
    loaded(of, fallback, Arc::new(move |known: T| children(known).into_any()))
}

/// Compiled once for each type that is loaded, not for each place where it is drawn.
fn loaded<T>(
    of: Resource<Result<T, AppError>>,
    fallback: ViewFnOnce,
    draw: Arc<dyn Fn(T) -> AnyView + Send + Sync>,
) -> AnyView
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let part = move || {
        let draw = Arc::clone(&draw);
        Suspend::new(async move {
            match of.await {
                Ok(known) => draw(known),
                Err(error) => view! { <PartFailed error on_retry=move |()| of.refetch()/> }.into_any(),
            }
        })
    };
    view! { <Transition fallback>{part}</Transition> }.into_any()
}

/// A part of a page in place of the one that failed.
#[component]
pub fn PartFailed(error: AppError, #[prop(into)] on_retry: Callback<()>) -> impl IntoView {
    let session = use_session();
    let noted = error.clone();
    effect(move || session.note(&noted));
    // Once its cause is gone it is fetched again, without a press.
    let (is_signed_out, is_unreachable) = (error.is_signed_out(), error.code() == ErrorCode::Unavailable);
    effect_with(move |before: Option<u32>| {
        let epoch = session.epoch();
        if is_signed_out && before.is_some_and(|before| before != epoch) {
            on_retry.run(());
        }
        epoch
    });
    let link = use_link();
    effect_with(move |was_lost: Option<bool>| {
        let is_lost = link.is_some_and(Link::is_lost);
        if is_unreachable && was_lost == Some(true) && !is_lost {
            on_retry.run(());
        }
        is_lost
    });
    view! {
        <ErrorBanner
            error
            action=move || {
                view! {
                    <Button size=Size::Sm icon="refresh-cw" on_click=move |()| on_retry.run(())>
                        "Try again"
                    </Button>
                }
            }
        />
    }
}

/// In place of a list whose filter was refused: the fields say what is wrong with it.
#[component]
pub fn NothingLookedFor() -> impl IntoView {
    view! {
        <Empty
            icon="funnel"
            framed=true
            title="Nothing was looked for"
            text="Put right what the filter says, or clear it."
        />
    }
}
