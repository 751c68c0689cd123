//! One run input: key, title, type, whether it is required, its default, and its place in the start form.
//! A key that nobody chose follows the title, for as long as nothing knows the input by it.

use std::{collections::BTreeSet, time::Duration};

use canvas::Edit;
use leptos::{html, prelude::*};
use serde_json::Value;
use workflow::{definition::RunInput, schema::Schema};

use super::{
    super::{
        draft::Draft,
        focus::field_id,
        key_field::{KeyField, rename_run_input},
    },
    rename::suggested,
};
use crate::reactive::{effect, memo};
use crate::{
    components::{Badge, Button, Checkbox, Field, Icon, IconButton, Size, TextInput, Tone, Variant},
    pages::types::{TypeFields, TypeForm, value::ValueInput},
};

/// After a focus that moves within the row, it is there by then.
const LEFT: Duration = Duration::from_millis(200);

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
    /// The keys that were made on this page.
    made: StoredValue<BTreeSet<String>>,
) -> impl IntoView {
    let stored = StoredValue::new(key.clone());
    let row = NodeRef::<html::Details>::new();
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
            draft.apply(Edit::SetRunInput { key: stored.get_value(), input: Some(Box::new(after)) }, label);
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
            let is_other = input.schema.kind != schema.kind;
            input.schema = Schema { description: input.schema.description.clone(), ..schema.clone() };
            // A default of another type would only be in the way. While fields are added and named it is kept: that it does not fit yet
            // is said beside it.
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
    let rename = move |new: String| {
        let open = new.clone();
        // The row is drawn anew for another key, and stays as open as it was.
        rename_run_input(draft, &stored.get_value(), &new, move || fresh.set(Some(open)))
    };
    view! {
        <details
            node_ref=row
            class="fold"
            open=is_fresh
            on:focusout=move |_| {
                // Taken off the page with the focus in it, the row loses it when its signals are gone already.
                let Some(key) = stored.try_get_value() else { return };
                let is_made_here = made.try_with_value(|made| made.contains(&key)).unwrap_or(false);
                follow_title(draft, key, is_made_here, row, fresh);
            }
        >
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
                <KeyField
                    id=id("")
                    key=key.clone()
                    help="What steps and the API call it; what reads it follows"
                    error=error("")
                    rename=Callback::new(rename)
                />
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

/// Once the row is left, its key follows the title: the row is drawn anew for it, which nobody should notice who writes in it.
/// The row itself may be gone by then.
fn follow_title(
    draft: Draft,
    key: String,
    is_made_here: bool,
    row: NodeRef<html::Details>,
    fresh: RwSignal<Option<String>>,
) {
    let later = move || {
        let row_ref = row;
        let row = row.try_get_untracked().flatten();
        let is_inside = document()
            .active_element()
            .is_some_and(|active| row.as_ref().is_some_and(|row| row.contains(Some(&active))));
        let is_known = draft.live.try_get_untracked().is_none_or(|live| live.version.is_some()) && !is_made_here;
        if is_inside || is_known {
            return;
        }
        if draft.handle.is_held() {
            return follow_title(draft, key.clone(), is_made_here, row_ref, fresh);
        }
        let edit = draft.handle.with_definition_untracked(|definition| {
            let new = suggested(definition, &key)?;
            canvas::rename_run_input(definition, &key, &new).ok().map(|edit| (new, edit))
        });
        if let Some((new, edit)) = edit {
            if row.is_some_and(|row| row.open()) {
                fresh.try_set(Some(new));
            }
            draft.apply(edit, "Rename key");
        }
    };
    set_timeout(later, LEFT);
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
            Some(Edit::SetRunInput { key: key.clone(), input: Some(Box::new(RunInput { order, ..input })) })
        });
        ranked.collect::<Vec<_>>()
    });
    draft.apply(Edit::Batch(edits), "Reorder run inputs");
}
