//! /dashboard: the first of what waits for me, the workflows that I started last, my runs. Live without a reload.
//! Must never become a table of everything: it answers "what now?".

mod gallery;
mod run_list;
mod shared;
mod waits;

use leptos::prelude::*;

use self::{gallery::Gallery, run_list::Runs, shared::SharedRuns, waits::Waits};
use crate::{
    later::{View, later, once_drawn},
    pages::stuck::StuckGates,
    session::use_session,
    shell::Page,
};

later! {
    more: stuck_gates, View<()>, |()| view! { <StuckGates/> }.into_any();
}

#[component]
pub fn DashboardPage() -> impl IntoView {
    view! {
        <Page title="Dashboard">
            <div class="page">
                <h1 class="visually-hidden">"Dashboard"</h1>
                <Stuck/>
                <Waits/>
                <Gallery/>
                <Runs/>
                <SharedRuns/>
            </div>
        </Page>
    }
}

/// For admins, who alone can do something about it. It is rare, so nothing keeps its place meanwhile.
#[component]
fn Stuck() -> impl IntoView {
    let is_admin = use_session().user_untracked().is_some_and(|me| me.is_admin());
    is_admin.then(|| {
        let part = once_drawn(stuck_gates);
        move || part.get().map(|draw| draw(()))
    })
}
