//! Where this page says that it is, for whoever looks at the same step. What is said about them is `review::onlookers`.
//! It is no lock: whoever is asked may decide, whoever looks.

use leptos::prelude::*;
use leptos_use::use_document_visibility;
use web_sys::VisibilityState;
use workflow::{
    StepKey,
    api::{Company, Place},
};

use super::{one_step::OneStep, state::LiveRun};
use crate::{pages::review::onlookers::Onlookers, presence};

#[derive(Clone, Copy)]
struct Around(Memo<Option<Company>>);

/// Is at the run for as long as somebody looks at the page, and knows who else is.
pub(super) fn follow(live: LiveRun) {
    let visibility = use_document_visibility();
    let is_looked_at = move || visibility.get() != VisibilityState::Hidden && live.is_shown.get();
    let selected = move || live.selected.get().into_iter().collect::<Vec<StepKey>>();
    provide_context(Around(presence::be_at(move || is_looked_at().then_some(Place::Run(live.id)), selected)));
}

#[component]
pub(super) fn Looking(one: OneStep) -> impl IntoView {
    use_context::<Around>().map(|Around(company)| view! { <Onlookers company step=Signal::stored(one.key())/> })
}
