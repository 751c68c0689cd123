//! What every question on what to try a part of the draft on has: the values that are written, or those of an earlier run, and the place
//! of what the server says about them.

use std::collections::BTreeMap;

use leptos::prelude::*;
use workflow::{RunId, api::TryDraft};

use super::{
    Trying,
    form::{Earlier, TryForm},
    starter::{Starter, TryFault},
};
use crate::{error::AppError, form::focus_first_error, pages::input_form::field::Inputs, reactive::effect};

#[derive(Clone, Copy)]
pub(in crate::pages::editor) struct TryQuestion {
    /// None until its fields are drawn.
    pub form: RwSignal<Option<TryForm>>,
    earlier: Earlier,
    starter: Starter,
}

impl TryQuestion {
    /// `values` is the id of the choice between what is written and what was.
    pub(in crate::pages::editor) fn new(values: &'static str, starter: Starter) -> Self {
        let form = RwSignal::new(None::<TryForm>);
        effect(move || {
            let Some(error) = starter.error().get() else { return };
            if form.get_untracked().is_some_and(|form| form.place(&error)) {
                focus_first_error();
            }
        });
        Self { form, earlier: Earlier::new(values), starter }
    }

    /// Starts what `make` says, unless what is written cannot be read: then each fault stands at its field.
    pub(in crate::pages::editor) fn start(self, make: impl FnOnce(Option<RunId>, Inputs) -> TryDraft) {
        let Some(form) = self.form.get_untracked() else { return };
        let from_run = untrack(|| self.earlier.run());
        let written = if from_run.is_some() { Some(BTreeMap::new()) } else { form.read() };
        let Some(inputs) = written else { return focus_first_error() };
        self.starter.start(make(from_run, inputs));
    }

    pub(in crate::pages::editor) fn pending(self) -> Signal<bool> {
        self.starter.pending()
    }

    /// The choice, the fields, and what is in the way; `outside` is the id of the question about the world outside.
    pub(in crate::pages::editor) fn view(
        self,
        trying: Trying,
        outside: &'static str,
        fields: impl IntoView + 'static,
    ) -> impl IntoView {
        let Self { form, earlier, starter } = self;
        let elsewhere: Signal<Option<AppError>> = Signal::derive(move || {
            let error = starter.error().get()?;
            let has_place = form.get().is_some_and(|form| form.has_place(&error));
            (!has_place).then_some(error)
        });
        view! {
            {earlier.view(trying)}
            <div hidden=move || earlier.run().is_some()>{fields}</div>
            <TryFault starter id=outside error=elsewhere/>
        }
    }
}
