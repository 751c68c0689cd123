//! The graph of the run as it is now, with its toolbar. Its program is fetched beside the rest of the page: a board and all that it draws
//! with are much, and who came for a step reads that first. It must not be drawn anew while the page is looked at, or its camera would be.

use leptos::prelude::*;

use super::{
    past::Past,
    said,
    slowest::{Slowest, SlowestLegend, SlowestToggle},
    state::LiveRun,
};
use crate::{
    as_sent::AsSent,
    canvas_view::{CanvasToolbar, MapToggle, RunCanvas, WatchHandle, provide_map},
    components::{IconButton, LeftPanel, LeftToggle, Size},
    later::{View, later},
    reactive::effect_with,
};

later! {
    graph: pub(in crate::pages) graph, View<Watched>, |of| view! { <Graph of/> }.into_any();
}

/// What the graph is of, and what the page has beside it.
#[derive(Clone, Copy)]
pub(in crate::pages) struct Watched {
    pub(super) live: LiveRun,
    pub(super) past: Past,
    pub(super) slowest: Slowest,
    pub(super) steps: LeftPanel,
}

#[component]
pub(super) fn GraphStage(of: Watched) -> impl IntoView {
    let live = of.live;
    let had_graph = live.has_graph.get_untracked();
    // What was sent is of now, and would lie under the past.
    let holds = Signal::derive(move || live.has_graph.get() == had_graph && !of.past.is_on());
    view! { <AsSent part=graph of holds fallback=move || view! { <StageComes of/> }/> }
}

/// In its place, where it is not there yet.
#[component]
fn StageComes(of: Watched) -> impl IntoView {
    view! {
        <section class="canvas-stage" aria-label="Graph of the run" aria-busy="true" hidden=move || of.past.is_on()>
            <GraphComes/>
        </section>
    }
}

#[component]
fn Graph(of: Watched) -> impl IntoView {
    let Watched { live, past, slowest, steps } = of;
    let canvas = live.run.with_untracked(|run| WatchHandle::new(run, live.agent_names()));
    let said = said::beside_status(live);
    let is_led = live.chosen.with_untracked(Option::is_some);
    provide_map();
    effect_with(move |before: Option<()>| {
        let wanted = live.chosen.get();
        if let (Some(()), Some(key)) = (before, wanted) {
            canvas.look_at_step(&key);
        }
    });
    view! {
        <section
            class="canvas-stage"
            aria-label="Graph of the run"
            aria-busy=move || (!live.is_whole.get()).then_some("true")
            hidden=move || past.is_on()
        >
            <Show when=move || live.has_graph.get() fallback=|| view! { <GraphComes/> }>
                <RunCanvas run=live.run stale=live.stale said path=slowest.steps selected=live.selected is_led handle=canvas/>
            </Show>
            <SlowestLegend slowest/>
            <LeftToggle panel=steps icon="list-checks" label="Steps"/>
            <CanvasToolbar label="Graph">
                <IconButton icon="zoom-out" label="Zoom out" size=Size::Sm on_click=move |()| canvas.zoom_out()/>
                <IconButton icon="zoom-in" label="Zoom in" size=Size::Sm on_click=move |()| canvas.zoom_in()/>
                <IconButton icon="maximize" label="Fit" keys="Shift 1" size=Size::Sm on_click=move |()| canvas.fit()/>
                <IconButton
                    icon="eye"
                    label="Follow"
                    keys="F"
                    size=Size::Sm
                    pressed=Signal::derive(move || Some(canvas.is_following().get()))
                    on_click=move |()| canvas.toggle_following()
                />
                <SlowestToggle slowest/>
                <MapToggle needed=canvas.needs_map()/>
            </CanvasToolbar>
        </section>
    }
}

/// In place of a graph that the page does not come with: one of thousands of steps.
#[component]
fn GraphComes() -> impl IntoView {
    view! { <p class="canvas-hint" role="status">"The graph is on its way"</p> }
}
