//! Give a step its outputs by hand: it is completed with them, and nothing runs.

use leptos::prelude::*;
use workflow::api::SupplyStep;

use super::{
    failures::VerbError,
    one_step::{Ask, OneStep, Sender},
    output_form::{OutputForm, Ports},
    restored::Restored,
    seen::{OvertakenGoOn, Seen},
};
use crate::components::{Button, Dialog, Size, Variant, focus_in_dialog};
use crate::reactive::effect;

#[component]
pub(super) fn SupplyDialog(one: OneStep, open: RwSignal<bool>) -> impl IntoView {
    let ports = Ports::new(one.subject());
    let form = RwSignal::new(None::<OutputForm>);
    let sender = Sender::new(one, move || {
        open.set(false);
        if let Some(form) = form.get_untracked() {
            form.clear();
        }
    });
    let seen = Seen::generation_of(one, open, sender);
    effect(move || {
        if open.get() {
            seen.look();
            sender.clear();
            form.set(None);
            ports.load(|_| ());
        }
    });
    let owner = Owner::current();
    effect(move || {
        let Some(prompt) = ports.known.get() else { return };
        let make = || OutputForm::new(one.subject(), "supply-output", &prompt.outputs, true);
        form.set(Some(owner.as_ref().map_or_else(make, |owner| owner.with(make))));
        focus_in_dialog("supply");
    });
    let body = move || match form.get() {
        Some(form) => {
            let elsewhere = form.place(sender.error);
            view! {
                <div class="stack" data-gap="3">
                    <VerbError error=elsewhere/>
                    <Restored of=one.subject() form="supply-output"/>
                    <OvertakenGoOn seen text="What you typed is still here. Saving it now would complete the step as it is now."/>
                    {form.view()}
                </div>
            }
            .into_any()
        }
        None => ports.placeholder(),
    };
    let send = move || {
        if let Some(outputs) = form.get_untracked().and_then(OutputForm::read) {
            sender.send(Ask::Supply(SupplyStep { outputs, expect_generation: seen.generation() }));
        }
    };
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button
                variant=Variant::Primary
                icon="upload"
                loading=sender.pending()
                disabled=Signal::derive(move || form.with(Option::is_none) || seen.is_overtaken.get())
                on_click=move |()| send()
            >
                "Save result"
            </Button>
        }
    };
    view! {
        <Dialog
            id="supply"
            open
            size=Size::Lg
            title=Signal::derive(move || format!("Enter the result of “{}” yourself", one.title()))
            description="The step is completed with what you write here, as a new version. Its agent does not run."
            actions=actions
        >
            {body}
        </Dialog>
    }
}
