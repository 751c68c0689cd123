//! What happened in the run and who did it, newest first, in a drawer at the foot; there too how long what took, which is `times`.

use leptos::prelude::*;
use workflow::run::event::EventKind;

use super::{
    past::Past,
    state::{LiveRun, pulse_of, title_of},
    timeline_lines::{Line, lines},
    times::Times,
};
use crate::{
    api,
    behind::Later,
    components::{Icon, MoreRows, RelativeTime, Segment, Segmented, Skeleton, SkeletonKind},
    form::outcome,
    later::{View, later},
    load::PartFailed,
    reactive::{effect, memo},
    told::Told,
    words,
};

later! {
    watch: events, View<LiveRun>, |live| view! { <Events live/> }.into_any();
    watch: times, View<(LiveRun, Past)>, |(live, past)| view! { <Times live past/> }.into_any();
}

const VIEWS: [Segment; 2] = [Segment::new(EVENTS, "Events"), Segment::new("times", "Times and replay")];
const EVENTS: &str = "events";

#[component]
pub(super) fn Timeline(live: LiveRun, past: Past) -> impl IntoView {
    let is_open = RwSignal::new(false);
    let shown = RwSignal::new(EVENTS.to_owned());
    let both = (live, past);
    let has_times = memo(move || is_open.get() && shown.with(|shown| shown != EVENTS));
    view! {
        <section class="bottom-drawer" data-open=move || is_open.get() data-tall=move || has_times.get() aria-label="Timeline">
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
                <span class="muted">{move || live.slowly(|run| words::count(run.seq, "event"))}</span>
                <Show when=move || is_open.get()>
                    <Segmented value=shown segments=VIEWS.to_vec() name="timeline-view" label="Timeline as"/>
                </Show>
            </div>
            <div class="bottom-drawer-body">
                <Show when=move || is_open.get()>
                    <Show
                        when=move || has_times.get()
                        fallback=move || view! { <Later part=events of=live/> }
                    >
                        <Later part=times of=both/>
                    </Show>
                </Show>
            </div>
        </section>
    }
}

/// Everything that was read stays: earlier events come below the ones that are there.
#[component]
fn Events(live: LiveRun) -> impl IntoView {
    let read = RwSignal::new(Vec::<Told>::new());
    let newest = live.run.with_untracked(|run| run.seq) + 1;
    live.news.set(Some(Vec::new()));
    on_cleanup(move || {
        live.news.try_set(None);
    });
    let page = Action::new(move |before: &i64| api::run_events(live.id, Some(*before)));
    let error = outcome(page, move |events: Vec<Told>| read.update(|read| add_page(read, events)));
    let oldest = move || read.with(|read| read.last().map_or(newest, |event| event.seq));
    let load = move || {
        page.dispatch(untrack(oldest));
    };
    effect(load);
    // A list of thousands of items makes as many events in a moment.
    let pulse = pulse_of(move || live.news.track());
    let news = memo(move || {
        pulse.track();
        live.news.with_untracked(|news| {
            let news = news.iter().flatten().rev().filter(|event| event.seq >= newest);
            lines(news.cloned().collect())
        })
    });
    let known = memo(move || lines(read.get()));
    let has_earlier = move || read.with(|read| !read.is_empty()) && oldest() > 1;
    view! {
        <ol class="timeline">
            // By key, so that one more event of a busy run draws one row.
            <For each=move || news.get() key=Line::by_oldest let:line>
                {told(live, line, news, Line::by_oldest)}
            </For>
            <For each=move || known.get() key=Line::by_newest let:line>
                {told(live, line, known, Line::by_newest)}
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
fn add_page(read: &mut Vec<Told>, page: Vec<Told>) {
    let oldest = read.last().map_or(i64::MAX, |event| event.seq);
    read.extend(page.into_iter().filter(|event| event.seq < oldest));
}

/// One event, or those of the items of a list, which open. What is open stays so while the line grows: it is found again in `all` by its `key`.
fn told(run: LiveRun, line: Line, all: Memo<Vec<Line>>, key: fn(&Line) -> (i64, bool)) -> AnyView {
    let at = key(&line);
    let Some(of) = line.items_of else {
        return line.events.into_iter().map(|event| row(run, event)).collect_view().into_any();
    };
    let open = RwSignal::new(false);
    let now = memo(move || all.with(|all| all.iter().find(|line| key(line) == at).cloned()));
    let title = run.run.with_untracked(|view| title_of(view, &of));
    let events = move || now.get().map(|line| line.events).unwrap_or_default();
    let newest = memo(move || now.with(|line| line.as_ref()?.events.first().map(|newest| newest.at)));
    view! {
        <li>
            <Icon name="layers"/>
            <details
                class="fold"
                on:toggle=move |event| {
                    open.set(event_target::<web_sys::HtmlDetailsElement>(&event).open());
                }
            >
                <summary>
                    <Icon name="chevron-right"/> <strong dir="auto">{title}</strong> " "
                    {move || now.with(|line| line.as_ref().map(Line::words))}
                </summary>
                <Show when=move || open.get()>
                    <ol class="timeline">
                        <For each=events key=|event| event.seq let:event>
                            {row(run, event)}
                        </For>
                    </ol>
                </Show>
            </details>
            {move || newest.get().map(|at| view! { <RelativeTime at/> })}
        </li>
    }
    .into_any()
}

fn row(live: LiveRun, event: Told) -> impl IntoView {
    let title_of = |key| live.run.with_untracked(|run| title_of(run, key));
    let title = event.step.as_ref().map(title_of);
    let (icon, words) = words_of(&event);
    let words = match event.kind {
        EventKind::AutoRunChanged if event.n_steps > 0 => {
            let names: Vec<String> = event.steps.iter().map(title_of).collect();
            format!("{words}, which let {} go on", names_of(names, event.n_steps))
        }
        _ if title.is_none() && event.n_steps > 0 => format!("{} {words}", words::count(event.n_steps, "step")),
        _ => words.to_owned(),
    };
    let place = title.zip(event.step.clone());
    let versions = event.versions.join(", ");
    view! {
        <li>
            <Icon name=icon/>
            <span>
                {place.map(|(title, step)| view! {
                    <button class="timeline-step" type="button" on:click=move |_| live.choose(step.clone())>{title}</button>
                    " "
                })}
                {words}
                {(!versions.is_empty()).then(|| view! { <span class="muted small">": " {versions}</span> })}
                {event.by.map(|who| view! { <span class="muted small">" by " {who}</span> })}
                {event.acted_for.map(|whom| view! { <span class="muted small">" for " {whom}</span> })}
                {event.said.map(|said| view! { <span class="timeline-said" dir="auto">{said}</span> })}
            </span>
            <RelativeTime at=event.at/>
        </li>
    }
}

/// The first of so many by name, and how many more.
fn names_of(mut names: Vec<String>, n: usize) -> String {
    let n_more = n.saturating_sub(names.len());
    if n_more > 0 {
        names.push(format!("{} more", words::number(n_more)));
    }
    words::list(&names, names.len())
}

/// What is said after the title of the step that it is about, or after how many steps.
fn words_of(event: &Told) -> (&'static str, &'static str) {
    match event.kind {
        EventKind::RunStarted => ("play", "The run was started"),
        EventKind::RunCancelled => ("ban", "The run was cancelled"),
        EventKind::AutoRunChanged => match event.auto_run {
            Some(true) => ("zap", "Auto-run was switched on"),
            Some(false) => ("zap", "Auto-run was switched off"),
            None => ("zap", "Auto-run was switched"),
        },
        EventKind::StepCompleted => ("circle-check", "completed"),
        EventKind::StepAwaitingReview => ("pause", "waits for review"),
        EventKind::StepFailed => ("circle-x", "failed"),
        EventKind::StepRetrying => ("rotate-cw", "failed and tries again"),
        EventKind::StepRecovered => ("refresh-cw", "was taken over from a worker that died or lost the database"),
        EventKind::StepReleased => ("undo-2", "was given back by a worker that stopped"),
        EventKind::StepTriggered => ("rotate-cw", "was started by hand"),
        EventKind::StepApproved => ("check", "was approved"),
        EventKind::StepVoted => ("check", "got an approval, and waits for more"),
        EventKind::StepEdited => ("pencil", "was edited"),
        EventKind::StepRejected => ("x", "was rejected"),
        EventKind::StepSkipped => ("chevron-right", "was skipped"),
        EventKind::StepSupplied => ("pencil", "was given its output"),
        EventKind::StepStopped => ("ban", "was stopped"),
        EventKind::StepRerun => ("rotate-cw", "runs again"),
        EventKind::StepDecided => ("zap", "was decided"),
        EventKind::StepExpanded if event.begins_a_run => ("zap", "began the run of its sub-workflow"),
        EventKind::StepExpanded => ("zap", "began its items"),
        EventKind::ReviewTimedOut => ("circle-x", "got no review in time"),
        EventKind::ArtifactRolledBack => ("undo-2", "was rolled back"),
        EventKind::RunPaused => ("pause", "The run was paused"),
        EventKind::RunResumed => ("play", "The run was resumed"),
        EventKind::BudgetExceeded => ("ban", "The budget is used up"),
        EventKind::RunTimedOut => ("circle-x", "The run took too long"),
        EventKind::RunAdopted => ("check", "Versions of another run were taken over"),
        EventKind::RunMoved => ("chevron-right", "The run goes on with another version"),
        EventKind::StepsStarted => ("play", "started"),
        EventKind::StepsAdmitted => ("play", "may start: a place is free"),
        EventKind::StepsUnreserved => ("pause", "waits for a place again"),
        EventKind::StepSuspended => ("pause", "waits for something outside"),
        EventKind::StepResumed => ("play", "goes on"),
        EventKind::Continued => ("zap", "changed with it"),
    }
}
