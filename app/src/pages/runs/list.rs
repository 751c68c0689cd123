//! The runs that were found. A run that goes on changes its own row only; what is found anew comes with the next search.

use std::time::Duration;

use leptos::prelude::*;
use workflow::{
    RunId,
    api::{ListedRun, MyFrame, Page, RunLabels},
};

use super::{
    asked::Asked,
    label::LabelDialog,
    row::{Row, Verbs},
};
use crate::{
    api,
    components::{Empty, TableShell, ticking},
    live::follow_mine,
    paged::{More, Paged},
    pages::fetched::runs::fetch_runs_ahead,
};

#[component]
pub(super) fn List(page: Page<ListedRun>, asked: Asked) -> impl IntoView {
    let query = asked.query();
    let nothing = if asked.is_narrowed() {
        "No run matches this. Widen it, or clear it."
    } else {
        "Start a workflow on the dashboard: its runs appear here."
    };
    let list = Paged::new(page, move |after| api::list_runs(query.clone(), after));
    let runs = list.items;
    follow_mine(move |frame| {
        if let MyFrame::Runs { runs: changed, .. } = frame {
            let is_shown = |known: &Vec<ListedRun>| {
                changed.iter().any(|changed| known.iter().any(|known| known.run.id == changed.id))
            };
            // Of runs that are not shown there is nothing to draw.
            if runs.try_with_untracked(is_shown) == Some(true) {
                runs.update(|runs| {
                    for changed in changed {
                        if let Some(known) = runs.iter_mut().find(|known| known.run.id == changed.id) {
                            known.run = changed.clone();
                        }
                    }
                });
            }
        }
    });
    let verbs = Verbs { labelling: RwSignal::new(None), now: ticking(Duration::from_secs(20), None) };
    let on_done = Callback::new(move |(id, labels): (RunId, RunLabels)| {
        runs.update(|runs| {
            if let Some(known) = runs.iter_mut().find(|known| known.run.id == id) {
                known.labels = labels;
            }
        });
    });
    let ids = move || runs.with(|runs| runs.iter().map(|run| run.run.id).collect::<Vec<_>>());
    view! {
        <Show
            when=move || runs.with(|runs| !runs.is_empty())
            fallback=move || view! { <Empty icon="play" framed=true title="No runs found" text=nothing/> }
        >
            <TableShell label="Runs" foot=move || view! { <More of=list/> }>
                <thead>
                    <tr>
                        <th scope="col">"Run"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col">"Started"</th>
                        <th scope="col" class="wide-only">"Took"</th>
                        <th scope="col" class="wide-only">"Used"</th>
                        <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody on:pointerenter=|_| fetch_runs_ahead() on:focusin=|_| fetch_runs_ahead()>
                    <For each=ids key=|id| *id let:id>
                        <Row id runs verbs/>
                    </For>
                </tbody>
            </TableShell>
        </Show>
        <LabelDialog of=verbs.labelling on_done/>
    }
}
