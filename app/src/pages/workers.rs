//! /admin/workers: the programs outside that do the work of steps. Who is connected and what they do, and the tokens with which they come.
//! There is no feed of it: the page reads it again every few seconds, while somebody looks.

mod card;
mod list;
mod new_token;
mod question;
mod teach;
mod tokens;
mod verbs;

use leptos::prelude::*;

use self::{list::List, tokens::Tokens};
use crate::{
    api,
    components::{Button, Skeleton, SkeletonKind, Variant},
    load::{Loaded, refetch_after_sign_in},
    shell::Page,
};

#[component]
pub fn WorkersPage() -> impl IntoView {
    let workers = Resource::new(|| (), |()| api::list_workers(None));
    refetch_after_sign_in(workers, Result::is_err);
    let is_making = RwSignal::new(false);
    let new_button = move || {
        view! {
            <Button variant=Variant::Primary icon="plus" on_click=move |()| is_making.set(true)>
                "New worker token"
            </Button>
        }
    };
    view! {
        <Page title="Workers" actions=new_button>
            <div class="page">
                <div class="page-head">
                    <h1>"Workers"</h1>
                    <p>"Programs of yours that do the work of steps, in any language, wherever they run. What they offer is accepted under " <a href="/admin/agents">"Agents"</a> "."</p>
                </div>
                <Loaded of=workers fallback=ListSkeleton let:page>
                    <List page/>
                </Loaded>
                <Tokens is_making/>
            </div>
        </Page>
    }
}

#[component]
fn ListSkeleton() -> impl IntoView {
    view! {
        <div class="stack" data-gap="2" aria-busy="true">
            {(0..2).map(|_| view! { <Skeleton kind=SkeletonKind::Card/> }).collect_view()}
        </div>
    }
}
