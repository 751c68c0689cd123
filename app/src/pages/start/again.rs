//! The start form with the inputs of an earlier run in it: `?from=RUN`. A run that is not theirs to see leaves the form as it is, and says so.
//! Must never start anything, and never touch a field that has no counterpart there.

use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_query_map;
use workflow::{RunId, api::RunInputs};

use crate::{
    api,
    components::{Banner, Kind},
    pages::input_form::field::InputField,
    reactive::{effect, memo},
};

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Filled {
    /// All of them but these, by their titles.
    AllBut(Vec<String>),
    NotFound,
}

#[component]
pub(super) fn Again(fields: StoredValue<Vec<InputField>>) -> impl IntoView {
    let query = use_query_map();
    let from = memo(move || query.with(|query| query.get("from")?.parse::<RunId>().ok()));
    let filled = RwSignal::new(None::<Filled>);
    effect(move || {
        let Some(run) = from.get() else { return };
        spawn_local(async move {
            let came = match api::run_inputs(run).await {
                Ok(found) => fields.try_with_value(|fields| Filled::AllBut(fill(fields, &found))),
                Err(_) => Some(Filled::NotFound),
            };
            filled.try_set(came);
        });
    });
    move || {
        filled.get().map(|filled| match filled {
            Filled::AllBut(left) if left.is_empty() => view! {
                <Banner>"These are the inputs of the earlier run. Change what should be different."</Banner>
            }
            .into_any(),
            Filled::AllBut(left) => view! {
                <Banner kind=Kind::Warn>
                    {format!("These are the inputs of the earlier run, but for: {}. Fill them in again.", left.join(", "))}
                </Banner>
            }
            .into_any(),
            Filled::NotFound => view! {
                <Banner kind=Kind::Warn>"The earlier run could not be read. Fill the form in yourself."</Banner>
            }
            .into_any(),
        })
    }
}

/// The titles of those that could not be taken over.
fn fill(fields: &[InputField], found: &RunInputs) -> Vec<String> {
    let known = fields.iter().filter_map(|field| found.inputs.get(&field.key).map(|value| (field, value)));
    known.filter(|(field, value)| !field.fill(value)).map(|(field, _)| field.title.clone()).collect()
}
