//! Where each input of the step comes from: one row a port, with the sources that fit first.
//! Choosing a step that was not connected connects it; nothing that is mapped may vanish from sight because its port did.

use canvas::Edit;
use leptos::prelude::*;
use serde_json::Value;
use workflow::{
    agent::InputPort,
    schema::{Kind, Schema},
    source::Source,
    validate::source_schema,
};

use super::{
    super::{focus::field_id, sources},
    OneStep,
};
use crate::{
    components::{Badge, Button, ComboOption, Combobox, Field, Icon, Size, TextInput, Tone, Variant},
    pages::types::value::{ValueInput, first_value},
};

#[component]
pub(super) fn Inputs(one: OneStep) -> impl IntoView {
    let ports = Memo::new(move |_| {
        one.agent.with(|agent| agent.as_ref().map(|agent| agent.inputs.clone())).unwrap_or_default()
    });
    let names = Memo::new(move |_| ports.with(|ports| ports.iter().map(|port| port.name.clone()).collect::<Vec<_>>()));
    let strays = Memo::new(move |_| {
        let mapped = one.read(|step| step.inputs.keys().cloned().collect::<Vec<_>>());
        names.with(|names| mapped.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>())
    });
    let is_empty = move || names.with(Vec::is_empty) && strays.with(Vec::is_empty);
    view! {
        <section class="panel-section" aria-label="Inputs" id="f-inputs" tabindex="-1">
            <h3>"Inputs"</h3>
            <Show when=is_empty>
                <p class="small muted">"This agent takes nothing in"</p>
            </Show>
            <For each=move || names.get() key=Clone::clone let:name>
                <Port one name ports/>
            </For>
            <For each=move || strays.get() key=Clone::clone let:name>
                <Stray one name/>
            </For>
        </section>
    }
}

#[component]
fn Port(one: OneStep, name: String, ports: Memo<Vec<InputPort>>) -> impl IntoView {
    let draft = one.draft;
    let stored = StoredValue::new(name.clone());
    let port = Memo::new(move |_| {
        let known = stored.with_value(|name| ports.with(|ports| ports.iter().find(|port| port.name == *name).cloned()));
        known.unwrap_or_else(|| InputPort { name: stored.get_value(), schema: Schema::any(), required: false })
    });
    let source = Memo::new(move |_| one.read(|step| stored.with_value(|name| step.inputs.get(name).cloned())));
    let set = move |source: Option<Source>, label: &str| {
        draft.apply(Edit::SetInput { step: one.key(), port: stored.get_value(), source }, label)
    };

    let is_wanted = RwSignal::new(false);
    let options = Memo::new(move |_| -> Vec<ComboOption> {
        let current = source.get();
        let is_wanted = is_wanted.get();
        draft.handle.with_definition(|definition| {
            if !is_wanted {
                return sources::only(definition, current.as_ref());
            }
            one.key.with_value(|key| {
                draft
                    .catalog
                    .with(|agents| port.with(|port| sources::options(definition, agents, key, port, current.as_ref())))
            })
        })
    });
    let chosen = RwSignal::new(source.with_untracked(|source| sources::encode(source.as_ref())));
    Effect::new(move || chosen.set(source.with(|source| sources::encode(source.as_ref()))));
    Effect::new(move || {
        let now = chosen.get();
        let known = source.with_untracked(|source| sources::encode(source.as_ref()));
        if now == known {
            return;
        }
        let first = || Source::Const(port.with_untracked(|port| first_value(&port.schema)));
        if !set(sources::decode(&now, first), "Map input") {
            chosen.set(known);
        }
    });
    let is_constant = Memo::new(move |_| source.with(|source| matches!(source, Some(Source::Const(_)))));
    let field = format!("inputs.{name}");
    let id = field_id(&field);
    let label = format!("Source of {name}");
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
        set(Some(Source::Const(value.unwrap_or(empty))), "Change constant");
    };
    let problem = one.problem(field);
    let error = Signal::derive(move || if is_constant.get() { None } else { problem.get() });
    let value_id = format!("{id}-value");
    let path_id = format!("{id}-path");
    let ids = StoredValue::new((value_id, path_id));
    view! {
        <div class="mapping" on:focusout=move |_| draft.handle.seal()>
            <div class="mapping-port">
                <span class="truncate">{name.clone()}</span>
                {move || port.with(|port| port.required).then(|| view! { <Badge tone=Tone::Accent>"Required"</Badge> })}
                <code>{move || port.with(|port| port.schema.type_name())}</code>
            </div>
            {move || port.with(|port| {
                let text = port.schema.description.clone();
                (!text.is_empty()).then(|| view! { <p class="small muted">{text}</p> })
            })}
            <div on:focusin=move |_| is_wanted.set(true) on:focusout=move |_| {
                is_wanted.try_set(false);
            }>
                <Combobox value=chosen options id=id.clone() label placeholder="Choose a source"/>
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
            <Path one source set=Callback::new(move |source| { set(Some(source), "Choose a part"); }) id=ids.with_value(|(_, path)| path.clone())/>
            <Fault text=error/>
        </div>
    }
}

/// Which part of a structured source is taken, as a JSON Pointer.
#[component]
fn Path(one: OneStep, source: Memo<Option<Source>>, set: Callback<Source>, id: String) -> impl IntoView {
    let draft = one.draft;
    let path = Memo::new(move |_| source.with(|source| source.as_ref().and_then(path_of).unwrap_or_default()));
    let has_parts = Memo::new(move |_| {
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
    Effect::new(move || text.set(path.get()));
    Effect::new(move || {
        let now = text.get();
        if path.with_untracked(|path| *path == now) {
            return;
        }
        if let Some(changed) = source.with_untracked(|source| source.as_ref().and_then(|source| with_path(source, now)))
        {
            set.run(changed);
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

/// A mapping whose port the agent does not have.
#[component]
fn Stray(one: OneStep, name: String) -> impl IntoView {
    let id = field_id(&format!("inputs.{name}"));
    let problem = one.problem(format!("inputs.{name}"));
    let stored = StoredValue::new(name.clone());
    let remove = move || {
        let edit = Edit::SetInput { step: one.key(), port: stored.get_value(), source: None };
        one.draft.apply(edit, "Remove mapping");
    };
    view! {
        <div class="mapping" id=id tabindex="-1">
            <div class="mapping-port">
                <span class="truncate">{name}</span>
            </div>
            <Fault text=problem/>
            <div class="row">
                <Button size=Size::Sm variant=Variant::Quiet icon="trash-2" on:click=move |_| remove()>"Remove"</Button>
            </div>
        </div>
    }
}

#[component]
fn Fault(text: Signal<Option<String>>) -> impl IntoView {
    view! {
        <div aria-live="polite" class="field-note">
            {move || text.get().map(|text| view! {
                <p class="field-error">
                    <Icon name="circle-alert" size=Size::Sm/>
                    <span>{text}</span>
                </p>
            })}
        </div>
    }
}
