//! One value of a type: a constant or a default, typed into the control that fits.
//! What is typed stays as it is while it does not fit yet, and says why.

use leptos::prelude::*;
use serde_json::Value;
use workflow::schema::{Kind, Schema};

use crate::reactive::{effect, effect_with, memo};
use crate::{
    components::{Field, Select, SelectOption, TextArea, TextInput},
    pages::input_form::value::{Control, choice_label, control, read, text_of},
};

/// The first value of a constant that nobody has typed yet.
pub(in crate::pages) fn first_value(schema: &Schema) -> Value {
    if let Some(choice) = schema.choices().first() {
        return choice.clone();
    }
    match schema.kind {
        Some(Kind::String) => Value::String(String::new()),
        Some(Kind::Boolean) => Value::Bool(false),
        Some(Kind::Array) => Value::Array(Vec::new()),
        Some(Kind::Object) => Value::Object(serde_json::Map::new()),
        Some(Kind::Number | Kind::Integer) => Value::Number(schema.nearest(serde_json::Number::from(0))),
        Some(Kind::Null) | None => Value::Null,
    }
}

/// `value` is the truth; `on_change` hears every other value that fits, `None` for an emptied control.
#[component]
pub(in crate::pages) fn ValueInput(
    #[prop(into)] id: String,
    #[prop(into)] label: Signal<String>,
    #[prop(into)] schema: Signal<Schema>,
    #[prop(into)] value: Signal<Option<Value>>,
    #[prop(into)] on_change: Callback<Option<Value>>,
    #[prop(optional, into)] help: Signal<String>,
    #[prop(optional)] optional: bool,
) -> impl IntoView {
    // A text file is typed or pasted here like any other text.
    let kind = memo(move || match schema.with(control) {
        Control::File => Control::Text,
        other => other,
    });
    let choices = memo(move || schema.with(|schema| schema.choices().to_vec()));
    let value = memo(move || value.get());
    let words = move |value: &Option<Value>| {
        value.as_ref().map(|value| text_of(kind.get_untracked(), value)).unwrap_or_default()
    };
    let text = RwSignal::new(value.with_untracked(words));
    let fault = RwSignal::new(None::<String>);
    let typed = move || {
        let kind = kind.get_untracked();
        schema.with_untracked(|schema| text.with_untracked(|text| read(kind, schema, text)))
    };
    effect(move || {
        kind.track();
        let now = value.get();
        // "1.50" and 1.5 are the same value: the text is replaced only when the value is another one.
        let shown = typed();
        let is_empty_text = shown == Ok(None) && now == Some(Value::String(String::new()));
        if shown.as_ref() != Ok(&now) && !is_empty_text {
            text.set(words(&now));
        }
        fault.set(None);
    });
    effect_with(move |before: Option<String>| {
        let now = text.get();
        if before.is_some_and(|before| before != now) {
            match typed() {
                Ok(read) => {
                    fault.set(None);
                    if value.with_untracked(|value| *value != read) {
                        on_change.run(read);
                    }
                }
                Err(reason) => fault.set(Some(reason)),
            }
        }
        now
    });
    let help = Signal::derive(move || {
        help.with(
            |help| if help.is_empty() && kind.get() == Control::Json { "As JSON".to_owned() } else { help.clone() },
        )
    });
    let options = move || -> Vec<SelectOption> {
        let none = optional.then(|| SelectOption::new("", "None"));
        let known = match kind.get() {
            Control::Switch => vec![SelectOption::new("true", "Yes"), SelectOption::new("false", "No")],
            _ => choices.with(|choices| {
                choices.iter().map(|choice| SelectOption::new(choice.to_string(), choice_label(choice))).collect()
            }),
        };
        none.into_iter().chain(known).collect()
    };
    let control = move || match kind.get() {
        Control::Text | Control::File => view! { <TextArea value=text rows=3/> }.into_any(),
        Control::Json | Control::List => view! { <TextArea value=text rows=3 mono=true/> }.into_any(),
        Control::Number => view! { <TextInput value=text kind="number"/> }.into_any(),
        Control::Switch | Control::Choice => view! { <Select value=text options=Signal::derive(options)/> }.into_any(),
        Control::Line => view! { <TextInput value=text autocomplete="off"/> }.into_any(),
    };
    view! {
        <Field id label help error=fault optional>
            {control}
        </Field>
    }
}
