//! The items of a map step: how many are in which state, and a list that opens any of them. Thousands are counted, and listed in portions.

use leptos::prelude::*;
use workflow::{Progress, StepKey, StepStatus, timing::Worked};

use super::{absences::is_of, absent::NoWorker, one_step::OneStep};
use crate::reactive::{effect, memo};
use crate::{
    components::{Empty, MoreRows, StatusIcon, TextInput, status_label},
    words,
};

/// Listed at once.
const PORTION: usize = 100;
/// The order in which people ask about them.
const STATUSES: [StepStatus; 8] = [
    StepStatus::AwaitingReview,
    StepStatus::Failed,
    StepStatus::Running,
    StepStatus::Ready,
    StepStatus::Pending,
    StepStatus::Completed,
    StepStatus::Skipped,
    StepStatus::Cancelled,
];

#[derive(Clone, PartialEq)]
struct Item {
    index: i32,
    key: StepKey,
    status: StepStatus,
    is_stale: bool,
}

impl Item {
    /// What tells it from its siblings.
    fn name(&self) -> String {
        self.key.split().1.unwrap_or_default().to_owned()
    }
}

/// How far the items of a map step are; empty for other steps.
pub(super) fn progress(one: OneStep) -> Progress {
    let key = one.key();
    one.live.slowly(|run| Progress::of_items(run, &key))
}

/// When any item of a map step was worked on; nothing of other steps.
pub(super) fn worked(one: OneStep) -> Option<Worked> {
    let key = one.key();
    one.live.slowly(|run| Worked::together(run.items(&key).iter().filter_map(|item| Worked::of_generation(item))))
}

/// How many of them wait for a person.
pub(super) fn n_waiting(one: OneStep) -> i64 {
    let key = one.key();
    one.live.slowly(|run| run.n_items_waiting(&key))
}

/// The items of a map step that wait for a person, in the order of the list.
pub(super) fn waiting(one: OneStep) -> Vec<StepKey> {
    let key = one.key();
    one.live.slowly(|run| {
        let mut items: Vec<_> =
            run.items(&key).iter().filter(|step| step.status == StepStatus::AwaitingReview).collect();
        items.sort_unstable_by_key(|step| step.item_index);
        items.into_iter().map(|step| step.key.clone()).collect()
    })
}

#[component]
pub(super) fn Items(one: OneStep) -> impl IntoView {
    let live = one.live;
    let items = memo(move || {
        let of = one.key();
        let mut items: Vec<Item> = live.stale.with(|stale| {
            live.slowly(|run| {
                run.items(&of)
                    .iter()
                    .map(|step| Item {
                        index: step.item_index.unwrap_or_default(),
                        key: step.key.clone(),
                        status: step.status,
                        is_stale: stale.contains_key(&step.key),
                    })
                    .collect()
            })
        });
        items.sort_unstable_by_key(|item| item.index);
        items
    });
    let wanted = RwSignal::new(None::<StepStatus>);
    let search = RwSignal::new(String::new());
    let most = RwSignal::new(PORTION);
    effect(move || {
        wanted.track();
        search.track();
        most.set(PORTION);
    });
    let found = memo(move || {
        let typed = search.get();
        let wanted = wanted.get();
        items.with(|items| {
            let of_status = items.iter().filter(|item| wanted.is_none_or(|status| item.status == status));
            of_status.filter(|item| canvas::find::is_meant(&typed, [item.name().as_str()])).cloned().collect::<Vec<_>>()
        })
    });
    let shown = move || found.with(|found| found.iter().take(most.get()).cloned().collect::<Vec<_>>());
    let n_more = move || found.with(Vec::len).saturating_sub(most.get());
    let filters = move || {
        STATUSES
            .into_iter()
            .filter_map(|status| {
                let n = items.with(|items| items.iter().filter(|item| item.status == status).count());
                (n > 0 || wanted.get() == Some(status)).then(|| filter(status, n, wanted))
            })
            .collect_view()
    };
    view! {
        <Show
            when=move || !items.with(Vec::is_empty)
            fallback=|| view! { <Empty icon="layers" title="No items yet" text="Each entry of the list becomes an item once the steps before this one are over"/> }
        >
            <div class="stack" data-gap="3">
                // While only the first ones are there, nobody can tell what else there is.
                <Show when=move || live.is_whole.get() fallback=move || n_coming(one)>
                    <div class="row filters" role="group" aria-label="Show only">{filters}</div>
                    <Show when=move || { items.with(Vec::len) > 10 }>
                        <TextInput value=search kind="search" icon="search" label="Search items" placeholder="Search"/>
                    </Show>
                </Show>
                <ol class="items" aria-label="Items">
                    <For each=shown key=|item| (item.key.clone(), item.status, item.is_stale) let:item>
                        {row(one, &item)}
                    </For>
                </ol>
                <Show when=move || found.with(Vec::is_empty)>
                    <p class="muted small" role="status">"No item matches"</p>
                </Show>
                <MoreRows
                    has_more=Signal::derive(move || n_more() > 0)
                    on_more=move |()| most.update(|most| *most += PORTION)
                    label=Signal::derive(move || {
                        let n = n_more();
                        format!("Show {} of {} more", n.min(PORTION), words::thousands(i64::try_from(n).unwrap_or(i64::MAX)))
                    })
                />
            </div>
        </Show>
    }
}

/// How many there are, where most of them are still being read.
fn n_coming(one: OneStep) -> AnyView {
    let words =
        move || format!("The first of {}: the others are being read", words::count(progress(one).total, "item"));
    view! { <p class="muted small" role="status">{words}</p> }.into_any()
}

fn filter(status: StepStatus, n: usize, wanted: RwSignal<Option<StepStatus>>) -> AnyView {
    let is_on = move || wanted.get() == Some(status);
    let words = format!(
        "{} {}",
        words::thousands(i64::try_from(n).unwrap_or(i64::MAX)),
        status_label(status.as_str()).to_lowercase()
    );
    view! {
        <button
            class="filter"
            type="button"
            aria-pressed=move || if is_on() { "true" } else { "false" }
            on:click=move |_| wanted.update(|wanted| *wanted = if *wanted == Some(status) { None } else { Some(status) })
        >
            <StatusIcon status=status.as_str().to_owned() spoken=false/>
            {words}
        </button>
    }
    .into_any()
}

fn row(one: OneStep, item: &Item) -> AnyView {
    let (key, live) = (item.key.clone(), one.live);
    let absent = {
        let (key, status) = (item.key.clone(), item.status);
        memo(move || {
            one.live
                .beside
                .with(|beside| beside.absent.get(&key).filter(|absent| is_of(absent, status, false)).cloned())
        })
    };
    view! {
        <li>
            <button class="outline-item" type="button" on:click=move |_| live.choose(key.clone())>
                <StatusIcon status=item.status.as_str().to_owned()/>
                <span class="truncate">{item.name()}</span>
                <small>
                    {item.is_stale.then(|| view! { <span class="stale-word">"Stale"</span> " " })}
                    {format!("#{}", item.index + 1)}
                </small>
                <NoWorker live of=absent/>
            </button>
        </li>
    }
    .into_any()
}
