//! The chosen step: first what it needs from me, then its output, inputs, prompt, attempts and versions.

use futures::future::join;
use leptos::prelude::*;
use workflow::{RunView, StepKey};

use super::{
    attempts::Attempts, gate::rounds_of, gates_left::GatesLeft, inputs::Inputs, items::Items, log_fold::CurrentLog,
    needs::Needs, one_step::OneStep, output::Output, prompt::Prompt, state::LiveRun, versions::Versions,
};
use crate::components::{
    Button, Empty, PanelHandle, Side, Size, Skeleton, SkeletonKind, StatusChip, Tab, TabPanel, Tabs, Variant,
    prose_renderer,
};
use crate::{
    as_sent::AsSent,
    behind::Later,
    later::{Fetched, View, later},
    pages::review::brought,
    reactive::memo,
    words,
};

later! {
    pane: pub(in crate::pages) chosen_step, View<(LiveRun, Shown)>, |(live, shown)| view! { <ChosenStep live shown/> }.into_any();
    watch: items, View<OneStep>, |one| view! { <Items one/> }.into_any();
    watch: inputs, View<OneStep>, |one| view! { <Inputs one/> }.into_any();
    watch: prompt, View<OneStep>, |one| view! { <Prompt one/> }.into_any();
    watch: attempts, View<OneStep>, |one| view! { <Attempts one/> }.into_any();
    watch: versions, View<OneStep>, |one| view! { <Versions one/> }.into_any();
}

/// The step that the panel shows: the chosen one, once that it is chosen was painted.
pub(super) type Shown = RwSignal<Option<StepKey>>;

/// The panel of a page that is opened by its address stands as the server sent it until its program comes.
#[component]
pub(super) fn StepPanel(live: LiveRun, shown: Shown) -> impl IntoView {
    let first = StoredValue::new(live.selected.get_untracked());
    let holds = Signal::derive(move || live.selected.with(|now| first.with_value(|first| first == now)));
    view! {
        <aside class="panel side-panel" id="side-panel" aria-label="Step">
            <AsSent part=with_texts of=(live, shown) holds fallback=move || until_it_comes(live)/>
            <PanelHandle side=Side::Left key="run-step" label="Resize the step panel" min=280.0/>
        </aside>
    }
}

/// With what renders its texts: they would be their source for a moment.
async fn with_texts() -> Fetched<View<(LiveRun, Shown)>> {
    // Where that does not come they are their source for longer, which is no reason to show nothing.
    let (step, _) = join(chosen_step(), prose_renderer()).await;
    step
}

/// Asks for what the step made that is looked at first: the panel, which shows it, may come after it.
pub(super) fn bring(live: LiveRun) {
    let Some(key) = live.selected.get_untracked() else { return };
    let is_there = untrack(|| live.is_shown.get() && live.has_all_of(&key));
    // Of a list its items are shown first.
    let ids: Vec<_> = live.run.with_untracked(|run| {
        let is_shown = is_there && !is_list(run, &key);
        run.latest_artifacts(&key).filter(|_| is_shown).map(|artifact| artifact.id).collect()
    });
    brought::bring(live.id, ids);
}

fn is_list(run: &RunView, key: &StepKey) -> bool {
    let is_item = run.step(key).is_none_or(|step| step.item_of.is_some());
    !is_item && run.run_definition.steps.get(&key.split().0).is_some_and(|step| step.map.is_some())
}

fn until_it_comes(live: LiveRun) -> AnyView {
    match live.selected.get() {
        Some(key) => view! { <Comes live key/> }.into_any(),
        None => view! { <NoStep/> }.into_any(),
    }
}

#[component]
fn ChosenStep(live: LiveRun, shown: Shown) -> impl IntoView {
    move || match shown.get() {
        Some(key) if !live.has_all_of(&key) => view! { <Comes live key/> }.into_any(),
        Some(key) => view! { <Panel live key/> }.into_any(),
        None => view! { <NoStep/> }.into_any(),
    }
}

#[component]
fn NoStep() -> impl IntoView {
    view! {
        <div class="panel-body">
            <Empty icon="mouse-pointer-2" title="Choose a step" text="Its output, inputs and versions are shown here"/>
        </div>
    }
}

/// What it is called, until the run was read.
#[component]
fn Comes(live: LiveRun, key: StepKey) -> impl IntoView {
    let title = untrack(move || live.title_of(&key));
    view! {
        <div class="panel-head">
            <h2 class="truncate" tabindex="-1">{title}</h2>
        </div>
        <div class="panel-body" aria-busy="true">
            <Skeleton kind=SkeletonKind::Row/>
            <Skeleton kind=SkeletonKind::Row/>
        </div>
    }
}

#[component]
fn Panel(live: LiveRun, key: StepKey) -> impl IntoView {
    let one = OneStep::new(live, key);
    if one.step.with_untracked(Option::is_none) {
        return view! { <div class="panel-body"><Empty icon="mouse-pointer-2" title="This step is not part of the run" text="Choose another one"/></div> }
            .into_any();
    }
    let detail = Signal::derive(move || {
        one.read(|step| step.reason.map(|reason| reason.words().to_owned())).unwrap_or_default()
    });
    let is_stale = memo(move || live.stale.with(|stale| stale.contains_key(&one.key())));
    let is_map = live.run.with_untracked(|run| is_list(run, &one.key()));
    let tab = RwSignal::new(if is_map { "items" } else { "output" }.to_owned());
    let counts = memo(move || {
        let key = one.key();
        let n_versions =
            live.run.with(|run| run.artifacts.iter().filter(|artifact| artifact.producing_step_id == key).count());
        (one.read(|step| step.attempts.len()), n_versions)
    });
    let n_items =
        memo(move || if is_map { usize::try_from(super::items::progress(one).total).unwrap_or_default() } else { 0 });
    let tabs = Signal::derive(move || {
        let (n_attempts, n_versions) = counts.get();
        let mut tabs = vec![
            Tab::new("output", "Output"),
            Tab::new("inputs", "Inputs"),
            Tab::new("prompt", "Prompt"),
            Tab::new("attempts", "Attempts").with_count(n_attempts),
            Tab::new("versions", "Versions").with_count(n_versions),
        ];
        if is_map {
            tabs.insert(0, Tab::new("items", "Items").with_count(n_items.get()));
        }
        tabs
    });
    view! {
        <div class="panel-head">
            <h2 class="truncate" tabindex="-1">{move || one.title()}</h2>
            <StatusChip status=Signal::derive(move || one.status.get().as_str().to_owned()) stale=is_stale detail/>
        </div>
        <div class="panel-body">
            <Origin one/>
            <GatesLeft one/>
            <Feedback one/>
            <Needs one/>
            <Tabs id="step" label="About the step" tabs selected=tab/>
            {is_map.then(|| view! {
                <TabPanel tabs="step" tab="items" selected=tab>
                    <Later part=items of=one/>
                </TabPanel>
            })}
            <TabPanel tabs="step" tab="output" selected=tab>
                <Output live key=one.key()/>
                <CurrentLog one/>
            </TabPanel>
            <TabPanel tabs="step" tab="inputs" selected=tab>
                <Later part=inputs of=one/>
            </TabPanel>
            <TabPanel tabs="step" tab="prompt" selected=tab>
                <Later part=prompt of=one/>
            </TabPanel>
            <TabPanel tabs="step" tab="attempts" selected=tab>
                <Later part=attempts of=one/>
            </TabPanel>
            <TabPanel tabs="step" tab="versions" selected=tab>
                <Later part=versions of=one/>
            </TabPanel>
        </div>
    }
    .into_any()
}

/// Which agent does it, how often it has begun, and of which list it is an item.
#[component]
fn Origin(one: OneStep) -> impl IntoView {
    let words = move || {
        one.read(|step| {
            let again = if step.generation > 1 {
                format!(" · begun {}", words::count(step.generation, "time"))
            } else {
                String::new()
            };
            format!("{} v{}{again}", one.live.agent_name(&step.agent_id), step.agent_version)
        })
    };
    let list = one.read(|step| step.item_of.clone().zip(step.item_index)).map(|(of, index)| {
        let title = one.live.title_of(&of);
        view! {
            <p class="row item-of">
                <Button size=Size::Sm variant=Variant::Quiet icon="arrow-left" on_click=move |()| one.live.choose(of.clone())>
                    {format!("All items of {title}")}
                </Button>
                <span class="muted small">{format!("Item {}", index + 1)}</span>
            </p>
        }
    });
    view! {
        {list}
        <p class="muted small step-meta">{words}</p>
    }
}

/// What a person asked for when this generation began, or said when they rejected for the last time.
#[component]
fn Feedback(one: OneStep) -> impl IntoView {
    let feedback = memo(move || one.step.with(|step| step.as_ref().and_then(|step| step.feedback.clone())));
    let view = move || {
        feedback.get().map(|feedback| {
            view! {
                <blockquote class="feedback">
                    <strong>{rounds_of(one).feedback_title(&feedback.by)}</strong>
                    <p>{feedback.text}</p>
                </blockquote>
            }
        })
    };
    view! { {view} }
}
