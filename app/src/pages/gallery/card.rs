//! A published workflow as a card, drawn small and one press away from its start form.
//! Must never draw anything here: drawings come from the server, so that no page needs a canvas for them.

use leptos::prelude::*;
use workflow::{api::GalleryCard, words::count};

use crate::{
    components::{Icon, LinkButton, Size, Skeleton, SkeletonKind},
    pages::fetched::start::fetch_start_ahead,
};

#[component]
pub(in crate::pages) fn Card(card: GalleryCard) -> impl IntoView {
    let GalleryCard { template, drawing } = card;
    let href = format!("/start/{}", template.id);
    let steps = count(template.n_steps, "step");
    view! {
        <li class="gallery-card" on:pointerenter=|_| fetch_start_ahead() on:focusin=|_| fetch_start_ahead()>
            <h3>
                <span class="gallery-icon"><Icon name="workflow"/></span>
                <a href=href.clone()>{template.name.clone()}</a>
            </h3>
            <p>{template.description}</p>
            <div
                class="gallery-drawing"
                role="img"
                aria-label=format!("Steps: {}", drawing.words)
                inner_html=drawing.svg
            ></div>
            <div class="gallery-foot">
                <span>{steps}</span>
                <span aria-hidden="true">"·"</span>
                <span>{format!("Version {}", template.version)}</span>
                <LinkButton href size=Size::Sm icon="play">
                    "Start"
                    <span class="visually-hidden">{template.name}</span>
                </LinkButton>
            </div>
        </li>
    }
}

/// While the cards are not there yet.
#[component]
pub(in crate::pages) fn CardsSkeleton() -> impl IntoView {
    view! {
        <div class="gallery" aria-busy="true">
            <Skeleton kind=SkeletonKind::Card/>
            <Skeleton kind=SkeletonKind::Card/>
            <Skeleton kind=SkeletonKind::Card/>
        </div>
    }
}
