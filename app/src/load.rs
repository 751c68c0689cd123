//! What a page shows when its data does not come: what happened, and the way on.
//! Must look alike for what is missing and for what is not ours to see.

use leptos::prelude::*;
use workflow::api::ErrorCode;

use crate::{
    components::{Button, Size},
    error::AppError,
    form::ErrorBanner,
    pages::NotFound,
    session::use_session,
    shell::Page,
};

/// A whole page in place of the one that failed.
#[component]
pub fn PageFailed(error: AppError, #[prop(into)] on_retry: Callback<()>) -> impl IntoView {
    if error.code() == ErrorCode::NotFound {
        return view! { <NotFound/> }.into_any();
    }
    view! {
        <Page title="Something went wrong">
            <div class="page">
                <PartFailed error on_retry/>
            </div>
        </Page>
    }
    .into_any()
}

/// A part of a page in place of the one that failed.
#[component]
pub fn PartFailed(error: AppError, #[prop(into)] on_retry: Callback<()>) -> impl IntoView {
    let session = use_session();
    let noted = error.clone();
    Effect::new(move || session.note(&noted));
    view! {
        <ErrorBanner
            error
            action=move || {
                view! {
                    <Button size=Size::Sm icon="refresh-cw" on:click=move |_| on_retry.run(())>
                        "Try again"
                    </Button>
                }
            }
        />
    }
}
