//! What became of each row of a table. As far as they are shown, rows follow what happens, and are read no more once nothing does.

use std::{cell::Cell, rc::Rc, time::Duration};

use leptos::prelude::*;
use workflow::{
    RunStatus,
    api::{BatchRow, BatchRowState, BatchState, Page},
    id::BatchId,
};

use super::words::row_state;
use crate::{
    api,
    components::{Badge, Checkbox, RowsSkeleton, StatusChip, TableShell, Tone},
    load::{Loaded, refetch_after_sign_in},
    paged::{More, Paged, at_least},
    polled::polled,
};

const EVERY: Duration = Duration::from_secs(3);
/// Of so many times one more passes for each so many rows that are shown: thousands are many requests.
const ROWS_A_TURN: usize = 200;

#[component]
pub(super) fn Rows(
    id: BatchId,
    #[prop(into)] state: Signal<BatchState>,
    /// Whether no row is about to change.
    rests: Memo<bool>,
) -> impl IntoView {
    let is_refused_only = RwSignal::new(false);
    let wanted = move || is_refused_only.get().then_some(BatchRowState::Refused);
    let found = Resource::new(wanted, move |wanted| api::batch_rows(id, wanted, None));
    refetch_after_sign_in(found, Result::is_err);
    view! {
        <div class="stack" data-gap="2">
            <div class="section-head">
                <h2>"Rows"</h2>
                <div class="row push">
                    <Checkbox checked=is_refused_only label="Refused ones only"/>
                </div>
            </div>
            <Loaded of=found fallback=|| view! { <RowsSkeleton n=4/> } let:page>
                <List id page wanted=untrack(wanted) state rests/>
            </Loaded>
        </div>
    }
}

#[component]
fn List(
    id: BatchId,
    page: Page<BatchRow>,
    wanted: Option<BatchRowState>,
    state: Signal<BatchState>,
    rests: Memo<bool>,
) -> impl IntoView {
    let list = Paged::new(page, move |after| api::batch_rows(id, wanted, after));
    follow(list, id, wanted, rests);
    view! {
        <Show
            when=move || !list.items.with(Vec::is_empty)
            fallback=|| view! { <p class="muted">"No row was refused"</p> }
        >
            <TableShell label="Rows" cards=true>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader" data-at="pick">"Row"</th>
                        <th scope="col" role="columnheader" data-at="name">"State"</th>
                        <th scope="col" role="columnheader" data-at="below">"Run"</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">
                    <For each=move || list.items.get() key=drawn let:row>
                        <Row row state/>
                    </For>
                </tbody>
            </TableShell>
            <More of=list/>
        </Show>
    }
}

/// Reads again what is shown; once more after nothing changes any longer, and then not until something does.
fn follow(list: Paged<BatchRow>, id: BatchId, wanted: Option<BatchRowState>, rests: Memo<bool>) {
    let n_asked = Rc::new(Cell::new(0_usize));
    let is_last_known = Rc::new(Cell::new(false));
    let is_known = Rc::clone(&is_last_known);
    let read = move || {
        n_asked.set(n_asked.get().wrapping_add(1));
        let is_resting = rests.try_get_untracked().unwrap_or(true);
        let n_shown = list.items.try_with_untracked(Vec::len).unwrap_or_default();
        let is_turn = n_asked.get().is_multiple_of(n_shown / ROWS_A_TURN + 1);
        let is_wanted = is_turn && !(is_resting && is_known.get());
        async move {
            if !is_wanted {
                return Ok(None);
            }
            let read = at_least(n_shown, |row: &BatchRow| row.n, |after| api::batch_rows(id, wanted, after)).await;
            read.map(|read| Some((is_resting, read)))
        }
    };
    polled(EVERY, read, move |read: Option<(bool, Page<BatchRow>)>| {
        let Some((was_resting, read)) = read else { return };
        is_last_known.set(was_resting);
        let news = list.items.try_with_untracked(|rows| (changed(rows, &read.items), read.items.len() >= rows.len()));
        let Some((changed, is_all)) = news else { return };
        if !changed.is_empty() {
            list.items.update(|rows| take(rows, changed));
        }
        if is_all {
            list.goes_on_after(read.next);
        }
    });
}

/// What is drawn of a row: it is drawn anew where any of it is another.
fn drawn(row: &BatchRow) -> (i32, BatchRowState, Option<RunStatus>, Option<String>) {
    (row.n, row.state, row.status, row.about.clone())
}

/// What of the rows that came is other than what is known, or new in front of what is loaded. Both are in the order of their numbers, and
/// may be thousands.
fn changed(known: &[BatchRow], now: &[BatchRow]) -> Vec<BatchRow> {
    let is_new = |row: &&BatchRow| match known.binary_search_by_key(&row.n, |known| known.n) {
        Ok(at) => known[at] != **row,
        Err(_) => true,
    };
    now.iter().filter(is_new).cloned().collect()
}

fn take(rows: &mut Vec<BatchRow>, changed: Vec<BatchRow>) {
    for row in changed {
        match rows.binary_search_by_key(&row.n, |known| known.n) {
            Ok(n) => rows[n] = row,
            Err(n) => rows.insert(n, row),
        }
    }
}

#[component]
fn Row(row: BatchRow, state: Signal<BatchState>) -> impl IntoView {
    let BatchRow { n, state: row_is, run_id, status, about, reason } = row;
    let told = if let Some(status) = status {
        view! { <StatusChip status=status.as_str().to_owned()/> }.into_any()
    } else {
        let tone = if row_is == BatchRowState::Refused { Tone::Error } else { Tone::Neutral };
        view! { <Badge tone>{move || row_state(row_is, state.get())}</Badge> }.into_any()
    };
    // One that was deleted leads nowhere.
    let run = run_id.filter(|_| status.is_some()).map(|run| {
        let words = about.unwrap_or_else(|| format!("Run of row {n}"));
        view! { <a href=format!("/runs/{run}") dir="auto">{words}</a> }
    });
    view! {
        <tr role="row">
            <th scope="row" role="rowheader" data-at="pick">{n}</th>
            <td role="cell" data-at="name">{told}</td>
            <td role="cell" data-at="below">{run} {reason.map(|reason| view! { <bdi>{reason}</bdi> })}</td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: i32, state: BatchRowState) -> BatchRow {
        BatchRow { n, state, run_id: None, status: None, about: None, reason: None }
    }

    #[test]
    fn rows_that_changed_are_taken_up_at_their_place() {
        let (waiting, refused) = (BatchRowState::Waiting, BatchRowState::Refused);
        let mut rows = vec![row(1, waiting), row(3, waiting)];
        let now = [row(1, waiting), row(2, refused), row(3, refused)];
        let changed = changed(&rows, &now);
        assert_eq!(changed.iter().map(|row| row.n).collect::<Vec<_>>(), [2, 3]);
        take(&mut rows, changed);
        assert_eq!(rows, now);
        assert!(super::changed(&rows, &now).is_empty());
        let called = BatchRow { about: Some("Rain".into()), ..row(2, refused) };
        assert_eq!(super::changed(&rows, std::slice::from_ref(&called)).len(), 1);
        assert_ne!(drawn(&called), drawn(&row(2, refused)), "what it is called is drawn");
    }
}
