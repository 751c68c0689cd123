//! What is inside an object or a list, field by field and at any depth; or as JSON Schema, which says all of it.
//! The JSON is the truth, and a field changes only what it names: what the fields cannot show stays, and is said.

mod row;

use leptos::prelude::*;
use workflow::{
    schema::{Kind, Schema},
    trying::sample,
};

use self::row::{fields, item};
use super::{editing::Editing, words::field_word};
use crate::components::{Button, Field, Icon, Size, TextArea, Variant};
use crate::reactive::{effect, memo};

/// Ids derive from `id`: the JSON at `ID-json`, fields by their places.
#[component]
pub(super) fn Inside(
    json: RwSignal<String>,
    kind: Kind,
    #[prop(into)] id: String,
    disabled: Signal<bool>,
    error: Signal<Option<String>>,
) -> impl IntoView {
    let editing = Editing::new(json, kind, disabled);
    let wants_json = RwSignal::new(false);
    let is_json = memo(move || wants_json.get() || editing.schema.with(Option::is_none));
    // What is being typed stays JSON, also once fields could say it.
    effect(move || {
        if is_json.get() {
            wants_json.set(true);
        }
    });
    let id = StoredValue::new(id);
    let is_readable = memo(move || editing.schema.with(Option::is_some));
    let as_json = move || {
        view! {
            <Field
                id=id.with_value(|id| format!("{id}-json"))
                label="What is inside"
                help="As JSON Schema: type, properties, required, items, enum, minimum, maximum, description, format"
                error
            >
                <TextArea
                    value=json
                    rows=4
                    mono=true
                    disabled
                    placeholder="{\"properties\": {\"title\": {\"type\": \"string\"}}}"
                />
            </Field>
        }
        .into_any()
    };
    let as_fields = move || {
        let id = id.get_value();
        let inside =
            if kind == Kind::Array { item(editing, &[], id, "the list") } else { fields(editing, Vec::new(), id) };
        view! {
            <div class="stack" data-gap="2" role="group" aria-label="What is inside">
                {inside}
                <Kept editing/>
                <Example editing/>
            </div>
        }
        .into_any()
    };
    let words = move || if is_json.get() { "Show as fields" } else { "Write as JSON Schema" };
    view! {
        {move || if is_json.get() { as_json() } else { as_fields() }}
        // One button that stays, so that the keyboard does.
        <Show when=move || is_readable.get()>
            <div class="row">
                <Button
                    size=Size::Sm
                    variant=Variant::Quiet
                    icon="braces"
                    on_click=move |()| wants_json.update(|wants| *wants = !*wants)
                >
                    {words}
                </Button>
            </div>
        </Show>
    }
}

/// What the fields cannot show.
#[component]
fn Kept(editing: Editing) -> impl IntoView {
    let kept = memo(move || {
        let mut kept = Vec::new();
        editing.schema.with(|schema| schema.as_ref().map(|schema| beyond(schema, &[], &mut kept)));
        kept
    });
    move || {
        let names = kept.get();
        (!names.is_empty()).then(|| {
            view! { <p class="small muted">{format!("Kept as it is, and shown only as JSON Schema: {}", names.join(", "))}</p> }
        })
    }
}

/// A value that fits, to see what the type asks for.
#[component]
fn Example(editing: Editing) -> impl IntoView {
    let text = memo(move || {
        let value = editing.schema.with(|schema| schema.as_ref().and_then(|schema| sample(schema, "")));
        value.map(|value| serde_json::to_string_pretty(&value).unwrap_or_default())
    });
    move || {
        text.get().map(|text| {
            view! {
                <details class="fold">
                    <summary><Icon name="chevron-right"/> "A value that fits"</summary>
                    <pre class="fold-body small" tabindex="0" role="region" aria-label="A value that fits">{text}</pre>
                </details>
            }
        })
    }
}

/// The places of what no field shows.
fn beyond(schema: &Schema, path: &[&str], kept: &mut Vec<String>) {
    let place = |name: &str| path.iter().copied().chain([name]).collect::<Vec<_>>().join(" › ");
    if path.is_empty() && !schema.format.is_empty() {
        kept.push(format!("the format {}", schema.format));
    }
    kept.extend(schema.required_elsewhere().map(|name| format!("{}, required without being described", place(name))));
    let items = schema.items.iter().map(|items| ("each item", &**items));
    for (name, inner) in schema.properties.iter().map(|(name, field)| (name.as_str(), field)).chain(items) {
        match field_word(inner) {
            "custom" => kept.push(place(name)),
            "object" | "list" => {
                let path: Vec<&str> = path.iter().copied().chain([name]).collect();
                beyond(inner, &path, kept);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use workflow::schema::Within;

    use super::*;

    #[test]
    fn what_the_fields_cannot_show_is_said_with_its_place() {
        let schema: Schema = serde_json::from_value(json!({"type": "object", "required": ["gone"], "properties": {
            "title": {"type": "string", "description": "D"},
            "date": {"type": "string", "format": "date"},
            "meta": {"type": "object", "properties": {"n": {"type": "integer", "enum": [1, 2]}, "m": {"type": "number", "minimum": 0}}},
            "files": {"type": "array", "items": {"type": "object", "format": "file"}}}}))
        .unwrap();
        let mut kept = Vec::new();
        beyond(&schema, &[], &mut kept);
        assert_eq!(kept, ["gone, required without being described", "date", "meta › n", "files › each item"]);
        let mut plain = Vec::new();
        let schema: Schema = serde_json::from_value(
            json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}}),
        )
        .unwrap();
        beyond(&schema, &[], &mut plain);
        assert!(plain.is_empty(), "{plain:?}");
    }

    #[test]
    fn a_field_changes_only_what_it_names() {
        Owner::new().with(|| {
            let json = RwSignal::new(r#"{"type":"object","properties":{"a":{"type":"string","format":"date"},"b":{"items":{}}},"required":["gone"]}"#.to_owned());
            let editing = Editing::new(json, Kind::Object, Signal::stored(false));
            assert_eq!(editing.change(&[], |schema| schema.rename_field(0, "c")), Some(Ok(())));
            assert_eq!(editing.change(&[], |schema| schema.rename_field(0, "b").is_err()), Some(true));
            editing.set(&[Within::Field(1), Within::Items], Schema::text());
            let now: serde_json::Value = serde_json::from_str(&json.get_untracked()).unwrap();
            let expected = json!({"type": "object", "required": ["gone"], "properties": {
                "c": {"type": "string", "format": "date"}, "b": {"items": {"type": "string"}}}});
            assert_eq!(now, expected);
            // Going back to a type finds what was there.
            for (word, expected) in [
                ("object", json!({"type": "object"})),
                ("custom", json!({"type": "string", "format": "date"})),
            ] {
                editing.choose(&[Within::Field(0)], word);
                let now: serde_json::Value = serde_json::from_str(&json.get_untracked()).unwrap();
                assert_eq!(now["properties"]["c"], expected);
            }
            assert_eq!(editing.change(&[Within::Field(7)], |_| ()), None);
            // Bounds belong to numbers of both kinds.
            let bounded = serde_json::from_value(json!({"type": "number", "minimum": 1, "maximum": 9})).unwrap();
            editing.set(&[Within::Field(0)], bounded);
            editing.choose(&[Within::Field(0)], "integer");
            let now: serde_json::Value = serde_json::from_str(&json.get_untracked()).unwrap();
            assert_eq!(now["properties"]["c"], json!({"type": "integer", "minimum": 1, "maximum": 9}));
            // The newest, not those that were there under that word.
            editing.change(&[Within::Field(0)], |schema| schema.minimum = Some(2.into()));
            editing.choose(&[Within::Field(0)], "number");
            let now: serde_json::Value = serde_json::from_str(&json.get_untracked()).unwrap();
            assert_eq!(now["properties"]["c"], json!({"type": "number", "minimum": 2, "maximum": 9}));
        });
    }
}
