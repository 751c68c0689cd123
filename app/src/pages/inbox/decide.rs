//! Deciding in place: continue, edit or reject what is read, by a press or by a key, bound to exactly what was shown.
//! Must never decide about what is not shown: a key that comes before the next one is there does nothing.

mod answer;
mod decision;
pub(super) mod desk;
mod edit;
mod reject;
mod told;

use std::sync::Arc;

use leptos::prelude::*;
use workflow::api::{ContinueStep, GateReading};

use self::{
    answer::Answer,
    decision::{Decision, take_keys},
    desk::{Desk, is_form, is_refused},
    edit::EditDialog,
    reject::RejectDialog,
    told::approved,
};
use super::state::Command;
use crate::{
    components::{Button, Variant},
    pages::review::{ask::Ask, failures::VerbError, subject::Subject},
};

/// The foot of what is read.
#[component]
pub(super) fn DecideBar(desk: Desk, subject: Subject, reading: Arc<GateReading>) -> impl IntoView {
    let decision = Decision::new(desk, subject, reading);
    if decision.read(is_form) {
        return view! { <Answer decision/> }.into_any();
    }
    view! { <Verdict decision/> }.into_any()
}

#[component]
fn Verdict(decision: Decision) -> impl IntoView {
    let (edit, reject) = (RwSignal::new(false), RwSignal::new(false));
    let desk = decision.desk;
    let go_on = decision.press(move |item, done| {
        let (words, is_closed) = approved(item, done);
        desk.decided(item, words, is_closed);
    });
    let may = decision.read(|reading| reading.may.clone());
    let is_ready = move || desk.is_current();
    let act = move |command: Command| {
        let allowed = decision.read(|reading| match command {
            Command::Approve => reading.may.approve,
            Command::Edit => reading.may.edit,
            Command::Reject => reading.may.reject,
        });
        if !allowed || !untrack(is_ready) {
            return;
        }
        match command {
            Command::Approve => go_on.send(Ask::Continue(ContinueStep {
                content_hash: decision.digest(),
                expect_generation: decision.generation(),
            })),
            Command::Edit => edit.set(true),
            Command::Reject => reject.set(true),
        }
    };
    take_keys(desk, act);
    let not_ready = Signal::derive(move || !is_ready());
    // What was refused because something newer is there is said above, with what it is.
    let error = Signal::derive(move || go_on.error.get().filter(|error| desk.newer().is_none() || !is_refused(error)));
    view! {
        <footer class="panel-foot inbox-decide">
            <VerbError error again=go_on.again()/>
            {may.why_not.map(|why| view! { <p class="small muted">{why}</p> })}
            <div class="row" role="group" aria-label="Decide">
                {may.approve.then(|| view! {
                    <Button
                        variant=Variant::Primary
                        icon="play"
                        loading=go_on.pending()
                        disabled=not_ready
                        on_click=move |()| act(Command::Approve)
                        attr:aria-keyshortcuts="a"
                    >
                        "Continue"
                    </Button>
                })}
                {may.edit.then(|| view! {
                    <Button icon="pencil" disabled=not_ready on_click=move |()| act(Command::Edit) attr:aria-keyshortcuts="e">
                        "Edit"
                    </Button>
                })}
                {may.reject.then(|| view! {
                    <Button icon="undo-2" disabled=not_ready on_click=move |()| act(Command::Reject) attr:aria-keyshortcuts="r">
                        "Reject"
                    </Button>
                })}
            </div>
        </footer>
        <EditDialog decision open=edit/>
        <RejectDialog decision open=reject/>
    }
}
