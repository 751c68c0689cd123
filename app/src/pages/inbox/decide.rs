//! Deciding in place: continue, edit or reject what is read, by a press or by a key, bound to exactly what was shown.
//! Must never decide about what is not shown: a key that comes before the next one is there does nothing.

mod answer;
pub(super) mod desk;
mod edit;
mod reject;
mod told;

use std::sync::Arc;

use leptos::prelude::*;
use workflow::api::{ContinueStep, GateReading, InboxItem};

use self::{
    answer::Answer,
    desk::{Desk, Sight, is_refused},
    edit::EditDialog,
    reject::RejectDialog,
    told::approved,
};
use super::state::Command;
use crate::{
    api::Done,
    components::{Banner, Button, Kind, Variant},
    error::AppError,
    pages::review::{ask::Ask, failures::VerbError, press::Press, subject::Subject},
    reactive::{effect, effect_with},
};

/// What one decision is about: what was read when the bar was drawn.
#[derive(Clone, Copy)]
struct Decision {
    desk: Desk,
    of: Subject,
    reading: StoredValue<Arc<GateReading>>,
}

impl Decision {
    fn read<R>(self, read: impl FnOnce(&GateReading) -> R) -> R {
        self.reading.with_value(|reading| read(reading))
    }

    fn item(self) -> InboxItem {
        self.read(|reading| reading.item.clone())
    }

    fn digest(self) -> Option<String> {
        self.read(|reading| Some(reading.content_hash.clone()))
    }

    fn generation(self) -> Option<i32> {
        self.read(|reading| Some(reading.item.generation))
    }

    fn title(self) -> String {
        self.read(|reading| reading.item.title.clone())
    }

    /// A verb about the gate. Where it is refused because something else is there, or because it was decided, that is looked up and said.
    /// `on_done` is told also once another gate is read by then, or none: it must not count on what is drawn.
    fn press(self, on_done: impl Fn(&InboxItem, &Done) + Send + Sync + 'static) -> Press<Ask> {
        let (run, step, item) = (self.of.run, self.of.key(), Arc::new(self.item()));
        let on_done = Arc::new(on_done);
        let send = move |ask: Ask, key: Option<String>| {
            let (step, item, on_done) = (step.clone(), Arc::clone(&item), Arc::clone(&on_done));
            async move {
                let done = ask.send(run, step, key).await?;
                on_done(&item, &done);
                Ok::<_, AppError>(done)
            }
        };
        let press = Press::of(send, |_: Done| ());
        let error = press.error;
        effect(move || {
            if error.with(|error| error.as_ref().is_some_and(is_refused)) {
                untrack(|| self.desk.look_again());
            }
        });
        press
    }
}

/// The foot of what is read.
#[component]
pub(super) fn DecideBar(desk: Desk, subject: Subject, reading: Arc<GateReading>) -> impl IntoView {
    let decision = Decision { desk, of: subject, reading: StoredValue::new(reading) };
    if decision.read(|reading| reading.item.is_form) {
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

/// In a dialog: what it is about is another by now.
#[component]
fn Overtaken(decision: Decision) -> impl IntoView {
    view! {
        <Show when=move || decision.desk.newer().is_some()>
            <Banner kind=Kind::Warn title="It changed while you were writing">
                "Close this, read what is there now, then open it again: what you typed stays."
            </Banner>
        </Show>
    }
}

/// What a key asks for is taken once, and only from now on: a key that came earlier was about something else.
fn take_keys(desk: Desk, act: impl Fn(Command) + Copy + 'static) {
    let asked = desk.inbox.command();
    effect_with(move |before: Option<()>| {
        let Some(command) = asked.get() else { return };
        asked.set(None);
        if before.is_some() {
            untrack(|| act(command));
        }
    });
}

/// The digest and the generation as a text, to be kept beside what was typed about them: as the page of a run keeps it.
fn seen_text(sight: &Sight) -> String {
    serde_json::to_string(&(Some(sight.generation), Some(&sight.content_hash))).unwrap_or_default()
}
