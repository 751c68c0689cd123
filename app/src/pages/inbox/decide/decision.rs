//! One decision: what it is about, its verbs, and how keys ask for it.
//! Must never be about anything else than what was read when it was drawn.

use std::sync::Arc;

use leptos::prelude::*;
use workflow::api::{GateReading, InboxItem};

use super::{
    super::state::Command,
    desk::{Desk, is_refused},
};
use crate::{
    api::Done,
    components::{Banner, Kind},
    error::AppError,
    pages::review::{ask::Ask, press::Press, subject::Subject},
    reactive::{effect, effect_with},
};

/// What one decision is about: what was read when the bar was drawn.
#[derive(Clone, Copy)]
pub(super) struct Decision {
    pub desk: Desk,
    pub of: Subject,
    reading: StoredValue<Arc<GateReading>>,
}

impl Decision {
    pub(super) fn new(desk: Desk, of: Subject, reading: Arc<GateReading>) -> Self {
        Self { desk, of, reading: StoredValue::new(reading) }
    }

    pub(super) fn read<R>(self, read: impl FnOnce(&GateReading) -> R) -> R {
        self.reading.with_value(|reading| read(reading))
    }

    fn item(self) -> InboxItem {
        self.read(|reading| reading.item.clone())
    }

    pub(super) fn digest(self) -> Option<String> {
        self.read(|reading| Some(reading.content_hash.clone()))
    }

    pub(super) fn generation(self) -> Option<i32> {
        self.read(|reading| Some(reading.item.generation))
    }

    pub(super) fn title(self) -> String {
        self.read(|reading| reading.item.title.clone())
    }

    /// The generation and the digest as a text, to be kept beside what was typed about them: as the page of a run keeps it.
    pub(super) fn seen_text(self) -> String {
        serde_json::to_string(&(self.generation(), self.digest())).unwrap_or_default()
    }

    /// A verb about the gate. Where it is refused because something else is there, or because it was decided, that is looked up and said.
    /// `on_done` is told also once another gate is read by then, or none: it must not count on what is drawn.
    pub(super) fn press(self, on_done: impl Fn(&InboxItem, &Done) + Send + Sync + 'static) -> Press<Ask> {
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

/// In a dialog: what it is about is another by now.
#[component]
pub(super) fn Overtaken(decision: Decision) -> impl IntoView {
    view! {
        <Show when=move || decision.desk.newer().is_some()>
            <Banner kind=Kind::Warn title="It changed while you were writing">
                "Close this, read what is there now, then open it again: what you typed stays."
            </Banner>
        </Show>
    }
}

/// What a key asks for is taken once, and only from now on: a key that came earlier was about something else.
pub(super) fn take_keys(desk: Desk, act: impl Fn(Command) + Copy + 'static) {
    let asked = desk.inbox.command();
    effect_with(move |before: Option<()>| {
        let Some(command) = asked.get() else { return };
        asked.set(None);
        if before.is_some() {
            untrack(|| act(command));
        }
    });
}
