//! What happened in the run and who did it, newest first, in a drawer at the foot.

use leptos::prelude::*;
use workflow::event::{EventKind, RunEvent};

use super::state::LiveRun;
use crate::{
    api,
    components::{Icon, MoreRows, RelativeTime, Skeleton, SkeletonKind},
    form::outcome,
    load::PartFailed,
    reactive::effect,
    words,
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
                <span class="muted">{move || live.run.with(|run| words::count(run.seq, "event"))}</span>
            </div>
            <div class="bottom-drawer-body">
                <Show when=move || is_open.get()>
                    <Events live/>
                </Show>
            </div>
        </section>
    }
}

/// Everything that was read stays: earlier events come below the ones that are there.
#[component]
fn Events(live: LiveRun) -> impl IntoView {
    let read = RwSignal::new(Vec::<RunEvent>::new());
    let newest = live.run.with_untracked(|run| run.seq) + 1;
    let page = Action::new(move |before: &i64| api::run_events(live.id, Some(*before)));
    let error = outcome(page, move |events: Vec<RunEvent>| read.update(|read| add_page(read, events)));
    let oldest = move || read.with(|read| read.last().map_or(newest, |event| event.seq));
    let load = move || {
        page.dispatch(untrack(oldest));
    };
    effect(load);
    let news = move || {
        live.news.with(|news| {
            news.iter().rev().filter(|event| event.seq >= newest).cloned().map(|event| row(live, event)).collect_view()
        })
    };
    let has_earlier = move || read.with(|read| !read.is_empty()) && oldest() > 1;
    view! {
        <ol class="timeline">
            {news}
            <For each=move || read.get() key=|event| event.seq let:event>
                {row(live, event)}
            </For>
        </ol>
        {move || error.get().map(|error| view! { <PartFailed error on_retry=move |()| load()/> })}
        <Show when=move || page.pending().get() && read.with(Vec::is_empty)>
            <Skeleton kind=SkeletonKind::Row/>
        </Show>
        <MoreRows has_more=Signal::derive(has_earlier) loading=page.pending() on_more=move |()| load() label="Earlier events"/>
    }
}

/// Takes in a page of events, newest first, after those that are known; one that is known already changes nothing.
fn add_page(read: &mut Vec<RunEvent>, page: Vec<RunEvent>) {
    let oldest = read.last().map_or(i64::MAX, |event| event.seq);
    read.extend(page.into_iter().filter(|event| event.seq < oldest));
}

fn row(live: LiveRun, event: RunEvent) -> impl IntoView {
    let title = event.data.step.as_ref().map(|key| {
        live.run.with_untracked(|run| run.step(key).map_or_else(|| key.to_string(), |step| step.title.clone()))
    });
    let (icon, words) = words_of(&event);
    let said = feedback_of(&event);
    let who = event.actor.map(|actor| actor.email);
    view! {
        <li>
            <Icon name=icon/>
            <span>
                {title.map(|title| view! { <strong>{title}</strong> " " })}
                {words}
                {who.map(|who| view! { <span class="muted small">" by " {who}</span> })}
                {said.map(|said| view! { <span class="timeline-said">{said}</span> })}
            </span>
            <RelativeTime at=event.at/>
        </li>
    }
}

/// What was said with a rejection.
fn feedback_of(event: &RunEvent) -> Option<String> {
    if event.kind != EventKind::StepRejected {
        return None;
    }
    let key = event.data.step.as_ref()?;
    let step = event.data.steps.iter().find(|step| step.key == *key)?;
    step.feedback.as_ref().map(|feedback| feedback.text.clone())
}

fn words_of(event: &RunEvent) -> (&'static str, &'static str) {
    let begins_a_run = || event.data.steps.iter().any(|step| step.child_run.is_some());
    match event.kind {
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
        EventKind::StepExpanded if begins_a_run() => ("zap", "began the run of its sub-workflow"),
        EventKind::StepExpanded => ("zap", "began its items"),
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
