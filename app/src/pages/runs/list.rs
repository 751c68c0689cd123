//! The runs that were found. A run that goes on changes its own row only (`following.rs`); what is found anew comes with the next search.

use std::{collections::BTreeSet, time::Duration};

use leptos::prelude::*;
use workflow::{
    RunId,
    api::{ListedRun, Page, RunLabels, RunScope},
};

use super::{
    asked::Asked,
    bulk::{Became, BulkBar},
    following::follow,
    row::{Row, Verbs},
};
use crate::{
    api,
    components::{Empty, Icon, NOT_RESTORED, TableShell, open_while_chosen, ticking},
    paged::{More, Paged},
    pages::{fetched::runs::fetch_runs_ahead, run_labels::LabelDialog},
    reactive::memo,
    session::use_session,
};

#[component]
#[expect(clippy::needless_pass_by_value, reason = "a component takes its props by value")]
pub(super) fn List(page: Page<ListedRun>, asked: Asked) -> impl IntoView {
    let query = asked.query();
    let is_archived = query.archived;
    let nothing = why_nothing(&asked, query.scope);
    let followed = query.clone();
    let list = Paged::new(page, move |after| api::list_runs(query.clone(), after));
    let runs = list.items;
    // All that is loaded may be archived or deleted, and there is more.
    list.load_all_while(move || runs.with(Vec::is_empty));
    let ticked = RwSignal::new(BTreeSet::new());
    follow(list, followed, move |id| {
        ticked.try_with_untracked(|ticked: &BTreeSet<RunId>| ticked.contains(&id)) == Some(true) || has_keyboard(id)
    });
    let verbs = Verbs {
        labelling: RwSignal::new(None),
        ticked,
        among: StoredValue::new(asked.among()),
        now: ticking(Duration::from_secs(20), None),
    };
    let is_labelling = open_while_chosen(verbs.labelling);
    // What was taken out of the list, with the place where it stood.
    let taken = StoredValue::new(Vec::<(usize, ListedRun)>::new());
    let on_changed = Callback::new(move |(became, done): (Became, Vec<RunId>)| match became {
        Became::Same => {}
        Became::Gone => runs.update(|runs| {
            let mut n = 0;
            taken.update_value(|taken| {
                runs.retain(|run| {
                    let stays = !done.contains(&run.run.id);
                    if !stays {
                        taken.push((n, run.clone()));
                    }
                    n += 1;
                    stays
                });
            });
        }),
        Became::Back => runs.update(|runs| {
            taken.update_value(|taken| {
                let (back, left): (Vec<_>, Vec<_>) =
                    std::mem::take(taken).into_iter().partition(|(_, run)| done.contains(&run.run.id));
                *taken = left;
                for (n, run) in back {
                    runs.insert(n.min(runs.len()), run);
                }
            });
        }),
    });
    let on_done = Callback::new(move |(id, labels): (RunId, RunLabels)| {
        runs.update(|runs| {
            if let Some(known) = runs.iter_mut().find(|known| known.run.id == id) {
                known.labels = labels;
            }
        });
    });
    let ids = move || runs.with(|runs| runs.iter().map(|run| run.run.id).collect::<Vec<_>>());
    let is_any = memo(move || runs.with(|runs| !runs.is_empty()) || list.has_more());
    view! {
        <BulkBar ticked is_archived on_done=on_changed/>
        <Show
            when=move || is_any.get()
            fallback=move || view! { <Empty icon="play" framed=true title="No runs found" text=nothing/> }
        >
            <TableShell label="Runs" cards=true foot=move || view! { <More of=list/> }>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader" data-at="pick"><TickAll runs ticked/></th>
                        <th scope="col" role="columnheader" data-at="name">"Run"</th>
                        <th scope="col" role="columnheader" data-at="below">"Status"</th>
                        <th scope="col" role="columnheader" data-at="beside">"Started"</th>
                        <th scope="col" role="columnheader" class="wide-only num">"Took"</th>
                        <th scope="col" role="columnheader" class="wide-only num">"Used"</th>
                        <th scope="col" role="columnheader" data-at="acts"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody role="rowgroup" on:pointerenter=|_| fetch_runs_ahead() on:focusin=|_| fetch_runs_ahead()>
                    <For each=ids key=|id| *id let:id>
                        <Row id runs verbs/>
                    </For>
                </tbody>
            </TableShell>
        </Show>
        <LabelDialog open=is_labelling of=verbs.labelling on_done/>
    }
}

/// Whether the keyboard is in the row of this run: a row that went would lose it.
fn has_keyboard(id: RunId) -> bool {
    let row = document().active_element().and_then(|active| active.closest("tr").ok().flatten());
    row.is_some_and(|row| row.query_selector(&format!("a[href='/runs/{id}']")).ok().flatten().is_some())
}

/// What a list without a run says.
fn why_nothing(asked: &Asked, scope: RunScope) -> &'static str {
    if asked.is_narrowed() {
        "No run matches this. Widen it, or clear it."
    } else if !asked.archived.is_empty() {
        "What you archive is found here."
    } else if scope == RunScope::WithMe {
        "What somebody shares with you is found here."
    } else {
        "Start a workflow on the dashboard: its runs appear here."
    }
}

/// Ticks all that are loaded and may be changed.
#[component]
fn TickAll(runs: RwSignal<Vec<ListedRun>>, ticked: RwSignal<BTreeSet<RunId>>) -> impl IntoView {
    let me = StoredValue::new(use_session().user_untracked());
    let theirs = move || {
        me.with_value(|me| {
            let may = |run: &&ListedRun| me.as_ref().is_some_and(|me| me.may_run(run.run.user_id));
            runs.with(|runs| runs.iter().filter(may).map(|run| run.run.id).collect::<BTreeSet<_>>())
        })
    };
    let are_all = move || {
        let theirs = theirs();
        !theirs.is_empty() && ticked.with(|ticked| theirs.is_subset(ticked))
    };
    view! {
        <label class="check">
            <span class="check-box">
                <input
                    type="checkbox"
                    autocomplete=NOT_RESTORED
                    aria-label="Select all runs that are loaded"
                    prop:checked=are_all
                    on:change=move |event| {
                        ticked.set(if event_target_checked(&event) { untrack(theirs) } else { BTreeSet::new() });
                    }
                />
                <Icon name="check"/>
            </span>
        </label>
    }
}
