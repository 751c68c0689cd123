//! What is ticked, and the one way to decide it together; what the answer did is taken up here.
//! Must never send a row whose beginning was not shown.

use leptos::prelude::*;
use workflow::api::{DecideMany, Decision, GateAnswer, InboxItem};

use super::{
    super::{asked::Key, listed::Keyed, state::Inbox},
    shown::{Shown, gate_ref},
    told::{self, Left, left, said},
};
use crate::{
    api,
    components::use_toasts,
    pages::review::{drafts::Drafts, press::Press},
    reactive::memo,
};

/// What is ticked, as far as it is still there, and what may be done with it.
#[derive(Clone, Copy)]
pub(super) struct Bulk {
    pub shown: Shown,
    pub ticked: Memo<Vec<InboxItem>>,
    /// Of the last answer those that were left.
    pub left: RwSignal<Vec<Left>>,
    /// What it did, in a sentence.
    pub said: RwSignal<Option<String>>,
    pub approving: RwSignal<bool>,
    pub rejecting: RwSignal<bool>,
    /// Of the rejection.
    pub text: RwSignal<String>,
    /// What was asked for last: its dialog may be closed by the time of the answer.
    pub sent: StoredValue<Decision>,
    pub press: Press<DecideMany, Vec<GateAnswer>>,
}

impl Bulk {
    pub(super) fn new(inbox: Inbox) -> Self {
        let toasts = use_toasts();
        let (items, selected) = (inbox.items(), inbox.selected());
        let ticked = memo(move || {
            selected.with(|selected| {
                let is_ticked = |item: &&InboxItem| selected.contains(&item.key());
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
        inbox.decided(&gate_ref(key));
    }
    shown.read_anew(&staying);
    inbox.refresh();
}
