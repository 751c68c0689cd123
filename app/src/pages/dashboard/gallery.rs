//! The few workflows that somebody starts most likely, as cards: what they started last, and the way to all.
//! Must never show them all: what stands below them is to be seen.

use leptos::prelude::*;
use workflow::api::GalleryCard;

use crate::{
    api,
    load::Loaded,
    pages::gallery::{Card, CardsSkeleton, NoWorkflow},
    session::use_session,
};

#[component]
pub(super) fn Gallery() -> impl IntoView {
    let session = use_session();
    // A workflow may be for a group that they are put into meanwhile.
    let recent = Resource::new(move || (session.epoch(), session.groups()), |_| api::recent_workflows());
    view! {
        <section class="stack" data-gap="2" aria-labelledby="workflows">
            <div class="section-head">
                <h2 id="workflows">"Start a workflow"</h2>
                <a href="/workflows">"All workflows"</a>
            </div>
            <Loaded of=recent fallback=CardsSkeleton let:cards>
                {if cards.is_empty() { view! { <NoWorkflow/> }.into_any() } else { drawn(cards).into_any() }}
            </Loaded>
        </section>
    }
}

fn drawn(cards: Vec<GalleryCard>) -> impl IntoView {
    let cards = cards.into_iter().map(|card| view! { <Card card/> }).collect_view();
    view! { <ul class="gallery">{cards}</ul> }
}
