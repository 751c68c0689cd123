//! The form of a step that a person does: what is asked, and a field for each output. Sending it supplies the outputs.

use leptos::prelude::*;
use workflow::api::SupplyStep;

use super::{
    gate::GateFacts,
    one_step::{Ask, OneStep, Sender},
    output_form::{OutputForm, Ports},
    restored::Restored,
    verbs::Verb,
};
use crate::reactive::{effect, memo};
use crate::{
    components::{Button, ButtonType, Markdown, Variant},
    form::ErrorBanner,
};

#[component]
pub(super) fn HumanForm(one: OneStep) -> impl IntoView {
    let ports = Ports::new(one);
    effect(move || ports.load(|_| ()));
    let asked = memo(move || one.read(|step| step.attempts.iter().rev().find_map(|attempt| attempt.message.clone())));
    let refusal = memo(move || one.refusal(Verb::Supply));
    let body = move || match (refusal.get(), ports.known.get()) {
        (Some(reason), _) => view! { <p class="muted small">{reason}</p> }.into_any(),
        (None, Some(prompt)) => view! { <Fields one outputs=prompt.outputs/> }.into_any(),
        (None, None) => ports.placeholder(),
    };
    view! {
        <section class="human-form" aria-label="Your answer">
            {move || asked.get().map(|text| view! { <Markdown text=text/> })}
            <GateFacts one/>
            {body}
        </section>
    }
}

#[component]
fn Fields(one: OneStep, outputs: Vec<workflow::agent::OutputPort>) -> impl IntoView {
    let form = OutputForm::new(one, "answer", &outputs, true);
    let sender = Sender::new(one, move || form.clear());
    let elsewhere = form.place(sender.error);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Some(outputs) = form.read() {
            sender.send(Ask::Supply(SupplyStep { outputs, expect_generation: one.generation() }));
        }
    };
    view! {
        <form class="stack" data-gap="3" novalidate on:submit=submit>
            <Restored one form="answer"/>
            {form.view()}
            {move || elsewhere.get().map(|error| view! { <ErrorBanner error/> })}
            <div class="row">
                <Button variant=Variant::Primary kind=ButtonType::Submit icon="send" loading=sender.pending()>
                    "Submit"
                </Button>
            </div>
        </form>
    }
}
