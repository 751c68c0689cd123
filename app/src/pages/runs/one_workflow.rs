//! One workflow among those of the runs: those that ran within a year are offered, others are found as their name is typed.
//! Must never be asked for before somebody looks at the list.

use std::{collections::BTreeMap, time::Duration};

use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use workflow::{
    TemplateId,
    api::{MOST_TOTAL_DAYS, RunScope, TotalsQuery},
};

use super::asked::Asked;
use crate::{
    api,
    components::{Button, ComboOption, Combobox, Field},
    reactive::memo,
    session::use_session,
};

const PAUSE: Duration = Duration::from_millis(200);

/// Names by id, as the address has it.
type Known = BTreeMap<String, String>;

#[component]
pub(super) fn WorkflowFilter(
    chosen: RwSignal<String>,
    asked: Memo<Asked>,
    /// What the workflow of the first run is called.
    first: RwSignal<Option<String>>,
) -> impl IntoView {
    let session = use_session();
    let known = RwSignal::new(Known::new());
    let is_searching = RwSignal::new(false);
    // Whose runs they were offered by.
    let offered = StoredValue::new(None::<RunScope>);
    let offer = move || {
        let scope = asked.with_untracked(|asked| asked.query().scope);
        if offered.get_value() == Some(scope) {
            return;
        }
        offered.set_value(Some(scope));
        spawn_local(async move {
            match api::run_totals(totals_of(scope)).await {
                Ok(totals) => learn(known, totals.choices.into_iter().map(|choice| (choice.id, choice.name))),
                Err(error) => {
                    session.note(&error);
                    offered.try_set_value(None);
                }
            }
        });
    };
    let timer = StoredValue::new(None::<TimeoutHandle>);
    // What was typed since makes an older search void: it says nothing of what is being looked for.
    let turn = StoredValue::new(0_u32);
    let stop = move || {
        if let Some(timer) = timer.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    };
    on_cleanup(stop);
    let search = move |text: String| {
        stop();
        offer();
        let mine = turn.get_value().wrapping_add(1);
        turn.set_value(mine);
        is_searching.set(!text.trim().is_empty());
        if text.trim().is_empty() {
            return;
        }
        let ask = move || {
            spawn_local(async move {
                match api::find(text).await {
                    Ok(found) => learn(known, found.workflows.into_iter().map(|found| (found.id, found.name))),
                    Err(error) => session.note(&error),
                }
                if turn.try_get_value() == Some(mine) {
                    is_searching.set(false);
                }
            });
        };
        timer.set_value(set_timeout_with_handle(ask, PAUSE).ok());
    };
    let options = Signal::derive(move || {
        let (chosen, first) = (chosen.get(), first.get());
        known.with(|known| options_of(known, &chosen, first.as_deref()))
    });
    let nothing = move || {
        let words = if is_searching.get() { "Searching…" } else { "No workflow matches" };
        words.to_owned()
    };
    view! {
        <Field id="runs-workflow" label="Workflow">
            <Combobox value=chosen options on_search=search nothing=Signal::derive(nothing)/>
        </Field>
    }
}

/// Runs that are shared with somebody are counted for nobody: there the names come with typing, beside those of one's own runs.
fn totals_of(scope: RunScope) -> TotalsQuery {
    let scope = if scope == RunScope::WithMe { RunScope::Mine } else { scope };
    TotalsQuery { scope: Some(scope), days: Some(MOST_TOTAL_DAYS), ..TotalsQuery::default() }
}

fn learn(known: RwSignal<Known>, names: impl Iterator<Item = (TemplateId, String)>) {
    known.try_update(|known| known.extend(names.map(|(id, name)| (id.to_string(), name))));
}

/// All of them first, the others by name. The chosen one is called as its runs are where nobody else has said.
fn options_of(known: &Known, chosen: &str, first: Option<&str>) -> Vec<ComboOption> {
    let option = |value: &str, label: &str| ComboOption {
        value: value.to_owned(),
        label: label.to_owned(),
        ..ComboOption::default()
    };
    let missing =
        (!chosen.is_empty() && !known.contains_key(chosen)).then(|| option(chosen, first.unwrap_or("One workflow")));
    let name = |name: &String| if name.is_empty() { "Deleted workflow".to_owned() } else { name.clone() };
    let mut named: Vec<ComboOption> = known.iter().map(|(id, of)| option(id, &name(of))).collect();
    named.sort_by_cached_key(|option| option.label.to_lowercase());
    std::iter::once(option("", "All workflows")).chain(missing).chain(named).collect()
}

/// That the list is of one workflow, and the way out of it.
#[component]
pub(super) fn OneWorkflow(
    asked: Memo<Asked>,
    workflow: RwSignal<Option<String>>,
    go: Callback<Asked>,
) -> impl IntoView {
    let is_one = memo(move || asked.with(|asked| !asked.workflow.is_empty()));
    view! {
        <Show when=move || is_one.get()>
            <p class="row small">
                <span>
                    "Only runs of "
                    {move || match workflow.get() {
                        Some(name) => view! { <bdi>{name}</bdi> }.into_any(),
                        None => "one workflow".into_any(),
                    }}
                </span>
                <Button on_click=move |()| {
                    let all = asked.with_untracked(|asked| Asked { workflow: String::new(), ..asked.clone() });
                    go.run(all);
                }>"Show those of all"</Button>
            </p>
        </Show>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_come_first_and_the_chosen_one_has_its_name() {
        let known: Known =
            [("1", "beta"), ("2", "Alpha"), ("3", "")].map(|(id, name)| (id.to_owned(), name.to_owned())).into();
        let labels = |chosen: &str, first: Option<&str>| {
            options_of(&known, chosen, first).into_iter().map(|option| option.label).collect::<Vec<_>>()
        };
        assert_eq!(labels("", None), ["All workflows", "Alpha", "beta", "Deleted workflow"]);
        assert_eq!(labels("1", Some("beta")).len(), 4);
        assert_eq!(labels("9", Some("Gamma"))[..2], ["All workflows", "Gamma"]);
        assert_eq!(labels("9", None)[1], "One workflow");
    }

    #[test]
    fn names_are_offered_by_the_runs_that_are_looked_at() {
        assert_eq!(totals_of(RunScope::All).scope, Some(RunScope::All));
        assert_eq!(totals_of(RunScope::WithMe).scope, Some(RunScope::Mine));
    }
}
