//! Which steps come before this one, and the way to connect without a pointer.
//! A step that would close a cycle stays in the list and says which one.

use canvas::{Edit, edit::refuse_edge};
use leptos::prelude::*;
use workflow::{Definition, StepKey, graph::Graph};

use super::{
    super::{fixes::Fixes, focus},
    one_step::OneStep,
    section::Section,
};
use crate::components::{ComboOption, Combobox, Field, IconButton, Size};
use crate::reactive::{effect, memo};

/// Beyond it the cycle is only named as such: finding its path is a search for each.
const TOLD_PATHS: usize = 200;

#[component]
pub(super) fn WaitsFor(one: OneStep) -> impl IntoView {
    let draft = one.draft;
    let before = memo(move || {
        let mut before = one.read(|step| step.direct_dependencies().into_iter().cloned().collect::<Vec<StepKey>>());
        if before.len() > 1 {
            let order = draft.handle.with_definition_untracked(|definition| in_order(&Graph::of(definition)));
            before.sort_by_key(|key| order.get(key.as_str()).copied());
        }
        before
    });
    let is_wanted = RwSignal::new(false);
    let options = memo(move || {
        if !is_wanted.get() {
            return Vec::new();
        }
        one.key.with_value(|key| draft.handle.with_definition(|definition| candidates(definition, key)))
    });
    let chosen = RwSignal::new(String::new());
    effect(move || {
        let from = chosen.get();
        if !from.is_empty() {
            chosen.set(String::new());
            draft.apply(Edit::Connect { from: StepKey::new(from), to: one.key() }, "Connect");
        }
    });
    view! {
        <Section one name="Waits for">
            <Show when=move || before.with(Vec::is_empty)>
                <p class="small muted">"Nothing: it starts with the run"</p>
            </Show>
            <ul class="chip-rows">
                <For each=move || before.get() key=Clone::clone let:from>
                    <Before one from/>
                </For>
            </ul>
            <div on:focusin=move |_| is_wanted.set(true) on:focusout=move |_| {
                is_wanted.try_set(false);
            }>
                <Field id=focus::field_id("depends_on") label="Connect an earlier step" error=one.problem("depends_on")>
                    <Combobox value=chosen options placeholder="Choose a step"/>
                </Field>
                <Fixes draft step=one.key() field="depends_on"/>
            </div>
        </Section>
    }
}

#[component]
fn Before(one: OneStep, from: StepKey) -> impl IntoView {
    let draft = one.draft;
    let from = StoredValue::new(from);
    let title = move || from.with_value(|from| draft.title_of(from));
    view! {
        <li class="chip-row">
            <button type="button" class="chip-name truncate" data-tip="Go to this step" on:click=move |_| draft.handle.select(vec![from.get_value()])>
                {title}
            </button>
            <IconButton
                icon="x"
                label=Signal::derive(move || format!("Disconnect {}", title()))
                size=Size::Sm
                on_click=move |()| {
                    draft.apply(Edit::Disconnect { from: from.get_value(), to: one.key() }, "Disconnect");
                }
            />
        </li>
    }
}

/// Every other step that is not connected yet: those that can be come first.
fn candidates(definition: &Definition, key: &StepKey) -> Vec<ComboOption> {
    let Some(step) = definition.steps.get(key) else { return Vec::new() };
    let graph = Graph::of(definition);
    let later = graph.descendants(key);
    let known = step.direct_dependencies();
    let mut n_told = 0;
    let mut options: Vec<ComboOption> = definition
        .steps
        .iter()
        .filter(|(other, _)| *other != key && !known.contains(other))
        .map(|(other, step)| {
            let reason = later.contains(other).then(|| {
                n_told += 1;
                let refused = if n_told <= TOLD_PATHS { refuse_edge(definition, &graph, other, key) } else { None };
                refused.map_or_else(
                    || "It comes after this step: that would close a cycle".to_owned(),
                    |refused| refused.reason(definition),
                )
            });
            ComboOption {
                value: other.to_string(),
                label: step.title_or(other).to_owned(),
                reason,
                ..ComboOption::default()
            }
        })
        .collect();
    let order = in_order(&graph);
    options.sort_by_key(|option| (option.reason.is_some(), order.get(option.value.as_str()).copied()));
    options
}

/// The place of each step in the order of the graph.
fn in_order(graph: &Graph<'_>) -> std::collections::BTreeMap<String, usize> {
    let order = graph.order().unwrap_or_default();
    order.into_iter().enumerate().map(|(place, key)| (key.to_string(), place)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_step_that_would_close_a_cycle_says_which() {
        let definition = Definition::from_value(&json!({"steps": {
            "a": {"agent_id": "x"}, "b": {"agent_id": "x", "depends_on": ["a"]},
            "c": {"agent_id": "x", "depends_on": ["b"]}, "d": {"agent_id": "x"}}}))
        .unwrap();
        let options = candidates(&definition, &"a".into());
        let shown: Vec<(&str, Option<&str>)> =
            options.iter().map(|option| (option.value.as_str(), option.reason.as_deref())).collect();
        assert_eq!(
            shown,
            [
                ("d", None),
                ("b", Some("This would close the cycle a > b > a")),
                ("c", Some("This would close the cycle a > b > c > a")),
            ]
        );
    }
}
