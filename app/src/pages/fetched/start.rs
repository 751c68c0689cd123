//! The part with the form that a workflow is started by. The cards from which one goes on to it fetch it ahead, so it knows none of them.

use leptos::prelude::*;

use super::part::fetched;
use crate::pages::start::StartPage;

/// For whoever is about to start something: the pointer or the keyboard came near a card. Fetched once, however often asked.
pub(in crate::pages) fn fetch_start_ahead() {
    #[cfg(feature = "hydrate")]
    leptos::task::spawn_local(async {
        // Nobody waits for it; whoever opens the form asks again.
        let _ = load_start().await;
    });
}

fetched! {
    start: Start, start, load_start, view! { <StartPage/> }.into_any();
}
