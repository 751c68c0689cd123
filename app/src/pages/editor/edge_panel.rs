//! The panel of a connection, and of several steps at once.

use canvas::{Side, edit::line_of};
use leptos::prelude::*;
use workflow::{Problem, StepKey, source::Source};

use super::{draft::Draft, fixes, focus};
use crate::components::{Button, ComboOption, Combobox, Fault, Field, Size, Variant};
use crate::reactive::{effect, memo};
use crate::words;

#[component]
pub(super) fn EdgePanel(draft: Draft, from: StepKey, to: StepKey) -> impl IntoView {
    let ends = StoredValue::new((from, to));
    let title = move |of_first: bool| ends.with_value(|(from, to)| draft.title_of(if of_first { from } else { to }));
    let mapped = move || {
        ends.with_value(|(from, to)| {
            draft.handle.with_definition(|definition| {
                let inputs = definition.steps.get(to).map(|step| &step.inputs);
                let reads = inputs.into_iter().flatten().filter_map(|(port, source)| match source {
                    Source::Step { step, artifact, .. } if step == from => Some(format!("{artifact} to {port}")),
                    _ => None,
                });
                reads.collect::<Vec<_>>()
            })
        })
    };
    // What is wrong with what travels along it.
    let faults = move || {
        let found: Vec<Problem> = ends.with_value(|(from, to)| {
            draft.handle.with_definition_untracked(|definition| {
                let is_of_line = |problem: &&Problem| {
                    let step = definition.steps.get(to).filter(|_| problem.step.as_ref() == Some(to));
                    step.zip(problem.field.as_deref()).and_then(|(step, field)| line_of(step, field)) == Some(from)
                };
                draft.problems.with(|problems| problems.iter().filter(is_of_line).cloned().collect())
            })
        });
        let offered = fixes::offered(draft, &found);
        let rows = found.into_iter().zip(offered).map(|(problem, fixes)| {
            let buttons = fixes::buttons(draft, &problem, fixes);
            view! {
                <Fault text=Signal::stored(Some(problem.message))/>
                <div class="row">{buttons}</div>
            }
        });
        rows.collect_view()
    };
    // Its agent is chosen on the canvas, which a phone has to show for it.
    let add_between = move |()| {
        draft.shown.set("canvas".to_owned());
        draft.handle.add_by_key();
    };
    view! {
        <div class="panel-head">
            <h2 id="side-panel-title" tabindex="-1">"Connection"</h2>
        </div>
        <div class="panel-body">
            <div class="stack" data-gap="3">
            <dl class="facts">
                <dt>"From"</dt>
                <dd>{move || title(true)}</dd>
                <dt>"To"</dt>
                <dd>{move || title(false)}</dd>
                <dt>"Passes on"</dt>
                <dd>
                    {move || {
                        let mapped = mapped();
                        if mapped.is_empty() { "Nothing: the second step only waits for the first".to_owned() } else { mapped.join(", ") }
                    }}
                </dd>
            </dl>
            {faults}
            <p class="muted small">"What is passed on is chosen in the inputs of the second step"</p>
            <p class="muted small">
                "Drag an end of the line to another step to move it, or choose the step here. Drag an agent onto the line, or press one in the list of agents, to put it between."
            </p>
            <MoveEnd draft line=ends end=Side::Out/>
            <MoveEnd draft line=ends end=Side::In/>
            <div class="row">
                <Button size=Size::Sm icon="plus" on_click=add_between>"Add a step between…"</Button>
                <Button size=Size::Sm on_click=move |()| focus::open_step(draft, ends.with_value(|(_, to)| to.clone()))>
                    "Open the second step"
                </Button>
            </div>
            </div>
        </div>
        <div class="panel-foot">
            <Button variant=Variant::Danger size=Size::Sm icon="trash-2" on_click=move |()| draft.handle.delete_selected()>
                "Delete connection"
            </Button>
        </div>
    }
}

/// Another step for one end of the line, which keeps what it brings as far as that fits. Those that cannot be it say why.
#[component]
fn MoveEnd(draft: Draft, line: StoredValue<(StepKey, StepKey)>, end: Side) -> impl IntoView {
    let is_wanted = RwSignal::new(false);
    let options = memo(move || {
        if !is_wanted.get() {
            return Vec::new();
        }
        let (from, to) = line.get_value();
        let others = draft.handle.ends_instead(&from, &to, end).into_iter();
        others
            .map(|other| ComboOption {
                value: other.key.to_string(),
                label: other.title,
                reason: other.refusal,
                ..ComboOption::default()
            })
            .collect::<Vec<_>>()
    });
    let chosen = RwSignal::new(String::new());
    effect(move || {
        let other = chosen.get();
        if !other.is_empty() {
            chosen.set(String::new());
            let (from, to) = line.get_value();
            draft.handle.move_line_end(&from, &to, end, &StepKey::new(other));
            // Another line has a panel of its own, without the field that the keyboard stood in.
            if draft.handle.selected_edge().with_untracked(|now| now.as_ref() != Some(&(from, to))) {
                focus::focus_soon(String::new());
            }
        }
    });
    let (id, label) = match end {
        Side::Out => ("line-from", "Lead it from another step"),
        Side::In => ("line-to", "Lead it to another step"),
    };
    view! {
        <div on:focusin=move |_| is_wanted.set(true) on:focusout=move |_| {
            is_wanted.try_set(false);
        }>
            <Field id label>
                <Combobox value=chosen options placeholder="Choose a step"/>
            </Field>
        </div>
    }
}

#[component]
pub(super) fn ManyPanel(draft: Draft) -> impl IntoView {
    let n = memo(move || draft.handle.selection().with(Vec::len));
    view! {
        <div class="panel-head">
            <h2 id="side-panel-title" tabindex="-1">{move || words::count(n.get(), "step")}</h2>
        </div>
        <div class="panel-body">
            <div class="stack" data-gap="3">
            <p class="muted">"Drag one of them to move all. Choose a single step to change it."</p>
            <div class="row">
                <Button size=Size::Sm icon="copy-plus" on_click=move |()| draft.handle.duplicate_selected()>"Duplicate"</Button>
                <Button size=Size::Sm icon="network" on_click=move |()| draft.handle.tidy()>"Tidy up"</Button>
                <Button size=Size::Sm on_click=move |()| draft.handle.select(Vec::new())>"Choose none"</Button>
            </div>
            </div>
        </div>
        <div class="panel-foot">
            <Button variant=Variant::Danger size=Size::Sm icon="trash-2" on_click=move |()| draft.handle.delete_selected()>
                {move || format!("Delete {}", words::count(n.get(), "step"))}
            </Button>
        </div>
    }
}
