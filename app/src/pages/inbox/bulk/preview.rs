//! The beginning of what a row is about, in the row. Must never make a row jump: what is on its way has its height.

use leptos::{prelude::*, task::spawn_local};
use workflow::api::{GatePreview, GateRef, PreviewedOutput};

use super::super::state::Inbox;
use crate::{
    api,
    components::{Skeleton, SkeletonKind},
    reactive::effect,
};

/// For a row that is ticked or unfolded: its outputs by name, each with its first lines.
#[component]
pub(in crate::pages::inbox) fn RowPreview(inbox: Inbox, gate: GateRef) -> impl IntoView {
    let key = StoredValue::new((gate.run_id, gate.step.clone()));
    let is_missing = RwSignal::new(false);
    // What is ticked is fetched together with the others, by the bar.
    effect(move || {
        let is_known = key.with_value(|key| inbox.previews().with_untracked(|known| known.contains_key(key)));
        let is_ticked = key.with_value(|key| inbox.selected().with_untracked(|selected| selected.contains(key)));
        if is_known || is_ticked {
            return;
        }
        let gate = gate.clone();
        spawn_local(async move {
            let found = api::gate_previews(vec![gate]).await.ok().and_then(|found| found.into_iter().next());
            match (key.try_get_value(), found) {
                (Some(key), Some(preview)) => inbox.previews().update(|known| drop(known.insert(key, preview))),
                _ => {
                    is_missing.try_set(true);
                }
            }
        });
    });
    let found = move || key.with_value(|key| inbox.previews().with(|known| known.get(key).cloned()));
    move || match found() {
        Some(preview) => all(preview),
        None if is_missing.get() => {
            view! { <p class="muted small">"What it is about could not be read"</p> }.into_any()
        }
        None => view! { <div aria-busy="true"><Skeleton kind=SkeletonKind::Row/></div> }.into_any(),
    }
}

fn all(preview: GatePreview) -> AnyView {
    if preview.outputs.is_empty() {
        return view! { <p class="muted small">"Nobody has answered yet"</p> }.into_any();
    }
    let outputs = preview.outputs.into_iter().map(one).collect_view();
    view! { <dl class="row-preview">{outputs}</dl> }.into_any()
}

fn one(output: PreviewedOutput) -> AnyView {
    let text = match output.text {
        Some(text) if output.is_cut => format!("{text}…"),
        Some(text) => text,
        None => format!("A file of the type {}", output.media_type),
    };
    view! { <div><dt><bdi>{output.name}</bdi></dt><dd dir="auto">{text}</dd></div> }.into_any()
}
