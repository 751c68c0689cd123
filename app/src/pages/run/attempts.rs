//! Each try of the chosen step with its time, tokens and error, newest first.

use leptos::prelude::*;
use workflow::{status::Outcome, view::AttemptView};

use super::{one_step::OneStep, transcript::TranscriptFolds};
use crate::{
    components::{Empty, RelativeTime, StatusIcon, duration_words},
    words,
};

#[component]
pub(super) fn Attempts(one: OneStep) -> impl IntoView {
    let newest_first = move || one.read(|step| step.attempts.iter().rev().cloned().collect::<Vec<_>>());
    let is_of_model = move || one.read(|step| step.kind == "llm");
    view! {
        <Show
            when=move || one.read(|step| !step.attempts.is_empty())
            fallback=|| view! { <Empty icon="activity" title="No attempts yet" text="Each try of this step is listed here, with its time, tokens and error"/> }
        >
            <ol class="timeline">
                // An attempt that is opened stays so while others come.
                <For each=newest_first key=|attempt| (attempt.number, attempt.outcome, attempt.ended_at) let:attempt>
                    {row(one, attempt, is_of_model())}
                </For>
            </ol>
        </Show>
    }
}

/// "Attempt 2 succeeded after 3.1 s".
pub(super) fn attempt_words(attempt: &AttemptView) -> String {
    let outcome = attempt.outcome.map(|outcome| format!(" {outcome}")).unwrap_or_default();
    let time = attempt
        .ended_at
        .map(|ended| format!(" after {}", duration_words((ended - attempt.started_at).num_milliseconds())))
        .unwrap_or_default();
    format!("Attempt {}{outcome}{time}", attempt.number)
}

/// "gpt-4, 120 + 40 tokens, cost 0.0012".
pub(super) fn usage_words(attempt: &AttemptView) -> Option<String> {
    let usage = attempt.usage.as_ref()?;
    let model = usage.model.as_ref().map(|model| format!("{model}, ")).unwrap_or_default();
    let cost = usage.cost_micros.map(|cost| format!(", cost {}", words::money(cost))).unwrap_or_default();
    let (asked, answered) = (words::thousands(usage.prompt_tokens), words::thousands(usage.completion_tokens));
    let (about, guess) = if usage.is_estimated { ("about ", " (estimated)") } else { ("", "") };
    let cut = if usage.is_cut { ", broken off at its limit" } else { "" };
    Some(format!("{model}{about}{asked} + {answered} tokens{guess}{cost}{cut}"))
}

/// "temperature and stream were left out: the model does not take them".
fn left_out_words(attempt: &AttemptView) -> Option<String> {
    match attempt.usage.as_ref()?.left_out.as_slice() {
        [] => None,
        [one] => Some(format!("{one} was left out: the model does not take it")),
        [others @ .., last] => {
            Some(format!("{} and {last} were left out: the model does not take them", others.join(", ")))
        }
    }
}

fn row(one: OneStep, attempt: AttemptView, is_of_model: bool) -> AnyView {
    let status = match attempt.outcome {
        None => "running",
        Some(Outcome::Succeeded) => "completed",
        Some(Outcome::Failed | Outcome::Lost) => "failed",
        Some(_) => "cancelled",
    };
    let words = attempt_words(&attempt);
    let usage = usage_words(&attempt);
    let left_out = left_out_words(&attempt);
    let kept = (is_of_model && attempt.outcome.is_some())
        .then(|| view! { <div class="timeline-kept"><TranscriptFolds one attempt=attempt.number/></div> });
    let class = attempt.error_class.map(|class| class.as_str().replace('_', " "));
    view! {
        <li>
            <StatusIcon status/>
            <div>
                <div>{words}</div>
                {usage.map(|usage| view! { <small class="muted small">{usage}</small> })}
                {left_out.map(|words| view! { <div class="muted small">{words}</div> })}
                {attempt.error.map(|error| view! { <div class="muted small">{class.map(|class| format!("{class}: "))} {error}</div> })}
            </div>
            <RelativeTime at=attempt.started_at/>
            {kept}
        </li>
    }
    .into_any()
}
