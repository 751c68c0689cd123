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
    api, components::TextInput, form::FormError, load::Loaded, paged::More, reactive::memo, searched::Searched,
    session::use_session, shell::Page,
};

#[component]
pub fn GalleryPage() -> impl IntoView {
    let session = use_session();
    // A workflow may be for a group that they are put into meanwhile.
    let templates = Resource::new(move || (session.epoch(), session.groups()), |_| api::gallery(None, None));
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
    let Searched { list, typed, sought, error } = Searched::new(page, api::gallery);
    let is_none_found = memo(move || sought.with(Option::is_some) && list.items.with(Vec::is_empty));
    view! {
        <div class="toolbar">
            <TextInput value=typed kind="search" icon="search" label="Search workflows" placeholder="Search"/>
        </div>
        <FormError error/>
        <Show when=move || is_none_found.get()>
            <p class="muted" role="status">"No workflow has this in its name"</p>
        </Show>
        <ul class="gallery">
            <For each=move || list.items.get() key=|card| card.template.id let:card>
                <Card card/>
            </For>
        </ul>
        <More of=list/>
    }
}
