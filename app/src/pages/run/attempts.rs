//! Each try of the chosen step with its time, tokens and error, newest first and in portions.

use leptos::prelude::*;
use workflow::{RunView, status::Outcome, timing::share_of_run, view::AttemptView};

use super::{
    log_fold::LogFold,
    older::{Older, PORTION},
    one_step::OneStep,
    transcript::TranscriptFolds,
};
use crate::{
    clock::duration_words,
    components::{Empty, RelativeTime, StatusIcon},
    reactive::memo,
    words,
};

#[component]
pub(super) fn Attempts(one: OneStep) -> impl IntoView {
    let n = memo(move || one.read(|step| step.attempts.len()));
    let most = RwSignal::new(PORTION);
    let newest_first = move || {
        let most = most.get();
        one.read(|step| step.attempts.iter().rev().take(most).map(|attempt| attempt.number).collect::<Vec<_>>())
    };
    view! {
        <Show
            when=move || one.read(|step| !step.attempts.is_empty())
            fallback=|| view! { <Empty icon="activity" title="No attempts yet" text="Each try of this step is listed here, with its time, tokens and error"/> }
        >
            <div>
                <ol class="timeline">
                    // An attempt that is opened stays so while others come.
                    <For each=newest_first key=|number| *number let:number>
                        {row(one, number)}
                    </For>
                </ol>
                <Older n most/>
            </div>
        </Show>
    }
}

/// "Attempt 2 succeeded after 3.1 s".
pub(super) fn attempt_words(attempt: &AttemptView) -> String {
    let outcome = match attempt.outcome {
        None => "",
        Some(Outcome::Succeeded) => " succeeded",
        Some(Outcome::Failed) => " failed",
        Some(Outcome::Lost) => " was lost with its worker",
        Some(Outcome::Cancelled) => " was cancelled",
        Some(Outcome::Released) => " was given back",
    };
    let time = attempt
        .ended_at
        .map(|ended| format!(" after {}", duration_words((ended - attempt.started_at).num_milliseconds())))
        .unwrap_or_default();
    format!("Attempt {}{outcome}{time}", attempt.number)
}

/// "Took too long: no answer in 60 s".
pub(super) fn error_words(attempt: &AttemptView) -> Option<String> {
    let error = attempt.error.as_ref()?;
    let Some(class) = attempt.error_class else { return Some(error.clone()) };
    let mut class = class.words().to_owned();
    if let Some(first) = class.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Some(format!("{class}: {error}"))
}

/// "gpt-4, 120 + 40 tokens, cost 0.0012 EUR".
pub(super) fn usage_words(attempt: &AttemptView) -> Option<String> {
    let usage = attempt.usage.as_ref()?;
    let model = usage.model.as_ref().map(|model| format!("{model}, ")).unwrap_or_default();
    let currency = usage.currency.as_ref().map(|currency| format!(" {currency}")).unwrap_or_default();
    let cost = usage.cost_micros.map(|cost| format!(", cost {}{currency}", words::money(cost))).unwrap_or_default();
    let (asked, answered) = (words::thousands(usage.prompt_tokens), words::thousands(usage.completion_tokens));
    let (about, guess) = if usage.is_estimated { ("about ", " (estimated)") } else { ("", "") };
    let cut = if usage.is_cut { ", broken off at its limit" } else { "" };
    Some(format!("{model}{about}{asked} + {answered} tokens{guess}{cost}{cut}"))
}

/// "7.8 s of the run's 11.6 s".
fn share_words(run: &RunView, attempt: &AttemptView) -> Option<String> {
    let (took, whole) = share_of_run(run, attempt)?;
    let so_far = if run.finished_at.is_some() { "" } else { " so far" };
    Some(format!("{} of the run's {}{so_far}", duration_words(took), duration_words(whole)))
}

/// What an attempt used: tokens, money and time; follows the run at a bounded pace.
pub(super) fn used_words(one: OneStep, number: i32) -> Option<String> {
    let attempt = one.read(|step| step.attempts.iter().find(|attempt| attempt.number == number).cloned())?;
    let share = one.live.slowly(|run| share_words(run, &attempt));
    let words: Vec<String> = [usage_words(&attempt), share].into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(" · "))
}

/// "Build 2026-11-28.3": of the worker that did it.
fn build_words(attempt: &AttemptView) -> Option<String> {
    attempt.build.as_ref().filter(|build| !build.is_empty()).map(|build| format!("Build {build}"))
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

/// A row is drawn once: a log that is open stays so when its attempt ends.
fn row(one: OneStep, number: i32) -> AnyView {
    let now = memo(move || one.read(|step| step.attempts.iter().find(|attempt| attempt.number == number).cloned()));
    let used = memo(move || used_words(one, number));
    let of_kind = one.read(|step| step.kind.clone());
    let is_over = memo(move || now.with(|now| now.as_ref().is_some_and(|attempt| attempt.outcome.is_some())));
    let status = Signal::derive(move || now.with(|now| now.as_ref().map_or("pending", status).to_owned()));
    let kept = match of_kind.as_str() {
        "llm" => Some(
            view! {
                <Show when=move || is_over.get()>
                    <div class="timeline-kept"><TranscriptFolds one attempt=number/></div>
                </Show>
            }
            .into_any(),
        ),
        "worker" => Some(view! { <div class="timeline-kept"><LogFold one attempt=number/></div> }.into_any()),
        _ => None,
    };
    view! {
        <li>
            <StatusIcon status/>
            <div>
                {move || now.with(|now| now.as_ref().map(|attempt| view! { <div>{attempt_words(attempt)}</div> }))}
                {move || used.get().map(|used| view! { <div class="muted small">{used}</div> })}
                {move || now.with(|now| now.as_ref().map(facts))}
            </div>
            {move || now.with(|now| now.as_ref().map(|attempt| view! { <RelativeTime at=attempt.started_at/> }))}
            {kept}
        </li>
    }
    .into_any()
}

fn status(attempt: &AttemptView) -> &'static str {
    match attempt.outcome {
        None => "running",
        Some(Outcome::Succeeded) => "completed",
        Some(Outcome::Failed | Outcome::Lost) => "failed",
        Some(Outcome::Cancelled | Outcome::Released) => "cancelled",
    }
}

fn facts(attempt: &AttemptView) -> AnyView {
    view! {
        {build_words(attempt).map(|words| view! { <div class="muted small">{words}</div> })}
        {left_out_words(attempt).map(|words| view! { <div class="muted small">{words}</div> })}
        {error_words(attempt).map(|error| view! { <div class="muted small">{error}</div> })}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use workflow::{status::Reason, view::Usage};

    use super::*;

    #[test]
    fn how_an_attempt_ended_is_said_in_words_of_people() {
        let mut attempt = AttemptView {
            step: "a".into(),
            number: 2,
            generation: 1,
            started_at: DateTime::UNIX_EPOCH,
            ended_at: Some(DateTime::UNIX_EPOCH),
            outcome: Some(Outcome::Lost),
            error_class: Some(Reason::Server),
            error: Some("The answer broke off".to_owned()),
            inputs: Vec::new(),
            usage: None,
            basis: None,
            message: None,
            build: Some("2026-11-28.3".to_owned()),
        };
        assert_eq!(attempt_words(&attempt), "Attempt 2 was lost with its worker after 0 ms");
        assert_eq!(error_words(&attempt).as_deref(), Some("The other side's fault: The answer broke off"));
        assert_eq!(build_words(&attempt).as_deref(), Some("Build 2026-11-28.3"));
        attempt.usage = Some(Usage { cost_micros: Some(1_200), currency: Some("EUR".to_owned()), ..Usage::default() });
        assert_eq!(usage_words(&attempt).as_deref(), Some("0 + 0 tokens, cost 0.0012 EUR"));
        attempt.error_class = None;
        assert_eq!(error_words(&attempt).as_deref(), Some("The answer broke off"));
    }
}
