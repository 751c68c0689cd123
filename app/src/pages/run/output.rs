//! What a step has made: tokens as they come while it runs, then the latest version of each output.

use leptos::prelude::*;
use workflow::{StepKey, StepStatus};

use super::{artifact::Artifact, state::LiveRun};
use crate::components::Empty;
use crate::reactive::memo;

#[component]
pub(in crate::pages) fn Output(live: LiveRun, key: StepKey) -> impl IntoView {
    let stored = StoredValue::new(key);
    let status = memo(move || {
        stored.with_value(|key| live.run.with(|run| run.step(key).map_or(StepStatus::Pending, |step| step.status)))
    });
    let stream = move || {
        stored.with_value(|key| {
            let number = live.run.with(|run| run.step(key)?.attempts.last().map(|attempt| attempt.number))?;
            live.streams.with(|streams| streams.get(&(key.clone(), number)).map(|stream| stream.text.clone()))
        })
    };
    let latest = memo(move || {
        stored.with_value(|key| live.run.with(|run| run.latest_artifacts(key).cloned().collect::<Vec<_>>()))
    });
    let empty = move || match status.get() {
        StepStatus::Running => "The step is running; what it makes appears here",
        StepStatus::AwaitingReview => "Nobody has answered yet",
        StepStatus::Failed => "The step failed before it made anything",
        StepStatus::Skipped | StepStatus::Cancelled => "The step did not run",
        _ => "The step has not run yet",
    };
    view! {
        <Show when=move || status.get() == StepStatus::Running && stream().is_some()>
            <div class="streaming" data-live="true" aria-label="Output so far" role="region">
                {move || stream().unwrap_or_default()}
            </div>
        </Show>
        <div class="stack">
            <For each=move || latest.get() key=|artifact| (artifact.id, artifact.is_latest) let:artifact>
                <Artifact run=live.id artifact/>
            </For>
        </div>
        <Show when=move || latest.with(Vec::is_empty) && !(status.get() == StepStatus::Running && stream().is_some())>
            <Empty icon="file-text" title="No output" text=empty()/>
        </Show>
    }
}
