//! The first of what waits for me, and the way to the inbox. Nothing at all while nothing waits.
//! Must never become the inbox: what stands below it is to be seen without scrolling.

use leptos::prelude::*;
use workflow::api::{InboxItem, InboxPage, InboxQuery, InboxSort};

use crate::{
    address::gate_in_inbox,
    api,
    components::{Icon, LinkButton, RelativeTime, Size, StatusIcon},
    error::AppError,
    paced::Paced,
    reactive::{effect, effect_with},
    session::use_session,
    waiting::use_waiting,
    words,
};

/// A page of the inbox would stand in this one whole.
const SHOWN: u32 = 3;

/// What is due first stands first.
async fn first_of_all() -> Result<InboxPage, AppError> {
    api::inbox(InboxQuery { sort: InboxSort::Due, ..InboxQuery::default() }, None, Some(SHOWN)).await
}

/// The page waits for it, within a `Transition` of its own.
#[component]
pub(super) fn Waits() -> impl IntoView {
    let (session, waiting) = (use_session(), use_waiting());
    let first = Resource::new(move || session.epoch(), |_| first_of_all());
    let read = Paced::new(move || async move {
        let now = first_of_all().await;
        // An error leaves what is known; the page says already that it may be old.
        if now.is_ok() && first.try_get_untracked().flatten().as_ref() != Some(&now) {
            first.set(Some(now));
        }
    });
    effect_with(move |before: Option<u32>| {
        let turn = waiting.turn();
        if before.is_some_and(|before| before != turn) {
            read.ask();
        }
        turn
    });
    move || {
        Suspend::new(async move {
            // An error shows once, at the runs below, which fail alike.
            let page = first.await.ok();
            page.filter(|page| !page.items.is_empty()).map(|page| view! { <Summary page/> })
        })
    }
}

#[component]
fn Summary(page: InboxPage) -> impl IntoView {
    let waiting = use_waiting();
    let n = RwSignal::new(None::<i64>);
    effect(move || {
        if let Some(now) = waiting.n() {
            n.set(Some(now));
        }
    });
    let words = move || n.get().filter(|n| *n > 0).map(|n| format!(" ({})", words::thousands(n)));
    let rows = page.items.into_iter().map(row).collect_view();
    view! {
        <section class="stack" data-gap="2" aria-labelledby="waiting">
            <div class="section-head">
                <h2 id="waiting">"Waiting for you"</h2>
                <a class="push row" href="/inbox">
                    <Icon name="inbox"/>
                    <span>"Open inbox" {words}</span>
                </a>
            </div>
            <ul class="list-rows">{rows}</ul>
        </section>
    }
}

fn row(item: InboxItem) -> impl IntoView {
    let href = gate_in_inbox(item.run_id, &item.step);
    view! {
        <li class="list-row">
            <StatusIcon status="awaiting_review"/>
            <div class="list-main">
                <a href=href.clone()><bdi>{item.title.clone()}</bdi></a>
                <div class="list-sub">
                    <bdi>{item.template_name}</bdi>
                    <span>"waiting since " <RelativeTime at=item.opened_at/></span>
                    {item.due_at.map(|due| view! { <span>"due " <RelativeTime at=due ahead=true/></span> })}
                    <bdi>{item.owner}</bdi>
                </div>
            </div>
            <bdi class="list-about">{item.about}</bdi>
            <div class="list-side"></div>
            <LinkButton href size=Size::Sm>
                "Review"
                <span class="visually-hidden">{item.title}</span>
            </LinkButton>
        </li>
    }
}
