//! What is there, output by output: as it is, or as the difference to the version that was seen last.

use leptos::prelude::*;
use workflow::{RunId, view::ArtifactMeta};

use crate::{
    components::Empty,
    pages::review::{
        artifact::{Artifact, facts, made_by},
        difference::Difference,
    },
};

#[component]
pub(super) fn Output(run: RunId, outputs: Vec<ArtifactMeta>) -> impl IntoView {
    if outputs.is_empty() {
        return view! { <Empty icon="file-text" title="No output" text="The step made nothing to look at" framed=true level=3/> }
            .into_any();
    }
    let all = outputs.into_iter().map(|artifact| view! { <Artifact run artifact/> }.into_any()).collect_view();
    view! { <div class="stack">{all}</div> }.into_any()
}

/// Each output beside the version before it; one without is shown as it is.
#[component]
pub(super) fn Changes(run: RunId, outputs: Vec<ArtifactMeta>, previous: Vec<ArtifactMeta>) -> impl IntoView {
    let all = outputs
        .into_iter()
        .map(|now| {
            let before = previous.iter().find(|before| before.name == now.name && is_text(before) && is_text(&now));
            match before {
                Some(before) => change(run, before, &now),
                None => view! { <Artifact run artifact=now/> }.into_any(),
            }
        })
        .collect_view();
    drop(previous);
    view! { <div class="stack">{all}</div> }
}

/// "summary: v1, attempt 1, to v2, edited by anna@example.org".
pub(super) fn change(run: RunId, before: &ArtifactMeta, now: &ArtifactMeta) -> AnyView {
    let title = format!("{}: {} to {}", now.name, version(before), version(now));
    view! { <Difference left=(run, before.id) right=(run, now.id) title/> }.into_any()
}

fn version(artifact: &ArtifactMeta) -> String {
    let by = made_by(artifact);
    if by.is_empty() { facts(artifact) } else { format!("v{} ({by})", artifact.version) }
}

/// Whether it has lines to compare.
fn is_text(artifact: &ArtifactMeta) -> bool {
    artifact.media_type.starts_with("text/") || artifact.media_type.starts_with("application/json")
}
