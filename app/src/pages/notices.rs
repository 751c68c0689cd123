//! /admin/notices: where notices may go, how this Weft sends them, and what became of each.
//! Must never show a secret but the one that was made this moment, and never where an address leads beyond its host.

mod address_form;
mod addresses;
mod answer;
mod content;
mod deliveries;
mod mail;
mod renew;
mod row;
mod verbs;

use leptos::prelude::*;
use workflow::{api::NoticeSettings, id::NoticeAddressId};

use self::{addresses::Addresses, content::Content, deliveries::Deliveries, mail::Mail};
use crate::{
    api,
    components::{Button, RowsSkeleton, Variant},
    load::{Loaded, refetch_after_sign_in},
    shell::Page,
};

/// Of which address the log is shown, with its name; of all where it is none.
type LogOf = RwSignal<Option<(NoticeAddressId, String)>>;

#[component]
pub fn NoticesPage() -> impl IntoView {
    let is_adding = RwSignal::new(false);
    let log_of: LogOf = RwSignal::new(None);
    let new_button = move || {
        view! {
            <Button variant=Variant::Primary icon="plus" on_click=move |()| is_adding.set(true)>
                "New address"
            </Button>
        }
    };
    view! {
        <Page title="Notices" actions=new_button>
            <div class="page">
                <div class="page-head">
                    <h1>"Notices"</h1>
                    <p>
                        "What tells people outside of Weft that a review waits. Each chooses under "
                        <a href="/account">"Account"</a> " where they are told, and how soon"
                    </p>
                </div>
                <Addresses is_adding log_of/>
                <Sending/>
                <Deliveries log_of/>
            </div>
        </Page>
    }
}

#[component]
fn Sending() -> impl IntoView {
    let settings = Resource::new(|| (), |()| api::notice_settings());
    refetch_after_sign_in(settings, Result::is_err);
    view! {
        <Loaded of=settings fallback=|| view! { <RowsSkeleton n=4/> } let:found>
            <Settings found on_reload=move |()| settings.refetch()/>
        </Loaded>
    }
}

#[component]
fn Settings(found: NoticeSettings, #[prop(into)] on_reload: Callback<()>) -> impl IntoView {
    let known = RwSignal::new(found);
    view! {
        <Mail known on_reload/>
        <Content known on_reload/>
    }
}

/// By what variable the operator set a field, if they did.
fn locked_by(settings: &NoticeSettings, field: &str) -> Option<String> {
    settings.locked.iter().find(|locked| locked.field == field).map(|locked| locked.variable.clone())
}
