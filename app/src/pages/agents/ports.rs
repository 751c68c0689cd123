//! The ports of an agent: rows to add, remove and reorder, each with a name, a type and a sentence.

use leptos::prelude::*;

use super::{
    faults::Faults,
    form::{AgentForm, PortForm},
};
use crate::reactive::memo;
use crate::{
    components::{Button, Checkbox, Fault, Field, IconButton, Size, TextInput, Variant, dom::focus_soon},
    pages::types::{TypeFields, TypeForm},
};
use workflow::schema::Schema;

/// Which of the two lists.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Inputs,
    Outputs,
}

impl List {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Inputs => "inputs",
            Self::Outputs => "outputs",
        }
    }
}

#[component]
pub(super) fn Ports(form: AgentForm, faults: Faults, list: List) -> impl IntoView {
    let ports = match list {
        List::Inputs => form.inputs,
        List::Outputs => form.outputs,
    };
    let title = if list == List::Inputs { "Inputs" } else { "Outputs" };
    let words = move || match (list, form.kind.get().as_str()) {
        (List::Inputs, "workflow") => "The workflow's own inputs, by name.",
        (List::Inputs, _) => "What a step maps to run inputs and earlier results. Prompts and templates name them.",
        (List::Outputs, "human") => "The fields of the form, in this order.",
        (List::Outputs, "workflow") => "Each is an output of one of the workflow's steps, chosen above.",
        (List::Outputs, _) => "The first one holds the answer; if it is no text, the answer must be JSON of its type.",
    };
    let add = move || {
        let taken: Vec<String> =
            ports.with_untracked(|ports| ports.iter().map(|port| port.name.get_untracked()).collect());
        let base = if list == List::Inputs { "input" } else { "output" };
        let name = (1..=u32::MAX).map(|n| format!("{base}_{n}")).find(|name| !taken.contains(name)).unwrap_or_default();
        let port = form.port(&name, &Schema::text(), list == List::Inputs);
        ports.update(|ports| ports.push(port));
        let id = format!("port-{}", port.uid);
        focus_soon(id);
    };
    let general = faults.at(list.name());
    view! {
        <section class="form-section" aria-label=title>
            <div class="section-head">
                <h2>{title}</h2>
                <Button size=Size::Sm icon="plus" on_click=move |()| add()>
                    {if list == List::Inputs { "Add input" } else { "Add output" }}
                </Button>
            </div>
            <p class="muted small">{words}</p>
            <div class="stack" data-gap="3">
                <For each=move || ports.get() key=|port| port.uid let:port>
                    <Row ports port faults list/>
                </For>
            </div>
            <Show when=move || ports.with(Vec::is_empty) && list == List::Inputs>
                <p class="small muted">"None: this agent always does the same"</p>
            </Show>
            <Fault text=general/>
        </section>
    }
}

#[component]
fn Row(ports: RwSignal<Vec<PortForm>>, port: PortForm, faults: Faults, list: List) -> impl IntoView {
    let PortForm { uid, name, description, required, kind, .. } = port;
    let place = memo(move || ports.with(|ports| ports.iter().position(|known| known.uid == uid)));
    let swap = move |is_up: bool| {
        ports.update(|ports| {
            let Some(at) = ports.iter().position(|known| known.uid == uid) else { return };
            let other = if is_up { at.checked_sub(1) } else { Some(at + 1).filter(|next| *next < ports.len()) };
            if let Some(other) = other {
                ports.swap(at, other);
            }
        });
    };
    let fault = faults.at_row(list.name(), place, "name");
    let label = if list == List::Inputs { "Input" } else { "Output" };
    let kind: TypeForm = kind;
    let schema_fault = faults.at_row(list.name(), place, "schema");
    // What is wrong with the JSON itself stands at the JSON.
    let kind_fault = Signal::derive(move || schema_fault.get().filter(|_| kind.error().is_none()));
    view! {
        <fieldset class="port-row">
            <legend class="visually-hidden">{move || format!("{label} {}", name.get())}</legend>
            <div class="form-row">
                <Field id=format!("port-{uid}") label="Name" error=fault>
                    <TextInput value=name mono=true maxlength=64 autocomplete="off"/>
                </Field>
                <div class="stack" data-gap="3">
                    <TypeFields form=kind id=format!("port-{uid}-type") fault=kind_fault/>
                </div>
            </div>
            <Field id=format!("port-{uid}-description") label="Description" optional=true>
                <TextInput value=description autocomplete="off"/>
            </Field>
            <div class="row">
                {(list == List::Inputs).then(|| view! { <Checkbox checked=required label="Required"/> })}
                <span class="push"></span>
                <IconButton
                    icon="arrow-up"
                    label=Signal::derive(move || format!("Move {} up", name.get()))
                    size=Size::Sm
                    disabled=Signal::derive(move || place.get() == Some(0))
                    on_click=move |()| swap(true)
                />
                <IconButton
                    icon="arrow-down"
                    label=Signal::derive(move || format!("Move {} down", name.get()))
                    size=Size::Sm
                    disabled=Signal::derive(move || place.get().is_none_or(|at| at + 1 == ports.with(Vec::len)))
                    on_click=move |()| swap(false)
                />
                <Button
                    size=Size::Sm
                    variant=Variant::Quiet
                    icon="trash-2"
                    on_click=move |()| ports.update(|ports| ports.retain(|known| known.uid != uid))
                >
                    "Remove"
                </Button>
            </div>
        </fieldset>
    }
}
