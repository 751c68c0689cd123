//! Types for people: the short list of plain words that admins choose from for run inputs and ports, over `workflow::Schema`.
//! A schema that the words cannot say is kept as JSON: no part of it may be lost by being looked at.

mod editing;
mod fields;
pub(super) mod value;
mod words;

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use workflow::schema::{Kind, Schema};

use self::{
    fields::Inside,
    words::{WORDS, bound, is_number, pretty, schema_of, twice, words_of},
};
use crate::components::{Field, Select, SelectOption, TextArea, TextInput};
use crate::reactive::effect_with;

/// The controls of a type as they were left.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct TypedType {
    word: String,
    least: String,
    greatest: String,
    choices: String,
    list: String,
    object: String,
    custom: String,
}

/// A type as it is being edited. The description stands in a field of its own.
#[derive(Clone, Copy)]
pub(super) struct TypeForm {
    pub word: RwSignal<String>,
    /// Of a number.
    pub least: RwSignal<String>,
    pub greatest: RwSignal<String>,
    /// One a line.
    pub choices: RwSignal<String>,
    /// What is inside a list. Each word keeps its own text: going back to a word finds what was typed there.
    pub list: RwSignal<String>,
    /// What is inside an object.
    pub object: RwSignal<String>,
    /// The whole of a custom one.
    pub custom: RwSignal<String>,
    /// What was shown last.
    known: StoredValue<Option<Schema>>,
}

impl TypeForm {
    pub(super) fn new(schema: &Schema) -> Self {
        let form = Self {
            word: RwSignal::default(),
            least: RwSignal::default(),
            greatest: RwSignal::default(),
            choices: RwSignal::default(),
            list: RwSignal::default(),
            object: RwSignal::default(),
            custom: RwSignal::default(),
            known: StoredValue::new(None),
        };
        form.show(schema);
        form
    }

    /// Shows another type. One that was shown already changes nothing: what is typed since then may not be a type yet.
    pub(super) fn show(self, schema: &Schema) {
        let bare = Schema { description: String::new(), ..schema.clone() };
        let is_known = self.known.with_value(|known| known.as_ref() == Some(&bare));
        let is_first = self.known.with_value(Option::is_none);
        self.known.set_value(Some(bare.clone()));
        if is_known || (!is_first && self.read_untracked().as_ref() == Ok(&bare)) {
            return;
        }
        let (word, inside) = words_of(&bare);
        // The text goes first: what follows the word must find the two together.
        if is_number(word) {
            let (least, greatest) = inside.split_once('\n').unwrap_or_default();
            self.least.set(least.to_owned());
            self.greatest.set(greatest.to_owned());
        } else if let Some(text) = self.text(word) {
            text.set(inside);
        }
        self.word.set(word.to_owned());
    }

    /// What stands beside the word, for words that need more than themselves.
    fn text(self, word: &str) -> Option<RwSignal<String>> {
        Some(match word {
            "choice" => self.choices,
            "list" => self.list,
            "object" => self.object,
            "custom" => self.custom,
            _ => return None,
        })
    }

    /// The same as one text, of numbers too.
    fn beside(self, word: &str) -> String {
        if !is_number(word) {
            return self.text(word).map(|text| text.get()).unwrap_or_default();
        }
        format!("{}\n{}", self.least.get(), self.greatest.get())
    }

    /// Begins to say the type in JSON, from what it is now.
    fn begin_custom(self, was: &str) {
        let text = untrack(|| self.beside(was));
        if let Ok(schema) = schema_of(was, &text)
            && self.custom.with_untracked(|text| text.trim().is_empty())
        {
            self.custom.set(pretty(&schema));
        }
    }

    /// The type without a description, or what is wrong with the JSON.
    pub(super) fn read(self) -> Result<Schema, String> {
        self.word.with(|word| schema_of(word, &self.beside(word)))
    }

    /// What stands in the controls, for reactive places; it may be no type yet.
    pub(super) fn typed(self) -> TypedType {
        TypedType {
            word: self.word.get(),
            least: self.least.get(),
            greatest: self.greatest.get(),
            choices: self.choices.get(),
            list: self.list.get(),
            object: self.object.get(),
            custom: self.custom.get(),
        }
    }

    /// Puts back what was typed.
    pub(super) fn retype(self, typed: TypedType) {
        self.least.set(typed.least);
        self.greatest.set(typed.greatest);
        self.choices.set(typed.choices);
        self.list.set(typed.list);
        self.object.set(typed.object);
        self.custom.set(typed.custom);
        self.word.set(typed.word);
    }

    fn read_untracked(self) -> Result<Schema, String> {
        untrack(|| self.read())
    }

    /// What is wrong with what stands beside the word; the word itself stays as it was chosen.
    pub(super) fn error(self) -> Option<String> {
        match self.read() {
            Ok(schema)
                if schema.choices.as_ref().is_some_and(Vec::is_empty) && self.word.with(|word| word == "choice") =>
            {
                Some("Give at least one choice".to_owned())
            }
            Ok(_) => {
                let is_choice = self.word.with(|word| word == "choice");
                let twice = self.choices.with(|choices| twice(choices).map(str::to_owned));
                twice.filter(|_| is_choice).map(|choice| format!("“{choice}” stands there twice and counts once"))
            }
            Err(reason) => Some(reason),
        }
    }
}

/// The controls of a type. Ids derive from `id`: the word at `ID`, the rest at `ID-min`, `ID-max`, `ID-enum` and `ID-json`.
#[component]
pub(super) fn TypeFields(
    form: TypeForm,
    #[prop(into)] id: String,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// What is wrong with the type, beyond what stands beside its word.
    #[prop(optional, into)]
    fault: Signal<Option<String>>,
) -> impl IntoView {
    let options: Vec<SelectOption> = WORDS.iter().map(|(value, label)| SelectOption::new(*value, *label)).collect();
    let is = move |word: &'static str| form.word.with(|now| now == word);
    effect_with(move |before: Option<String>| {
        let word = form.word.get();
        if let Some(before) = before.filter(|before| *before != word && word == "custom") {
            form.begin_custom(&before);
        }
        word
    });
    let error = Signal::derive(move || form.error());
    let (choices_id, json_id) = (StoredValue::new(format!("{id}-enum")), StoredValue::new(format!("{id}-json")));
    let inside_id = StoredValue::new(id.clone());
    let (least_error, greatest_error) = (bound_error(form.least), bound_error(form.greatest));
    let inside = move |json: RwSignal<String>, kind: Kind| {
        view! { <Inside json kind id=inside_id.get_value() disabled error/> }
    };
    view! {
        <Field id label="Type" error=fault>
            <Select value=form.word options disabled/>
        </Field>
        <Show when=move || form.word.with(|word| is_number(word))>
            <Field id=inside_id.with_value(|id| format!("{id}-min")) label="At least" optional=true error=least_error>
                <TextInput value=form.least disabled/>
            </Field>
            <Field id=inside_id.with_value(|id| format!("{id}-max")) label="At most" optional=true error=greatest_error>
                <TextInput value=form.greatest disabled/>
            </Field>
        </Show>
        <Show when=move || is("choice")>
            <Field id=choices_id.get_value() label="Choices" help="One a line" error>
                <TextArea value=form.choices rows=3 disabled/>
            </Field>
        </Show>
        <Show when=move || is("list")>{inside(form.list, Kind::Array)}</Show>
        <Show when=move || is("object")>{inside(form.object, Kind::Object)}</Show>
        <Show when=move || is("custom")>
            <Field
                id=json_id.get_value()
                label="JSON Schema"
                help="type, properties, required, items, enum, minimum, maximum, description, format"
                error
            >
                <TextArea value=form.custom rows=4 mono=true disabled placeholder="{\"type\": \"string\"}"/>
            </Field>
        </Show>
    }
}

fn bound_error(text: RwSignal<String>) -> Signal<Option<String>> {
    Signal::derive(move || text.with(|text| bound(text).err()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form of a run input: what it reads is stored, and what is stored is shown again.
    fn through(form: TypeForm, stored: &mut Schema) {
        if let Ok(schema) = form.read() {
            *stored = schema;
        }
        form.show(stored);
    }

    #[test]
    fn every_type_that_is_chosen_stays_chosen() {
        Owner::new().with(|| {
            for (from, _) in WORDS {
                for (to, _) in WORDS {
                    let mut stored = Schema { format: "markdown".to_owned(), ..Schema::text() };
                    let form = TypeForm::new(&stored);
                    for word in [from, to] {
                        let before = form.word.get_untracked();
                        form.word.set(word.to_owned());
                        // The page shows what is stored before it does anything else.
                        through(form, &mut stored);
                        if word == "custom" {
                            form.begin_custom(&before);
                        }
                        through(form, &mut stored);
                    }
                    assert_eq!(form.word.get_untracked(), to, "{from} then {to}");
                    // JSON that says no more than a word says is that word, from the next visit on.
                    if to != "custom" {
                        assert_eq!(TypeForm::new(&stored).word.get_untracked(), to, "{from} then {to}, opened again");
                    }
                }
            }
        });
    }

    #[test]
    fn going_back_to_a_word_finds_what_was_typed_there() {
        Owner::new().with(|| {
            let form = TypeForm::new(&schema_of("object", "{\"properties\":{\"a\":{}}}").unwrap());
            let typed = form.object.get_untracked();
            for word in ["list", "choice", "object"] {
                form.word.set(word.to_owned());
                assert_eq!(form.error().is_some(), word == "choice", "{word}");
            }
            assert!(!typed.is_empty() && form.object.get_untracked() == typed);
        });
    }

    #[test]
    fn the_bounds_of_a_number_are_shown_and_read() {
        Owner::new().with(|| {
            let form = TypeForm::new(&schema_of("integer", "1\n10").unwrap());
            assert_eq!((form.least.get_untracked().as_str(), form.greatest.get_untracked().as_str()), ("1", "10"));
            form.greatest.set("twenty".to_owned());
            assert!(form.read().is_err() && form.error().is_some());
            form.greatest.set(String::new());
            assert_eq!(form.read(), schema_of("integer", "1\n"));
            form.word.set("text".to_owned());
            assert_eq!(form.read(), Ok(Schema::text()));
        });
    }

    #[test]
    fn a_choice_that_is_given_twice_is_told_and_counts_once() {
        Owner::new().with(|| {
            let form = TypeForm::new(&schema_of("choice", "plain\nformal").unwrap());
            assert_eq!(form.error(), None);
            form.choices.set("plain\n formal\n\nplain ".to_owned());
            assert!(form.error().unwrap().contains("“plain”"));
            assert_eq!(form.read().unwrap().choices().len(), 2);
            form.word.set("text".to_owned());
            assert_eq!(form.error(), None);
        });
    }
}
