//! A choice of source: a searchable list, the constant's own control, and the part of it that is taken.
//! A choice that the model refuses, as one that would close a cycle, springs back.

use leptos::prelude::*;
use serde_json::Value;
use workflow::{agent::InputPort, graph::Graph, schema::Kind, source::Source, validate::source_schema};

use super::{
    super::{
        sources::{self, Place, Takes},
        trying::use_trying,
    },
    one_step::OneStep,
};
use crate::reactive::{effect, memo};
use crate::{
    components::{ComboOption, Combobox, Fault, Field, TextInput},
    pages::types::value::{ValueInput, first_value},
};

#[expect(clippy::needless_pass_by_value, reason = "a component takes its props by value")]
/// `port` says what is wanted; `set` answers whether the change was taken.
#[component]
pub(super) fn SourceField(
    one: OneStep,
    #[prop(into)] id: String,
    #[prop(into)] label: String,
    #[prop(into)] port: Signal<InputPort>,
    #[prop(into)] source: Signal<Option<Source>>,
    #[prop(into)] takes: Signal<Takes>,
    set: Callback<Option<Source>, bool>,
    #[prop(optional, into)] error: Signal<Option<String>>,
) -> impl IntoView {
    let (draft, trying) = (one.draft, use_trying());
    let source = memo(move || source.get());
    let is_wanted = RwSignal::new(false);
    // The values that stand beside what can be chosen.
    effect(move || {
        if is_wanted.get() {
            let earlier = draft.handle.with_definition_untracked(|definition| {
                one.key.with_value(|key| Graph::of(definition).ancestors(key).into_iter().cloned().collect())
            });
            trying.look_for(earlier);
        }
    });
    let options = memo(move || -> Vec<ComboOption> {
        let current = source.get();
        let is_wanted = is_wanted.get();
        draft.handle.with_definition(|definition| {
            if !is_wanted {
                return sources::only(definition, current.as_ref());
            }
            one.key.with_value(|key| {
                draft.catalog.with(|agents| {
                    port.with(|port| {
                        let place = Place { definition, agents, key, port, seen: &|source| trying.value_of(source) };
                        sources::options(place, current.as_ref(), takes.get())
                    })
                })
            })
        })
    });
    let chosen = RwSignal::new(source.with_untracked(|source| sources::encode(source.as_ref())));
    effect(move || chosen.set(source.with(|source| sources::encode(source.as_ref()))));
    effect(move || {
        let now = chosen.get();
        let known = source.with_untracked(|source| sources::encode(source.as_ref()));
        if now == known {
            return;
        }
        let first = || Source::Const(port.with_untracked(|port| first_value(&port.schema)));
        if !untrack(|| set.run(sources::decode(&now, first))) {
            chosen.set(known);
        }
    });
    let is_constant = memo(move || source.with(|source| matches!(source, Some(Source::Const(_)))));
    let schema = Signal::derive(move || port.with(|port| port.schema.clone()));
    let constant = Signal::derive(move || {
        source.with(|source| match source {
            Some(Source::Const(value)) => Some(value.clone()),
            _ => None,
        })
    });
    let on_constant = move |value: Option<Value>| {
        // An emptied text is the empty text; an emptied number is none yet.
        let empty = if port.with_untracked(|port| port.schema.kind == Some(Kind::String)) {
            Value::from("")
        } else {
            Value::Null
        };
        set.run(Some(Source::Const(value.unwrap_or(empty))));
    };
    let ids = StoredValue::new((format!("{id}-value"), format!("{id}-path")));
    view! {
        <div on:focusin=move |_| is_wanted.set(true) on:focusout=move |_| {
            is_wanted.try_set(false);
        }>
            <Combobox value=chosen options id=id.clone() label fault=error placeholder="Choose a source"/>
        </div>
        <Show when=move || is_constant.get()>
            <ValueInput
                id=ids.with_value(|(value, _)| value.clone())
                label="Value"
                schema
                value=constant
                on_change=on_constant
            />
        </Show>
        <Path one source set id=ids.with_value(|(_, path)| path.clone())/>
        <Fault text=error of=id.clone()/>
    }
}

/// Which part of a structured source is taken, as a JSON Pointer.
#[component]
fn Path(one: OneStep, source: Memo<Option<Source>>, set: Callback<Option<Source>, bool>, id: String) -> impl IntoView {
    let draft = one.draft;
    let path = memo(move || source.with(|source| source.as_ref().and_then(path_of).unwrap_or_default()));
    let has_parts = memo(move || {
        let Some(whole) = source.with(|source| source.as_ref().and_then(|source| with_path(source, String::new())))
        else {
            return false;
        };
        let schema = draft
            .handle
            .with_definition(|definition| draft.catalog.with(|agents| source_schema(definition, agents, &whole)));
        let is_structured = schema.is_some_and(|schema| matches!(schema.kind, None | Some(Kind::Object | Kind::Array)));
        is_structured || path.with(|path| !path.is_empty())
    });
    let text = RwSignal::new(path.get_untracked());
    effect(move || text.set(path.get()));
    effect(move || {
        let now = text.get();
        if path.with_untracked(|path| *path == now) {
            return;
        }
        if let Some(changed) = source.with_untracked(|source| source.as_ref().and_then(|source| with_path(source, now)))
        {
            set.run(Some(changed));
        }
    });
    let id = StoredValue::new(id);
    view! {
        <Show when=move || has_parts.get()>
            <Field id=id.get_value() label="Only a part of it" help="As a path, such as /sections/0/title" optional=true>
                <TextInput value=text mono=true autocomplete="off" placeholder="/"/>
            </Field>
        </Show>
    }
}

fn path_of(source: &Source) -> Option<String> {
    match source {
        Source::Run { path, .. } | Source::Step { path, .. } | Source::Item { path } => Some(path.clone()),
        Source::Const(_) => None,
    }
}

fn with_path(source: &Source, to: String) -> Option<Source> {
    let mut changed = source.clone();
    match &mut changed {
        Source::Run { path, .. } | Source::Step { path, .. } | Source::Item { path } => *path = to,
        Source::Const(_) => return None,
    }
    Some(changed)
}
