//! My runs as rows, newest first. A changed run changes its own row only.

use std::{cmp::Reverse, sync::Arc};

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    RunId,
    api::{MyFrame, RunPage, RunSummary},
};

use crate::{
    api,
    components::{Empty, Icon, MoreRows, RelativeTime, Skeleton, SkeletonKind, StatusChip, run_status},
    form::{FormError, outcome},
    live::follow_mine,
    load::PartFailed,
    pages::fetched::runs::fetch_runs_ahead,
    session::use_session,
};

#[component]
pub(super) fn Runs() -> impl IntoView {
    let session = use_session();
    let first = Resource::new(move || session.epoch(), |_| api::my_runs(None));
    view! {
        <section class="stack" data-gap="2" aria-labelledby="runs">
            <div class="section-head">
                <h2 id="runs">"Your runs"</h2>
                <a class="small" href="/runs">"Find runs"</a>
            </div>
            <Transition fallback=RunsSkeleton>
                {move || Suspend::new(async move {
                    match first.await {
                        Ok(page) => view! { <RunList page/> }.into_any(),
                        Err(error) => view! { <PartFailed error on_retry=move |()| first.refetch()/> }.into_any(),
                    }
                })}
            </Transition>
        </section>
    }
}

#[component]
fn RunsSkeleton() -> impl IntoView {
    view! {
        <div class="list-rows" aria-busy="true">
            {(0..4).map(|_| view! { <div class="list-row"><Skeleton kind=SkeletonKind::Avatar/><Skeleton/></div> }).collect_view()}
        </div>
    }
}

#[component]
fn RunList(page: RunPage) -> impl IntoView {
    let runs = RwSignal::new(page.runs.into_iter().map(Arc::new).collect::<Vec<_>>());
    let next = RwSignal::new(page.next);
    let me = use_session().user_untracked().map(|user| user.id);
    follow_mine(move |frame| match frame {
        MyFrame::Runs { runs: changed, .. } => {
            let is_all_loaded = next.with_untracked(Option::is_none);
            // An admin is told of everybody's runs; this list is mine.
            let mine: Vec<RunSummary> = changed.iter().filter(|run| Some(run.user_id) == me).cloned().collect();
            runs.update(|runs| fold(runs, &mine, is_all_loaded));
        }
        MyFrame::Resync => spawn_local(async move {
            // An error leaves what is known; the page says already that it may be old.
            if let Ok(page) = api::my_runs(None).await {
                catch_up(runs, next, page);
            }
        }),
        MyFrame::Here { .. } | MyFrame::Beat(_) => {}
    });
    let more = Action::new(move |after: &String| api::my_runs(Some(after.clone())));
    let error = outcome(more, move |page: RunPage| {
        next.set(page.next);
        runs.update(|runs| fold(runs, &page.runs, true));
    });
    let ids = move || runs.with(|runs| runs.iter().map(|run| run.id).collect::<Vec<_>>());
    view! {
        <Show
            when=move || runs.with(|runs| !runs.is_empty())
            fallback=|| {
                view! {
                    <Empty
                        icon="play"
                        framed=true
                        level=3
                        title="No runs yet"
                        text="Start a workflow: its steps, what waits for you and what it wrote appear here, live."
                    />
                }
            }
        >
            <div class="list-rows">
                <ul class="list-body" on:pointerenter=|_| fetch_runs_ahead() on:focusin=|_| fetch_runs_ahead()>
                    <For each=ids key=|id| *id let:id>
                        <Row id runs/>
                    </For>
                </ul>
                <MoreRows
                    has_more=Signal::derive(move || next.with(Option::is_some))
                    loading=more.pending()
                    on_more=move |()| {
                        if let Some(after) = next.get_untracked() {
                            more.dispatch(after);
                        }
                    }
                />
            </div>
        </Show>
        <FormError error/>
    }
}

#[component]
fn Row(id: RunId, runs: RwSignal<Vec<Arc<RunSummary>>>) -> impl IntoView {
    let found = move || runs.with(|runs| runs.iter().find(|run| run.id == id).cloned());
    // The row goes with its run, so there is always one when it is drawn.
    let first = untrack(found)?;
    let run = Memo::new(move |last: Option<&Arc<RunSummary>>| {
        found().or_else(|| last.cloned()).unwrap_or_else(|| Arc::clone(&first))
    });
    let fixed = run.get_untracked();
    let status = Signal::derive(move || run.with(|run| run_status(run.status, run.status_reason)).to_owned());
    let progress = move || run.with(|run| run.progress.words());
    Some(view! {
        <li class="list-row">
            <span class="gallery-icon"><Icon name="workflow"/></span>
            <div class="list-main">
                <a href=format!("/runs/{id}")>{fixed.template_name.clone()}</a>
                <div class="list-sub">
                    <span>{format!("Version {}", fixed.template_version)}</span>
                    <span>"started " <RelativeTime at=fixed.created_at/></span>
                    <Owner run=(*fixed).clone()/>
                </div>
            </div>
            {about(&fixed)}
            <div class="list-side num">{progress}</div>
            <StatusChip status/>
        </li>
    })
}

/// What tells it from the other runs of its workflow. Where there is nothing, its place stays.
fn about(run: &RunSummary) -> impl IntoView + use<> {
    view! { <span class="list-about">{run.about.clone()}</span> }
}

/// Takes in the newest page, which may have left a gap to what is loaded: then only the page is sure.
fn catch_up(runs: RwSignal<Vec<Arc<RunSummary>>>, next: RwSignal<Option<String>>, page: RunPage) {
    let knows_any =
        |known: &Vec<Arc<RunSummary>>| page.runs.iter().any(|new| known.iter().any(|known| known.id == new.id));
    match runs.try_with_untracked(knows_any) {
        // The page has gone in the meantime.
        None => {}
        Some(false) if page.next.is_some() => {
            runs.set(page.runs.into_iter().map(Arc::new).collect());
            next.set(page.next);
        }
        Some(_) => runs.update(|runs| fold(runs, &page.runs, true)),
    }
}

/// Whose run it is, where it may be somebody else's.
#[component]
fn Owner(run: RunSummary) -> impl IntoView {
    let me = use_session().user_untracked()?;
    me.is_admin().then(|| {
        view! { <span>{if run.user_id == me.id { "you".to_owned() } else { run.user_email }}</span> }
    })
}

/// Takes in runs, newest first; those older than what is loaded come with their page.
fn fold(runs: &mut Vec<Arc<RunSummary>>, changed: &[RunSummary], is_all_loaded: bool) {
    let oldest = runs.last().map(|run| run.created_at);
    for run in changed {
        if let Some(known) = runs.iter_mut().find(|known| known.id == run.id) {
            *known = Arc::new(run.clone());
        } else if is_all_loaded || oldest.is_none_or(|oldest| run.created_at >= oldest) {
            runs.push(Arc::new(run.clone()));
        }
    }
    runs.sort_unstable_by_key(|run| Reverse((run.created_at, run.id)));
}
