//! /dashboard: the first of what waits for me, the published workflows, my runs. Live without a reload.
//! Must never become a table of everything: it answers "what now?".

mod gallery;
mod run_list;
mod shared;
mod waits;

use leptos::prelude::*;

use self::{gallery::Gallery, run_list::Runs, shared::SharedRuns, waits::Waits};
use crate::shell::Page;

#[component]
pub fn DashboardPage() -> impl IntoView {
    view! {
        <Page title="Dashboard">
            <div class="page">
                <h1 class="visually-hidden">"Dashboard"</h1>
                <Waits/>
                <Gallery/>
                <Runs/>
                <SharedRuns/>
            </div>
        </Page>
    }
}
