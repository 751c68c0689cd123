//! /runs/{id}: one run, live. The steps as an outline, the DAG, the chosen step, and the timeline.
//! Everything shown is one `RunView` of the state that events are folded into; nothing here may keep a second truth.

mod absences;
mod absent;
mod anew;
mod attempts;
mod backoff;
mod blast;
mod dialogs;
mod doors;
mod edit;
mod edits;
mod focus;
mod fork;
mod gate;
mod gates_left;
pub(super) mod graph;
mod header;
mod human;
mod inputs;
mod items;
mod judged;
mod lineage;
mod log_fold;
mod logs;
mod looking;
mod needs;
mod next_gate;
mod older;
mod one_step;
mod outline;
mod outline_notes;
pub(super) mod output;
pub(super) mod outside;
mod past;
mod place;
mod press;
mod progress;
mod prompt;
mod reject;
mod rerun;
mod rollback;
mod said;
mod seen;
mod skip;
mod slowest;
mod stale;
pub(super) mod state;
pub(super) mod step_panel;
mod streamed;
mod streams;
mod supply;
mod tellings;
mod timeline;
mod timeline_lines;
mod times;
mod touched;
mod transcript;
pub(super) mod tried;
mod verbs;
mod versions;
mod whole;

use leptos::prelude::*;
use leptos_router::{
    hooks::{use_params_map, use_query_map},
    params::ParamsMap,
};
use workflow::RunId;

use self::{
    graph::{GraphStage, Watched},
    header::Header,
    outline::Outline,
    past::{Looked, Past},
    slowest::Slowest,
    state::LiveRun,
    step_panel::{StepPanel, bring},
    timeline::Timeline,
};
use super::review::{artifact, difference, drafts, failures, output_form, restored};
use crate::reactive::{effect_with, memo, once_painted};
use crate::{
    api::{self, LoadedRun},
    behind::Later,
    components::{Empty, LeftPanel, LinkButton, Segment, Segmented, Skeleton, SkeletonKind, Variant},
    load::refetch_after_sign_in,
    page_failed::PageFailed,
    pages::NotFound,
    shell::PageTop,
};

#[component]
pub fn RunPage() -> impl IntoView {
    let params = use_params_map();
    let id = memo(move || params.with(|params| params.get("run_id").and_then(|id| id.parse::<RunId>().ok())));
    let query = use_query_map();
    let run = Resource::new(
        move || id.get(),
        move |id| {
            // Which step is looked at changes without the run being read again.
            let step = wanted_step(query);
            async move {
                match id {
                    Some(id) => Some(api::open_run(id, step).await),
                    None => None,
                }
            }
        },
    );
    refetch_after_sign_in(run, |run| matches!(run, Some(Err(_))));
    view! {
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match run.await {
                    Some(Ok(run)) => view! { <Loaded run/> }.into_any(),
                    Some(Err(error)) => view! { <PageFailed error on_retry=move |()| run.refetch()/> }.into_any(),
                    None => view! { <NotFound/> }.into_any(),
                }
            })}
        </Transition>
    }
}

/// The step that the address asks for.
fn wanted_step(query: Memo<ParamsMap>) -> Option<workflow::StepKey> {
    query.with_untracked(|query| query.get("step").map(workflow::StepKey::new))
}

#[component]
fn Loading() -> impl IntoView {
    view! {
        <PageTop title="Run" above=above()/>
        <main class="main" id="main" tabindex="-1" aria-busy="true">
            <div class="page">
                <Skeleton kind=SkeletonKind::Row/>
                <Skeleton kind=SkeletonKind::Row/>
                <Skeleton kind=SkeletonKind::Row/>
            </div>
        </main>
    }
}

fn above() -> Vec<(String, String)> {
    vec![("Dashboard".to_owned(), "/dashboard".to_owned())]
}

const VIEWS: [Segment; 3] =
    [Segment::new("steps", "Steps"), Segment::new("canvas", "Graph"), Segment::new("panel", "Step")];

#[component]
fn Loaded(run: LoadedRun) -> impl IntoView {
    // A link from another run names the step it is about.
    let wanted = wanted_step(use_query_map());
    let live = LiveRun::follow(run, wanted);
    let slowest = Slowest::of(live);
    let past = Past::new();
    let chosen = once_painted(move || live.selected.get());
    focus::keep_focus(live, chosen);
    bring(live);
    looking::follow(live);
    place::keep_in_address(live);
    let shown = RwSignal::new("panel".to_owned());
    let steps = LeftPanel::new("run-steps");
    let (looked, watched) = (Looked { live, past, steps }, Watched { live, past, slowest, steps });
    let show_panel = move || {
        shown.set("panel".to_owned());
        steps.close();
    };
    effect_with(move |before: Option<Option<workflow::StepKey>>| {
        // With what is in it, not before.
        let key = chosen.get();
        if before.is_some_and(|before| before != key) {
            show_panel();
        }
        key
    });
    effect_with(move |before: Option<()>| {
        let wanted = live.chosen.get();
        if before.is_some() && wanted.is_some() && chosen.with_untracked(|chosen| *chosen == wanted) {
            show_panel();
        }
    });
    view! {
        <PageTop title=live.title above=above()/>
        <main class="main" id="main" tabindex="-1" aria-label=move || live.title.get()>
            <noscript inner_html=without_script(live)></noscript>
            <Show when=move || live.is_shown.get() fallback=move || not_shown(live)>
            <div class="run-page">
                <Header live past/>
                <Show when=move || past.is_on()>
                    <Later part=past::bar of=past/>
                </Show>
                <div class="canvas-page" data-show=move || shown.get() data-left=move || steps.state()>
                    <div class="view-tabs">
                        <Segmented value=shown segments=VIEWS.to_vec() name="run-view" label="What to show"/>
                    </div>
                    <Show when=move || !past.is_on()>
                        <Outline live slowest panel=steps/>
                    </Show>
                    <GraphStage of=watched/>
                    <Show
                        when=move || past.is_on()
                        fallback=move || view! { <StepPanel live shown=chosen/> }
                    >
                        <Later part=past::parts of=looked/>
                    </Show>
                    <Timeline live past/>
                </div>
            </div>
            </Show>
        </main>
    }
}

/// What is said where no script runs. As a text: where one runs, a browser takes it for nothing else, and there is nothing to take over.
fn without_script(live: LiveRun) -> String {
    format!(
        "<div class=\"banner\" data-kind=\"warn\"><div class=\"banner-text\"><strong>This page needs JavaScript</strong> \
        to follow the run and to act on it. Without it you see the run as it was when the page came: load it again to see more. \
        What every step made is in <a href=\"/api/workflows/runs/{}/report.html\">the report of this run</a>.</div></div>",
        live.id
    )
}

/// In place of a run that is not shown to this person any more.
fn not_shown(live: LiveRun) -> AnyView {
    match (live.is_gone.get(), live.is_theirs) {
        (true, true) => view! { <NotThereAnyMore/> }.into_any(),
        (true, false) => view! { <NotSeenAnyMore/> }.into_any(),
        (false, _) => view! { <NotAskedAnyMore/> }.into_any(),
    }
}

/// For its owner and admins: somebody deleted it, in another tab or elsewhere.
#[component]
fn NotThereAnyMore() -> impl IntoView {
    view! {
        <div class="page" role="status">
            <Empty
                icon="trash-2"
                title="This run was deleted"
                text="All that it was given and made went with it. Runs that were forked from it are still there."
            >
                <LinkButton href="/runs" variant=Variant::Primary>"Go to the runs"</LinkButton>
                <LinkButton href="/dashboard">"Go to the dashboard"</LinkButton>
            </Empty>
        </div>
    }
}

/// For whoever only looked, once they may not any more.
#[component]
fn NotSeenAnyMore() -> impl IntoView {
    view! {
        <div class="page" role="status">
            <Empty
                icon="eye"
                title="This run is not shared with you any more"
                text="Ask whoever shared it with you, if you need to see it again."
            >
                <LinkButton href="/runs?whose=with_me" variant=Variant::Primary>"Runs that are shared with you"</LinkButton>
                <LinkButton href="/dashboard">"Go to the dashboard"</LinkButton>
            </Empty>
        </div>
    }
}

/// For whoever was asked, once the gate is closed: by their own answer, or by somebody else's.
#[component]
fn NotAskedAnyMore() -> impl IntoView {
    view! {
        <div class="page" role="status">
            <Empty
                icon="check"
                title="Nothing waits for you here any more"
                text="What was asked of you is decided. How the run goes on is shown to the person who started it, and to admins."
            >
                <LinkButton href="/inbox" variant=Variant::Primary>"Go to the inbox"</LinkButton>
                <LinkButton href="/dashboard">"Go to the dashboard"</LinkButton>
            </Empty>
        </div>
    }
}
