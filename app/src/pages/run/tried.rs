//! One step of a test or a try, followed beside what was tried: its status, what it asks of a person, and what it makes as it makes it.
//! It must have no verb of its own: whatever else can be done is done on the page of the run.

use leptos::prelude::*;
use workflow::{StepKey, StepStatus, api::ContinueStep, view::AttemptView};

use super::{
    failures::VerbError,
    human::HumanForm,
    one_step::{Ask, OneStep, Sender},
    output::Output,
    outside::OutsideSays,
    state::LiveRun,
};
use crate::reactive::memo;
use crate::{
    address::step_of_run,
    components::{Button, Elapsed, LinkButton, Size, StatusChip, Variant},
    words,
};

#[component]
pub(in crate::pages) fn Tried(live: LiveRun, key: StepKey) -> impl IntoView {
    let one = OneStep::new(live, key.clone());
    let href = step_of_run(live.id, &key);
    let last = move || one.step.with(|step| step.as_ref().and_then(|step| step.attempts.last().cloned()));
    let detail = Signal::derive(move || {
        one.read(|step| step.reason.map(|reason| reason.words().to_owned())).unwrap_or_default()
    });
    let failure = move || {
        let attempt = last().filter(|_| one.status.get() == StepStatus::Failed)?;
        let advice = one.read(|step| step.reason.map(workflow::status::Reason::advice));
        Some(view! {
            <div class="review-bar" data-kind="error" role="alert">
                <strong>"The step failed"</strong>
                <span>{attempt.error}</span>
                <span class="muted">{advice}</span>
            </div>
        })
    };
    view! {
        <div class="test-run stack" data-gap="3">
            <div class="row" data-gap="3">
                <StatusChip status=Signal::derive(move || one.status.get().as_str().to_owned()) detail/>
                <span class="small muted row">
                    {move || last().map(|attempt| view! { <Elapsed since=attempt.started_at until=Signal::stored(attempt.ended_at)/> })}
                    {move || last().and_then(usage)}
                </span>
                <span class="push"></span>
                <LinkButton href size=Size::Sm variant=Variant::Quiet icon="external-link">"Open the run"</LinkButton>
            </div>
            <Show when=move || live.is_lost.get()>
                <p class="small muted" role="status">"Reconnecting: what is shown may be old"</p>
            </Show>
            {failure}
            <Asks one/>
            <OutsideSays live key=key.clone()/>
            <Output live key written_at="in the run, under Attempts"/>
        </div>
    }
}

fn usage(attempt: AttemptView) -> Option<impl IntoView> {
    attempt.usage.map(|usage| {
        let model = usage.model.map(|model| format!("{model}, ")).unwrap_or_default();
        let about = words::about(usage.is_estimated);
        let (asked, answered) = (words::number(usage.prompt_tokens), words::number(usage.completion_tokens));
        view! { <span>{format!("{model}{about}{asked} + {answered} tokens")}</span> }
    })
}

/// What the step waits for: the answer to its form, or that somebody looks at what it made.
#[component]
fn Asks(one: OneStep) -> impl IntoView {
    let waits = memo(move || one.status.get() == StepStatus::AwaitingReview);
    let is_form = memo(move || waits.get() && one.is_human() && one.latest.with(Vec::is_empty));
    view! {
        <Show when=move || is_form.get()>
            <HumanForm one/>
        </Show>
        <Show when=move || waits.get() && !is_form.get()>
            <Gate one/>
        </Show>
    }
}

#[component]
fn Gate(one: OneStep) -> impl IntoView {
    let sender = Sender::new(one, || ());
    let go_on = move |()| {
        sender.send(Ask::Continue(ContinueStep {
            content_hash: Some(one.digest()),
            expect_generation: one.generation(),
        }));
    };
    view! {
        <div class="review-bar" data-kind="review">
            <strong>"It waits for somebody to look at this"</strong>
            <span>"In a try that is you alone, whomever the step asks in a run. To edit or reject it, open the run."</span>
            <VerbError error=sender.error/>
            <div class="row">
                <Button variant=Variant::Primary size=Size::Sm icon="check" loading=sender.pending() on_click=go_on>
                    "Continue"
                </Button>
            </div>
        </div>
    }
}
