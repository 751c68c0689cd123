//! /workflows: every published workflow that somebody may start, found by name.
//! Must never show drafts: those are for admins, under `/admin/workflows`.

mod card;
mod nothing;

use leptos::prelude::*;
use workflow::api::{GalleryCard, Page as Listed};

pub(super) use self::{
    card::{Card, CardsSkeleton},
    nothing::NoWorkflow,
};
use crate::{
    api,
    components::TextInput,
    load::Loaded,
    paged::{More, Paged},
    reactive::memo,
    session::use_session,
    shell::Page,
};

#[component]
pub fn GalleryPage() -> impl IntoView {
    let session = use_session();
    // A workflow may be for a group that they are put into meanwhile.
    let templates = Resource::new(move || (session.epoch(), session.groups()), |_| api::gallery(None));
    view! {
        <Page title="Start a workflow" above=vec![("Dashboard".to_owned(), "/dashboard".to_owned())]>
            <div class="page">
                <div class="page-head">
                    <h1 id="workflows">"Start a workflow"</h1>
                    <p>"Every published workflow that you may start, by name"</p>
                </div>
                <section class="stack" data-gap="3" aria-labelledby="workflows">
                    // The cards have headings under it, here as on the dashboard.
                    <h2 class="visually-hidden">"Workflows"</h2>
                    <Loaded of=templates fallback=CardsSkeleton let:page>
                        {if page.items.is_empty() {
                            view! { <NoWorkflow/> }.into_any()
                        } else {
                            view! { <Cards page/> }.into_any()
                        }}
                    </Loaded>
                </section>
            </div>
        </Page>
    }
}

#[component]
fn Cards(page: Listed<GalleryCard>) -> impl IntoView {
    let templates = Paged::new(page, api::gallery);
    let wanted = RwSignal::new(String::new());
    let is_searching = memo(move || wanted.with(|wanted| !wanted.trim().is_empty()));
    templates.load_all_while(move || is_searching.get());
    let shown = move || {
        let wanted = wanted.get();
        templates.items.with(|cards| {
            cards
                .iter()
                .filter(|card| canvas::find::is_meant(&wanted, [card.template.name.as_str()]))
                .cloned()
                .collect::<Vec<_>>()
        })
    };
    // While more comes it may yet be found.
    let is_none_found = memo(move || shown().is_empty() && !templates.has_more());
    view! {
        <div class="toolbar">
            <TextInput value=wanted kind="search" icon="search" label="Search workflows" placeholder="Search"/>
        </div>
        <Show when=move || is_none_found.get()>
            <p class="muted" role="status">"No workflow has this in its name"</p>
        </Show>
        <ul class="gallery">
            <For each=shown key=|card| card.template.id let:card>
                <Card card/>
            </For>
        </ul>
        <More of=templates/>
    }
}
