//! What I uploaded for a workflow, the newest first.

use leptos::prelude::*;
use workflow::{
    TemplateId,
    api::{BatchView, Page},
};

use super::words::{progress, state};
use crate::{
    api,
    components::{Badge, RelativeTime, RowsSkeleton, TableShell},
    load::{Loaded, refetch_after_sign_in},
    paged::{More, Paged},
};

#[component]
pub(super) fn MyBatches(template: TemplateId) -> impl IntoView {
    let found = Resource::new(|| (), move |()| api::my_batches(template, None));
    refetch_after_sign_in(found, Result::is_err);
    view! {
        <Loaded of=found fallback=|| view! { <RowsSkeleton n=2/> } let:page>
            <List template page/>
        </Loaded>
    }
}

#[component]
fn List(template: TemplateId, page: Page<BatchView>) -> impl IntoView {
    let list = Paged::new(page, move |after| api::my_batches(template, after));
    view! {
        <Show when=move || !list.items.with(Vec::is_empty)>
            <div class="stack" data-gap="2">
                <h2>"Tables you uploaded"</h2>
                <TableShell label="Tables you uploaded" cards=true>
                    <thead role="rowgroup">
                        <tr role="row">
                            <th scope="col" role="columnheader" data-at="name">"Table"</th>
                            <th scope="col" role="columnheader" data-at="below">"State"</th>
                            <th scope="col" role="columnheader" class="wide-only">"How far"</th>
                            <th scope="col" role="columnheader" data-at="beside">"When"</th>
                        </tr>
                    </thead>
                    <tbody role="rowgroup">
                        <For each=move || list.items.get() key=|batch| batch.id let:batch>
                            <Row batch/>
                        </For>
                    </tbody>
                </TableShell>
                <More of=list/>
            </div>
        </Show>
    }
}

#[component]
fn Row(batch: BatchView) -> impl IntoView {
    let (tone, words) = state(&batch);
    let (href, progress) = (format!("/batches/{}", batch.id), progress(&batch));
    view! {
        <tr role="row">
            <th scope="row" role="rowheader" data-at="name"><a href=href><bdi>{batch.name}</bdi></a></th>
            <td role="cell" data-at="below"><Badge tone>{words}</Badge></td>
            <td role="cell" class="wide-only">{progress}</td>
            <td role="cell" data-at="beside"><RelativeTime at=batch.created_at/></td>
        </tr>
    }
}
