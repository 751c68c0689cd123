//! Send a result back with words about what to do better. The agent sees them beside what it wrote.

use leptos::prelude::*;
use workflow::api::RejectStep;

use super::{
    failures::VerbError,
    gate::Rounds,
    one_step::{Ask, OneStep, Sender},
    restored::Restored,
    seen::{Overtaken, Seen},
};
use crate::components::{Banner, Button, Dialog, Field, Kind, TextArea, Variant};
use crate::reactive::effect;

#[component]
pub(super) fn RejectDialog(one: OneStep, open: RwSignal<bool>) -> impl IntoView {
    let text = one.draft("reject");
    let sender = Sender::new(one, move || {
        open.set(false);
        text.set(String::new());
    });
    let fault = RwSignal::new(None::<String>);
    let seen = Seen::versions(one, open, sender);
    effect(move || {
        if open.get() {
            seen.look();
            sender.clear();
            fault.set(None);
        }
    });
    effect(move || {
        text.track();
        fault.set(None);
    });
    let is_last = move || Rounds::of(one).are_used_up();
    let help = Signal::derive(move || Rounds::of(one).help());
    let send = move || {
        let feedback = text.with_untracked(|text| text.trim().to_owned());
        if feedback.is_empty() {
            fault.set(Some("Write what should be different".to_owned()));
            return;
        }
        sender.send(Ask::Reject(RejectStep {
            feedback,
            content_hash: seen.digest(),
            expect_generation: seen.generation(),
        }));
    };
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button
                variant=Variant::Primary
                icon="undo-2"
                loading=sender.pending()
                disabled=seen.is_overtaken
                on_click=move |()| send()
            >
                "Reject"
            </Button>
        }
    };
    view! {
        <Dialog
            id="reject"
            open
            title=Signal::derive(move || format!("Reject “{}”", one.title()))
            description=Signal::derive(move || Rounds::of(one).description().to_owned())
            actions=actions
        >
            <div class="stack" data-gap="3">
                <VerbError error=sender.error/>
                <Restored one form="reject"/>
                <Overtaken
                    seen
                    text="You would reject something that you have not seen. Close this, read what is there now, then open it again: what you typed stays."
                />
                <Show when=is_last>
                    <Banner kind=Kind::Warn>"One more rejection fails the step. You can retry it or supply the output after that."</Banner>
                </Show>
                <Field id="reject-feedback" label="What should be different?" help error=fault>
                    <TextArea value=text rows=5/>
                </Field>
            </div>
        </Dialog>
    }
}
