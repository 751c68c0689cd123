//! What a list and an object of a form share: the frame around their fields, and the controls in it.
//! Must never lose what is typed: what the fields cannot show is written as JSON.

use leptos::prelude::*;
use workflow::schema::Schema;

use super::value::{Control, choice_label};
use crate::components::{
    Field, Select, SelectOption, TextArea, TextInput,
    field::{error_id, help_id},
};

#[derive(Clone, Copy)]
pub(super) struct Group {
    /// Of the frame; those of the fields in it begin with it.
    pub(super) id: StoredValue<String>,
    pub(super) error: RwSignal<Option<String>>,
    label: StoredValue<String>,
    help: StoredValue<String>,
    is_required: bool,
}

impl Group {
    pub(super) fn new(
        id: String,
        label: String,
        help: String,
        error: RwSignal<Option<String>>,
        is_required: bool,
    ) -> Self {
        Self {
            id: StoredValue::new(id),
            error,
            label: StoredValue::new(label),
            help: StoredValue::new(help),
            is_required,
        }
    }

    /// The ids of what is said about it.
    pub(super) fn described_by(self) -> Option<String> {
        let error = self.error.with(Option::is_some).then(|| self.id.with_value(|id| error_id(id)));
        let help = self.help.with_value(|help| !help.is_empty()).then(|| self.id.with_value(|id| help_id(id)));
        let ids: Vec<String> = error.into_iter().chain(help).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    /// Its name and its help, the first things in its frame.
    pub(super) fn head(self) -> AnyView {
        let help = self.help.get_value();
        view! {
            <legend class="field-label">
                <span>{self.label.get_value()}</span>
                {(!self.is_required).then(|| view! { <span class="field-optional">"Optional"</span> })}
            </legend>
            {(!help.is_empty()).then(|| view! { <p class="field-help" id=self.id.with_value(|id| help_id(id))>{help}</p> })}
        }
        .into_any()
    }

    pub(super) fn as_json(self, kept: RwSignal<String>) -> AnyView {
        let (label, help) = (self.label.get_value(), self.help.get_value());
        let help = if help.is_empty() { "As JSON".to_owned() } else { help };
        let is_required = self.is_required;
        view! {
            <Field id=self.id.get_value() label help error=self.error required=is_required optional=!is_required>
                <TextArea value=kept rows=6 mono=true/>
            </Field>
        }
        .into_any()
    }
}

/// What is said of a field: its description, the bounds of a number, and how to write what has no control of its own.
pub(super) fn help_of(control: Control, schema: &Schema) -> String {
    let help = schema.description.clone();
    match (control, schema.bounds_words()) {
        (Control::Json, _) if help.is_empty() => "As JSON".to_owned(),
        (Control::Number, Some(bounds)) if help.is_empty() => format!("Allowed: {bounds}"),
        (Control::Number, Some(bounds)) => format!("{help} ({bounds})"),
        _ => help,
    }
}

/// The control of one field, drawn inside its `Field`, which gives it its id.
pub(super) fn control_view(control: Control, schema: &Schema, value: RwSignal<String>) -> AnyView {
    match control {
        Control::Choice | Control::Switch => view! { <Select value options=options(control, schema)/> }.into_any(),
        Control::Text | Control::File => view! { <TextArea value rows=3/> }.into_any(),
        Control::Json | Control::List | Control::Fields => view! { <TextArea value rows=3 mono=true/> }.into_any(),
        // No native number field: what is no number yet would be lost in it.
        Control::Line | Control::Number => view! { <TextInput value autocomplete="off"/> }.into_any(),
    }
}

/// A switch here is a choice, so that it can be left out.
fn options(control: Control, schema: &Schema) -> Vec<SelectOption> {
    let choices: Vec<SelectOption> = match control {
        Control::Switch => vec![SelectOption::new("true", "Yes"), SelectOption::new("false", "No")],
        _ => schema.choices().iter().map(|value| SelectOption::new(value.to_string(), choice_label(value))).collect(),
    };
    std::iter::once(SelectOption::new("", "Choose…")).chain(choices).collect()
}
