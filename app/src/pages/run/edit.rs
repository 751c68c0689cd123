//! Write a new version of what a step made. The agent's own stays below it, and at a gate one press also approves.

use leptos::prelude::*;
use workflow::{StepStatus, api::EditStep};

use super::{
    failures::VerbError,
    one_step::{Ask, OneStep, Sender},
    output_form::Ports,
    restored::Restored,
    seen::{Overtaken, Seen},
    verbs::Verb,
};
use crate::reactive::effect;
use crate::{
    components::{Dialog, Size, focus_in_dialog},
    pages::review::edit_form::{EDITED, EditFields, EditForm, NewestOrMine, STILL_HERE, SaveActions},
};

#[component]
pub(super) fn EditDialog(one: OneStep, open: RwSignal<bool>) -> impl IntoView {
    let ports = Ports::new(one.subject());
    let form = EditForm::new(one.subject());
    let decides = StoredValue::new(false);
    let sender = Sender::new(one, move || {
        open.set(false);
        form.forget();
        if decides.get_value() {
            one.lead_on();
        }
    });
    let seen = Seen::versions(one, open, sender);
    form.bind_to(move || seen.text());
    let load = move || {
        sender.clear();
        seen.restore(&form.began());
        ports.load(|_| ());
        form.load(one.latest.get_untracked(), || focus_in_dialog("edit"));
    };
    effect(move || {
        if open.get() {
            untrack(load);
        }
    });
    let take_newest = move || {
        form.forget();
        load();
    };
    let keep_mine = move || {
        seen.look();
        form.rebind(seen.text());
    };
    effect(move || {
        if let Some(error) = sender.error.get() {
            form.place(&error);
        }
    });
    let send = move |and_continue: bool| {
        let outputs = ports.known.with_untracked(|known| known.as_ref().map(|known| known.outputs.clone()));
        let Some(artifacts) = form.read(&outputs.unwrap_or_default()) else { return };
        decides.set_value(and_continue);
        sender.send(Ask::Edit(EditStep {
            artifacts,
            and_continue,
            content_hash: seen.digest(),
            expect_generation: seen.generation(),
        }));
    };
    let cannot_save = Signal::derive(move || form.is_changed() != Some(true) || seen.is_overtaken.get());
    let may_continue =
        Signal::derive(move || one.status.get() == StepStatus::AwaitingReview && one.refusal(Verb::Continue).is_none());
    let actions = move || {
        view! {
            <SaveActions
                open
                pending=sender.pending()
                disabled=cannot_save
                may_continue
                on_save=move |and_continue: bool| send(and_continue)
            />
        }
    };
    view! {
        <Dialog
            id="edit"
            open
            size=Size::Lg
            title=Signal::derive(move || format!("Edit “{}”", one.title()))
            description=EDITED
            actions=actions
        >
            <div class="stack" data-gap="3">
                <VerbError error=sender.error/>
                <Restored of=one.subject() form="edit" on_discard=move |()| take_newest()/>
                <Overtaken
                    seen
                    text=STILL_HERE
                    action=move || {
                        view! { <NewestOrMine newest=move |()| take_newest() mine=move |()| keep_mine()/> }
                    }
                />
                <EditFields form again=move |()| load()/>
            </div>
        </Dialog>
    }
}
