//! The panel at the right: of the selected step, of the selected connection, of several steps, or of the workflow itself.

use leptos::prelude::*;
use workflow::StepKey;

use super::{
    draft::Draft,
    edge_panel::{EdgePanel, ManyPanel},
    focus,
    settings::{Settings, run_inputs},
    step_panel::StepPanel,
};
use crate::{
    components::{PanelHandle, Side, Skeleton, SkeletonKind},
    later::{View, later, once_drawn},
    reactive::{effect_with, memo},
};

later! {
    more: step_panel, View<(Draft, StoredValue<StepKey>)>, |(draft, key)| {
        view! { <StepPanel draft key=key.get_value()/> }.into_any()
    };
    more: edge_panel, View<(Draft, StoredValue<(StepKey, StepKey)>)>, |(draft, line)| {
        let (from, to) = line.get_value();
        view! { <EdgePanel draft from to/> }.into_any()
    };
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Shown {
    Workflow,
    Step(StepKey),
    Many,
    Edge(StepKey, StepKey),
}

#[component]
pub(super) fn SidePanel(draft: Draft) -> impl IntoView {
    let handle = draft.handle;
    let (selection, edge) = (handle.selection(), handle.selected_edge());
    let shown = memo(move || {
        if let Some((from, to)) = edge.get() {
            return Shown::Edge(from, to);
        }
        selection.with(|keys| match keys.as_slice() {
            [] => Shown::Workflow,
            [key] => Shown::Step(key.clone()),
            _ => Shown::Many,
        })
    });
    draft.toast_refusals_while(|shown| shown == "panel");
    let opened = handle.opened();
    effect_with(move |before: Option<()>| {
        if let Some(key) = opened.get()
            && before.is_some()
        {
            focus::open_step(draft, key);
        }
    });
    effect_with(move |before: Option<Shown>| {
        let now = shown.get();
        if before.is_some_and(|before| before != now) {
            // Where the last one was left is no place to begin; the elements are the same ones.
            request_animation_frame(to_the_top);
        }
        now
    });
    // Nothing is selected at first.
    let (step_panel, edge_panel) = (once_drawn(step_panel), once_drawn(edge_panel));
    let run_inputs = once_drawn(run_inputs);
    let comes =
        || view! { <div class="panel-body" aria-busy="true"><Skeleton kind=SkeletonKind::Row/></div> }.into_any();
    let of_step = move |key: StepKey| match step_panel.get() {
        Some(view) => view((draft, StoredValue::new(key))),
        None => comes(),
    };
    let of_edge = move |from: StepKey, to: StepKey| match edge_panel.get() {
        Some(view) => view((draft, StoredValue::new((from, to)))),
        None => comes(),
    };
    view! {
        <aside class="panel side-panel" id="side-panel" aria-label="Details">
            {move || match shown.get() {
                Shown::Workflow => view! { <Settings draft run_inputs/> }.into_any(),
                Shown::Step(key) => of_step(key),
                Shown::Many => view! { <ManyPanel draft/> }.into_any(),
                Shown::Edge(from, to) => of_edge(from, to),
            }}
            <PanelHandle side=Side::Left key="editor-panel" label="Resize the panel" min=300.0/>
        </aside>
    }
}

fn to_the_top() {
    if let Ok(Some(body)) = document().query_selector("#side-panel > .panel-body") {
        body.set_scroll_top(0);
    }
}
