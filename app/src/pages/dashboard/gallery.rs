//! The published workflows as cards, each drawn small and one press away from its start form.
//! Must never draw anything here: drawings come from the server, so that the first page needs no canvas.

use leptos::prelude::*;
use workflow::{
    api::{GalleryCard, Page},
    words::count,
};

use crate::{
    api,
    components::{Empty, Icon, LinkButton, Size, Skeleton, SkeletonKind, Variant},
    load::Loaded,
    paged::{More, Paged},
    session::use_session,
};

#[component]
pub(super) fn Gallery() -> impl IntoView {
    let session = use_session();
    // A workflow may be for a group that they are put into meanwhile.
    let templates = Resource::new(move || (session.epoch(), session.groups()), |_| api::gallery(None));
    view! {
        <section class="stack" data-gap="2" aria-labelledby="workflows">
            <div class="section-head">
                <h2 id="workflows">"Start a workflow"</h2>
            </div>
            <Loaded of=templates fallback=GallerySkeleton let:page>
                {if page.items.is_empty() {
                    view! { <NoWorkflow/> }.into_any()
                } else {
                    view! { <Cards page/> }.into_any()
                }}
            </Loaded>
        </section>
    }
}

#[component]
fn Cards(page: Page<GalleryCard>) -> impl IntoView {
    let templates = Paged::new(page, api::gallery);
    view! {
        <ul class="gallery">
            <For each=move || templates.items.get() key=|card| card.template.id let:card>
                <Card card/>
            </For>
        </ul>
        <More of=templates/>
    }
}

#[component]
fn GallerySkeleton() -> impl IntoView {
    view! {
        <div class="gallery" aria-busy="true">
            <Skeleton kind=SkeletonKind::Card/>
            <Skeleton kind=SkeletonKind::Card/>
            <Skeleton kind=SkeletonKind::Card/>
        </div>
    }
}

#[component]
fn Card(card: GalleryCard) -> impl IntoView {
    let GalleryCard { template, drawing } = card;
    let href = format!("/start/{}", template.id);
    let steps = count(template.n_steps, "step");
    view! {
        <li class="gallery-card">
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

#[component]
fn NoWorkflow() -> impl IntoView {
    if use_session().is_admin() {
        view! {
            <Empty
                icon="workflow"
                framed=true
                level=3
                title="No workflow is published yet"
                text="Draw one on the canvas and publish it: then everybody can start it from here."
            >
                <LinkButton href="/admin/workflows" variant=Variant::Primary icon="plus">
                    "Go to workflows"
                </LinkButton>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <Empty
                icon="workflow"
                framed=true
                level=3
                title="No workflow is published yet"
                text="As soon as an admin publishes one, you can start it from here."
            />
        }
        .into_any()
    }
}
