//! A form with one field for each output of a step's agent: to supply an output, to answer a person's form.
//! What is typed can be kept in the page's drafts, so that looking at another step loses nothing.

use leptos::{prelude::*, task::spawn_local};
use workflow::{agent::OutputPort, api::StepPrompt, definition::RunInput};

use super::subject::Subject;
use crate::reactive::effect;
use crate::{
    api,
    components::{Skeleton, SkeletonKind},
    error::AppError,
    form::focus_first_error,
    load::PartFailed,
    pages::input_form::field::{InputField, InputView},
};

/// What the server knows of a step's prompt and ports, read when a dialog opens or a form is drawn.
#[derive(Clone, Copy)]
pub(in crate::pages) struct Ports {
    of: Subject,
    pub known: RwSignal<Option<StepPrompt>>,
    error: RwSignal<Option<AppError>>,
}

impl Ports {
    pub(in crate::pages) fn new(of: Subject) -> Self {
        Self { of, known: RwSignal::new(None), error: RwSignal::new(None) }
    }

    /// Reads them anew, and goes on with what they are.
    pub(in crate::pages) fn load(self, then: impl FnOnce(&StepPrompt) + Send + 'static) {
        self.known.set(None);
        self.error.set(None);
        let session = crate::session::use_session();
        spawn_local(async move {
            match api::step_prompt(self.of.run, self.of.key()).await {
                Ok(prompt) => {
                    then(&prompt);
                    self.known.try_set(Some(prompt));
                }
                Err(error) => {
                    session.note(&error);
                    self.error.try_set(Some(error));
                }
            }
        });
    }

    /// In place of what cannot be drawn yet.
    pub(in crate::pages) fn placeholder(self) -> AnyView {
        match self.error.get() {
            Some(error) => view! { <PartFailed error on_retry=move |()| self.load(|_| ())/> }.into_any(),
            None => view! { <Skeleton kind=SkeletonKind::Control/> }.into_any(),
        }
    }
}

#[derive(Clone, Copy)]
pub(in crate::pages) struct OutputForm(StoredValue<Vec<InputField>>);

impl OutputForm {
    /// `name` tells its ids and drafts from those of other forms.
    pub(in crate::pages) fn new(of: Subject, name: &str, outputs: &[OutputPort], keeps: bool) -> Self {
        let fields = outputs
            .iter()
            .zip(0..)
            .map(|(port, order)| {
                let input = RunInput { schema: port.schema.clone(), required: true, order, ..RunInput::default() };
                let field = InputField::of_form(name, &port.name, &input);
                if keeps { field.kept_in(of.draft(&format!("{name} {}", port.name))) } else { field }
            })
            .collect();
        Self(StoredValue::new(fields))
    }

    pub(in crate::pages) fn view(self) -> AnyView {
        let fields = self.0.get_value();
        fields.into_iter().map(|field| view! { <InputView field/> }.into_any()).collect_view().into_any()
    }

    /// The values by output; none while something is missing, which is said at its field then.
    pub(in crate::pages) fn read(self) -> Option<std::collections::BTreeMap<String, serde_json::Value>> {
        let read = self.0.with_value(|fields| InputField::read_all(fields));
        if read.is_none() {
            focus_first_error();
        }
        read
    }

    /// Shows a refusal at its field; gives back what has no place there.
    pub(in crate::pages) fn place(self, error: Signal<Option<AppError>>) -> Signal<Option<AppError>> {
        effect(move || {
            if let Some(error) = error.get() {
                self.0.with_value(|fields| InputField::place(fields, &error));
            }
        });
        Signal::derive(move || {
            error.get().filter(|error| !self.0.with_value(|fields| InputField::has_place(fields, error)))
        })
    }

    pub(in crate::pages) fn clear(self) {
        // The form may be gone when the answer comes.
        self.0.try_with_value(|fields| fields.iter().for_each(|field| field.text.set(String::new())));
    }
}
