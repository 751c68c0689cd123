//! One run of the list: what it is called or about, how it stands, and what can be done with it from here.

use std::collections::BTreeSet;

use leptos::prelude::*;
use workflow::{
    RunId,
    api::{ListedRun, RunLabels},
};

use super::asked::Asked;
use crate::{
    clock::duration_words,
    components::{Elapsed, Icon, Menu, MenuItem, MenuLink, NOT_RESTORED, RelativeTime, Size, StatusChip, run_status},
    reactive::memo,
    session::use_session,
    words,
};

/// What the rows need of the page.
#[derive(Clone, Copy)]
pub(super) struct Verbs {
    /// The one whose title and tags are changed.
    pub(super) labelling: RwSignal<Option<(RunId, RunLabels)>>,
    pub(super) ticked: RwSignal<BTreeSet<RunId>>,
    /// What a link to runs like one of these looks among: the same people's, archived or not.
    pub(super) among: StoredValue<Asked>,
    /// The clock of all rows.
    pub(super) now: RwSignal<Option<i64>>,
}

#[component]
pub(super) fn Row(id: RunId, runs: RwSignal<Vec<ListedRun>>, verbs: Verbs) -> impl IntoView {
    let found = move || runs.with(|runs| runs.iter().find(|run| run.run.id == id).cloned());
    // The row goes with its run, so there is always one when it is drawn.
    let first = untrack(found)?;
    let fixed = first.run.clone();
    let run = memo(move || found().unwrap_or_else(|| first.clone()));
    let me = use_session().user_untracked();
    let is_mine = me.as_ref().is_some_and(|me| me.id == fixed.user_id);
    let may_label = me.is_some_and(|me| me.may_run(fixed.user_id));
    let status = Signal::derive(move || run.with(|run| run_status(run.run.status, run.run.status_reason)).to_owned());
    let progress = move || run.with(|run| run.run.progress.words());
    let name = memo(move || run.with(name_of));
    let of_workflow = Asked { workflow: fixed.template_id.to_string(), ..verbs.among.get_value() }.page_address();
    let again = format!("/start/{}?from={id}", fixed.template_id);
    let owner = (!is_mine).then(|| view! { <bdi>{fixed.user_email.clone()}</bdi> });
    let workflow = format!("{}, version {}", fixed.template_name, fixed.template_version);
    let finished = Signal::derive(move || run.with(|run| run.run.finished_at));
    let began = fixed.created_at;
    let counts_from = Signal::derive(move || run.with(ListedRun::counts_from));
    // A clock of its own only where it still counts.
    let took = move || match finished.get() {
        Some(end) => duration_words((end - counts_from.get()).num_milliseconds().max(0)).into_any(),
        None => view! { <Elapsed since=counts_from until=finished/> }.into_any(),
    };
    let menu_id = format!("run-{id}");
    Some(view! {
        <tr role="row">
            <td role="cell" data-at="pick">{may_label.then(|| view! { <Tick id name ticked=verbs.ticked/> })}</td>
            <th scope="row" role="rowheader" class="runs-name" data-at="name">
                <a href=format!("/runs/{id}") dir="auto">{move || name.get()}</a>
                <span class="runs-sub">
                    <bdi>{workflow}</bdi>
                    {owner}
                    <Tags run among=verbs.among/>
                </span>
            </th>
            <td role="cell" data-at="below">
                <span class="runs-state">
                    <StatusChip status/>
                    <span class="muted small num">{progress}</span>
                </span>
            </td>
            <td role="cell" data-at="beside"><RelativeTime at=began now=verbs.now/></td>
            <td role="cell" class="wide-only num">{took}</td>
            <td role="cell" class="wide-only num">{move || run.with(used)}</td>
            <td role="cell" class="row-actions" data-at="acts">
                <Menu id=menu_id label=Signal::derive(move || format!("Actions for {}", name.get())) size=Size::Sm>
                    {may_label.then(|| view! {
                        <MenuItem icon="pencil" on_select=move |()| verbs.labelling.set(Some((id, run.with_untracked(|run| run.labels.clone()))))>
                            "Title and tags…"
                        </MenuItem>
                    })}
                    <MenuLink icon="rotate-cw" href=again.clone()>"Start again with these inputs"</MenuLink>
                    <MenuLink icon="funnel" href=of_workflow.clone()>"Only runs of this workflow"</MenuLink>
                </Menu>
            </td>
        </tr>
    })
}

#[component]
fn Tick(id: RunId, name: Memo<String>, ticked: RwSignal<BTreeSet<RunId>>) -> impl IntoView {
    view! {
        <label class="check">
            <span class="check-box">
                <input
                    type="checkbox"
                    autocomplete=NOT_RESTORED
                    aria-label=move || format!("Select {}", name.get())
                    prop:checked=move || ticked.with(|ticked| ticked.contains(&id))
                    on:change=move |event| {
                        let is_on = event_target_checked(&event);
                        ticked.update(|ticked| {
                            if is_on {
                                ticked.insert(id);
                            } else {
                                ticked.remove(&id);
                            }
                        });
                    }
                />
                <Icon name="check"/>
            </span>
        </label>
    }
}

/// Its title, else what it is about, else its workflow.
fn name_of(run: &ListedRun) -> String {
    let name = run.labels.title.as_ref().or(run.run.about.as_ref()).unwrap_or(&run.run.template_name);
    name.clone()
}

#[component]
fn Tags(run: Memo<ListedRun>, among: StoredValue<Asked>) -> impl IntoView {
    let tags = memo(move || run.with(|run| run.labels.tags.clone()));
    move || {
        tags.get()
            .into_iter()
            .map(|tag| {
                let href = Asked { tag: tag.clone(), ..among.get_value() }.page_address();
                let label = format!("Runs with the tag {tag}");
                view! { <a class="badge" href=href aria-label=label><bdi>{tag}</bdi></a> }
            })
            .collect_view()
    }
}

/// What it cost where that is known, else how many tokens it used.
fn used(run: &ListedRun) -> String {
    match (run.cost_micros, run.tokens) {
        (Some(cost), _) if cost != 0 => words::money(cost),
        (_, Some(tokens)) if tokens > 0 => words::tokens(tokens, false),
        _ => String::new(),
    }
}
