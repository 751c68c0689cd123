//! Deciding many at once: the beginnings of what is ticked are shown in its rows, and approved or sent back together.
//! Must never decide about a row whose beginning was not shown, nor about something else than what was: each is bound to its digest.

mod ask;
mod preview;
mod shown;
mod told;

use leptos::prelude::*;
use workflow::api::{DecideMany, Decision, GateAnswer, InboxItem};

pub(super) use self::preview::RowPreview;
use self::{
    ask::{ApproveAll, RejectAll},
    shown::{Key, Shown, key_of},
    told::{Left, left, said},
};
use super::state::Inbox;
use crate::{
    api,
    behind::LaterDialogs,
    components::{Banner, Button, Kind, Size, Variant, use_toasts},
    form::TryAgain,
    later::{View, later},
    pages::review::{drafts::Drafts, press::Press},
    reactive::memo,
    words,
};

later! {
    more: questions, View<Bulk>, |bulk| view! { <ApproveAll bulk/> <RejectAll bulk/> }.into_any();
}

/// What is ticked, as far as it is still there, and what may be done with it.
#[derive(Clone, Copy)]
struct Bulk {
    shown: Shown,
    ticked: Memo<Vec<InboxItem>>,
    /// Of the last answer those that were left.
    left: RwSignal<Vec<Left>>,
    /// What it did, in a sentence.
    said: RwSignal<Option<String>>,
    approving: RwSignal<bool>,
    rejecting: RwSignal<bool>,
    /// Of the rejection.
    text: RwSignal<String>,
    /// What was asked for last: its dialog may be closed by the time of the answer.
    sent: StoredValue<Decision>,
    press: Press<DecideMany, Vec<GateAnswer>>,
}

impl Bulk {
    fn new(inbox: Inbox) -> Self {
        let toasts = use_toasts();
        let (items, selected) = (inbox.items(), inbox.selected());
        let ticked = memo(move || {
            selected.with(|selected| {
                let is_ticked = |item: &&InboxItem| selected.contains(&key_of(item));
                items.with(|items| items.iter().filter(is_ticked).cloned().collect::<Vec<_>>())
            })
        });
        let (left_over, words) = (RwSignal::new(Vec::new()), RwSignal::new(None::<String>));
        let (approving, rejecting) = (RwSignal::new(false), RwSignal::new(false));
        let text = Drafts::at("inbox").text("reject many");
        let sent = StoredValue::new(Decision::Approve);
        let shown = Shown::new(inbox, ticked);
        let done = move |answers: Vec<GateAnswer>| {
            let decision = sent.get_value();
            approving.set(false);
            rejecting.set(false);
            if decision == Decision::Reject {
                text.set(String::new());
            }
            let remain = ticked.with_untracked(|items| left(items, &answers));
            let sentence = said(decision, &answers);
            if remain.is_empty() {
                toasts.success(sentence);
                words.set(None);
            } else {
                words.set(Some(sentence));
            }
            left_over.set(remain);
            take(shown, &answers);
        };
        let press = Press::of(move |many: DecideMany, key| api::decide_many(many, key), done);
        Self { shown, ticked, left: left_over, said: words, approving, rejecting, text, sent, press }
    }
}

/// What is decided goes from the list; what changed stays ticked, and its beginning is read anew.
fn take(shown: Shown, answers: &[GateAnswer]) {
    let inbox = shown.inbox;
    let stays = |answer: &&GateAnswer| told::stays(answer.outcome);
    let keys = |answers: Vec<&GateAnswer>| -> Vec<Key> {
        answers.into_iter().map(|answer| (answer.run_id, answer.step.clone())).collect()
    };
    let (staying, going): (Vec<&GateAnswer>, Vec<&GateAnswer>) = answers.iter().partition(stays);
    let (staying, going) = (keys(staying), keys(going));
    inbox.selected().update(|selected| selected.retain(|key| !going.contains(key)));
    for key in &going {
        inbox.decided(&shown::gate_of(key));
    }
    shown.read_anew(&staying);
    inbox.refresh();
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
