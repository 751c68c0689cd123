//! What happened in the run and who did it, newest first, in a drawer at the foot.

use leptos::prelude::*;
use workflow::event::{EventKind, RunEvent};

use super::state::LiveRun;
use crate::{
    api,
    components::{Button, Icon, RelativeTime, Size, Skeleton, SkeletonKind, Variant},
    load::PartFailed,
};

#[component]
pub(super) fn Timeline(live: LiveRun) -> impl IntoView {
    let is_open = RwSignal::new(false);
    view! {
        <section class="bottom-drawer" data-open=move || is_open.get() aria-label="Timeline">
            <div class="bottom-drawer-head">
                <button
                    class="btn"
                    type="button"
                    data-variant="quiet"
                    data-size="sm"
                    aria-expanded=move || if is_open.get() { "true" } else { "false" }
                    on:click=move |_| is_open.update(|open| *open = !*open)
                >
                    <span class="btn-label">
                        <Icon name="history"/>
                        "Timeline"
                    </span>
                </button>
                <span class="muted">{move || live.run.with(|run| format!("{} events", run.seq))}</span>
            </div>
            <div class="bottom-drawer-body">
                <Show when=move || is_open.get()>
                    <Events live/>
                </Show>
            </div>
        </section>
    }
}

#[component]
fn Events(live: LiveRun) -> impl IntoView {
    let older = RwSignal::new(None::<i64>);
    let before = live.run.with_untracked(|run| run.seq) + 1;
    let page = Resource::new(move || older.get(), move |older| api::run_events(live.id, Some(older.unwrap_or(before))));
    let news = move || {
        live.news.with(|news| {
            news.iter().rev().filter(|event| event.seq >= before).cloned().map(|event| row(live, event)).collect_view()
        })
    };
    view! {
        <ol class="timeline">
            {news}
            <Transition fallback=|| view! { <li><Skeleton kind=SkeletonKind::Row/></li> }>
                {move || Suspend::new(async move {
                    match page.await {
                        Ok(events) => {
                            let first = events.last().map(|event| event.seq).filter(|seq| *seq > 1);
                            view! {
                                {events.into_iter().map(|event| row(live, event)).collect_view()}
                                {first.map(|first| view! {
                                    <li>
                                        <Button size=Size::Sm variant=Variant::Quiet on_click=move |()| older.set(Some(first))>"Earlier events"</Button>
                                    </li>
                                })}
                            }
                            .into_any()
                        }
                        Err(error) => view! { <li><PartFailed error on_retry=move |()| page.refetch()/></li> }.into_any(),
                    }
                })}
            </Transition>
        </ol>
    }
}

fn row(live: LiveRun, event: RunEvent) -> impl IntoView {
    let title = event.data.step.as_ref().map(|key| {
        live.run.with_untracked(|run| run.step(key).map_or_else(|| key.to_string(), |step| step.title.clone()))
    });
    let (icon, words) = words(event.kind);
    let who = event.actor.map(|actor| actor.email);
    view! {
        <li>
            <Icon name=icon/>
            <span>
                {title.map(|title| view! { <strong>{title}</strong> " " })}
                {words}
                {who.map(|who| view! { <span class="muted small">" by " {who}</span> })}
            </span>
            <RelativeTime at=event.at/>
        </li>
    }
}

fn words(kind: EventKind) -> (&'static str, &'static str) {
    match kind {
        EventKind::RunStarted => ("play", "The run was started"),
        EventKind::RunCancelled => ("ban", "The run was cancelled"),
        EventKind::AutoRunChanged => ("zap", "Auto-run was switched"),
        EventKind::StepCompleted => ("circle-check", "completed"),
        EventKind::StepAwaitingReview => ("pause", "waits for review"),
        EventKind::StepFailed => ("circle-x", "failed"),
        EventKind::StepRetrying => ("rotate-cw", "failed and tries again"),
        EventKind::StepRecovered => ("refresh-cw", "was taken over from a worker that died"),
        EventKind::StepReleased => ("undo-2", "was given back by a worker that stopped"),
        EventKind::StepTriggered => ("rotate-cw", "was triggered"),
        EventKind::StepApproved => ("check", "was approved"),
        EventKind::StepVoted => ("check", "got an approval, and waits for more"),
        EventKind::StepEdited => ("pencil", "was edited"),
        EventKind::StepRejected => ("x", "was rejected"),
        EventKind::StepSkipped => ("chevron-right", "was skipped"),
        EventKind::StepSupplied => ("pencil", "was given its output"),
        EventKind::StepStopped => ("ban", "was stopped"),
        EventKind::StepRerun => ("rotate-cw", "runs again"),
        EventKind::StepDecided => ("zap", "was decided"),
        EventKind::StepExpanded => ("zap", "began its parts"),
        EventKind::ReviewTimedOut => ("circle-x", "got no review in time"),
        EventKind::ArtifactRolledBack => ("undo-2", "was rolled back"),
        EventKind::RunPaused => ("pause", "The run was paused"),
        EventKind::RunResumed => ("play", "The run was resumed"),
        EventKind::BudgetExceeded => ("ban", "The budget is used up"),
        EventKind::RunTimedOut => ("circle-x", "The run took too long"),
        EventKind::RunAdopted => ("check", "Versions of another run were taken over"),
        EventKind::RunMoved => ("chevron-right", "The run goes on with another version"),
    }
}
