//! Where each input of the step comes from: one row a port, with the sources that fit first.
//! Choosing a step that was not connected connects it; nothing that is mapped may vanish from sight because its port did.

use canvas::Edit;
use leptos::prelude::*;
use workflow::{agent::InputPort, schema::Schema, source::Source};

use super::{
    super::{fixes::Fixes, focus::field_id, sources::Takes, trying::LastSeen},
    one_step::OneStep,
    section::Section,
    source_field::SourceField,
};
use crate::components::{Badge, Button, Fault, Size, Tone, Variant};
use crate::reactive::memo;

#[component]
pub(super) fn Inputs(one: OneStep) -> impl IntoView {
    let ports =
        memo(move || one.agent.with(|agent| agent.as_ref().map(|agent| agent.inputs.clone())).unwrap_or_default());
    let names = memo(move || ports.with(|ports| ports.iter().map(|port| port.name.clone()).collect::<Vec<_>>()));
    let strays = memo(move || {
        let mapped = one.read(|step| step.inputs.keys().cloned().collect::<Vec<_>>());
        names.with(|names| mapped.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>())
    });
    let is_empty = move || names.with(Vec::is_empty) && strays.with(Vec::is_empty);
    view! {
        <Section one name="Inputs" id="f-inputs">
            <Show when=is_empty>
                <p class="small muted">"This agent takes nothing in"</p>
            </Show>
            <For each=move || names.get() key=Clone::clone let:name>
                <Port one name ports/>
            </For>
            <For each=move || strays.get() key=Clone::clone let:name>
                <Stray one name/>
            </For>
        </Section>
    }
}

#[component]
fn Port(one: OneStep, name: String, ports: Memo<Vec<InputPort>>) -> impl IntoView {
    let draft = one.draft;
    let stored = StoredValue::new(name.clone());
    let port = memo(move || {
        let known = stored.with_value(|name| ports.with(|ports| ports.iter().find(|port| port.name == *name).cloned()));
        known.unwrap_or_else(|| InputPort { name: stored.get_value(), schema: Schema::any(), required: false })
    });
    let source = memo(move || one.read(|step| stored.with_value(|name| step.inputs.get(name).cloned())));
    let set = move |source: Option<Source>| {
        draft.apply(Edit::SetInput { step: one.key(), port: stored.get_value(), source }, "Map input")
    };

    let field = format!("inputs.{name}");
    let problem = one.problem(field.clone());
    let takes = Signal::derive(move || port.with(Takes::all));
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
            <SourceField
                one
                id=field_id(&field)
                label=format!("Source of {name}")
                port
                source
                takes
                set=Callback::new(set)
                error=problem
            />
            <Fixes draft step=one.key() field=field.clone()/>
            <LastSeen source=Signal::derive(move || source.get())/>
        </div>
    }
}

/// A mapping whose port the agent does not have.
#[component]
fn Stray(one: OneStep, name: String) -> impl IntoView {
    let id = field_id(&format!("inputs.{name}"));
    let field = format!("inputs.{name}");
    let problem = one.problem(field.clone());
    let port = StoredValue::new(name.clone());
    let remove = move || {
        let edit = Edit::SetInput { step: one.key(), port: port.get_value(), source: None };
        one.draft.apply(edit, "Remove mapping");
    };
    view! {
        <div class="mapping" id=id tabindex="-1">
            <div class="mapping-port">
                <span class="truncate">{name}</span>
            </div>
            <Fault text=problem/>
            <Fixes draft=one.draft step=one.key() field/>
            // Of an agent that is not there nothing is judged.
            <Show when=move || problem.with(Option::is_none)>
                <div class="row">
                    <Button size=Size::Sm variant=Variant::Quiet icon="trash-2" on_click=move |()| remove()>"Remove"</Button>
                </div>
            </Show>
        </div>
    }
}
