//! The steps as a list with status and time: the whole page works without the canvas.

use leptos::prelude::*;
use workflow::StepKey;

use super::{
    absent::{self, NoWorker},
    items,
    one_step::OneStep,
    outline_notes::Notes,
    progress,
    slowest::Slowest,
    stale,
    state::LiveRun,
};
use crate::{
    behind::Later,
    components::{Elapsed, LeftClose, LeftPanel, PanelHandle, Side, StatusIcon},
    later::{View, later},
    reactive::{effect, memo},
};

later! {
    watch: notes, View<LiveRun>, |live| view! { <Notes live/> }.into_any();
}

/// So many rows are laid out and drawn together, or not at all while none of them is near what is in sight.
const TOGETHER: usize = 50;
/// So many of these come with the page. The others follow, one a frame: to take over thousands of rows would keep the page from being used.
const AT_FIRST: usize = 4;

#[component]
pub(super) fn Outline(live: LiveRun, slowest: Slowest, panel: LeftPanel) -> impl IntoView {
    let has_notes = memo(move || live.run.with(|run| !run.run_definition.notes.is_empty()));
    let n_parts = memo(move || live.order.with(|order| order.len().div_ceil(TOGETHER)));
    let n_drawn = RwSignal::new(AT_FIRST);
    effect(move || {
        if n_drawn.get() < n_parts.get() {
            // The page may be gone by then.
            request_animation_frame(move || {
                n_drawn.try_update(|n| *n += 1);
            });
        }
    });
    view! {
        <aside class="panel palette outline" id="run-steps" aria-label="Steps">
            <div class="panel-head">
                <h2>"Steps"</h2>
                <LeftClose panel label="Close the steps"/>
            </div>
            <div class="panel-body">
                <div role="list">
                    <For each=move || live.order.with(|order| parts(order, n_drawn.get())) key=Clone::clone let:keys>
                        <Rows live slowest keys/>
                    </For>
                </div>
                <Show when=move || has_notes.get()>
                    <Later part=notes of=live/>
                </Show>
            </div>
            <PanelHandle side=Side::Right key="run-outline" label="Resize the list of steps"/>
        </aside>
    }
}

fn parts(order: &[StepKey], n_drawn: usize) -> Vec<Vec<StepKey>> {
    order.chunks(TOGETHER).take(n_drawn).map(<[StepKey]>::to_vec).collect()
}

#[component]
fn Rows(live: LiveRun, slowest: Slowest, keys: Vec<StepKey>) -> impl IntoView {
    // How high the last ones are cannot be known beforehand.
    let class = if keys.len() == TOGETHER { "outline-part" } else { "" };
    let rows = keys.into_iter().map(|key| view! { <Item live slowest key/> }).collect_view();
    view! { <div role="presentation" class=class>{rows}</div> }
}

#[component]
fn Item(live: LiveRun, slowest: Slowest, key: StepKey) -> impl IntoView {
    let one = OneStep::new(live, key);
    let is_map = one.definition(|step| step.map.is_some());
    let last =
        memo(move || one.read(|step| step.attempts.last().map(|last| (last.started_at, last.ended_at, last.number))));
    let time = move || {
        if is_map {
            let progress = items::progress(one);
            return (progress.total > 0).then(|| {
                let n_waiting = items::n_waiting(one);
                view! {
                    {progress.brief()}
                    {(n_waiting > 0).then(|| view! {
                        " "
                        <StatusIcon status="awaiting_review" spoken=false/>
                        <span class="visually-hidden">{format!("{} to review", crate::words::number(n_waiting))}</span>
                    })}
                }
                .into_any()
            });
        }
        let (since, until, number) = last.get()?;
        let far = progress::brief(one).map(|words| format!("{words} · "));
        // The time is this attempt's alone; the others stand under Attempts.
        let which = (number > 1).then(|| format!(" · attempt {number}"));
        Some(view! { {far} <Elapsed since until=Signal::stored(until)/> {which} }.into_any())
    };
    let of_items = memo(move || if is_map { items::worked(one) } else { None });
    let is_stale = memo(move || live.stale.with(|stale| stale.contains_key(&one.key())));
    let is_on_path = memo(move || slowest.has(&one.key()));
    let absent = absent::of(one);
    // An item stands under its map step.
    let is_current = memo(move || {
        live.selected.with(|selected| selected.as_ref().is_some_and(|selected| selected.split().0 == one.key()))
    });
    view! {
        <div role="listitem">
            <button
                class="outline-item"
                type="button"
                data-step=one.key().to_string()
                aria-current=move || if is_current.get() { "true" } else { "false" }
                data-stale=move || is_stale.get()
                data-tip=move || if is_stale.get() { stale::tip(one) } else { one.title() }
                on:click=move |_| live.choose(one.key())
            >
                <StatusIcon status=Signal::derive(move || one.status.get().as_str().to_owned())/>
                <span class="two-lines">{move || one.title()}</span>
                <small>
                    <Show when=move || is_stale.get()><span class="stale-word">"Stale"</span> " "</Show>
                    {time}
                    <Show when=move || of_items.get().is_some()>
                        " · "
                        <Elapsed
                            since=Signal::derive(move || of_items.get().map(|worked| worked.since).unwrap_or_default())
                            until=Signal::derive(move || of_items.get().and_then(|worked| worked.until))
                        />
                    </Show>
                </small>
                <Show when=move || is_on_path.get()>
                    <span class="path-word">"On the slowest path"</span>
                </Show>
                <NoWorker live of=absent/>
            </button>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rows_come_with_the_page_and_in_the_end_each_of_them_once() {
        let order: Vec<_> = (0..1_020).map(|n| StepKey::new(format!("s{n}"))).collect();
        assert_eq!(parts(&order, AT_FIRST).concat(), order[..200]);
        assert_eq!(parts(&order, order.len().div_ceil(TOGETHER)).concat(), order);
        assert_eq!(parts(&order[..3], AT_FIRST), [order[..3].to_vec()]);
    }
}
