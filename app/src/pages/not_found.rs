//! The page that is not there, or not for this person: the two look alike.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    components::{Empty, LinkButton, Variant},
    session::use_session,
    shell::{Frame, Page},
};

/// For paths that no route knows, with the frame around it when somebody is signed in.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    if use_session().user_untracked().is_some() {
        return view! { <Frame><NotFound/></Frame> }.into_any();
    }
    answer_404();
    view! {
        <Title text="Page not found"/>
        <main class="auth" id="main">
            <h1 class="visually-hidden">"Page not found"</h1>
            <Empty icon="search" title="Page not found" text="There is nothing at this address.">
                <LinkButton href="/login" variant=Variant::Primary>"Sign in"</LinkButton>
            </Empty>
        </main>
    }
    .into_any()
}

/// Inside the frame.
#[component]
pub fn NotFound() -> impl IntoView {
    answer_404();
    view! {
        <Page title="Page not found">
            <div class="page">
                <h1 class="visually-hidden">"Page not found"</h1>
                <Empty
                    icon="search"
                    title="Page not found"
                    text="It may have been removed, or it is not yours to see. Check the address, or go back to your dashboard."
                >
                    <LinkButton href="/dashboard" variant=Variant::Primary>"Go to the dashboard"</LinkButton>
                </Empty>
            </div>
        </Page>
    }
}

/// To everybody else an admin's page is not there; the server answers its functions alike.
pub(super) fn for_admins<P: IntoView + 'static>(page: impl Fn() -> P) -> AnyView {
    // Untracked: signing in again must not draw a page anew that holds unsaved work.
    if untrack(|| use_session().is_admin()) { page().into_any() } else { view! { <NotFound/> }.into_any() }
}

fn answer_404() {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(http::StatusCode::NOT_FOUND);
    }
}
