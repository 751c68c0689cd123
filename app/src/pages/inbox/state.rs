//! What the inbox knows: the list, the one that is read, and what is ticked. The list follows the live feed, the choice follows the address.
//! Must never bring back what was decided here, nor let go of what is read because rows before it have gone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use leptos::{prelude::*, task::spawn_local};
use workflow::api::{self as wire, InboxCounts, InboxItem, InboxPage, InboxQuery, MyFrame};

use super::{
    asked::{Asked, Key},
    focus,
    gone::{Read, follow_read},
    listed::{How, Keyed, Listed},
    place::Place,
    ticks,
};
use crate::{
    api, clock,
    components::ticking,
    live::follow_mine,
    paced::Paced,
    paged::at_least,
    reactive::{effect, effect_with, memo},
    waiting::{Waiting, use_waiting},
};

/// So many rows at most are read again for what has changed; those behind them keep until their run says that nothing waits there.
const MOST_AGAIN: usize = 1_000;

/// What a key asks for, for the one that is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Command {
    Approve,
    Edit,
    Reject,
}

#[derive(Clone, Copy)]
pub(super) struct Inbox {
    place: Place,
    list: Listed<InboxItem>,
    counts: RwSignal<Option<InboxCounts>>,
    read: RwSignal<Option<Read>>,
    chosen: Memo<Option<InboxItem>>,
    selected: RwSignal<BTreeSet<Key>>,
    anchor: StoredValue<Option<Key>>,
    previews: RwSignal<HashMap<Key, wire::GatePreview>>,
    command: RwSignal<Option<Command>>,
    left: StoredValue<Left>,
    /// The list as it was when what is read was in it.
    order: StoredValue<Vec<Key>>,
    again: Paced,
    waiting: Waiting,
    now: RwSignal<Option<i64>>,
}

impl Inbox {
    /// Once by the page, with the first page of what its address asks for.
    pub(super) fn new(place: Place, first: InboxPage) -> Self {
        let list = Listed::new(first);
        let (counts, read) = (RwSignal::new(None), RwSignal::new(None::<Read>));
        let left = StoredValue::new(Left::default());
        let inbox = Self {
            place,
            list,
            counts,
            read,
            chosen: memo(move || {
                let gate = place.asked().with(|asked| asked.gate.clone())?;
                let listed = list.items.with(|items| items.iter().find(|item| item.key() == gate).cloned());
                listed.or_else(|| read.with(|read| read.as_ref().and_then(|read| read.waits(&gate)).cloned()))
            }),
            selected: RwSignal::new(BTreeSet::new()),
            anchor: StoredValue::new(None),
            previews: RwSignal::new(HashMap::new()),
            command: RwSignal::new(None),
            left,
            order: StoredValue::new(Vec::new()),
            again: Paced::new(move || read_again(place, list, counts, left)),
            waiting: use_waiting(),
            now: ticking(std::time::Duration::from_secs(20), None),
        };
        inbox.follow();
        follow_read(place, list, read);
        inbox
    }

    /// The row whose gate is read.
    pub(super) fn chosen(self) -> Signal<Option<InboxItem>> {
        self.chosen.into()
    }

    /// What is loaded, in its order.
    pub(super) fn items(self) -> Signal<Vec<InboxItem>> {
        self.list.items.into()
    }

    /// Ticked rows.
    pub(super) fn selected(self) -> RwSignal<BTreeSet<Key>> {
        self.selected
    }

    /// The beginnings of what some of them are about, as far as they were asked for.
    pub(super) fn previews(self) -> RwSignal<HashMap<Key, wire::GatePreview>> {
        self.previews
    }

    /// What a key asked for; whoever does it takes it.
    pub(super) fn command(self) -> RwSignal<Option<Command>> {
        self.command
    }

    /// Takes it off the list at once, and reads the next one where it was read.
    pub(super) fn decided(self, gate: &wire::GateRef) {
        let key = (gate.run_id, gate.step.clone());
        self.left.update_value(|left| left.add(key.clone()));
        if self.place.gate().as_ref() == Some(&key) {
            self.place.choose(self.following(&key));
            focus::after_decision();
        }
        self.drop_rows(|item| item.key() == key);
        self.waiting.look_again();
    }

    /// Reads this one, as somebody who presses on its row does; nothing: back to the list.
    pub(super) fn open(self, gate: Option<Key>) {
        let before = self.place.gate();
        let is_opened = gate.is_some();
        self.place.choose(gate);
        if is_opened {
            focus::to_pane();
        } else {
            focus::to_list(before);
        }
    }

    /// Reads the list anew, soon.
    pub(super) fn refresh(self) {
        self.again.ask();
    }

    pub(super) fn place(self) -> Place {
        self.place
    }

    pub(super) fn list(self) -> Listed<InboxItem> {
        self.list
    }

    /// How many there are of what is asked for, whole and by workflow; those of every workflow, whichever is chosen.
    pub(super) fn counts(self) -> RwSignal<Option<InboxCounts>> {
        self.counts
    }

    /// How many there are of what is asked for.
    pub(super) fn n(self) -> Option<i64> {
        let workflow = self.place.asked().with(|asked| asked.workflow);
        self.counts.with(|counts| {
            let counts = counts.as_ref()?;
            Some(match workflow {
                None => counts.n,
                Some(id) => counts.workflows.iter().find(|of| of.template_id == id).map_or(0, |of| of.n),
            })
        })
    }

    /// What became of the one that is read, where it is not in the list.
    pub(super) fn read(self) -> RwSignal<Option<Read>> {
        self.read
    }

    /// The browser's clock, one for all rows.
    pub(super) fn now(self) -> RwSignal<Option<i64>> {
        self.now
    }

    pub(super) fn load_more(self) {
        let Some(after) = self.list.after() else { return };
        let query = query_of(&self.place.asked().get_untracked());
        spawn_local(self.list.read(How::More, without_left(self.left, api::inbox(query, Some(after), None))));
    }

    /// Ticks a row or takes its tick away; with Shift from the one before on.
    pub(super) fn tick(self, key: &Key, is_on: bool, is_range: bool) {
        let order = self.list.items.with_untracked(|items| keys(items));
        let anchor = self.anchor.get_value().filter(|_| is_range);
        self.selected.update(|ticked| ticks::tick(ticked, &order, anchor.as_ref(), key, is_on));
        self.anchor.set_value(Some(key.clone()));
    }

    pub(super) fn tick_all(self, is_on: bool) {
        let all = if is_on { self.list.items.with_untracked(|items| keys(items)) } else { Vec::new() };
        self.selected.set(all.into_iter().collect());
        self.anchor.set_value(None);
    }

    /// The one after or before the one that is at hand.
    pub(super) fn beside(self, at: Option<&Key>, is_forward: bool) -> Option<Key> {
        self.list.items.with_untracked(|items| ticks::step(&keys(items), at, is_forward))
    }

    /// The one that follows it, though it may have gone.
    pub(super) fn following(self, gate: &Key) -> Option<Key> {
        let there = self.list.items.with_untracked(|items| keys(items));
        self.order.with_value(|known| ticks::follower(known, &there, gate))
    }

    fn follow(self) {
        let asked = self.place.asked();
        let gate = memo(move || asked.with(|asked| asked.gate.clone()));
        effect(move || {
            let Some(gate) = gate.get() else { return };
            self.list.items.with(|items| {
                if items.iter().any(|item| item.key() == gate) {
                    self.order.set_value(keys(items));
                }
            });
        });
        let wanted = memo(move || asked.with(Asked::of_list));
        // A deadline is measured by the browser's clock, which the first page did not know.
        let needs_clock = wanted.with_untracked(|wanted| wanted.is_due_soon);
        effect_with(move |before: Option<Asked>| {
            let now = wanted.get();
            let is_other = before.as_ref().map_or(needs_clock, |before| *before != now);
            if is_other {
                self.tick_all(false);
                self.read_anew();
            } else if before.is_none() {
                spawn_local(read_counts(self.place, self.counts));
            }
            now
        });
        let waiting = self.waiting;
        effect_with(move |before: Option<u32>| {
            let turn = waiting.turn();
            if before.is_some_and(|before| before != turn) {
                self.refresh();
            }
            turn
        });
        // What is over goes at once, without an answer of the server.
        follow_mine(move |frame| {
            if let MyFrame::Runs { runs, gone } = frame {
                let over: BTreeSet<_> = runs.iter().filter(|run| run.n_waiting == 0).map(|run| run.id).collect();
                if !over.is_empty() || !gone.is_empty() {
                    self.drop_rows(|item| over.contains(&item.run_id) || gone.contains(&item.run_id));
                }
            }
        });
    }

    /// What failed once more: the page that did not come, behind those that are shown, or all of another list.
    pub(super) fn try_again(self) {
        match self.list.failed() {
            How::More => self.load_more(),
            How::Another | How::Again => self.read_anew(),
        }
    }

    /// From the first page on, whatever was shown.
    fn read_anew(self) {
        let asked = self.place.asked().get_untracked();
        let page = without_left(self.left, api::inbox(query_of(&asked), None, None));
        let (list, place, counts) = (self.list, self.place, self.counts);
        spawn_local(async move {
            Box::pin(list.read(How::Another, page)).await;
            read_counts(place, counts).await;
        });
    }

    fn drop_rows(self, is_gone: impl Fn(&InboxItem) -> bool) {
        let items = self.list.items;
        let known =
            |items: &Vec<InboxItem>| items.iter().filter(|item| is_gone(item)).map(Keyed::key).collect::<Vec<_>>();
        let dropped = items.try_with_untracked(known).unwrap_or_default();
        if dropped.is_empty() {
            return;
        }
        items.update(|items| items.retain(|item| !is_gone(item)));
        self.selected.maybe_update(|ticked| dropped.iter().filter(|key| ticked.remove(*key)).count() > 0);
        self.previews.maybe_update(|previews| dropped.iter().filter_map(|key| previews.remove(key)).count() > 0);
    }
}

pub(super) fn keys(items: &[InboxItem]) -> Vec<Key> {
    items.iter().map(Keyed::key).collect()
}

/// With the browser's clock, so never on the server.
fn query_of(asked: &Asked) -> InboxQuery {
    asked.query(DateTime::<Utc>::from_timestamp_millis(clock::now()))
}

async fn read_again(
    place: Place,
    list: Listed<InboxItem>,
    counts: RwSignal<Option<InboxCounts>>,
    left: StoredValue<Left>,
) {
    let (Some(asked), Some(n)) = (place.asked().try_get_untracked(), list.items.try_with_untracked(Vec::len)) else {
        return;
    };
    let query = query_of(&asked);
    let pages = at_least(n.min(MOST_AGAIN), InboxItem::key, move |after| api::inbox(query.clone(), after, None));
    Box::pin(list.read(How::Again, without_left(left, pages))).await;
    read_counts(place, counts).await;
}

/// An error leaves what is known: the list says it.
async fn read_counts(place: Place, counts: RwSignal<Option<InboxCounts>>) {
    let Some(asked) = place.asked().try_get_untracked() else { return };
    let found = api::inbox_counts(InboxQuery { workflow: None, ..query_of(&asked) }).await;
    let is_still_asked = place.asked().try_with_untracked(|now| now.of_list() == asked.of_list()) == Some(true);
    if let Ok(found) = found
        && is_still_asked
        && counts.try_with_untracked(|known| known.as_ref() != Some(&found)) == Some(true)
    {
        counts.set(Some(found));
    }
}

/// Without what was decided here after this was asked for: the server may have looked before.
async fn without_left(
    left: StoredValue<Left>,
    page: impl Future<Output = Result<InboxPage, crate::error::AppError>>,
) -> Result<InboxPage, crate::error::AppError> {
    let begun = left.try_with_value(|left| left.n);
    let mut page = page.await?;
    left.try_with_value(|left| page.items.retain(|item| begun.is_none_or(|begun| !left.is_later(&item.key(), begun))));
    Ok(page)
}

/// What was decided here, and when.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Left {
    /// Grows with each decision.
    n: u32,
    by_gate: BTreeMap<Key, u32>,
}

impl Left {
    fn add(&mut self, key: Key) {
        self.n += 1;
        self.by_gate.insert(key, self.n);
    }

    /// Whether it was decided after so many decisions. What was asked for since knows of it: it may wait once more by then.
    fn is_later(&self, key: &Key, begun: u32) -> bool {
        self.by_gate.get(key).is_some_and(|at| *at > begun)
    }
}

#[cfg(test)]
mod tests {
    use workflow::RunId;

    use super::*;

    #[test]
    fn what_was_decided_meanwhile_does_not_come_back_and_what_waits_anew_does() {
        let key = |step: &str| (RunId(uuid::Uuid::nil()), step.into());
        let mut left = Left::default();
        left.add(key("a"));
        let begun = left.n;
        left.add(key("b"));
        assert!(left.is_later(&key("b"), begun), "the server may have looked before");
        assert!(!left.is_later(&key("a"), begun), "it was asked after that decision");
        assert!(!left.is_later(&key("c"), begun));
    }
}
