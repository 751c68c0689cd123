//! The workflow's own settings: name, description, what the starter of a run is asked for, and what a run may use.

mod limits;
mod rename;
mod run_input;

use std::collections::BTreeSet;

use canvas::Edit;
use leptos::prelude::*;
use workflow::{
    definition::RunInput,
    schema::{Kind, Schema},
};

use self::{limits::RunLimits, rename::UNCHOSEN, run_input::RunInputEditor};
use super::{draft::Draft, focus, trying::TryProgress};
use crate::{
    components::{Button, CopyId, Field, Size, Skeleton, SkeletonKind, TextArea, TextInput},
    later::{View, later},
    reactive::{effect, memo},
};

/// The draft, its keys in their order, the row to draw open, and the keys that were made on this page.
pub(super) type Inputs = (Draft, Memo<Vec<String>>, RwSignal<Option<String>>, StoredValue<BTreeSet<String>>);

// Each row is folded at first, and holds all that describes a type.
later! {
    more: pub(super) run_inputs, View<Inputs>, |(draft, keys, fresh, made)| {
        view! { <RunInputs draft keys fresh made/> }.into_any()
    };
}

#[component]
pub(super) fn Settings(
    draft: Draft,
    /// What shows the run inputs, once it is there.
    run_inputs: Signal<Option<View<Inputs>>>,
) -> impl IntoView {
    let keys = memo(move || {
        draft.handle.with_definition(|definition| {
            let mut keys: Vec<(i32, String)> =
                definition.inputs.iter().map(|(key, input)| (input.order, key.clone())).collect();
            keys.sort_unstable();
            keys.into_iter().map(|(_, key)| key).collect::<Vec<_>>()
        })
    });
    // The row to draw open: one that was just added, or has just got another key.
    let fresh = RwSignal::new(None::<String>);
    // Made on this page: no version knows these keys.
    let made = StoredValue::new(BTreeSet::<String>::new());
    // The field to begin with, which may still be on its way when it is asked for.
    let begin = RwSignal::new(None::<String>);
    effect(move || {
        if run_inputs.with(Option::is_some)
            && let Some(field) = begin.get()
        {
            begin.set(None);
            focus::focus_soon(field);
        }
    });
    let n_steps = memo(move || draft.handle.with_definition(|definition| definition.steps.len()));
    let name_error = Signal::derive(move || {
        draft.name.with(|name| {
            name.trim().is_empty().then(|| "Give the workflow a name; until then it keeps its last one".to_owned())
        })
    });
    let add = move || {
        let key = draft.handle.with_definition_untracked(|definition| {
            (1..=u32::MAX).map(|n| format!("{UNCHOSEN}{n}")).find(|key| !definition.inputs.contains_key(key))
        });
        let Some(key) = key else { return };
        let order = keys.with_untracked(|keys| i32::try_from(keys.len()).unwrap_or(i32::MAX));
        let schema = Schema { kind: Some(Kind::String), format: "multiline".to_owned(), ..Schema::default() };
        let input = RunInput { schema, required: true, order, ..RunInput::default() };
        if draft.apply(Edit::SetRunInput { key: key.clone(), input: Some(Box::new(input)) }, "Add run input") {
            fresh.set(Some(key.clone()));
            made.update_value(|made| {
                made.insert(key.clone());
            });
            begin.set(Some(format!("inputs.{key}.title")));
        }
    };
    view! {
        <div class="panel-head">
            <h2 id="side-panel-title" tabindex="-1">"Workflow"</h2>
            <CopyId value=Signal::stored(draft.id.to_string()) what="workflow id"/>
        </div>
        <div class="panel-body">
            <section class="panel-section" on:focusout=move |_| draft.handle.seal()>
                <Field id="f-name" label="Name" error=name_error>
                    <TextInput value=draft.name maxlength=200 autocomplete="off"/>
                </Field>
                <Field id="f-description" label="Description" help="Shown in the gallery, to those who start it" optional=true>
                    <TextArea value=draft.description rows=2 maxlength=4000/>
                </Field>
                <p class="muted small">
                    {move || match n_steps.get() {
                        0 => "No step yet: drag an agent onto the canvas.".to_owned(),
                        1 => "1 step. Select it to change it.".to_owned(),
                        n => format!("{}. Select one to change it.", crate::words::count(n, "step")),
                    }}
                </p>
            </section>
            <TryProgress/>
            <section class="panel-section" aria-label="Run inputs">
                <div class="section-head">
                    <h3>"Run inputs"</h3>
                    <Button size=Size::Sm icon="plus" on_click=move |()| add()>"Add input"</Button>
                </div>
                <p class="muted small">"What the start form asks for. Steps use them as sources."</p>
                <Show when=move || keys.with(Vec::is_empty)>
                    <p class="small">"None yet: the workflow starts with a press"</p>
                </Show>
                <div class="stack" data-gap="2" id="f-inputs" tabindex="-1">
                    <Show when=move || !keys.with(Vec::is_empty)>
                        {move || match run_inputs.get() {
                            Some(view) => view((draft, keys, fresh, made)),
                            None => view! { <Skeleton kind=SkeletonKind::Row/> }.into_any(),
                        }}
                    </Show>
                </div>
            </section>
            <RunLimits draft/>
        </div>
    }
}

#[component]
fn RunInputs(
    draft: Draft,
    keys: Memo<Vec<String>>,
    fresh: RwSignal<Option<String>>,
    made: StoredValue<BTreeSet<String>>,
) -> impl IntoView {
    view! {
        <For each=move || keys.get() key=Clone::clone let:key>
            <RunInputEditor draft key keys fresh made/>
        </For>
    }
}
