//! The one way to start a try: the draft is saved first, then it is said what of it to run, and the run is followed.
//! What acts on the world outside is asked about, by name, before anything runs.

use std::collections::BTreeSet;

use leptos::prelude::*;
use workflow::{
    Problem, StepKey,
    api::{ErrorCode, TryDraft},
};

use super::{
    super::saving::{SaveState, lock},
    Trying,
};
use crate::reactive::effect;
use crate::{
    api::{self, LoadedRun},
    components::{Banner, ConfirmDialog, Kind, quoted},
    error::AppError,
    form::{FormError, outcome},
};

#[derive(Clone, Copy)]
pub(in crate::pages::editor) struct Starter {
    trying: Trying,
    /// Started as soon as the draft is saved.
    waiting: RwSignal<Option<TryDraft>>,
    /// The last one that was sent.
    sent: StoredValue<Option<TryDraft>>,
    action: Action<TryDraft, Result<LoadedRun, AppError>>,
    answer: Signal<Option<AppError>>,
    /// The draft could not be saved, so nothing was tried.
    is_unsaved: RwSignal<bool>,
    is_asking: RwSignal<bool>,
}

async fn run(trying: Trying, wanted: TryDraft) -> Result<LoadedRun, AppError> {
    api::get_run(api::try_draft(trying.draft.id, wanted).await?.run_id).await
}

impl Starter {
    /// `on_ok` hears that one was started.
    pub(in crate::pages::editor) fn new(trying: Trying, on_ok: impl Fn() + Send + Sync + 'static) -> Self {
        let (waiting, is_unsaved) = (RwSignal::new(None::<TryDraft>), RwSignal::new(false));
        let action = Action::new(move |wanted: &TryDraft| run(trying, wanted.clone()));
        let answer = outcome(action, move |run| {
            trying.tried.set(Some(run));
            on_ok();
        });
        let starter = Self {
            trying,
            waiting,
            sent: StoredValue::new(None),
            action,
            answer,
            is_unsaved,
            is_asking: RwSignal::new(false),
        };
        effect(move || {
            if waiting.with(Option::is_none) {
                return;
            }
            match trying.draft.saving.state.get() {
                SaveState::Saving | SaveState::Slow | SaveState::Merging => {}
                SaveState::Saved => {
                    if let Some(wanted) = waiting.try_update(Option::take).flatten() {
                        starter.send(wanted);
                    }
                }
                _ => {
                    waiting.set(None);
                    is_unsaved.set(true);
                }
            }
        });
        effect(move || {
            let is_asked =
                answer.with(|error| error.as_ref().is_some_and(|error| error.code() == ErrorCode::ConfirmSideEffects));
            if is_asked {
                starter.is_asking.set(true);
            }
        });
        starter
    }

    fn send(self, wanted: TryDraft) {
        let core = self.trying.draft.saving.core.get_value();
        let revision = lock(&core).base;
        let wanted = TryDraft { revision: Some(revision), ..wanted };
        self.sent.set_value(Some(wanted.clone()));
        self.action.dispatch(wanted);
    }

    /// Saves what is on the page and tries this of it.
    pub(in crate::pages::editor) fn start(self, wanted: TryDraft) {
        if self.pending().get_untracked() {
            return;
        }
        self.is_unsaved.set(false);
        self.trying.draft.save();
        self.waiting.set(Some(wanted));
    }

    /// The same again, with what it asked about agreed to.
    fn agree(self) {
        self.is_asking.set(false);
        let problems = self.problems();
        if let Some(wanted) = self.sent.get_value() {
            let steps = problems.into_iter().filter_map(|problem| problem.step);
            let confirm: BTreeSet<StepKey> = wanted.confirm.iter().cloned().chain(steps).collect();
            self.start(TryDraft { confirm, ..wanted });
        }
    }

    fn problems(self) -> Vec<Problem> {
        self.answer.with_untracked(|error| error.as_ref().map(|error| error.0.problems.clone()).unwrap_or_default())
    }

    pub(in crate::pages::editor) fn pending(self) -> Signal<bool> {
        let pending = self.action.pending();
        Signal::derive(move || pending.get() || self.waiting.with(Option::is_some))
    }

    /// What is in the way, but for what is asked in a dialog.
    pub(in crate::pages::editor) fn error(self) -> Signal<Option<AppError>> {
        Signal::derive(move || self.answer.get().filter(|error| error.code() != ErrorCode::ConfirmSideEffects))
    }
}

/// Why a try was not started: what is wrong with the steps that would run, or with what was sent; and the question that it asks.
#[component]
pub(in crate::pages::editor) fn TryFault(
    starter: Starter,
    /// Unique on the page.
    id: &'static str,
    /// The errors that are not shown at a field.
    error: Signal<Option<AppError>>,
) -> impl IntoView {
    let draft = starter.trying.draft;
    let problems = move || {
        let problems = error.with(|error| error.as_ref().map(|error| error.0.problems.clone()).unwrap_or_default());
        let line = move |problem: Problem| {
            let at = problem.step.as_ref().map(|key| format!("{}: ", draft.title_of(key))).unwrap_or_default();
            view! { <li>{at} {quoted(&problem.message)}</li> }
        };
        (!problems.is_empty())
            .then(|| view! { <ul class="try-problems small">{problems.into_iter().map(line).collect_view()}</ul> })
    };
    let text = Signal::derive(move || {
        let steps =
            starter.answer.with(|error| error.as_ref().map(|error| error.0.problems.clone()).unwrap_or_default());
        let said: Vec<String> = steps.into_iter().map(|problem| problem.message).collect();
        format!("{} A try runs it for real: what it sends is sent.", said.join(" "))
    });
    view! {
        <Show when=move || starter.is_unsaved.get()>
            <Banner kind=Kind::Warn title="Not tried: the draft is not saved">
                "A try runs what the server has saved. Once the draft is saved, try again."
            </Banner>
        </Show>
        <FormError error/>
        {problems}
        <ConfirmDialog
            id
            open=starter.is_asking
            title="Let it act on the world outside?"
            text
            confirm="Try it all the same"
            on_confirm=move |()| starter.agree()
        />
    }
}
