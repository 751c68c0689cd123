//! The part with the page of a run. The pages from which one goes on to a run fetch it ahead, so it knows none of them.

use leptos::prelude::*;

use super::part::fetched;
use crate::pages::run::RunPage;

/// For whoever is about to open a run: the pointer or the keyboard came near a link to one. Fetched once, however often asked.
pub(in crate::pages) fn fetch_runs_ahead() {
    #[cfg(feature = "hydrate")]
    leptos::task::spawn_local(async {
        // Nobody waits for it; whoever opens a run asks again.
        let _ = load_run().await;
        // What comes after it.
        let _ = crate::pages::run::graph::graph().await;
        let _ = crate::pages::run::step_panel::chosen_step().await;
    });
}

fetched! {
    runs: Run, run, load_run, view! { <RunPage/> }.into_any();
}
