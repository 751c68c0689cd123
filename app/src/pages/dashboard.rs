//! /dashboard: the first of what waits for me, the workflows that I started last, my runs. Live without a reload.
//! Must never become a table of everything: it answers "what now?".

mod gallery;
mod run_list;
mod shared;
mod waits;

use leptos::prelude::*;

use self::{gallery::Gallery, run_list::Runs, shared::SharedRuns, waits::Waits};
use crate::{pages::stuck::StuckGates, session::use_session, shell::Page};

#[component]
pub fn DashboardPage() -> impl IntoView {
    view! {
        <Page title="Dashboard">
            <div class="page">
                <h1 class="visually-hidden">"Dashboard"</h1>
                // What may stand above the rest comes at once, and with the page: what is below it is moved once, or never.
                <Transition>
                    <Stuck/>
                    <Waits/>
                </Transition>
                <Gallery/>
                <Runs/>
                <SharedRuns/>
            </div>
        </Page>
    }
}

/// For admins, who alone can do something about it.
#[component]
fn Stuck() -> impl IntoView {
    let is_admin = use_session().user_untracked().is_some_and(|me| me.is_admin());
    is_admin.then(|| view! { <StuckGates/> })
}
