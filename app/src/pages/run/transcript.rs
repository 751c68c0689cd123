//! What an attempt told a language model and what it wrote, read when somebody opens it.
//! Must show it as text only: it is the model's word, and perhaps an attacker's.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    RunId, StepKey,
    transcript::{Round, Transcript},
};

use super::one_step::OneStep;
use crate::{
    api,
    components::{CodeView, Icon, Skeleton, SkeletonKind},
    error::AppError,
    load::PartFailed,
};

/// An attempt that has just ended is written down a moment later.
const AGAIN: Duration = Duration::from_secs(1);
const TRIES: u8 = 5;

/// What is known of a transcript so far.
pub(super) type Read = Option<Result<Option<Transcript>, AppError>>;

#[component]
pub(super) fn TranscriptFolds(one: OneStep, attempt: i32) -> impl IntoView {
    let read = RwSignal::new(Read::None);
    let is_asked = StoredValue::new(false);
    let ask = move || {
        if !is_asked.get_value() {
            is_asked.set_value(true);
            read_into(one.live.id, one.key(), attempt, read);
        }
    };
    let again = move || {
        read.set(None);
        spawn_local(fetch(one.live.id, one.key(), attempt, read, 1));
    };
    let body = move |show: fn(&Transcript) -> AnyView| {
        read.with(|read| match read {
            None => view! { <Skeleton kind=SkeletonKind::Row/> }.into_any(),
            Some(Ok(Some(transcript))) => show(transcript),
            Some(Ok(None)) => view! { <p class="muted small">"Nothing is kept of this attempt"</p> }.into_any(),
            Some(Err(error)) => view! { <PartFailed error=error.clone() on_retry=move |()| again()/> }.into_any(),
        })
    };
    view! {
        <details class="fold" on:toggle=move |_| ask()>
            <summary><Icon name="chevron-right"/> "What was sent"</summary>
            <div class="fold-body stack">{move || body(sent)}</div>
        </details>
        <details class="fold" on:toggle=move |_| ask()>
            <summary><Icon name="chevron-right"/> "What it wrote"</summary>
            <div class="fold-body stack">{move || body(wrote)}</div>
        </details>
    }
}

/// Reads what is kept of an attempt, which may be written down only in a moment.
pub(super) fn read_into(run: RunId, step: StepKey, attempt: i32, into: RwSignal<Read>) {
    spawn_local(fetch(run, step, attempt, into, TRIES));
}

/// Whether the model wrote something.
pub(super) fn has_text(transcript: &Transcript) -> bool {
    transcript.rounds.iter().any(|round| !round.wrote.is_empty())
}

async fn fetch(run: RunId, step: StepKey, attempt: i32, read: RwSignal<Read>, n_tries: u8) {
    let answer = api::attempt_transcript(run, step.clone(), attempt).await.map(|answer| answer.transcript);
    let is_missing = matches!(answer, Ok(None));
    // The fold may be gone by now.
    if is_missing && n_tries > 1 {
        set_timeout(move || spawn_local(fetch(run, step, attempt, read, n_tries - 1)), AGAIN);
    } else {
        read.try_set(Some(answer));
    }
}

fn sent(transcript: &Transcript) -> AnyView {
    let who = format!("{} by the provider {}", transcript.model, transcript.provider);
    let rounds = transcript.rounds.iter().enumerate().map(|(n, round)| {
        let messages = round.sent.iter().map(|said| {
            let title = match said.role.as_str() {
                "system" => "System prompt",
                "assistant" => "Its answer, shown again",
                _ if n > 0 => "Asked again",
                _ => "Prompt",
            };
            view! { <CodeView text=said.text.clone() title wrap=true/> }
        });
        let parameters = serde_json::to_string_pretty(&round.parameters).unwrap_or_default();
        view! {
            {messages.collect_view()}
            <CodeView text=parameters title="Parameters" wrap=true/>
        }
    });
    view! { <p class="muted small">{who}</p> {rounds.collect_view()} }.into_any()
}

fn wrote(transcript: &Transcript) -> AnyView {
    transcript.rounds.iter().enumerate().map(|(n, round)| answer(n, round)).collect_view().into_any()
}

fn answer(n: usize, round: &Round) -> AnyView {
    let title = if n == 0 { "Answer" } else { "Answer when asked again" };
    let facts = facts(round);
    view! {
        {if round.wrote.is_empty() {
            view! { <p class="muted small">"It wrote nothing"</p> }.into_any()
        } else {
            view! { <CodeView text=round.wrote.clone() title wrap=true/> }.into_any()
        }}
        {(!round.thoughts.is_empty()).then(|| view! { <CodeView text=round.thoughts.clone() title="Reasoning" wrap=true/> })}
        {(!facts.is_empty()).then(|| view! { <p class="muted small">{facts}</p> })}
    }
    .into_any()
}

/// "Finish reason length. Request req-7. Shortened here."
fn facts(round: &Round) -> String {
    // Where there was no answer there is no end of one either.
    let has_answer = !(round.wrote.is_empty() && round.thoughts.is_empty());
    let finish = match &round.finish_reason {
        Some(reason) => Some(format!("Finish reason {reason}.")),
        None => has_answer.then(|| "The model did not say why it ended.".to_owned()),
    };
    let request = round.request_id.as_ref().map(|id| format!("Request {id}."));
    let shortened = round.is_shortened.then(|| "Longer than what is kept: the end is missing here.".to_owned());
    [finish, request, shortened].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_an_answer_ended_is_said() {
        let round = Round { wrote: "Take 20 mg, but never".into(), ..Round::default() };
        assert_eq!(facts(&round), "The model did not say why it ended.");
        let round = Round { request_id: Some("req-7".into()), ..Round::default() };
        assert_eq!(facts(&round), "Request req-7.", "an error before any answer");
        let round = Round {
            finish_reason: Some("length".into()),
            request_id: Some("req-7".into()),
            is_shortened: true,
            ..Round::default()
        };
        let expected = "Finish reason length. Request req-7. Longer than what is kept: the end is missing here.";
        assert_eq!(facts(&round), expected);
    }
}
