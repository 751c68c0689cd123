//! One input of a form: its state, its control and its error.

use std::collections::BTreeMap;

use leptos::prelude::*;
use serde_json::{Number, Value};
use workflow::{
    definition::{RunInput, in_order},
    schema::Schema,
};

use super::{
    file::FileInput,
    list::ListInput,
    rows::{Column, columns, read_list},
    value::{Control, choice_label, control, read, text_of},
};
use crate::reactive::effect_with;
use crate::{
    components::{Field, Select, SelectOption, Switch, TextArea, TextInput},
    error::AppError,
};

/// The inputs of a form, by key.
pub(in crate::pages) type Inputs = BTreeMap<String, Value>;

#[derive(Clone)]
pub(in crate::pages) struct InputField {
    pub(in crate::pages) key: String,
    /// Of the control, unique on the page.
    pub(in crate::pages) id: String,
    /// What filling it in is for, as in "to start".
    pub(in crate::pages) aim: &'static str,
    pub(in crate::pages) title: String,
    pub(in crate::pages) input: RunInput,
    pub(in crate::pages) control: Control,
    /// Of a list that is shown as rows.
    columns: Vec<Column>,
    /// What is in the control; a switch holds `true` or `false`.
    pub(in crate::pages) text: RwSignal<String>,
    /// What was in it first.
    first: String,
    pub(in crate::pages) error: RwSignal<Option<String>>,
}

impl InputField {
    /// In the order that the template gives them.
    pub(in crate::pages) fn all(inputs: &BTreeMap<String, RunInput>) -> Vec<Self> {
        in_order(inputs).map(|(key, input)| Self::new(key, input)).collect()
    }

    /// One field of a form that is not the start form; `form` tells its ids from those of other forms on the page.
    pub(in crate::pages) fn of_form(form: &str, key: &str, input: &RunInput) -> Self {
        Self { id: format!("{form}-{key}"), aim: "first", ..Self::new(key, input) }
    }

    fn new(key: &str, input: &RunInput) -> Self {
        let columns = columns(&input.schema).unwrap_or_default();
        let control = if columns.is_empty() { control(&input.schema) } else { Control::List };
        let mut text = input.default.as_ref().map(|value| text_of(control, value)).unwrap_or_default();
        if control == Control::Switch && text.is_empty() {
            "false".clone_into(&mut text);
        }
        let title = if input.title.is_empty() { key.replace('_', " ") } else { input.title.clone() };
        Self {
            key: key.to_owned(),
            id: format!("input-{key}"),
            aim: "to start",
            title,
            input: input.clone(),
            control,
            columns,
            text: RwSignal::new(text.clone()),
            first: text,
            error: RwSignal::new(None),
        }
    }

    /// What is typed goes into a draft that outlives the form; what the draft holds already is what the form begins with.
    pub(in crate::pages) fn kept_in(self, draft: RwSignal<String>) -> Self {
        if self.is_secret() {
            return self;
        }
        if draft.with_untracked(String::is_empty) {
            draft.set(self.text.get_untracked());
        }
        Self { text: draft, ..self }
    }

    /// Whether what is typed must not be kept anywhere: it is a secret, or holds one.
    pub(in crate::pages) fn is_secret(&self) -> bool {
        self.input.schema.holds_secret()
    }

    /// What is typed, where it is worth keeping on this device: a file can be chosen again, and a default comes by itself.
    pub(in crate::pages) fn typed(&self) -> Option<String> {
        let text = self.text.get();
        (self.control != Control::File && !self.is_secret() && text != self.first).then_some(text)
    }

    /// Takes up what was kept, unless something else has been typed meanwhile.
    pub(in crate::pages) fn take_up(&self, text: &str) -> bool {
        let is_untouched = self.text.with_untracked(|now| *now == self.first);
        let is_welcome = is_untouched && self.control != Control::File && !self.is_secret() && text != self.first;
        if is_welcome {
            self.text.set(text.to_owned());
        }
        is_welcome
    }

    /// Puts a value of another run in place of what is there. A file is chosen again, and what is secret typed again: then it is false.
    pub(in crate::pages) fn fill(&self, value: &Value) -> bool {
        let is_welcome = self.control != Control::File && !self.is_secret();
        if is_welcome {
            self.text.set(text_of(self.control, value));
        }
        is_welcome
    }

    /// Goes back to what the form began with.
    pub(in crate::pages) fn begin_anew(&self) {
        if self.control != Control::File {
            self.text.set(self.first.clone());
        }
    }

    /// Reads every field and shows what is wrong with each; none if something is.
    pub(in crate::pages) fn read_all(fields: &[Self]) -> Option<Inputs> {
        let mut inputs = Inputs::new();
        let mut is_complete = true;
        for field in fields {
            match field.read() {
                Ok(Some(value)) => {
                    field.error.set(None);
                    inputs.insert(field.key.clone(), value);
                }
                Ok(None) => field.error.set(None),
                Err(reason) => {
                    field.error.set(Some(reason));
                    is_complete = false;
                }
            }
        }
        is_complete.then_some(inputs)
    }

    fn read(&self) -> Result<Option<Value>, String> {
        // A file that could not be read has said why already.
        if self.control == Control::File
            && let Some(reason) = self.error.get_untracked()
        {
            return Err(reason);
        }
        let value = self.text.with_untracked(|text| match self.control {
            Control::List => read_list(&self.columns, &self.input.schema, text),
            control => read(control, &self.input.schema, text),
        })?;
        match value {
            None if self.input.required => Err(match self.control {
                Control::File => format!("Choose a file for “{}”", self.title),
                Control::Choice => format!("Choose one for “{}”", self.title),
                Control::List => format!("Add a row to “{}” {}", self.title, self.aim),
                _ => format!("Fill in “{}” {}", self.title, self.aim),
            }),
            // An emptied text with a default means the empty text: left out, the default would come back.
            None if self.input.default.is_some() && matches!(self.control, Control::Line | Control::Text) => {
                Ok(Some(Value::String(String::new())))
            }
            None if self.input.default.is_some() && self.control == Control::List => Ok(Some(Value::Array(Vec::new()))),
            value => Ok(value),
        }
    }

    /// Shows an error of the server at its field, and says whether there is one.
    pub(in crate::pages) fn place(fields: &[Self], error: &AppError) -> bool {
        let found = Self::find(fields, error);
        if let Some(field) = found {
            field.error.set(Some(error.0.detail.clone()));
        }
        found.is_some()
    }

    pub(in crate::pages) fn has_place(fields: &[Self], error: &AppError) -> bool {
        Self::find(fields, error).is_some()
    }

    fn find<'a>(fields: &'a [Self], error: &AppError) -> Option<&'a Self> {
        let key = input_key(error)?;
        fields.iter().find(|field| field.key == key)
    }

    fn options(&self) -> Vec<SelectOption> {
        let none = (!self.input.required || self.input.default.is_none())
            .then(|| SelectOption::new("", if self.input.required { "Choose…" } else { "None" }));
        let choices =
            self.input.schema.choices().iter().map(|value| SelectOption::new(value.to_string(), choice_label(value)));
        none.into_iter().chain(choices).collect()
    }
}

#[component]
pub(in crate::pages) fn InputView(field: InputField) -> impl IntoView {
    let InputField { text, error, .. } = field;
    let id = field.id.clone();
    let help = field.input.schema.description.clone();
    // An error goes when its cause is worked on, except a file's, which the file control sets itself.
    if field.control != Control::File {
        effect_with(move |before: Option<String>| {
            let now = text.get();
            if before.is_some_and(|before| before != now) && error.with_untracked(Option::is_some) {
                error.set(None);
            }
            now
        });
    }
    if field.control == Control::Switch {
        let checked = Signal::derive(move || text.with(|text| text == "true"));
        return view! {
            <div class="field">
                <Switch id checked on_change=move |on: bool| text.set(on.to_string()) label=field.title.clone()/>
                {(!help.is_empty()).then(|| view! { <p class="field-help">{help}</p> })}
            </div>
        }
        .into_any();
    }
    let is_required = field.input.required;
    if field.control == Control::List {
        let InputField { columns, title: label, .. } = field;
        return view! { <ListInput id kept=text columns label help error is_required/> }.into_any();
    }
    let help = match field.control {
        Control::Json if help.is_empty() => "As JSON".to_owned(),
        Control::Number => with_bounds(help, &field.input.schema),
        _ => help,
    };
    let label = field.title.clone();
    let control_id = id.clone();
    let control = move || match field.control {
        Control::Text => view! { <TextArea value=text rows=8/> }.into_any(),
        Control::Json => view! { <TextArea value=text rows=6 mono=true/> }.into_any(),
        Control::Number => {
            let bound = |bound: Option<&Number>| bound.map(ToString::to_string);
            let schema = &field.input.schema;
            let (min, max) = (bound(schema.minimum.as_ref()), bound(schema.maximum.as_ref()));
            view! { <TextInput value=text kind="number" min max/> }.into_any()
        }
        Control::Choice => view! { <Select value=text options=field.options()/> }.into_any(),
        Control::File => view! { <FileInput id=control_id.clone() text error/> }.into_any(),
        Control::Line | Control::Switch | Control::List => {
            let kind = if field.input.schema.format == "date" { "date" } else { "text" };
            view! { <TextInput value=text kind autocomplete="off"/> }.into_any()
        }
    };
    view! {
        <Field id label help error required=is_required optional=!is_required>
            {control()}
        </Field>
    }
    .into_any()
}

/// What is said of a number, with the bounds that it has.
fn with_bounds(help: String, schema: &Schema) -> String {
    match schema.bounds_words() {
        None => help,
        Some(bounds) if help.is_empty() => format!("Allowed: {bounds}"),
        Some(bounds) => format!("{help} ({bounds})"),
    }
}

/// Which input an error of the server is about.
fn input_key(error: &AppError) -> Option<&str> {
    let field = error.0.field.as_deref()?;
    let rest = ["inputs.", "/inputs/", "inputs/", "outputs.", "artifacts."]
        .iter()
        .find_map(|prefix| field.strip_prefix(prefix))?;
    rest.split(['.', '/', '[']).next()
}
