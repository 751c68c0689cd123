//! The form of a step that a person does: a field for each output. Sending it supplies the outputs.

use leptos::prelude::*;
use workflow::{agent::OutputPort, api::SupplyStep};

use super::{ask::Ask, output_form::OutputForm, press::Press, restored::Restored, subject::Subject};
use crate::{
    components::{Button, ButtonType, Variant},
    form::ErrorBanner,
};

/// What is typed stays in the drafts of the subject until `press` has emptied the form.
pub(in crate::pages) fn answer_form(of: Subject, outputs: &[OutputPort]) -> OutputForm {
    OutputForm::new(of, "answer", outputs, true)
}

#[component]
pub(in crate::pages) fn AnswerForm(
    of: Subject,
    form: OutputForm,
    press: Press<Ask>,
    /// The generation that is answered.
    #[prop(into)]
    generation: Signal<Option<i32>>,
) -> impl IntoView {
    let elsewhere = form.place(press.error);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Some(outputs) = form.read() {
            press.send(Ask::Supply(SupplyStep { outputs, expect_generation: generation.get_untracked() }));
        }
    };
    view! {
        <form class="stack" data-gap="3" novalidate on:submit=submit>
            <Restored of form="answer"/>
            {form.view()}
            {move || elsewhere.get().map(|error| view! { <ErrorBanner error/> })}
            <div class="row">
                <Button variant=Variant::Primary kind=ButtonType::Submit icon="send" loading=press.pending()>
                    "Send answer"
                </Button>
            </div>
        </form>
    }
}
