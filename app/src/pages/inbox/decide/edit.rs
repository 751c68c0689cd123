//! Write a new version of what is read. What was there stays below it, and one press also approves.

use leptos::prelude::*;
use workflow::api::EditStep;

use super::{
    decision::{Decision, Overtaken},
    told::approved,
};
use crate::{
    components::{Banner, Dialog, Kind, Size, focus_in_dialog},
    pages::review::{
        ask::Ask,
        edit_form::{EDITED, EditFields, EditForm, NewestOrMine, STILL_HERE, SaveActions},
        failures::VerbError,
        output_form::Ports,
        restored::Restored,
    },
    reactive::{effect, memo},
};

#[component]
pub(super) fn EditDialog(decision: Decision, open: RwSignal<bool>) -> impl IntoView {
    let desk = decision.desk;
    let ports = Ports::new(decision.of);
    let form = EditForm::new(decision.of);
    let decides = StoredValue::new(false);
    let press = decision.press(move |item, done| {
        open.set(false);
        form.forget();
        if decides.try_get_value() == Some(true) {
            let (words, is_closed) = approved(item, done);
            desk.decided(item, words, is_closed);
        } else {
            desk.toasts.success("Saved as the newest version");
            desk.read_anew();
        }
    });
    let now = StoredValue::new(decision.seen_text());
    // What was there when what stands in the form was begun, maybe at an earlier visit.
    let seen = RwSignal::new(now.get_value());
    form.bind_to(move || seen.get_untracked());
    let load = move || {
        press.clear();
        let began = form.began();
        seen.set(if began.is_empty() { now.get_value() } else { began });
        ports.load(|_| ());
        form.load(decision.read(|reading| reading.outputs.clone()), || focus_in_dialog("edit"));
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
        seen.set(now.get_value());
        form.rebind(now.get_value());
    };
    effect(move || {
        if let Some(error) = press.error.get() {
            form.place(&error);
        }
    });
    let send = move |and_continue: bool| {
        let outputs = ports.known.with_untracked(|known| known.as_ref().map(|known| known.outputs.clone()));
        let Some(artifacts) = form.read(&outputs.unwrap_or_default()) else { return };
        decides.set_value(and_continue);
        press.send(Ask::Edit(EditStep {
            artifacts,
            and_continue,
            content_hash: decision.digest(),
            expect_generation: decision.generation(),
        }));
    };
    let is_of_before = memo(move || seen.with(|seen| now.with_value(|now| seen != now)));
    let cannot_save =
        Signal::derive(move || form.is_changed() != Some(true) || is_of_before.get() || !desk.is_current());
    let may_continue = decision.read(|reading| reading.may.approve);
    let actions = move || {
        view! {
            <SaveActions
                open
                pending=press.pending()
                disabled=cannot_save
                may_continue=Signal::stored(may_continue)
                on_save=move |and_continue: bool| send(and_continue)
            />
        }
    };
    view! {
        <Dialog
            id="edit"
            open
            size=Size::Lg
            title=format!("Edit “{}”", decision.title())
            description=EDITED
            actions=actions
        >
            <div class="stack" data-gap="3">
                <VerbError error=press.error/>
                <Overtaken decision/>
                <Restored of=decision.of form="edit" on_discard=move |()| take_newest()/>
                <BegunBefore is_so=is_of_before newest=move |()| take_newest() mine=move |()| keep_mine()/>
                <EditFields form again=move |()| load()/>
            </div>
        </Dialog>
    }
}

/// What stands in the form was begun when another version was there.
#[component]
fn BegunBefore(
    is_so: Memo<bool>,
    #[prop(into)] newest: Callback<()>,
    #[prop(into)] mine: Callback<()>,
) -> impl IntoView {
    let ways_on = move || view! { <NewestOrMine newest mine/> };
    view! {
        <Show when=move || is_so.get()>
            <Banner kind=Kind::Warn title="The step has moved on since you typed this" action=ways_on>
                {STILL_HERE}
            </Banner>
        </Show>
    }
}
