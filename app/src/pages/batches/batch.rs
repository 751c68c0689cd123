//! /batches/{id}: how far a table is, what became of each row, and the table of what its runs gave.
//! It is read again while it is looked at; what is done goes on without it.

use std::{cell::Cell, rc::Rc, time::Duration};

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use wasm_bindgen::JsCast;
use workflow::{
    api::{BatchAct, BatchState, BatchView},
    id::BatchId,
};

use super::{
    rows::Rows,
    words::{is_settled, progress, rests, state},
};
use crate::{
    api,
    components::{
        Badge, Banner, Button, ConfirmDialog, Kind, ProgressBar, RelativeTime, Skeleton, SkeletonKind, Variant,
        dom::focus_if_lost,
    },
    form::{FormError, outcome},
    load::refetch_after_sign_in,
    page_failed::PageFailed,
    pages::NotFound,
    polled::polled,
    reactive::memo,
    shell::Page,
};

/// Between two looks at how far it is.
const EVERY: Duration = Duration::from_secs(3);
/// Of so many looks one is taken where nothing goes on.
const SELDOM: u32 = 10;

#[component]
pub fn BatchPage() -> impl IntoView {
    let params = use_params_map();
    let id = memo(move || params.with(|params| params.get("batch_id")?.parse::<BatchId>().ok()));
    let batch = Resource::new(
        move || id.get(),
        |id| async move {
            match id {
                Some(id) => api::get_batch(id).await.map(Some),
                None => Ok(None),
            }
        },
    );
    refetch_after_sign_in(batch, Result::is_err);
    view! {
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match batch.await {
                    Ok(Some(batch)) => view! { <Batch batch/> }.into_any(),
                    Ok(None) => view! { <NotFound/> }.into_any(),
                    Err(error) => view! { <PageFailed error on_retry=move |()| batch.refetch()/> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Loading() -> impl IntoView {
    view! {
        <Page title="Table">
            <div class="page" aria-busy="true">
                <Skeleton kind=SkeletonKind::Card/>
                <Skeleton kind=SkeletonKind::Row/>
                <Skeleton kind=SkeletonKind::Row/>
            </div>
        </Page>
    }
}

#[component]
fn Batch(batch: BatchView) -> impl IntoView {
    let id = batch.id;
    let (title, template) = (batch.name.clone(), batch.template_name.clone());
    let (version, created_at) = (batch.template_version, batch.created_at);
    let start = format!("/start/{}/table", batch.template_id);
    let batch = RwSignal::new(batch);
    // Runs that are over may begin anew: it is still read, but seldom.
    let n_asked = Rc::new(Cell::new(0_u32));
    polled(
        EVERY,
        move || {
            n_asked.set(n_asked.get().wrapping_add(1));
            let is_settled = batch.try_with_untracked(is_settled).unwrap_or(true);
            let is_wanted = !is_settled || n_asked.get().is_multiple_of(SELDOM);
            async move { if is_wanted { api::get_batch(id).await.map(Some) } else { Ok(None) } }
        },
        move |now: Option<BatchView>| {
            if let Some(now) = now
                && batch.try_with_untracked(|known| *known != now) == Some(true)
            {
                batch.set(now);
            }
        },
    );
    let words = Signal::derive(move || batch.with(progress));
    #[expect(clippy::cast_precision_loss, reason = "a share of at most 10,000 rows")]
    let share = Signal::derive(move || {
        Some(batch.with(|batch| (batch.n_started + batch.n_refused) as f32 / batch.n_rows.max(1) as f32))
    });
    // It is said aloud when it changes, and not with each row.
    let standing = memo(move || batch.with(state));
    let state_now = memo(move || batch.with(|batch| batch.state));
    let rests_now = memo(move || batch.with(rests));
    let results = format!("/api/batches/{id}/results.csv");
    let above = vec![("Dashboard".to_owned(), "/dashboard".to_owned()), (template.clone(), start)];
    view! {
        <Page title=title.clone() above>
            <div class="page">
                <div class="page-head">
                    <h1><bdi>{title}</bdi></h1>
                    <p>
                        "A run of " <bdi>{template}</bdi> {format!(", version {version}, for each row. Uploaded ")}
                        <RelativeTime at=created_at/>
                    </p>
                </div>
                <div class="stack" data-gap="4">
                    <div class="row wrap">
                        <span role="status">
                            {move || {
                                let (tone, words) = standing.get();
                                view! { <Badge tone>{words}</Badge> }
                            }}
                        </span>
                        <ProgressBar label="Rows" share words/>
                    </div>
                    <Reason batch/>
                    <div class="row wrap">
                        <Verbs batch/>
                        <a class="btn" data-variant="default" data-size="md" href=results download="results.csv">
                            <span class="btn-label">"Download the results"</span>
                        </a>
                    </div>
                    <Rows id state=state_now rests=rests_now/>
                </div>
            </div>
        </Page>
    }
}

/// Why it waits, or why it was stopped.
#[component]
fn Reason(batch: RwSignal<BatchView>) -> impl IntoView {
    let why = memo(move || batch.with(|batch| batch.reason.clone().map(|reason| (batch.state, reason))));
    move || {
        why.get().map(|(state, reason)| {
            let (kind, title) = match state {
                BatchState::Stopped => (Kind::Error, "It was stopped"),
                _ => (Kind::Info, "It waits, and goes on by itself"),
            };
            view! { <Banner kind title><bdi>{reason}</bdi></Banner> }
        })
    }
}

#[component]
fn Verbs(batch: RwSignal<BatchView>) -> impl IntoView {
    let id = batch.with_untracked(|batch| batch.id);
    let is_asking = RwSignal::new(false);
    let act = Action::new(move |act: &BatchAct| api::act_on_batch(id, *act));
    let error = outcome(act, move |now: BatchView| {
        is_asking.set(false);
        batch.set(now);
        // The button that was pressed may be gone with what it ended.
        focus_if_lost(|| document().query_selector(".page-head h1").ok().flatten()?.dyn_into().ok());
    });
    let state = memo(move || batch.with(|batch| batch.state));
    let does = move |wanted: BatchAct| {
        act.dispatch(wanted);
    };
    view! {
        <Show when=move || state.get() == BatchState::Running>
            <Button icon="pause" loading=act.pending() on_click=move |()| does(BatchAct::Pause)>"Pause"</Button>
        </Show>
        <Show when=move || matches!(state.get(), BatchState::Paused | BatchState::Stopped)>
            <Button variant=Variant::Primary icon="play" loading=act.pending() on_click=move |()| does(BatchAct::Resume)>
                "Go on"
            </Button>
        </Show>
        <Show when=move || !state.get().is_over()>
            <Button on_click=move |()| is_asking.set(true)>"Start no more"</Button>
        </Show>
        <FormError error/>
        <ConfirmDialog
            id="cancel-batch"
            open=is_asking
            danger=true
            title="Start no more rows of this table?"
            text="Rows that wait are never started. Runs that were started go on."
            confirm="Start no more"
            busy=act.pending()
            on_confirm=move |()| does(BatchAct::Cancel)
        />
    }
}
