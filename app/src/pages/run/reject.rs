//! Send a result back with words about what to do better. The agent sees them beside what it wrote.

use leptos::prelude::*;
use workflow::api::RejectStep;

use super::{
    one_step::{Ask, OneStep, Sender},
    seen::{Overtaken, Seen},
    step_panel::VerbError,
};
use crate::components::{Banner, Button, Dialog, Field, Kind, TextArea, Variant};
use crate::reactive::effect;

/// The round that a rejection would be, and how many there are.
pub(super) fn rounds(one: OneStep) -> (i32, i32) {
    let before = one.read(|step| step.feedback.as_ref().map_or(0, |feedback| feedback.round));
    let most = one.definition(|step| step.review.max_rounds);
    (before + 1, i32::try_from(most).unwrap_or(i32::MAX))
}

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
    let is_last = move || {
        let (round, most) = rounds(one);
        round > most
    };
    let help = Signal::derive(move || {
        let (round, most) = rounds(one);
        if round > most {
            format!("All {most} rounds are used up")
        } else {
            format!("Round {round} of {most}. The agent does it again and sees this beside what it wrote.")
        }
    });
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
            description="What it wrote stays as a version. The step begins again with your feedback."
            actions=actions
        >
            <div class="stack" data-gap="3">
                <VerbError error=sender.error/>
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
