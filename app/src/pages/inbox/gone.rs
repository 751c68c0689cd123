//! What became of the one that is read, where it stands in the list no more: it waits outside of what the filters show, or somebody has
//! decided it. Must never say that it is decided because the server could not be asked.

use leptos::{prelude::*, task::spawn_local};
use workflow::api::{HistoryItem, HistoryQuery, InboxItem};

use super::{
    asked::Key,
    listed::{Keyed, Listed},
    place::Place,
};
use crate::{
    api,
    reactive::{effect, memo},
    session::{Session, use_session},
};

/// Where it is kept what is read.
#[derive(Clone, Copy)]
struct Follower {
    place: Place,
    list: Listed<InboxItem>,
    read: RwSignal<Option<Read>>,
    session: Session,
    is_asking: StoredValue<Option<Key>>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Read {
    Waits(InboxItem),
    Gone(Gone),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Gone {
    pub(super) gate: Key,
    pub(super) title: Option<String>,
    /// As far as it is mine to know.
    pub(super) closed: Option<HistoryItem>,
}

impl Read {
    pub(super) fn waits(&self, gate: &Key) -> Option<&InboxItem> {
        match self {
            Self::Waits(item) if item.key() == *gate => Some(item),
            _ => None,
        }
    }

    pub(super) fn gone(&self, gate: &Key) -> Option<&Gone> {
        match self {
            Self::Gone(gone) if gone.gate == *gate => Some(gone),
            _ => None,
        }
    }
}

/// Once by the inbox: keeps what is read, and asks for it where the list does not have it.
pub(super) fn follow_read(place: Place, list: Listed<InboxItem>, read: RwSignal<Option<Read>>) {
    let follower = Follower { place, list, read, session: use_session(), is_asking: StoredValue::new(None) };
    let gate = memo(move || place.asked().with(|asked| asked.gate.clone()));
    effect(move || {
        let Some(gate) = gate.get() else { return };
        let listed = list.items.with(|items| items.iter().find(|item| item.key() == gate).cloned());
        match listed {
            Some(item) => follower.put(Read::Waits(item)),
            None => follower.look(gate),
        }
    });
}

impl Follower {
    fn put(self, now: Read) {
        if self.read.try_with_untracked(|read| read.as_ref() != Some(&now)) == Some(true) {
            self.read.set(Some(now));
        }
    }

    fn look(self, gate: Key) {
        let (is_gone, known) = self.read.with_untracked(|read| {
            let read = read.as_ref();
            (read.is_some_and(|read| read.gone(&gate).is_some()), read.and_then(|read| read.waits(&gate)).cloned())
        });
        if is_gone || self.is_asking.with_value(|asking| asking.as_ref() == Some(&gate)) {
            return;
        }
        self.is_asking.set_value(Some(gate.clone()));
        spawn_local(async move {
            let found = what_became(self.session, gate.clone(), known).await;
            if self.has_answer(&gate)
                && let Some(found) = found
            {
                self.put(found);
            }
        });
    }

    /// Whether the answer is still of use: the page may have gone, another one be read, or this one stand in the list again.
    fn has_answer(self, gate: &Key) -> bool {
        let is_asked = self.is_asking.try_update_value(|asking| {
            let is_asked = asking.as_ref() == Some(gate);
            if is_asked {
                *asking = None;
            }
            is_asked
        });
        let is_listed = self.list.items.try_with_untracked(|items| items.iter().any(|item| item.key() == *gate));
        let is_read = self.place.asked().try_with_untracked(|asked| asked.gate.as_ref() == Some(gate));
        (is_asked, is_listed, is_read) == (Some(true), Some(false), Some(true))
    }
}

/// `None` where the server could not say.
async fn what_became(session: Session, gate: Key, known: Option<InboxItem>) -> Option<Read> {
    match api::gate_reading(gate.0, gate.1.clone()).await {
        // My vote is given: the others are waited for, not me.
        Ok(reading)
            if session.with_user_untracked(|me| me.is_some_and(|me| reading.item.votes.contains(&me.email))) =>
        {
            Some(Read::Gone(Gone { gate, title: Some(reading.item.title), closed: None }))
        }
        Ok(reading) => Some(Read::Waits(reading.item)),
        Err(error) if error.is_signed_out() || error.may_try_again() => {
            session.note(&error);
            None
        }
        Err(_) => {
            let closed = closed(session, &gate, known.as_ref()).await;
            let title = closed.as_ref().map(|closed| closed.title.clone()).or_else(|| known.map(|item| item.title));
            Some(Read::Gone(Gone { gate, title, closed }))
        }
    }
}

/// It was closed a moment ago, so it is among the newest, if it is mine to see at all.
async fn closed(session: Session, gate: &Key, known: Option<&InboxItem>) -> Option<HistoryItem> {
    let all = session.with_user_untracked(|me| me.is_some_and(workflow::access::Actor::is_admin));
    let query = HistoryQuery { all, workflow: known.map(|item| item.template_id), ..HistoryQuery::default() };
    let newest = api::inbox_history(query, None).await.ok()?.items;
    let is_meant = |item: &HistoryItem| {
        (item.run_id, &item.step) == (gate.0, &gate.1)
            && known.is_none_or(|known| (known.generation, known.number) == (item.generation, item.number))
    };
    newest.into_iter().find(is_meant)
}
