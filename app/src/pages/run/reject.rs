//! Send a result back with words about what to do better. Must never promise that an agent reads them which does not.

use leptos::prelude::*;
use workflow::api::RejectStep;

use super::{
    failures::VerbError,
    gate::rounds_of,
    one_step::{Ask, OneStep, Sender},
    restored::Restored,
    seen::{Overtaken, Seen},
};
use crate::reactive::effect;
use crate::{
    components::{Button, Dialog, Variant},
    pages::review::reasons::{RejectFields, read_reason},
};

#[component]
pub(super) fn RejectDialog(one: OneStep, open: RwSignal<bool>) -> impl IntoView {
    let text = one.draft("reject");
    let sender = Sender::new(one, move || {
        open.set(false);
        text.set(String::new());
        one.lead_on();
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
    let send = move || {
        let Some(feedback) = read_reason(text, fault) else { return };
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
            description=Signal::derive(move || rounds_of(one).description().to_owned())
            actions=actions
        >
            <div class="stack" data-gap="3">
                <VerbError error=sender.error/>
                <Restored of=one.subject() form="reject"/>
                <Overtaken
                    seen
                    text="You would reject something that you have not seen. Close this, read what is there now, then open it again: what you typed stays."
                />
                <RejectFields
                    id="reject-feedback"
                    text
                    fault
                    rounds=Signal::derive(move || Some(rounds_of(one)))
                    kind=Signal::derive(move || one.read(|step| step.kind.clone()))
                />
            </div>
        </Dialog>
    }
}
