//! The form of a step that a person does: what is asked, and the fields of the answer, which is supplied by them.

use leptos::prelude::*;
use workflow::agent::OutputPort;

use super::{
    gate::GateFacts,
    one_step::{OneStep, Sender},
    output_form::Ports,
    verbs::Verb,
};
use crate::reactive::{effect, memo};
use crate::{
    components::Markdown,
    pages::review::answer::{AnswerForm, answer_form},
};

#[component]
pub(super) fn HumanForm(one: OneStep) -> impl IntoView {
    let ports = Ports::new(one.subject());
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
fn Fields(one: OneStep, outputs: Vec<OutputPort>) -> impl IntoView {
    let form = answer_form(one.subject(), &outputs);
    drop(outputs);
    let press = Sender::new(one, move || {
        form.clear();
        one.lead_on();
    });
    view! { <AnswerForm of=one.subject() form press generation=Signal::derive(move || one.generation())/> }
}
