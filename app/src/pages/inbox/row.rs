//! A row of the list: what waits, in two lines that say enough to know whether it is for now. There may be thousands of them: a row has no
//! timer and asks the server for nothing. Must never decide anything.

use leptos::{ev::MouseEvent, prelude::*};
use workflow::api::InboxItem;

use super::{
    asked::{Asked, Key},
    bulk::RowPreview,
    focus,
    listed::Keyed,
    state::Inbox,
    words,
};
use crate::{
    address::gate_words,
    clock::{self, Precision},
    components::{Avatar, Badge, Icon, NOT_RESTORED, RelativeTime, Size, Tone},
    reactive::memo,
    session::use_session,
};

#[component]
pub(super) fn Row(inbox: Inbox, item: InboxItem) -> impl IntoView {
    let key = item.key();
    let asked = inbox.place().asked();
    // For a new window; a plain press keeps the filters.
    let href = Asked { gate: Some(key.clone()), ..Asked::default() }.address();
    let is_read = {
        let key = key.clone();
        move || asked.with(|asked| asked.gate.as_ref() == Some(&key))
    };
    let open = {
        let key = key.clone();
        move |event: MouseEvent| {
            if event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key() {
                return;
            }
            event.prevent_default();
            if focus::is_split() {
                inbox.place().choose(Some(key.clone()));
            } else {
                inbox.open(Some(key.clone()));
            }
        }
    };
    let is_ticked = {
        let (key, selected) = (key.clone(), inbox.selected());
        memo(move || selected.with(|ticked| ticked.contains(&key)))
    };
    let preview = {
        let (key, is_form) = (key.clone(), item.is_form);
        move || is_ticked.get().then(|| view! { <RowPreview inbox gate=key.clone() is_form/> })
    };
    let current = is_read.clone();
    let label = format!("Select {} of {}", item.title, item.template_name);
    view! {
        <li class="inbox-row" data-gate=gate_words(key.0, &key.1) data-read=is_read>
            <Tick inbox is_ticked gate=key.clone() label/>
            <div class="inbox-row-main">
                <div class="inbox-row-head">
                    <a id=focus::row_id(&key) href=href aria-current=move || current().then_some("true") on:click=open>
                        <bdi>{item.title.clone()}</bdi>
                    </a>
                    <bdi class="inbox-row-of">{item.template_name.clone()}</bdi>
                    <span class="inbox-row-since">
                        <span class="visually-hidden">"waiting since "</span>
                        <RelativeTime at=item.opened_at now=inbox.now()/>
                    </span>
                </div>
                {item.about.clone().map(|about| view! { <p class="inbox-row-about" dir="auto">{about}</p> })}
                <Facts inbox item/>
                {preview}
            </div>
        </li>
    }
}

#[component]
fn Tick(inbox: Inbox, is_ticked: Memo<bool>, gate: Key, label: String) -> impl IntoView {
    view! {
        <label class="check inbox-tick">
            <span class="check-box">
                <input
                    type="checkbox"
                    autocomplete=NOT_RESTORED
                    aria-label=label
                    prop:checked=move || is_ticked.get()
                    on:click=move |event: MouseEvent| inbox.tick(&gate, event_target_checked(&event), event.shift_key())
                />
                <Icon name="check"/>
            </span>
        </label>
    }
}

#[component]
fn Facts(inbox: Inbox, item: InboxItem) -> impl IntoView {
    let me = use_session().user_untracked().map(|me| me.email);
    let owner = if me.as_ref() == Some(&item.owner) { "you".to_owned() } else { item.owner.clone() };
    let now = inbox.now();
    let due = item.due_at.map(|due| {
        let (due_ms, then) = (due.timestamp_millis(), item.on_timeout);
        let text = move || {
            let now = now.get();
            words::deadline(due_ms, now, then, || match now {
                Some(_) => clock::local(due_ms, Precision::Day),
                None => clock::absolute(due),
            })
        };
        view! {
            <span class="inbox-due" data-near=move || words::is_near(due_ms, now.get())>
                <Icon name="clock" size=Size::Sm/>
                {text}
            </span>
        }
    });
    let plain = [words::round(&item), words::approvals(&item), words::asked(&item)];
    let plain = plain.into_iter().flatten().map(|fact| view! { <bdi>{fact}</bdi> }).collect_view();
    let acts_for = item.acts_for.map(|whom| {
        view! { <Badge tone=Tone::Violet icon="user">"for " <bdi>{whom}</bdi></Badge> }
    });
    view! {
        <div class="inbox-row-facts">
            <span class="row">
                <Avatar name=item.owner size=Size::Sm/>
                <span class="visually-hidden">"started by "</span>
                <bdi>{owner}</bdi>
            </span>
            {due}
            {item.is_form.then(|| view! { <span>"asks for an answer"</span> })}
            {plain}
            {acts_for}
        </div>
    }
}
