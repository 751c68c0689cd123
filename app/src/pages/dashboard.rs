//! /dashboard: what waits for me, the published workflows, my runs. Live without a reload.
//! Must never become a table of everything: it answers "what now?".

mod gallery;
mod run_list;

use leptos::prelude::*;

use self::{
    gallery::Gallery,
    run_list::{Runs, WaitingRuns},
};
use crate::{
    live::{Connection, follow_mine},
    shell::Page,
};

#[component]
pub fn DashboardPage() -> impl IntoView {
    let connection = follow_mine(|_| ());
    let state = move || {
        (connection.get() == Connection::Lost).then(|| {
            view! { <span class="save-state" data-state="offline" role="status">"Reconnecting: this may be old"</span> }
        })
    };
    view! {
        <Page title="Dashboard" actions=move || state>
            <div class="page">
                <h1 class="visually-hidden">"Dashboard"</h1>
                <WaitingRuns/>
                <Gallery/>
                <Runs/>
            </div>
        </Page>
    }
}
