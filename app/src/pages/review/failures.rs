//! What a panel or a dialog shows when a verb fails, or when what it needs does not come.
//! Must keep the form beside it as it is.

use leptos::prelude::*;

use crate::{
    error::AppError,
    form::{ErrorBanner, TryAgain},
    load::PartFailed,
};

/// An error of a verb beside its button. `again` where no button that repeats it stands beside.
#[component]
pub(in crate::pages) fn VerbError(
    error: Signal<Option<AppError>>,
    #[prop(optional, into)] again: Option<Callback<()>>,
) -> impl IntoView {
    move || {
        error.get().map(|error| match again {
            Some(again) => view! { <TryAgain error again/> }.into_any(),
            None => view! { <ErrorBanner error/> }.into_any(),
        })
    }
}

/// What a dialog needs did not come: asked for again by a press, and by signing in again.
#[component]
pub(in crate::pages) fn LoadError(
    error: RwSignal<Option<AppError>>,
    #[prop(into)] again: Callback<()>,
) -> impl IntoView {
    move || error.get().map(|error| view! { <PartFailed error on_retry=again/> })
}
