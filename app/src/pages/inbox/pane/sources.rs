//! What the step was given, port by port: each source with the step that made it, folded away by a press. Its content is fetched when it is
//! first unfolded.

use leptos::prelude::*;
use workflow::{RunId, api::GateSource};

use crate::pages::review::artifact::Artifact;

/// So many are unfolded at first.
const OPEN: usize = 2;

#[component]
pub(super) fn Sources(run: RunId, sources: Vec<GateSource>) -> impl IntoView {
    let rows = sources.into_iter().enumerate().map(|(n, source)| one(run, source, n < OPEN)).collect_view();
    view! {
        <section class="pane-sources" aria-label="Sources">
            <h3 class="small muted">"Sources"</h3>
            {rows}
        </section>
    }
}

fn one(run: RunId, source: GateSource, is_open: bool) -> AnyView {
    let is_seen = RwSignal::new(is_open);
    let artifact = StoredValue::new(source.artifact);
    view! {
        <details class="source" open=is_open on:toggle=move |_| is_seen.set(true)>
            <summary><bdi>{source.port}</bdi> <span class="muted">" · " <bdi>{source.title}</bdi></span></summary>
            <Show when=move || is_seen.get()>
                <Artifact run artifact=artifact.get_value()/>
            </Show>
        </details>
    }
    .into_any()
}
