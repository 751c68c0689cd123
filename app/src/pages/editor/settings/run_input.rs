//! One run input: key, title, type, whether it is required, its default, and its place in the start form.
//! Renaming takes the sources that read it along.

use canvas::Edit;
use leptos::prelude::*;
use serde_json::Value;
use workflow::{Definition, Step, condition::Condition, definition::RunInput, schema::Schema, source::Source};

use super::super::{draft::Draft, focus::field_id};
use crate::reactive::{effect, memo};
use crate::{
    components::{Badge, Button, Checkbox, Field, Icon, IconButton, Size, TextInput, Tone, Variant},
    pages::types::{TypeFields, TypeForm, value::ValueInput},
};

#[expect(
    clippy::too_many_lines,
    clippy::needless_pass_by_value,
    reason = "one form; a component takes its props by value"
)]
#[component]
pub(super) fn RunInputEditor(
    draft: Draft,
    key: String,
    keys: Memo<Vec<String>>,
    fresh: RwSignal<Option<String>>,
) -> impl IntoView {
    let stored = StoredValue::new(key.clone());
    let input = memo(move || {
        stored
            .with_value(|key| draft.handle.with_definition(|definition| definition.inputs.get(key).cloned()))
            .unwrap_or_default()
    });
    let change = move |label: &'static str, change: &dyn Fn(&mut RunInput)| {
        let before = input.get_untracked();
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            draft.apply(Edit::SetRunInput { key: stored.get_value(), input: Some(after) }, label);
        }
    };
    let place = move || stored.with_value(|key| keys.with(|keys| keys.iter().position(|known| known == key)));
    let field = {
        let key = key.clone();
        move |name: &str| format!("inputs.{key}{name}")
    };
    let id = |name: &str| field_id(&field(name));
    let error = |name: &str| draft.problem_at(None, field(name));

    let title = draft.bind(
        move |definition| {
            stored.with_value(|key| definition.inputs.get(key).map(|i| i.title.clone())).unwrap_or_default()
        },
        move |title| change("Rename run input", &|input| input.title.clone_from(&title)),
    );
    let help = draft.bind(
        move |definition| {
            stored
                .with_value(|key| definition.inputs.get(key).map(|i| i.schema.description.clone()))
                .unwrap_or_default()
        },
        move |help| change("Change run input", &|input| input.schema.description.clone_from(&help)),
    );
    let required = RwSignal::new(input.with_untracked(|input| input.required));
    effect(move || required.set(input.with(|input| input.required)));
    effect(move || {
        let now = required.get();
        change("Change run input", &|input| input.required = now);
    });
    let form = TypeForm::new(&input.with_untracked(|input| input.schema.clone()));
    effect(move || form.show(&input.with(|input| input.schema.clone())));
    effect(move || {
        let Ok(schema) = form.read() else { return };
        change("Change the type of a run input", &|input| {
            let is_other = Schema { description: String::new(), ..input.schema.clone() } != schema;
            input.schema = Schema { description: input.schema.description.clone(), ..schema.clone() };
            // A default of another type would only be in the way.
            if is_other && input.default.as_ref().is_some_and(|value| !schema.check(value).is_empty()) {
                input.default = None;
            }
        });
    });
    let schema_problem = draft.problem_under(None, field(".schema"));
    // What is wrong beside the word stands there.
    let fault = Signal::derive(move || schema_problem.get().filter(|_| form.error().is_none()));
    let heading = move || {
        let title = input.with(|input| input.title.clone());
        if title.is_empty() { stored.get_value() } else { title }
    };
    let is_fresh = fresh.with_untracked(|fresh| fresh.as_ref() == Some(&key));
    let set_default =
        move |value: Option<Value>| change("Change the default", &|input| input.default.clone_from(&value));
    let remove = move || {
        draft.apply(Edit::SetRunInput { key: stored.get_value(), input: None }, "Delete run input");
    };
    view! {
        <details class="fold" open=is_fresh>
            <summary>
                <Icon name="chevron-right"/>
                <span class="truncate">{heading}</span>
                {move || input.with(|input| input.required).then(|| view! { <Badge tone=Tone::Accent>"Required"</Badge> })}
                <code>{move || input.with(|input| input.schema.type_name())}</code>
            </summary>
            <div class="fold-body stack" data-gap="3">
                <Field id=id(".title") label="Title" help="What the start form calls it" error=error(".title")>
                    <TextInput value=title maxlength=200 autocomplete="off"/>
                </Field>
                <KeyField draft key=key.clone() error=error("") fresh/>
                <TypeFields form id=id(".schema") fault/>
                <Checkbox checked=required label="Required to start" id=id(".required")/>
                <ValueInput
                    id=id(".default")
                    label="Default"
                    schema=Signal::derive(move || input.with(|input| input.schema.clone()))
                    value=Signal::derive(move || input.with(|input| input.default.clone()))
                    on_change=set_default
                    optional=true
                />
                <Field id=id(".help") label="Help" help="One sentence under the field" optional=true>
                    <TextInput value=help autocomplete="off"/>
                </Field>
                <div class="row">
                    <IconButton
                        icon="arrow-up"
                        label="Move up"
                        size=Size::Sm
                        disabled=Signal::derive(move || place() == Some(0))
                        on_click=move |()| swap(draft, keys, place(), true)
                    />
                    <IconButton
                        icon="arrow-down"
                        label="Move down"
                        size=Size::Sm
                        disabled=Signal::derive(move || place().is_none_or(|at| at + 1 == keys.with(Vec::len)))
                        on_click=move |()| swap(draft, keys, place(), false)
                    />
                    <span class="push"></span>
                    <Button size=Size::Sm variant=Variant::Quiet icon="trash-2" on_click=move |()| remove()>"Delete"</Button>
                </div>
            </div>
        </details>
    }
}

/// The key that steps name. It is taken over when the field is left, all sources with it.
#[component]
fn KeyField(
    draft: Draft,
    key: String,
    #[prop(into)] error: Signal<Option<String>>,
    fresh: RwSignal<Option<String>>,
) -> impl IntoView {
    let text = RwSignal::new(key.clone());
    let fault = RwSignal::new(None::<String>);
    let id = field_id(&format!("inputs.{key}"));
    let stored = StoredValue::new(key);
    let rename = move || {
        // Taken off the page with the focus in it, the field blurs when its signals are gone already.
        let Some(new) = text.try_get_untracked().map(|text| text.trim().to_owned()) else { return };
        let old = stored.get_value();
        if new == old {
            fault.set(None);
            return;
        }
        let is_taken = draft.handle.with_definition_untracked(|definition| definition.inputs.contains_key(&new));
        if new.is_empty() || is_taken {
            fault.set(Some(if is_taken {
                format!("There is an input `{new}` already")
            } else {
                "Give it a key".to_owned()
            }));
            return;
        }
        fault.set(None);
        if let Some(edit) = draft.handle.with_definition_untracked(|definition| renamed(definition, &old, &new)) {
            fresh.set(Some(new));
            draft.apply(edit, "Rename run input");
        }
    };
    let error = Signal::derive(move || fault.get().or_else(|| error.get()));
    view! {
        <div on:focusout=move |_| rename()>
            <Field id label="Key" help="What steps and the API call it" error>
                <TextInput value=text mono=true autocomplete="off" maxlength=64/>
            </Field>
        </div>
    }
}

/// The edit that gives an input another key, with everything that reads it.
fn renamed(definition: &Definition, old: &str, new: &str) -> Option<Edit> {
    let input = definition.inputs.get(old)?.clone();
    let mut edits = vec![Edit::SetRunInput { key: new.to_owned(), input: Some(input) }];
    for (key, step) in &definition.steps {
        let mut after = step.clone();
        rename_in(&mut after, old, new);
        if after != *step {
            edits.push(Edit::set(key.clone(), after));
        }
    }
    edits.push(Edit::SetRunInput { key: old.to_owned(), input: None });
    Some(Edit::Batch(edits))
}

/// Everything of a step that reads the input reads the renamed one.
fn rename_in(step: &mut Step, old: &str, new: &str) {
    let mut rename = |source: &mut Source| {
        if let Source::Run { key, .. } = source
            && key == old
        {
            new.clone_into(key);
        }
    };
    step.inputs.values_mut().for_each(&mut rename);
    if let Some(map) = &mut step.map {
        rename(&mut map.over);
    }
    if let Some(shared) = &mut step.concurrency {
        rename(&mut shared.key);
    }
    if let Some(when) = &mut step.when {
        rename_in_condition(when, &mut rename);
    }
}

fn rename_in_condition(condition: &mut Condition, rename: &mut impl FnMut(&mut Source)) {
    match condition {
        Condition::Eq(a, b)
        | Condition::Ne(a, b)
        | Condition::Lt(a, b)
        | Condition::Le(a, b)
        | Condition::Gt(a, b)
        | Condition::Ge(a, b)
        | Condition::In(a, b)
        | Condition::Contains(a, b) => {
            rename(a);
            rename(b);
        }
        Condition::Exists(source) => rename(source),
        Condition::And(all) | Condition::Or(all) => {
            for condition in all {
                rename_in_condition(condition, rename);
            }
        }
        Condition::Not(inner) => rename_in_condition(inner, rename),
    }
}

/// Moves an input one place; ranks are given anew, because equal ones fall back to the key.
fn swap(draft: Draft, keys: Memo<Vec<String>>, at: Option<usize>, is_up: bool) {
    let mut keys = keys.get_untracked();
    let Some(at) = at else { return };
    let other = if is_up { at.checked_sub(1) } else { Some(at + 1).filter(|next| *next < keys.len()) };
    let Some(other) = other else { return };
    keys.swap(at, other);
    let edits = draft.handle.with_definition_untracked(|definition| {
        let ranked = keys.iter().zip(0..).filter_map(|(key, order)| {
            let input = definition.inputs.get(key)?.clone();
            Some(Edit::SetRunInput { key: key.clone(), input: Some(RunInput { order, ..input }) })
        });
        ranked.collect::<Vec<_>>()
    });
    draft.apply(Edit::Batch(edits), "Reorder run inputs");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_renamed_input_is_still_read() {
        let mut definition = Definition::from_value(&json!({
            "inputs": {"topic": {"title": "Topic", "schema": {"type": "string"}}},
            "steps": {"a": {"agent_id": "x", "inputs": {"t": {"from": "run", "key": "topic", "path": "/x"}, "c": {"const": 1}},
                "when": {"not": {"exists": {"from": "run", "key": "topic"}}}}}}))
        .unwrap();
        let before = definition.clone();
        let inverse = canvas::apply(&mut definition, &renamed(&before, "topic", "subject").unwrap()).unwrap();
        assert_eq!(definition.inputs.keys().collect::<Vec<_>>(), ["subject"]);
        assert_eq!(serde_json::to_value(&definition.steps["a"].inputs["t"]).unwrap()["key"], "subject");
        assert!(!definition.to_value().to_string().contains("topic\""));
        canvas::apply(&mut definition, &inverse).unwrap();
        assert_eq!(definition, before);
    }
}
