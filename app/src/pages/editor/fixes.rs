//! What puts a problem right, one press each: beside the field and in the list of problems.
//! A press does what would be done now: what was offered a moment ago may not be right any more.

use canvas::edit::{Fix, fixes};
use leptos::prelude::*;
use workflow::{Problem, StepKey, graph::Graph};

use super::draft::Draft;
use crate::components::{Button, Size, Variant};
use crate::reactive::memo;

/// What is offered for each of these problems.
pub(super) fn offered(draft: Draft, problems: &[Problem]) -> Vec<Vec<Fix>> {
    draft.handle.with_definition_untracked(|definition| {
        draft.catalog.with_untracked(|agents| {
            let graph = Graph::of(definition);
            problems.iter().map(|problem| fixes(definition, agents, &graph, problem)).collect()
        })
    })
}

/// Puts a problem right in the way that is called so, if that is still a way.
fn put_right(draft: Draft, problem: &Problem, label: &str) {
    let found = offered(draft, std::slice::from_ref(problem)).into_iter().flatten().find(|fix| fix.label == label);
    match found {
        Some(fix) => {
            draft.apply(fix.edit, &fix.label);
        }
        None => draft.toasts.error("That has changed meanwhile: look at what is offered now".to_owned()),
    }
}

/// The buttons for one problem.
pub(super) fn buttons(draft: Draft, problem: &Problem, fixes: Vec<Fix>) -> AnyView {
    let problem = StoredValue::new(problem.clone());
    let buttons = fixes.into_iter().map(|fix| {
        let label = StoredValue::new(fix.label.clone());
        let press = move |()| {
            problem.with_value(|problem| label.with_value(|label| put_right(draft, problem, label)));
        };
        view! { <Button size=Size::Sm variant=Variant::Quiet icon="wrench" on_click=press>{fix.label}</Button> }
    });
    buttons.collect_view().into_any()
}

/// What puts right what is wrong with one field of a step.
#[component]
pub(super) fn Fixes(draft: Draft, step: StepKey, #[prop(into)] field: String) -> impl IntoView {
    let of = StoredValue::new((step, field));
    let problem = memo(move || {
        of.with_value(|(step, field)| {
            draft.problems.with(|problems| {
                let mut here = problems.iter().filter(|problem| problem.step.as_ref() == Some(step));
                here.find(|problem| problem.field.as_ref() == Some(field)).cloned()
            })
        })
    });
    // What can be done may change while what is wrong stays.
    let revision = draft.handle.revision();
    let ways = memo(move || {
        revision.track();
        draft.catalog.track();
        let problem = problem.get()?;
        let fixes = offered(draft, std::slice::from_ref(&problem)).pop().filter(|fixes| !fixes.is_empty())?;
        Some((problem, fixes))
    });
    move || {
        let (problem, fixes) = ways.get()?;
        Some(view! { <div class="row">{buttons(draft, &problem, fixes)}</div> })
    }
}
