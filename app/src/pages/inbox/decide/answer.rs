//! The form of a step that a person does, answered in the pane: what is asked, and a field for each output.

use leptos::prelude::*;
use workflow::agent::OutputPort;

use super::decision::{Decision, take_keys};
use crate::{
    components::{Markdown, dom},
    pages::{
        inbox::state::Command,
        review::{
            answer::{AnswerForm, answer_form},
            output_form::Ports,
        },
    },
    reactive::effect,
};

#[component]
pub(super) fn Answer(decision: Decision) -> impl IntoView {
    let ports = Ports::new(decision.of);
    effect(move || ports.load(|_| ()));
    let asked = decision.read(|reading| reading.asked.clone());
    // A form is neither approved alone nor sent back: both lead to its first field.
    take_keys(decision.desk, |command: Command| {
        if !matches!(command, Command::Reject) {
            // The press of the key is over by then: it is no text.
            request_animation_frame(focus_first_field);
        }
    });
    let body = move || match ports.known.get() {
        Some(known) => view! { <Fields decision outputs=known.outputs/> }.into_any(),
        None => ports.placeholder(),
    };
    view! {
        <section class="human-form" id="inbox-answer" tabindex="-1" aria-label="Your answer">
            {asked.map(|text| view! { <Markdown text=text/> })}
            {body}
        </section>
    }
}

fn focus_first_field() {
    let form = dom::by_id("inbox-answer");
    let fields = form.map(|form| dom::all(&form, ":is(input, select, textarea):not(:disabled)")).unwrap_or_default();
    if let Some(field) = fields.first() {
        dom::focus(field);
    }
}

#[component]
fn Fields(decision: Decision, outputs: Vec<OutputPort>) -> impl IntoView {
    let desk = decision.desk;
    let form = answer_form(decision.of, &outputs);
    drop(outputs);
    let press = decision.press(move |item, _| {
        form.clear();
        desk.decided(item, "Answered".to_owned(), true);
    });
    view! { <AnswerForm of=decision.of form press generation=Signal::stored(decision.generation())/> }
}
