//! What used most in these days: by workflow, agent, model and, of everybody's runs, person.

use leptos::prelude::*;
use workflow::api::{RunTotals, UsedBy};

use super::asked::{ALL, Asked};
use crate::{
    components::{Meter, Segment, Segmented, TableShell},
    words::{money, number},
};

/// What is told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Workflow,
    Agent,
    Model,
    Person,
}

const SORTS: [(Sort, &str, &str); 4] = [
    (Sort::Workflow, "workflow", "Workflow"),
    (Sort::Agent, "agent", "Agent"),
    (Sort::Model, "model", "Model"),
    (Sort::Person, "person", "Person"),
];

#[component]
pub(super) fn Used(totals: RunTotals, asked: Asked) -> impl IntoView {
    let RunTotals { workflows, agents, models, people, .. } = totals;
    let segments: Vec<Segment> = SORTS
        .into_iter()
        .filter(|(sort, ..)| *sort != Sort::Person || !people.is_empty())
        .map(|(_, value, label)| Segment::new(value, label))
        .collect();
    let all = StoredValue::new([workflows, agents, models, people]);
    let asked = StoredValue::new(asked);
    let by = RwSignal::new("workflow".to_owned());
    let table = move || {
        let (sort, _, label) = by.with(|by| SORTS.into_iter().find(|(_, value, _)| value == by)).unwrap_or(SORTS[0]);
        let [workflows, agents, models, people] = all.get_value();
        let used = match sort {
            Sort::Workflow => workflows,
            Sort::Agent => agents,
            Sort::Model => models,
            Sort::Person => people,
        };
        let most = used.iter().map(|one| one.tokens).max().unwrap_or_default();
        let rows = used.into_iter().map(|one| row(one, sort, most, &asked.get_value())).collect_view();
        view! {
            <TableShell label=format!("Tokens and cost by {}", label.to_lowercase())>
                <thead>
                    <tr>
                        <th scope="col">{label}</th>
                        <th scope="col">"Tokens"</th>
                        <th scope="col" class="num">"Cost"</th>
                        <th scope="col" class="num wide-only">"Attempts"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </TableShell>
        }
    };
    view! {
        <section class="stack" aria-labelledby="charts-used">
            <h2 id="charts-used">"What used most"</h2>
            <Segmented value=by segments name="charts-by" label="Told by"/>
            {table}
        </section>
    }
}

fn row(one: UsedBy, sort: Sort, most: i64, asked: &Asked) -> impl IntoView + use<> {
    let UsedBy { id, name, n_attempts, tokens, cost_micros } = one;
    let unknown = match sort {
        Sort::Workflow => "Deleted workflow",
        Sort::Agent => "A step that is there no more",
        Sort::Model => "No model",
        Sort::Person => "Somebody who is gone",
    };
    let words = match id {
        None => "All others".to_owned(),
        Some(_) if name.is_empty() => unknown.to_owned(),
        Some(_) => name,
    };
    // Of the rest there is nothing more to be shown.
    let to = id.filter(|id| !id.is_empty()).and_then(|id| match sort {
        Sort::Workflow => Some(Asked { workflow: id, ..asked.clone() }),
        Sort::Person => Some(Asked { person: words.clone(), whose: ALL.to_owned(), ..asked.clone() }),
        Sort::Agent | Sort::Model => None,
    });
    let label = words.clone();
    let shown = match to {
        Some(to) => view! { <a href=to.page_address()><bdi>{words}</bdi></a> }.into_any(),
        None => view! { <bdi>{words}</bdi> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row" class="wrap">{shown}</th>
            <td><Meter label used=tokens of=most words=number(tokens)/></td>
            <td class="num">{money(cost_micros)}</td>
            <td class="num wide-only">{number(n_attempts)}</td>
        </tr>
    }
}
