//! What was decided, newest first: by whom, for whom, when and with which words; also what nobody decided. Each leads to the step of its run.
//! Must never say that somebody decided where time or auto-run did.

use std::collections::BTreeMap;

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    TemplateId,
    api::{HistoryItem, HistoryPage},
};

use super::{
    asked::{Asked, VERDICTS, verdict_name},
    filters::{Scope, Search, WorkflowFilter},
    listed::{How, Keyed, Listed},
    place::Place,
    words,
};
use crate::{
    address::step_of_run,
    api,
    components::{
        Avatar, Button, Empty, Icon, LinkButton, MoreRows, RelativeTime, RowsSkeleton, Select, SelectOption, Size,
        ticking,
    },
    form::TryAgain,
    load::{Loaded, refetch_after_sign_in},
    paced::Paced,
    paged::at_least,
    pages::fetched::runs::fetch_runs_ahead,
    reactive::{effect_with, memo, tie},
    waiting::use_waiting,
};

/// So many rows at most are read again for what was decided since.
const MOST_AGAIN: usize = 300;

#[component]
pub(super) fn History(place: Place) -> impl IntoView {
    let first = Resource::new(|| (), move |()| api::inbox_history(place.asked().with_untracked(Asked::history), None));
    refetch_after_sign_in(first, Result::is_err);
    view! {
        <Loaded of=first fallback=|| view! { <RowsSkeleton n=8 has_search=true/> } let:page>
            <List place page/>
        </Loaded>
    }
}

#[derive(Clone, Copy)]
struct Past {
    place: Place,
    list: Listed<HistoryItem>,
    now: RwSignal<Option<i64>>,
}

impl Past {
    fn read_anew(self) {
        let query = self.place.asked().with_untracked(Asked::history);
        spawn_local(self.list.read(How::Another, api::inbox_history(query, None)));
    }

    /// What failed once more: the page that did not come, or all of another list.
    fn try_again(self) {
        match self.list.failed() {
            How::More => self.load_more(),
            How::Another | How::Again => self.read_anew(),
        }
    }

    fn load_more(self) {
        let Some(after) = self.list.after() else { return };
        let query = self.place.asked().with_untracked(Asked::history);
        spawn_local(self.list.read(How::More, api::inbox_history(query, Some(after))));
    }

    /// Reads again what is shown, as soon as something was decided.
    fn follow(self) {
        let asked = self.place.asked();
        let wanted = memo(move || asked.with(Asked::of_history));
        effect_with(move |before: Option<Asked>| {
            let now = wanted.get();
            if before.is_some_and(|before| before != now) {
                self.read_anew();
            }
            now
        });
        let again = Paced::new(move || self.read_again());
        let waiting = use_waiting();
        effect_with(move |before: Option<u32>| {
            let turn = waiting.turn();
            if before.is_some_and(|before| before != turn) {
                again.ask();
            }
            turn
        });
    }

    async fn read_again(self) {
        let (Some(query), Some(n)) =
            (self.place.asked().try_with_untracked(Asked::history), self.list.items.try_with_untracked(Vec::len))
        else {
            return;
        };
        let pages =
            at_least(n.min(MOST_AGAIN), HistoryItem::key, move |after| api::inbox_history(query.clone(), after));
        self.list.read(How::Again, pages).await;
    }
}

#[component]
fn List(place: Place, page: HistoryPage) -> impl IntoView {
    let past = Past { place, list: Listed::new(page), now: ticking(std::time::Duration::from_secs(20), None) };
    past.follow();
    let list = past.list;
    let is_empty = memo(move || list.items.with(Vec::is_empty));
    let is_reading = list.is_reading();
    let error = move || list.error().get().map(|error| view! { <TryAgain error again=move |()| past.try_again()/> });
    view! {
        <div class="inbox-history stack" data-gap="3">
            <Filters past/>
            {error}
            <Show when=move || !is_empty.get() fallback=move || view! { <Nothing past/> }>
                <div class="list-rows">
                    <ul
                        class="inbox-past"
                        aria-busy=move || list.is_changing().get().then_some("true")
                        aria-label="What was decided"
                        on:pointerenter=|_| fetch_runs_ahead()
                        on:focusin=|_| fetch_runs_ahead()
                    >
                        <For each=move || list.items.get() key=HistoryItem::key let:item>
                            <Row item now=past.now/>
                        </For>
                    </ul>
                    <MoreRows has_more=list.has_more() loading=is_reading on_more=move |()| past.load_more()/>
                </div>
            </Show>
        </div>
    }
}

#[component]
fn Filters(past: Past) -> impl IntoView {
    let (place, list) = (past.place, past.list);
    let asked = place.asked();
    // Of those that were met here: nothing counts what is over.
    let known = StoredValue::new(BTreeMap::<TemplateId, String>::new());
    let workflows = memo(move || {
        list.items.with(|items| {
            known.update_value(|known| {
                known.extend(items.iter().map(|item| (item.template_id, item.template_name.clone())));
            });
        });
        let mut met: Vec<(TemplateId, String, String)> =
            known.with_value(|known| known.iter().map(|(id, name)| (*id, name.clone(), String::new())).collect());
        met.sort_by(|a, b| a.1.cmp(&b.1));
        met
    });
    let asked_verdict =
        memo(move || asked.with(|asked| asked.verdict.map(verdict_name).unwrap_or_default().to_owned()));
    let verdict = RwSignal::new(asked_verdict.get_untracked());
    tie(asked_verdict, verdict, move |name: String| {
        let found = VERDICTS.iter().find(|(_, known, _)| *known == name).map(|(verdict, ..)| *verdict);
        place.go(|asked| asked.verdict = found);
    });
    let verdicts: Vec<SelectOption> = std::iter::once(SelectOption::new("", "Every outcome"))
        .chain(VERDICTS.iter().map(|(_, name, words)| SelectOption::new(*name, *words)))
        .collect();
    view! {
        <div class="toolbar inbox-toolbar" role="search" aria-label="Filter what was decided">
            <Search place label="Search what was decided"/>
            <WorkflowFilter place workflows/>
            <Select value=verdict options=verdicts id="inbox-verdict" label="Outcome"/>
            <Scope place/>
        </div>
    }
}

#[component]
fn Nothing(past: Past) -> impl IntoView {
    let asked = past.place.asked();
    move || {
        if past.list.is_changing().get() {
            return ().into_any();
        }
        if asked.with(Asked::is_filtered) {
            view! {
                <Empty icon="funnel" framed=true title="Nothing matches" text="No decision has what the filters ask for.">
                    <Button icon="x" on_click=move |()| past.place.clear()>"Clear filters"</Button>
                </Empty>
            }
            .into_any()
        } else {
            view! {
                <Empty
                    icon="history"
                    framed=true
                    title="Nothing was decided yet"
                    text="What you decide stands here, and what others decide about your runs: who, when, and with which words."
                >
                    <LinkButton href=super::asked::PATH>"What waits"</LinkButton>
                </Empty>
            }
            .into_any()
        }
    }
}

#[component]
fn Row(item: HistoryItem, now: RwSignal<Option<i64>>) -> impl IntoView {
    let href = step_of_run(item.run_id, &item.step);
    let others = words::others(&item);
    let by = item.by.map(|by| {
        view! {
            <span class="row">
                <span>"by"</span>
                <Avatar name=by.clone() size=Size::Sm/>
                <bdi>{by}</bdi>
            </span>
        }
    });
    let acted_for = item.acted_for.map(|whom| view! { <span>"for " <bdi>{whom}</bdi></span> });
    view! {
        <li class="inbox-past-row" data-verdict=verdict_name(item.verdict)>
            <Icon name=words::icon(item.verdict)/>
            <div class="inbox-row-main">
                <div class="inbox-row-head">
                    <a href=href><bdi>{item.title}</bdi></a>
                    <bdi class="inbox-row-of">{item.template_name}</bdi>
                    <span class="inbox-row-since"><RelativeTime at=item.closed_at now/></span>
                </div>
                {item.about.map(|about| view! { <p class="inbox-row-about" dir="auto">{about}</p> })}
                <div class="inbox-row-facts">
                    <strong>{words::verdict(item.verdict)}</strong>
                    {by}
                    {acted_for}
                    {others.map(|others| view! { <bdi>{others}</bdi> })}
                    <span>"run of " <bdi>{item.owner}</bdi></span>
                </div>
                {item.text.map(|text| view! { <blockquote class="inbox-text" dir="auto">{text}</blockquote> })}
            </div>
        </li>
    }
}
