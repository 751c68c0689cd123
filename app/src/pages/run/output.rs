//! What a step has made: tokens as they come while it runs, then the latest version of each output.

use leptos::prelude::*;
use workflow::{RunView, StepKey, StepStatus, status::Origin};

use super::{artifact::Artifact, state::LiveRun};
use crate::components::{Banner, Empty, Kind};
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
        if !live.is_shown.get() {
            return Vec::new();
        }
        stored.with_value(|key| live.run.with(|run| run.latest_artifacts(key).cloned().collect::<Vec<_>>()))
    });
    let is_cut = memo(move || {
        let made_by = |key: &StepKey| live.run.with(|run| made_in_part(run, key));
        stored.with_value(made_by)
    });
    let is_of_model = memo(move || {
        let has_asked = |key: &StepKey| {
            live.run.with(|run| run.step(key).is_some_and(|step| step.kind == "llm" && !step.attempts.is_empty()))
        };
        stored.with_value(has_asked)
    });
    let empty = move || match status.get() {
        StepStatus::Running => "The step is running; what it makes appears here",
        StepStatus::AwaitingReview => "Nobody has answered yet",
        StepStatus::Failed if is_of_model.get() => {
            "The step ended before it made anything. What the model wrote so far is under Attempts"
        }
        StepStatus::Failed => "The step failed before it made anything",
        StepStatus::Cancelled if is_of_model.get() => {
            "The step was cancelled. What the model wrote so far is under Attempts"
        }
        StepStatus::Skipped | StepStatus::Cancelled => "The step did not run",
        _ => "The step has not run yet",
    };
    view! {
        <Show when=move || status.get() == StepStatus::Running && stream().is_some()>
            <div class="streaming" data-live="true" aria-label="Output so far" role="region">
                {move || stream().unwrap_or_default()}
            </div>
        </Show>
        <Show when=move || is_cut.get()>
            <Banner kind=Kind::Warn title="The model broke off at its limit">
                "This is the longest answer that the agent allows, and may not be all of it. Raise the limit in the agent, or ask for less and run the step again."
            </Banner>
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

/// Whether what is the latest came from an attempt whose answer broke off. What a person wrote since is whole.
fn made_in_part(run: &RunView, key: &StepKey) -> bool {
    let Some(step) = run.step(key) else { return false };
    run.latest_artifacts(key).filter(|artifact| artifact.origin == Origin::Agent).any(|artifact| {
        let maker = step.attempts.iter().find(|attempt| Some(attempt.number) == artifact.attempt);
        maker.and_then(|attempt| attempt.usage.as_ref()).is_some_and(|usage| usage.is_cut)
    })
}
