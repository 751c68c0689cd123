//! What a dialog was opened on: the generation and the versions that its verb names, so that nobody decides about what they never saw.
//! Once the step has moved on, the dialog says so. It must never be closed for that: what was typed stays.

use leptos::prelude::*;

use super::one_step::{OneStep, Sender};
use crate::components::{Banner, Button, Kind, Size};
use crate::reactive::memo;

/// The generation, and the digest of the versions where they matter.
type Look = (Option<i32>, Option<String>);

#[derive(Clone, Copy)]
pub(super) struct Seen {
    one: OneStep,
    has_versions: bool,
    at: RwSignal<Look>,
    /// Something else is there now than what was seen, and it is not our own press that made it.
    pub is_overtaken: Memo<bool>,
}

impl Seen {
    /// For what is decided about the latest versions.
    pub(super) fn versions(one: OneStep, open: RwSignal<bool>, sender: Sender) -> Self {
        Self::new(one, open, sender, true)
    }

    /// For what does not depend on what the step made.
    pub(super) fn generation_of(one: OneStep, open: RwSignal<bool>, sender: Sender) -> Self {
        Self::new(one, open, sender, false)
    }

    fn new(one: OneStep, open: RwSignal<bool>, sender: Sender, has_versions: bool) -> Self {
        let at = RwSignal::new(look(one, has_versions));
        let pending = sender.pending();
        let generation = memo(move || one.read(|step| step.generation));
        let is_overtaken = memo(move || {
            generation.track();
            one.latest.track();
            open.get() && !pending.get() && at.with(|at| *at != untrack(|| look(one, has_versions)))
        });
        Self { one, has_versions, at, is_overtaken }
    }

    /// Takes what is there now as seen.
    pub(super) fn look(self) {
        self.at.set(look(self.one, self.has_versions));
    }

    pub(super) fn generation(self) -> Option<i32> {
        self.at.with_untracked(|(generation, _)| *generation)
    }

    pub(super) fn digest(self) -> Option<String> {
        self.at.with_untracked(|(_, digest)| digest.clone())
    }

    /// As a text, to be kept beside what was typed about it.
    pub(super) fn text(self) -> String {
        self.at.with_untracked(|at| serde_json::to_string(at).unwrap_or_default())
    }

    /// What was seen when the text was kept; what is no such text is as if it was seen now.
    pub(super) fn restore(self, text: &str) {
        self.at.set(serde_json::from_str(text).unwrap_or_else(|_| look(self.one, self.has_versions)));
    }
}

fn look(one: OneStep, has_versions: bool) -> Look {
    (one.generation(), has_versions.then(|| one.digest()))
}

/// Says that the step has moved on while the dialog was open, and what to do about it.
#[component]
pub(super) fn Overtaken(
    seen: Seen,
    text: &'static str,
    /// The ways on.
    #[prop(optional, into)]
    action: ViewFn,
) -> impl IntoView {
    let action = StoredValue::new(action);
    view! {
        <Show when=move || seen.is_overtaken.get()>
            <Banner kind=Kind::Warn title="The step has moved on meanwhile" action=action.get_value()>{text}</Banner>
        </Show>
    }
}

/// The same where the verb can go on with the step as it is now.
#[component]
pub(super) fn OvertakenGoOn(seen: Seen, text: &'static str) -> impl IntoView {
    let go_on = move || view! { <Button size=Size::Sm on_click=move |()| seen.look()>"Go on"</Button> };
    view! { <Overtaken seen text action=go_on/> }
}
