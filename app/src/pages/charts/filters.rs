//! What the charts are of: days, whose runs, which workflow. A choice acts at once, and stands in the address.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use workflow::api::WorkflowChoice;

use super::asked::{ALL, Asked, DAYS, SHARED};
use crate::{
    components::{Button, Field, Select, SelectOption},
    reactive::{effect, effect_with, memo},
    session::use_session,
};

#[component]
pub(super) fn Filters(asked: Memo<Asked>, choices: RwSignal<Vec<WorkflowChoice>>) -> impl IntoView {
    let navigate = use_navigate();
    let go = Callback::new(move |asked: Asked| {
        navigate(&asked.page_address(), NavigateOptions { scroll: false, ..NavigateOptions::default() });
    });
    let first = asked.get_untracked();
    let (days, whose) = (RwSignal::new(first.days), RwSignal::new(first.whose));
    let workflow = RwSignal::new(first.workflow);
    effect(move || {
        let asked = asked.get();
        days.set(asked.days);
        whose.set(asked.whose);
        workflow.set(asked.workflow);
    });
    for chosen in [days, whose, workflow] {
        effect_with(move |before: Option<String>| {
            let now = chosen.get();
            let is_new = before.is_some_and(|before| before != now);
            let known = asked.get_untracked();
            let wanted = Asked {
                days: days.get_untracked(),
                whose: whose.get_untracked(),
                workflow: workflow.get_untracked(),
                person: known.person.clone(),
            };
            if is_new && wanted != known {
                go.run(wanted);
            }
            now
        });
    }
    let ranges: Vec<SelectOption> = DAYS.iter().map(|(name, _, words)| SelectOption::new(*name, *words)).collect();
    let workflows = Signal::derive(move || {
        let chosen = workflow.get();
        choices.with(|choices| {
            let is_missing = !chosen.is_empty() && choices.iter().all(|choice| choice.id.to_string() != chosen);
            let missing = is_missing.then(|| SelectOption::new(chosen.clone(), "One workflow"));
            let named = choices.iter().map(|choice| {
                let name = if choice.name.is_empty() { "Deleted workflow" } else { choice.name.as_str() };
                SelectOption::new(choice.id.to_string(), name)
            });
            std::iter::once(SelectOption::new("", "All workflows")).chain(missing).chain(named).collect::<Vec<_>>()
        })
    });
    let is_one = memo(move || asked.with(|asked| asked.query().person.is_some()));
    view! {
        <div class="audit-filters" role="search" aria-label="What the charts are of">
            <Field id="charts-days" label="Days">
                <Select value=days options=ranges/>
            </Field>
            <Whose whose/>
            <Field id="charts-workflow" label="Workflow">
                <Select value=workflow options=workflows/>
            </Field>
        </div>
        <Show when=move || is_one.get()>
            <p class="row small">
                <span>"Only runs that " <bdi>{move || asked.with(|asked| asked.person.clone())}</bdi> " started"</span>
                <Button on_click=move |()| {
                    let all = asked.with_untracked(|asked| Asked { person: String::new(), ..asked.clone() });
                    go.run(all);
                }>"Show everybody's"</Button>
            </p>
        </Show>
    }
}

/// Mine, and those of others that there are for this person.
#[component]
fn Whose(whose: RwSignal<String>) -> impl IntoView {
    let session = use_session();
    let options = if session.is_admin() {
        vec![SelectOption::new("", "Mine"), SelectOption::new(ALL, "Everybody's")]
    } else if session.with_user_untracked(|me| me.is_some_and(|me| !me.groups.is_empty())) {
        vec![SelectOption::new("", "Mine"), SelectOption::new(SHARED, "Of others, seen by my groups")]
    } else {
        return None;
    };
    Some(view! {
        <Field id="charts-whose" label="Whose">
            <Select value=whose options/>
        </Field>
    })
}
