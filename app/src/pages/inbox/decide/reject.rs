//! Send back what is read, with words about what to do better.

use leptos::prelude::*;
use workflow::api::RejectStep;

use super::{
    decision::{Decision, Overtaken},
    told::rejected,
};
use crate::{
    components::{Button, Dialog, Variant},
    pages::review::{
        ask::Ask,
        failures::VerbError,
        reasons::{RejectFields, read_reason},
        restored::Restored,
        rounds::Rounds,
    },
    reactive::effect,
};

#[component]
pub(super) fn RejectDialog(decision: Decision, open: RwSignal<bool>) -> impl IntoView {
    let desk = decision.desk;
    let text = decision.of.draft("reject");
    let fault = RwSignal::new(None::<String>);
    let rounds = decision.read(|reading| Rounds { used: reading.item.round, most: reading.item.max_rounds });
    // What kind of agent it is, is told of forms alone here.
    let kind = decision.read(|reading| if reading.item.is_form { "human" } else { "" });
    let press = decision.press(move |item, _| {
        open.set(false);
        text.set(String::new());
        desk.decided(item, rejected(item).to_owned(), true);
    });
    effect(move || {
        if open.get() {
            press.clear();
            fault.set(None);
        }
    });
    let send = move || {
        let Some(feedback) = read_reason(text, fault) else { return };
        press.send(Ask::Reject(RejectStep {
            feedback,
            content_hash: decision.digest(),
            expect_generation: decision.generation(),
        }));
    };
    let is_overtaken = Signal::derive(move || !desk.is_current());
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button
                variant=Variant::Primary
                icon="undo-2"
                loading=press.pending()
                disabled=is_overtaken
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
            title=format!("Reject “{}”", decision.title())
            description=rounds.description()
            actions=actions
        >
            <div class="stack" data-gap="3">
                <VerbError error=press.error/>
                <Overtaken decision/>
                <Restored of=decision.of form="reject"/>
                <RejectFields id="reject-feedback" text fault rounds=Signal::stored(Some(rounds)) kind=Signal::stored(kind.to_owned())/>
            </div>
        </Dialog>
    }
}
