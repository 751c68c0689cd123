//! The rail at the left, a bar at the foot on phones: where one can go, what waits, and the account.
//! Must never show a place that would answer "not found" to this person.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    components::{Avatar, Count, Icon, Tone},
    counted::count,
    prefs::use_prefs,
    session::use_session,
};

#[component]
pub(super) fn Rail() -> impl IntoView {
    let session = use_session();
    let prefs = use_prefs();
    let email = session.user_untracked().map(|user| user.email).unwrap_or_default();
    let admin = session.is_admin().then(|| {
        view! {
            <li class="rail-heading">"Admin"</li>
            <Place href="/admin/workflows" icon="workflow" label="Workflows"/>
            <Place href="/admin/agents" icon="bot" label="Agents"/>
            <Place href="/admin/workers" icon="cpu" label="Workers"/>
            <Place href="/admin/secrets" icon="lock" label="Secrets"/>
            <Place href="/admin/users" icon="users" label="Users"/>
            <Place href="/admin/groups" icon="layers" label="Groups"/>
            <Place href="/admin/notices" icon="bell" label="Notices"/>
            <Place href="/admin/audit" icon="history" label="Audit log"/>
        }
    });
    let toggle_label = move || if prefs.is_rail_slim() { "Widen the rail" } else { "Collapse" };
    view! {
        <nav class="rail" aria-label="Main">
            <a class="rail-brand" href="/dashboard">
                <img src=crate::site::favicon() alt="" width="22" height="22"/>
                <span class="rail-label">"Weft"</span>
            </a>
            <ul class="rail-list">
                <Place href="/dashboard" icon="layout-dashboard" label="Dashboard"/>
                <Place href="/inbox" icon="inbox" label="Inbox">
                    <Waiting/>
                </Place>
                <Place href="/runs" icon="list" label="Runs"/>
                {admin}
            </ul>
            <div class="rail-foot">
                <a
                    class="rail-item"
                    href="/account"
                    aria-current=is_at("/account")
                    data-tip=email
                >
                    <Avatar name=session.user_untracked().map(|user| user.email).unwrap_or_default()/>
                    <span class="rail-label">"Account"</span>
                </a>
                <button
                    class="rail-item rail-toggle"
                    type="button"
                    aria-expanded=move || if prefs.is_rail_slim() { "false" } else { "true" }
                    data-tip="Widen the rail"
                    on:click=move |_| prefs.set_rail_slim(!prefs.is_rail_slim())
                >
                    {move || {
                        if prefs.is_rail_slim() {
                            view! { <Icon name="chevrons-right"/> }
                        } else {
                            view! { <Icon name="chevrons-left"/> }
                        }
                    }}
                    <span class="rail-label">{toggle_label}</span>
                </button>
            </div>
        </nav>
    }
}

#[component]
fn Place(
    href: &'static str,
    icon: &'static str,
    label: &'static str,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <li>
            <a
                class="rail-item"
                href=href
                aria-current=is_at(href)
                data-tip=label
            >
                <Icon name=icon/>
                <span class="rail-label">{label}</span>
                {children.map(|children| children())}
            </a>
        </li>
    }
}

fn is_at(href: &'static str) -> impl Fn() -> Option<&'static str> + Clone + Send + Sync {
    let path = use_location().pathname;
    move || {
        path.with(|path| path == href || path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/')))
            .then_some("page")
    }
}

/// How many reviews wait for this person. Counted after hydration: the server's page does not wait for it.
#[component]
fn Waiting() -> impl IntoView {
    let known = count();
    let n = Signal::derive(move || known.get().and_then(|n| usize::try_from(n).ok()).unwrap_or_default());
    view! { <Count n tone=Tone::Accent what="waiting for you"/> }
}
