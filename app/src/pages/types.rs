//! Types for people: the short list of plain words that admins choose from for run inputs and ports, over `workflow::Schema`.
//! A schema that the words cannot say is kept as JSON: no part of it may be lost by being looked at.

pub(super) mod value;

use leptos::prelude::*;
use serde_json::Value;
use workflow::schema::{Kind, Schema};

use crate::components::{Field, Select, SelectOption, TextArea};
use crate::reactive::effect_with;

/// The words, as (value, label).
const WORDS: [(&str, &str); 12] = [
    ("text", "Text"),
    ("multiline", "Long text"),
    ("markdown", "Markdown"),
    ("number", "Number"),
    ("integer", "Whole number"),
    ("boolean", "Yes or no"),
    ("choice", "Choice"),
    ("file", "Text file"),
    ("list", "List"),
    ("object", "Object"),
    ("any", "Anything"),
    ("custom", "JSON Schema"),
];

/// A type as it is being edited. The description stands in a field of its own.
#[derive(Clone, Copy)]
pub(super) struct TypeForm {
    pub word: RwSignal<String>,
    /// One a line.
    pub choices: RwSignal<String>,
    /// What is inside a list or an object, or the whole of a custom one.
    pub json: RwSignal<String>,
}

impl TypeForm {
    pub(super) fn new(schema: &Schema) -> Self {
        let form = Self { word: RwSignal::default(), choices: RwSignal::default(), json: RwSignal::new(String::new()) };
        form.show(schema);
        form
    }

    /// Shows another type, unless it is the one that is shown already.
    pub(super) fn show(self, schema: &Schema) {
        let bare = Schema { description: String::new(), ..schema.clone() };
        if self.read_untracked().as_ref() == Ok(&bare) && !self.word.with_untracked(String::is_empty) {
            return;
        }
        let (word, choices, json) = words_of(&bare);
        self.word.set(word.to_owned());
        self.choices.set(choices);
        self.json.set(json);
    }

    /// The type without a description, or what is wrong with the JSON.
    pub(super) fn read(self) -> Result<Schema, String> {
        self.word.with(|word| self.choices.with(|choices| self.json.with(|json| schema_of(word, choices, json))))
    }

    fn read_untracked(self) -> Result<Schema, String> {
        untrack(|| self.read())
    }

    pub(super) fn error(self) -> Option<String> {
        self.read().err()
    }
}

fn words_of(schema: &Schema) -> (&'static str, String, String) {
    let plain = match (schema.kind, schema.format.as_str()) {
        _ if !schema.choices.is_empty() => "choice",
        (Some(Kind::String), "multiline") => "multiline",
        (Some(Kind::String), "markdown") => "markdown",
        (Some(Kind::String), "file") => "file",
        (Some(Kind::String), _) => "text",
        (Some(Kind::Number), _) => "number",
        (Some(Kind::Integer), _) => "integer",
        (Some(Kind::Boolean), _) => "boolean",
        (Some(Kind::Array), _) => "list",
        (Some(Kind::Object), _) => "object",
        (Some(Kind::Null), _) => "custom",
        (None, _) => "any",
    };
    let choices: Vec<&str> = schema.choices.iter().filter_map(Value::as_str).collect();
    let choices = choices.join("\n");
    let json = serde_json::to_string_pretty(schema).unwrap_or_default();
    let inside = if matches!(plain, "list" | "object") && *schema != Schema::of(schema.kind.unwrap_or(Kind::Object)) {
        json.clone()
    } else {
        String::new()
    };
    if schema_of(plain, &choices, &inside).as_ref() == Ok(schema) {
        (plain, choices, inside)
    } else {
        ("custom", String::new(), json)
    }
}

fn schema_of(word: &str, choices: &str, json: &str) -> Result<Schema, String> {
    let text = |format: &str| Schema { format: format.to_owned(), ..Schema::text() };
    Ok(match word {
        "multiline" | "markdown" | "file" => text(word),
        "number" => Schema::of(Kind::Number),
        "integer" => Schema::of(Kind::Integer),
        "boolean" => Schema::of(Kind::Boolean),
        "choice" => {
            let mut known: Vec<Value> = Vec::new();
            for line in choices.lines().map(str::trim).filter(|line| !line.is_empty()) {
                if !known.iter().any(|choice| choice == line) {
                    known.push(line.into());
                }
            }
            Schema { choices: known, ..Schema::text() }
        }
        "list" => inside(json, Kind::Array)?,
        "object" => inside(json, Kind::Object)?,
        "any" => Schema::any(),
        "custom" => parse(json)?,
        _ => Schema::text(),
    })
}

fn inside(json: &str, kind: Kind) -> Result<Schema, String> {
    if json.trim().is_empty() {
        return Ok(Schema::of(kind));
    }
    let schema = parse(json)?;
    match schema.kind {
        None => Ok(Schema { kind: Some(kind), ..schema }),
        Some(known) if known == kind => Ok(schema),
        Some(other) => Err(format!("This describes a {}, but a {} is chosen", other.as_str(), kind.as_str())),
    }
}

fn parse(json: &str) -> Result<Schema, String> {
    serde_json::from_str(json).map_err(|fault| format!("This is no schema that Weft understands: {fault}"))
}

/// The controls of a type. Ids derive from `id`: the word at `ID`, the rest at `ID-choices` and `ID-schema`.
#[component]
pub(super) fn TypeFields(
    form: TypeForm,
    #[prop(into)] id: String,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// What is wrong with the type, beyond its own JSON.
    #[prop(optional, into)]
    fault: Signal<Option<String>>,
) -> impl IntoView {
    let options: Vec<SelectOption> = WORDS.iter().map(|(value, label)| SelectOption::new(*value, *label)).collect();
    let is = move |word: &'static str| form.word.with(|now| now == word);
    let has_inside = move || is("list") || is("object") || is("custom");
    // Choosing "Choice" shows two examples at once: an empty list of choices would mean any text.
    effect_with(move |before: Option<String>| {
        let word = form.word.get();
        if before.as_ref().is_some_and(|before| *before != word)
            && word == "choice"
            && form.choices.with_untracked(|choices| choices.trim().is_empty())
        {
            form.choices.set("First choice\nSecond choice".to_owned());
        }
        word
    });
    let error = Signal::derive(move || form.error());
    let (choices_id, schema_id) = (StoredValue::new(format!("{id}-choices")), StoredValue::new(format!("{id}-schema")));
    let schema_label = Signal::derive(move || if is("custom") { "JSON Schema" } else { "What is inside" }.to_owned());
    view! {
        <Field id label="Type" error=fault>
            <Select value=form.word options disabled/>
        </Field>
        <Show when=move || is("choice")>
            <Field id=choices_id.get_value() label="Choices" help="One a line">
                <TextArea value=form.choices rows=3 disabled/>
            </Field>
        </Show>
        <Show when=has_inside>
            <Field
                id=schema_id.get_value()
                label=schema_label
                help="As JSON Schema: type, properties, required, items, enum, description, format"
                error
            >
                <TextArea
                    value=form.json
                    rows=4
                    mono=true
                    disabled
                    placeholder="{\"properties\": {\"title\": {\"type\": \"string\"}}}"
                />
            </Field>
        </Show>
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_schema_comes_back_as_it_was() {
        for (document, expected) in [
            (json!({"type":"string"}), "text"),
            (json!({"type":"string","format":"multiline"}), "multiline"),
            (json!({"type":"string","enum":["a","b"]}), "choice"),
            (json!({"type":"integer"}), "integer"),
            (json!({"type":"integer","enum":[1,2]}), "custom"),
            (json!({"type":"string","format":"date"}), "custom"),
            (json!({"type":"array"}), "list"),
            (json!({"type":"array","items":{"type":"string"}}), "list"),
            (json!({"type":"object","properties":{"a":{}},"required":["a"]}), "object"),
            (json!({}), "any"),
            (json!({"enum":["a"]}), "custom"),
            (json!({"type":"null"}), "custom"),
        ] {
            let schema: Schema = serde_json::from_value(document.clone()).unwrap();
            let (word, choices, json) = words_of(&schema);
            assert_eq!(word, expected, "{document}");
            assert_eq!(schema_of(word, &choices, &json), Ok(schema), "{document}");
        }
    }

    #[test]
    fn what_is_inside_must_be_of_the_chosen_kind() {
        assert!(schema_of("list", "", "{\"type\":\"object\"}").is_err());
        assert_eq!(schema_of("list", "", "{\"items\":{}}").unwrap().kind, Some(Kind::Array));
        assert!(schema_of("object", "", "{\"propertys\":{}}").unwrap_err().contains("propertys"));
    }
}
