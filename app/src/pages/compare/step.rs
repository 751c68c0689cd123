//! One step of a comparison. It is drawn once: what is open in it stays so, whatever changes in the step.
//! Must never fetch an artifact that nobody opened: two runs may differ in thousands.

use std::collections::BTreeSet;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use workflow::{
    RunId, StepKey, StepStatus,
    api::{ArtifactComparison, StepComparison},
    view::ArtifactMeta,
};

use super::super::review::{artifact::facts, difference::Difference};
use crate::{
    components::{Badge, Button, Icon, Size, StatusChip, Tone},
    reactive::{effect, memo},
    words,
};

/// Differences that are open at first: what people came for, and never thousands of artifacts.
const OPEN: usize = 2;

/// An artifact, by its step and its name.
pub(super) type Named = (StepKey, String);
/// Those that are open.
pub(super) type Opened = StoredValue<BTreeSet<Named>>;

/// The first artifacts that differ.
pub(super) fn first_differences(steps: &[StepComparison]) -> BTreeSet<Named> {
    let differing = |step: &StepComparison| {
        let both =
            |artifact: &&ArtifactComparison| !artifact.is_equal && artifact.left.is_some() && artifact.right.is_some();
        let named = step.artifacts.iter().filter(both).map(|artifact| (step.key.clone(), artifact.name.clone()));
        named.collect::<Vec<_>>()
    };
    steps.iter().flat_map(differing).take(OPEN).collect()
}

/// A step that is the same in both is its head, with what it made in one line.
pub(super) fn step_view(
    runs: (RunId, RunId),
    step: Memo<Option<StepComparison>>,
    can_adopt: Memo<bool>,
    opened: Opened,
    asked: RwSignal<Option<Vec<StepKey>>>,
) -> AnyView {
    let Some(StepComparison { key, title, .. }) = step.get_untracked() else { return ().into_any() };
    let adopt = {
        let (key, title) = (key.clone(), title.clone());
        move || {
            can_adopt.get().then(|| {
                let key = key.clone();
                view! {
                    <Button size=Size::Sm icon="check" attr:aria-label=format!("Adopt {title}") on_click=move |()| asked.set(Some(vec![key.clone()]))>
                        "Adopt"
                    </Button>
                }
            })
        }
    };
    let differs = memo(move || step.with(|step| step.as_ref().is_some_and(StepComparison::differs)));
    let body = {
        let title = title.clone();
        move || {
            if differs.get() {
                artifacts_view(runs, step, &key, &title, opened)
            } else {
                let same = move || step.with(|step| step.as_ref().map(|step| same_words(&step.artifacts)));
                view! { <p class="card-body muted small">{same}</p> }.into_any()
            }
        }
    };
    let label = title.clone();
    view! {
        <section class="card compare-step" data-row="" aria-label=label>
            <div class="card-head">
                <h2 dir="auto">{title}</h2>
                {move || step.with(|step| step.as_ref().map(states))}
                <span class="push"></span>
                {adopt}
            </div>
            {body}
        </section>
    }
    .into_any()
}

/// How it stands in both runs.
fn states(step: &StepComparison) -> AnyView {
    let side = |status: Option<StepStatus>| match status {
        Some(status) => view! { <StatusChip status=status.as_str().to_owned()/> }.into_any(),
        None => view! { <Badge>"Not there"</Badge> }.into_any(),
    };
    view! {
        <span class="row">{side(step.left)} <Icon name="arrow-right"/> {side(step.right)}</span>
        {step.prompt_differs.then(|| view! { <Badge tone=Tone::Accent>"Another prompt"</Badge> })}
    }
    .into_any()
}

fn same_words(artifacts: &[ArtifactComparison]) -> String {
    let names: Vec<String> = artifacts.iter().map(|artifact| artifact.name.clone()).collect();
    if names.is_empty() {
        "The same in both".to_owned()
    } else {
        format!("{}: the same in both", words::list(&names, 5))
    }
}

fn artifacts_view(
    runs: (RunId, RunId),
    step: Memo<Option<StepComparison>>,
    key: &StepKey,
    title: &str,
    opened: Opened,
) -> AnyView {
    let names = memo(move || {
        step.with(|step| {
            let artifacts = step.iter().flat_map(|step| &step.artifacts);
            artifacts.map(|artifact| artifact.name.clone()).collect::<Vec<_>>()
        })
    });
    let (key, title) = (key.clone(), title.to_owned());
    view! {
        <div class="card-body stack" data-gap="3">
            <For each=move || names.get() key=String::clone let:name>
                {artifact_view(runs, step, (key.clone(), name), &title, opened)}
            </For>
        </div>
    }
    .into_any()
}

fn artifact_view(
    runs: (RunId, RunId),
    step: Memo<Option<StepComparison>>,
    named: Named,
    title: &str,
    opened: Opened,
) -> AnyView {
    let name = named.1.clone();
    let artifact =
        memo(move || step.with(|step| step.as_ref()?.artifacts.iter().find(|artifact| artifact.name == name).cloned()));
    let both = memo(move || {
        artifact.with(|artifact| {
            let artifact = artifact.as_ref().filter(|artifact| !artifact.is_equal)?;
            artifact.left.clone().zip(artifact.right.clone())
        })
    });
    let is_both = memo(move || both.with(Option::is_some));
    let title = title.to_owned();
    let view = move || {
        if is_both.get() {
            difference_view(runs, both, named.clone(), &title, opened)
        } else {
            artifact.with(|artifact| artifact.as_ref().map(one_line)).into_any()
        }
    };
    view.into_any()
}

fn one_line(artifact: &ArtifactComparison) -> AnyView {
    let name = &artifact.name;
    if artifact.is_equal {
        return view! { <p class="muted small">{format!("{name}: the same in both")}</p> }.into_any();
    }
    let version = |meta: Option<&ArtifactMeta>| meta.map_or_else(|| "nothing".to_owned(), facts);
    let (left, right) = (version(artifact.left.as_ref()), version(artifact.right.as_ref()));
    view! { <p class="small">{format!("{name}: {left} on the left, {right} on the right")}</p> }.into_any()
}

fn difference_view(
    runs: (RunId, RunId),
    both: Memo<Option<(ArtifactMeta, ArtifactMeta)>>,
    named: Named,
    title: &str,
    opened: Opened,
) -> AnyView {
    let name = named.1.clone();
    let brief =
        move || both.with(|both| both.as_ref().map(|(left, right)| format!("v{} → v{}", left.version, right.version)));
    // Each difference is a region of its own, so its name says the step too.
    let title = format!("{title}, {name}");
    let difference = move || {
        let (left, right) = both.get()?;
        let title = format!("{title}: {} to {}", facts(&left), facts(&right));
        let (left, right) = ((runs.0, left.id), (runs.1, right.id));
        Some(view! { <Difference left right title beside=true/> })
    };
    let is_first = opened.with_value(|opened| opened.contains(&named));
    let is_drawn = RwSignal::new(false);
    let is_open = RwSignal::new(false);
    // Once the page is there: the server does not wait for contents.
    effect(move || is_open.set(is_first));
    let on_toggle = move |event: &web_sys::Event| {
        is_drawn.set(true);
        let details = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let is_open = details.is_some_and(|details| details.has_attribute("open"));
        opened.update_value(|opened| {
            if is_open {
                opened.insert(named.clone());
            } else {
                opened.remove(&named);
            }
        });
    };
    view! {
        <details class="fold" open=move || is_open.get() on:toggle=move |event| on_toggle(&event)>
            <summary><Icon name="chevron-right"/> {name} <code>{brief}</code></summary>
            <div class="fold-body">
                <Show when=move || is_drawn.get()>{difference.clone()}</Show>
            </div>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{StepComparison, first_differences, same_words};

    /// A step with outputs by their names, each in both runs or in the right one alone.
    fn step(key: &str, outputs: &[(&str, bool, bool)]) -> StepComparison {
        let meta = |name: &str, is_there: bool| {
            if !is_there {
                return Value::Null;
            }
            json!({"id": "00000000-0000-7000-8000-000000000001", "producing_step_id": key, "name": name, "version": 1,
                "is_latest": true, "content_hash": "00", "media_type": "text/plain", "size": 1, "origin": "agent", "attempt": 1,
                "parent": null, "created_at": "2026-01-31T12:00:00Z"})
        };
        let artifacts: Vec<Value> = outputs
            .iter()
            .map(|(name, is_left, is_equal)| {
                json!({"name": name, "left": meta(name, *is_left), "right": meta(name, true), "is_equal": is_equal})
            })
            .collect();
        serde_json::from_value(
            json!({"key": key, "title": key, "is_item": false, "left": "completed", "right": "completed",
            "prompt_differs": false, "artifacts": artifacts}),
        )
        .unwrap()
    }

    #[test]
    fn the_first_two_that_both_made_otherwise_are_open() {
        let steps = [
            step("a", &[("same", true, true), ("new", false, false)]),
            step("b", &[("text", true, false), ("notes", true, false)]),
            step("c", &[("text", true, false)]),
        ];
        let open = first_differences(&steps);
        let named: Vec<(&str, &str)> = open.iter().map(|(step, name)| (step.as_str(), name.as_str())).collect();
        assert_eq!(named, [("b", "notes"), ("b", "text")]);
    }

    #[test]
    fn a_step_that_is_the_same_is_one_line() {
        let of = |outputs: &[(&str, bool, bool)]| same_words(&step("a", outputs).artifacts);
        assert_eq!(of(&[]), "The same in both");
        assert_eq!(of(&[("text", true, true), ("notes", true, true)]), "text and notes: the same in both");
    }
}
