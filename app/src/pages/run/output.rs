//! What a step has made: tokens as they come while it runs, then the latest version of each output.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use workflow::{RunView, StepKey, StepStatus, status::Origin};

use super::{
    artifact::Artifact,
    state::LiveRun,
    streamed::{Coming, Streamed},
    transcript,
};
use crate::{
    behind::Later,
    components::{Banner, Elapsed, Empty, Kind},
    later::{View, later},
    reactive::{effect, memo},
    session::use_session,
};

later! {
    pane: as_it_comes, View<Coming>, |coming| view! { <Streamed coming/> }.into_any();
}

#[component]
pub(in crate::pages) fn Output(
    live: LiveRun,
    key: StepKey,
    /// Where what the model wrote in vain can be read.
    #[prop(default = "under Attempts")]
    written_at: &'static str,
) -> impl IntoView {
    let stored = StoredValue::new(key);
    let status = memo(move || {
        stored.with_value(|key| live.run.with(|run| run.step(key).map_or(StepStatus::Pending, |step| step.status)))
    });
    let attempt = memo(move || {
        stored.with_value(|key| live.run.with(|run| run.step(key)?.attempts.last().map(|attempt| attempt.number)))
    });
    let is_model =
        stored.with_value(|key| live.run.with_untracked(|run| run.step(key).is_some_and(|step| step.kind == "llm")));
    let coming = Coming { live, key: stored, attempt, is_model };
    let is_running = move || status.get() == StepStatus::Running;
    let is_coming = memo(move || is_running() && coming.is_there());
    // A list has no attempt of its own that could wait.
    let is_waiting = memo(move || is_model && is_running() && attempt.with(Option::is_some) && !coming.is_there());
    let begun_at = memo(move || {
        stored.with_value(|key| live.run.with(|run| run.step(key)?.attempts.last().map(|attempt| attempt.started_at)))
    });
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
    let fruitless = memo(move || {
        if latest.with(Vec::is_empty) {
            stored.with_value(|key| live.run.with(|run| fruitless_attempt(run, key)))
        } else {
            None
        }
    });
    // Whether the model wrote anything is known to the transcript alone.
    let kept = RwSignal::new(transcript::Read::None);
    effect(move || {
        kept.set(None);
        if let Some(attempt) = fruitless.get() {
            transcript::read_into(live.id, stored.get_value(), attempt, kept);
        }
    });
    let written = memo(move || {
        let has_text = kept.with(|kept| matches!(kept, Some(Ok(Some(kept))) if transcript::has_text(kept)));
        (fruitless.get().is_some() && has_text).then_some(written_at)
    });
    let has_begun = memo(move || {
        stored.with_value(|key| live.run.with(|run| run.step(key).is_some_and(|it| !it.attempts.is_empty())))
    });
    // Only who can change agents is told to.
    let session = use_session();
    let advice = move || {
        if session.is_admin() {
            "Raise the limit in the agent, or ask for less and run the step again."
        } else {
            "Ask for less and run the step again, or ask an admin to allow longer answers."
        }
    };
    let empty = move || nothing_words(status.get(), has_begun.get(), written.get());
    view! {
        <Show when=move || is_coming.get()>
            <Later part=as_it_comes of=coming/>
        </Show>
        <Show when=move || is_waiting.get()>
            <p class="muted small row" role="status">
                "Waiting for the model"
                {move || begun_at.get().map(|since| view! {
                    <span aria-hidden="true"><Elapsed since until=Signal::stored(None::<DateTime<Utc>>)/></span>
                })}
            </p>
        </Show>
        // Else it, and what is said of it, reads as if it were what comes now.
        <Show when=move || is_running() && !latest.with(Vec::is_empty)>
            <h3 class="muted small before-this">"Made before, until this is done"</h3>
        </Show>
        <Show when=move || is_cut.get()>
            <Banner kind=Kind::Warn title="The model broke off at its limit">
                "This is the longest answer that the agent allows, and may not be all of it. "
                {advice}
            </Banner>
        </Show>
        <div class="stack">
            <For each=move || latest.get() key=|artifact| (artifact.id, artifact.is_latest) let:artifact>
                <Artifact run=live.id artifact/>
            </For>
        </div>
        <Show when=move || latest.with(Vec::is_empty) && !is_coming.get() && !is_waiting.get()>
            <Empty icon="file-text" title="No output" text=empty()/>
        </Show>
    }
}

/// Why there is no output. `written`: where what the model wrote in vain can be read, if it wrote something.
fn nothing_words(status: StepStatus, has_begun: bool, written: Option<&str>) -> String {
    let why = match (status, written) {
        (StepStatus::Running, _) => "The step is running; what it makes appears here",
        (StepStatus::AwaitingReview, _) => "Nobody has answered yet",
        (StepStatus::Failed, Some(at)) => {
            return format!("The step ended before it made anything. What the model wrote so far is {at}");
        }
        (StepStatus::Cancelled, Some(at)) => {
            return format!("The step was cancelled. What the model wrote so far is {at}");
        }
        (StepStatus::Failed, None) => "The step failed before it made anything",
        (StepStatus::Cancelled, None) if has_begun => "The step was cancelled before it made anything",
        (StepStatus::Skipped | StepStatus::Cancelled, _) => "The step did not run",
        _ => "The step has not run yet",
    };
    why.to_owned()
}

/// The last attempt of a step that asked a model and ended without success.
fn fruitless_attempt(run: &RunView, key: &StepKey) -> Option<i32> {
    let step = run.step(key).filter(|step| step.kind == "llm")?;
    let is_over = matches!(step.status, StepStatus::Failed | StepStatus::Cancelled);
    step.attempts.last().filter(|attempt| is_over && attempt.outcome.is_some()).map(|attempt| attempt.number)
}

/// Whether what is the latest came from an attempt whose answer broke off. What a person wrote since is whole.
fn made_in_part(run: &RunView, key: &StepKey) -> bool {
    let Some(step) = run.step(key) else { return false };
    run.latest_artifacts(key).filter(|artifact| artifact.origin == Origin::Agent).any(|artifact| {
        let maker = step.attempts.iter().find(|attempt| Some(attempt.number) == artifact.attempt);
        maker.and_then(|attempt| attempt.usage.as_ref()).is_some_and(|usage| usage.is_cut)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_model_wrote_is_spoken_of_only_where_there_is_some() {
        for status in [StepStatus::Failed, StepStatus::Cancelled] {
            assert!(nothing_words(status, true, Some("under Attempts")).ends_with("under Attempts"));
            assert!(!nothing_words(status, true, None).contains("model wrote"));
        }
        assert_eq!(nothing_words(StepStatus::Cancelled, false, None), "The step did not run");
    }
}
