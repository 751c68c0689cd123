//! A whole page in place of the one whose data did not come. Must look alike for what is missing and for what is not ours to see.

use leptos::prelude::*;
use workflow::api::ErrorCode;

use crate::{error::AppError, load::PartFailed, pages::NotFound, shell::Page};

#[component]
pub fn PageFailed(error: AppError, #[prop(into)] on_retry: Callback<()>) -> impl IntoView {
    if error.code() == ErrorCode::NotFound {
        return view! { <NotFound/> }.into_any();
    }
    view! {
        <Page title="Something went wrong">
            <div class="page">
                <h1 class="visually-hidden">"Something went wrong"</h1>
                <PartFailed error on_retry/>
            </div>
        </Page>
    }
    .into_any()
}
