//! What became of each row of a table. The first page follows what happens; further ones are as they were when they came.

use std::time::Duration;

use leptos::prelude::*;
use workflow::{
    api::{BatchRow, BatchRowState, BatchState, Page},
    id::BatchId,
};

use super::words::row_state;
use crate::{
    api,
    components::{Badge, Checkbox, RowsSkeleton, StatusChip, TableShell, Tone},
    load::{Loaded, refetch_after_sign_in},
    paged::{More, Paged},
    polled::polled,
};

const EVERY: Duration = Duration::from_secs(3);

#[component]
pub(super) fn Rows(id: BatchId, #[prop(into)] state: Signal<BatchState>) -> impl IntoView {
    let is_refused_only = RwSignal::new(false);
    let wanted = move || is_refused_only.get().then_some(BatchRowState::Refused);
    let found = Resource::new(wanted, move |wanted| api::batch_rows(id, wanted, None));
    refetch_after_sign_in(found, Result::is_err);
    view! {
        <section class="stack" data-gap="2" aria-labelledby="batch-rows">
            <div class="section-head">
                <h2 id="batch-rows">"Rows"</h2>
                <div class="row push">
                    <Checkbox checked=is_refused_only label="Refused ones only"/>
                </div>
            </div>
            <Loaded of=found fallback=|| view! { <RowsSkeleton n=4/> } let:page>
                <List id page wanted=untrack(wanted) state/>
            </Loaded>
        </section>
    }
}

#[component]
fn List(id: BatchId, page: Page<BatchRow>, wanted: Option<BatchRowState>, state: Signal<BatchState>) -> impl IntoView {
    let list = Paged::new(page, move |after| api::batch_rows(id, wanted, after));
    polled(
        EVERY,
        move || api::batch_rows(id, wanted, None),
        move |now: Page<BatchRow>| {
            let changed = list.items.try_with_untracked(|rows| changed(rows, &now.items));
            if let Some(changed) = changed.filter(|changed| !changed.is_empty()) {
                list.items.update(|rows| take(rows, changed));
            }
        },
    );
    view! {
        <Show
            when=move || !list.items.with(Vec::is_empty)
            fallback=|| view! { <p class="muted">"No row was refused"</p> }
        >
            <TableShell label="Rows">
                <thead>
                    <tr>
                        <th scope="col">"Row"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Run"</th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || list.items.get() key=|row| (row.n, row.state, row.status) let:row>
                        <Row row state/>
                    </For>
                </tbody>
            </TableShell>
            <More of=list/>
        </Show>
    }
}

/// What of the rows that came is other than what is known, or new in front of what is loaded.
fn changed(known: &[BatchRow], now: &[BatchRow]) -> Vec<BatchRow> {
    let is_new = |row: &&BatchRow| !known.iter().any(|known| known == *row);
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
        <tr>
            <th scope="row">{n}</th>
            <td>{told}</td>
            <td>{run} {reason.map(|reason| view! { <bdi>{reason}</bdi> })}</td>
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
    }
}
