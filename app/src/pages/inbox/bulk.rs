//! Deciding many at once: the beginnings of what is ticked are shown in its rows, and approved or sent back together.
//! Must never decide about a row whose beginning was not shown, nor about something else than what was: each is bound to its digest.

mod ask;
mod many;
mod preview;
mod shown;
mod told;

use leptos::prelude::*;

pub(super) use self::preview::RowPreview;
use self::{
    ask::{ApproveAll, RejectAll},
    many::Bulk,
};
use super::state::Inbox;
use crate::{
    behind::LaterDialogs,
    components::{Banner, Button, Kind, Size, Variant},
    form::TryAgain,
    later::{View, later},
    reactive::memo,
    words,
};

later! {
    pane: questions, View<Bulk>, |bulk| view! { <ApproveAll bulk/> <RejectAll bulk/> }.into_any();
}

/// Shows itself while something is ticked, and until what was left of the last answer is read.
#[component]
pub(super) fn BulkBar(inbox: Inbox) -> impl IntoView {
    let bulk = Bulk::new(inbox);
    let n = memo(move || bulk.ticked.with(Vec::len));
    let has_left = move || bulk.said.with(Option::is_some);
    let forget = move || {
        bulk.said.set(None);
        bulk.left.set(Vec::new());
    };
    view! {
        <div class="bulk" role="region" aria-label="What is selected">
            <Show when=has_left>
                <Outcome bulk on_close=move |()| forget()/>
            </Show>
            <Show when=move || { n.get() > 0 }>
                <Bar bulk n/>
            </Show>
        </div>
        <LaterDialogs
            part=questions
            of=bulk
            wanted=Signal::derive(move || bulk.approving.get() || bulk.rejecting.get())
            on_failure=move |()| {
                bulk.approving.set(false);
                bulk.rejecting.set(false);
            }
        />
    }
}

#[component]
fn Bar(bulk: Bulk, n: Memo<usize>) -> impl IntoView {
    let ready = memo(move || bulk.shown.ready().len());
    let notes = memo(move || bulk.shown.notes());
    let is_empty = Signal::derive(move || ready.get() == 0);
    view! {
        <div class="bulk-bar">
            <strong role="status">{move || format!("{} selected", words::thousands(i64::try_from(n.get()).unwrap_or(i64::MAX)))}</strong>
            <div class="row">
                <Button variant=Variant::Primary size=Size::Sm icon="check" disabled=is_empty on_click=move |()| bulk.approving.set(true)>
                    "Approve all"
                </Button>
                <Button size=Size::Sm icon="undo-2" disabled=is_empty on_click=move |()| bulk.rejecting.set(true)>
                    "Reject all"
                </Button>
                <Button
                    size=Size::Sm
                    variant=Variant::Quiet
                    on_click=move |()| bulk.shown.inbox.selected().update(std::collections::BTreeSet::clear)
                >
                    "Clear"
                </Button>
            </div>
            {move || notes.get().map(|notes| view! { <p class="small muted">{notes}</p> })}
            {move || bulk.shown.error().map(|error| view! { <TryAgain error again=move |()| bulk.shown.try_again()/> })}
        </div>
    }
}

/// What the last answer left, by name, until it is closed.
#[component]
fn Outcome(bulk: Bulk, #[prop(into)] on_close: Callback<()>) -> impl IntoView {
    let action = move || view! { <Button size=Size::Sm on_click=move |()| on_close.run(())>"Close"</Button> };
    view! {
        {move || {
            let title = bulk.said.get().unwrap_or_default();
            let rows = bulk.left.get().into_iter().map(|left| view! {
                <li><bdi>{left.name}</bdi> <span class="muted">{left.why}</span></li>
            }.into_any()).collect_view();
            view! { <Banner kind=Kind::Warn title action><ul class="bulk-left">{rows}</ul></Banner> }
        }}
    }
}
