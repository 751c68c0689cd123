//! The list of what waits: its rows, under headings where it is sorted by workflow, and what is said where there are none.
//! What is not there yet comes as one scrolls, or by a button. Must never hold a rule of what waits for whom.

use std::collections::BTreeSet;

use leptos::{ev::Event, html, prelude::*};
use workflow::{
    TemplateId,
    api::{InboxItem, InboxSort},
};

use super::{focus, listed::Keyed, row::Row, state::Inbox, words};
use crate::{
    components::{Button, Empty, Icon, LinkButton, MoreRows, NOT_RESTORED},
    form::TryAgain,
    pages::fetched::runs::fetch_runs_ahead,
    reactive::{effect, memo},
};

/// So near to the end of what is loaded the next page is asked for.
const AHEAD_PX: i32 = 900;

#[component]
pub(super) fn List(inbox: Inbox) -> impl IntoView {
    let list = inbox.list();
    let asked = inbox.place().asked();
    let is_grouped = memo(move || asked.with(|asked| asked.sort == InboxSort::Workflow));
    let is_empty = memo(move || list.items.with(Vec::is_empty));
    let is_reading = list.is_reading();
    let scrolled = move |event: Event| {
        let at: web_sys::HtmlElement = event_target(&event);
        let is_near = at.scroll_height() - at.scroll_top() - at.client_height() < AHEAD_PX;
        // A page that failed is asked for again by hand.
        if is_near && list.error().with_untracked(Option::is_none) {
            inbox.load_more();
        }
    };
    let error = move || list.error().get().map(|error| view! { <TryAgain error again=move |()| inbox.try_again()/> });
    let rows = move || {
        if is_grouped.get() { view! { <Groups inbox/> }.into_any() } else { view! { <Plain inbox/> }.into_any() }
    };
    view! {
        <Head inbox/>
        {error}
        <div
            class="inbox-list"
            id=focus::LIST
            aria-busy=move || list.is_changing().get().then_some("true")
            on:scroll=scrolled
            on:pointerenter=|_| fetch_runs_ahead()
            on:focusin=|_| fetch_runs_ahead()
        >
            <Show when=move || !is_empty.get() fallback=move || view! { <Nothing inbox/> }>
                {rows}
                <MoreRows has_more=list.has_more() loading=is_reading on_more=move |()| inbox.load_more()/>
            </Show>
        </div>
    }
}

/// How many there are, and the tick for all that are loaded.
#[component]
fn Head(inbox: Inbox) -> impl IntoView {
    let (items, selected) = (inbox.list().items, inbox.selected());
    let n_loaded = memo(move || items.with(Vec::len));
    let n_ticked = memo(move || selected.with(BTreeSet::len));
    let are_all = move || n_loaded.get() > 0 && n_ticked.get() >= n_loaded.get();
    let input = NodeRef::<html::Input>::new();
    effect(move || {
        let is_some = n_ticked.get() > 0 && !are_all();
        if let Some(input) = input.get() {
            input.set_indeterminate(is_some);
        }
    });
    let asked = inbox.place().asked();
    let words = memo(move || {
        let (is_all, is_filtered) = asked.with(|asked| (asked.is_all, asked.is_filtered()));
        inbox.n().map(|n| words::waits(n, is_all, is_filtered))
    });
    view! {
        <div class="inbox-count">
            <Show when=move || { n_loaded.get() > 0 }>
                <label class="check inbox-tick">
                    <span class="check-box">
                        <input
                            node_ref=input
                            type="checkbox"
                            autocomplete=NOT_RESTORED
                            aria-label=move || format!("Select all {} that are loaded", n_loaded.get())
                            prop:checked=are_all
                            on:change=move |event| inbox.tick_all(event_target_checked(&event))
                        />
                        <Icon name="check"/>
                    </span>
                </label>
            </Show>
            // Said once for each change, when whoever works has a moment.
            <p role="status" aria-live="polite">{move || words.get()}</p>
        </div>
    }
}

#[component]
fn Plain(inbox: Inbox) -> impl IntoView {
    let items = inbox.list().items;
    view! {
        <ul class="inbox-rows" aria-label="What waits">
            <For each=move || items.get() key=sight let:item>
                <Row inbox item/>
            </For>
        </ul>
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Group {
    id: TemplateId,
    name: String,
    items: Vec<InboxItem>,
}

#[component]
fn Groups(inbox: Inbox) -> impl IntoView {
    let items = inbox.list().items;
    let groups = memo(move || items.with(|items| grouped(items)));
    let heads = move || groups.with(|groups| groups.iter().map(|of| (of.id, of.name.clone())).collect::<Vec<_>>());
    view! {
        <For each=heads key=|head| head.clone() let:head>
            <GroupRows inbox groups head/>
        </For>
    }
}

#[component]
fn GroupRows(inbox: Inbox, groups: Memo<Vec<Group>>, head: (TemplateId, String)) -> impl IntoView {
    let (id, name) = head;
    let heading = format!("inbox-group-{id}");
    let items = move || {
        groups.with(|groups| groups.iter().find(|of| of.id == id).map(|of| of.items.clone()).unwrap_or_default())
    };
    // There may be more than is loaded.
    let n = move || {
        let counted = inbox.counts().with(|counts| {
            let of = counts.as_ref()?.workflows.iter().find(|of| of.template_id == id)?;
            Some(of.n)
        });
        counted.unwrap_or_else(|| i64::try_from(items().len()).unwrap_or_default())
    };
    view! {
        <section class="inbox-group" aria-labelledby=heading.clone()>
            <h2 id=heading.clone()>
                <bdi>{name}</bdi>
                <span class="count">{move || crate::words::thousands(n())}</span>
            </h2>
            <ul class="inbox-rows">
                <For each=items key=sight let:item>
                    <Row inbox item/>
                </For>
            </ul>
        </section>
    }
}

/// What a row is drawn of: it is drawn anew when one of these is another.
fn sight(item: &InboxItem) -> impl std::hash::Hash + Eq + 'static + use<> {
    let gate = (item.generation, item.number, item.round, item.votes.len());
    (item.key(), gate, item.due_at, item.n_asked, item.acts_for.clone())
}

/// By workflow, in the order in which each comes first.
fn grouped(items: &[InboxItem]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for item in items {
        match groups.iter_mut().find(|of| of.id == item.template_id) {
            Some(of) => of.items.push(item.clone()),
            None => {
                groups.push(Group {
                    id: item.template_id,
                    name: item.template_name.clone(),
                    items: vec![item.clone()],
                });
            }
        }
    }
    groups
}

/// What is so where there is no row, and what one may do then.
#[component]
fn Nothing(inbox: Inbox) -> impl IntoView {
    let (asked, list) = (inbox.place().asked(), inbox.list());
    move || {
        if list.is_changing().get() {
            return ().into_any();
        }
        let (is_filtered, is_all) = asked.with(|asked| (asked.is_filtered(), asked.is_all));
        if is_filtered {
            return view! {
                <Empty icon="funnel" title="Nothing matches" text="Nothing that waits has what the filters ask for.">
                    <Button icon="x" on_click=move |()| inbox.place().clear()>"Clear filters"</Button>
                </Empty>
            }
            .into_any();
        }
        let text = if is_all {
            "No run waits for a decision. A new review appears here by itself."
        } else {
            "You are up to date. What asks you next appears here by itself."
        };
        view! {
            <Empty icon="inbox" title="Nothing waits" text>
                <LinkButton href="/dashboard">"Go to the dashboard"</LinkButton>
            </Empty>
        }
        .into_any()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(step: &str, workflow: u32) -> InboxItem {
        serde_json::from_value(json!({
            "run_id": uuid::Uuid::nil(), "step": step, "title": step,
            "template_id": format!("00000000-0000-0000-0000-{workflow:012}"), "template_name": format!("W{workflow}"),
            "about": null, "owner": "a@b.c", "generation": 1, "number": 1, "is_form": false, "round": 0, "max_rounds": 3,
            "opened_at": "2026-01-01T00:00:00Z", "due_at": null, "on_timeout": "fail", "quorum": 1, "votes": [],
            "n_asked": null, "groups": []
        }))
        .unwrap()
    }

    #[test]
    fn rows_stand_under_their_workflow_in_the_order_of_the_list() {
        let groups = grouped(&[item("a", 2), item("b", 1), item("c", 2)]);
        let shown: Vec<_> = groups.iter().map(|of| (of.name.as_str(), of.items.len())).collect();
        assert_eq!(shown, [("W2", 2), ("W1", 1)]);
    }
}
