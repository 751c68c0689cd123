//! The gate that is read: loaded when it is chosen, and looked at again when something about it changes.
//! Must never show a gate that was not chosen last, nor put anything else in the place of what somebody is reading: what is there by now
//! is said beside it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use leptos::{prelude::*, task::spawn_local};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use workflow::{
    RunId,
    api::{ErrorCode, GateReading, GateRef, InboxItem},
};

use super::super::state::Inbox;
use crate::{
    address::step_of_run,
    api,
    components::{
        Kind, ToastAction, Toasts,
        dom::{by_id, focus_if_lost},
        use_toasts,
    },
    error::AppError,
    pages::review::{drafts::Drafts, subject::Subject},
    reactive::{effect_with, memo},
    session::{Session, use_session},
};

/// The heading of what is read.
pub(in crate::pages::inbox) const HEADING: &str = "inbox-reading";
/// So long what was read last stays, so that nothing flickers where the next one comes at once.
const PATIENCE: Duration = Duration::from_millis(150);

/// What is decided about: a gate, and what was there when it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::pages::inbox) struct Sight {
    pub gate: GateRef,
    pub generation: i32,
    pub content_hash: String,
}

impl Sight {
    pub(in crate::pages::inbox) fn of(reading: &GateReading) -> Self {
        Self {
            gate: gate_of(&reading.item),
            generation: reading.item.generation,
            content_hash: reading.content_hash.clone(),
        }
    }
}

type Go = Arc<dyn Fn(&str) + Send + Sync>;

/// What stands in the pane.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::pages::inbox) enum Stage {
    Nothing,
    Loading,
    /// It waits for this person no more.
    Gone(Box<InboxItem>),
    Failed(AppError),
    Reading(Sight),
}

#[derive(Clone, Copy)]
pub(in crate::pages::inbox) struct Desk {
    pub inbox: Inbox,
    pub session: Session,
    pub toasts: Toasts,
    wanted: RwSignal<Option<InboxItem>>,
    shown: RwSignal<Option<Arc<GateReading>>>,
    /// What is there by now, where that is something else.
    newer: RwSignal<Option<Arc<GateReading>>>,
    error: RwSignal<Option<AppError>>,
    is_slow: RwSignal<bool>,
    /// Of the gates that were asked for.
    turn: StoredValue<u32>,
    /// By run: what is typed about a gate stays while others are read.
    drafts: StoredValue<HashMap<RunId, Drafts>>,
    /// Of the pane, which outlives each gate in it.
    owner: StoredValue<Option<Owner>>,
    go: StoredValue<Go>,
}

impl Desk {
    /// Once by the pane.
    pub(in crate::pages::inbox) fn new(inbox: Inbox) -> Self {
        let navigate = use_navigate();
        let go: Go = Arc::new(move |href: &str| navigate(href, NavigateOptions::default()));
        let desk = Self {
            inbox,
            session: use_session(),
            toasts: use_toasts(),
            wanted: RwSignal::new(None),
            shown: RwSignal::new(None),
            newer: RwSignal::new(None),
            error: RwSignal::new(None),
            is_slow: RwSignal::new(false),
            turn: StoredValue::new(0),
            drafts: StoredValue::new(HashMap::new()),
            owner: StoredValue::new(Owner::current()),
            go: StoredValue::new(go),
        };
        let chosen = inbox.chosen();
        effect_with(move |before: Option<Option<InboxItem>>| {
            let now = chosen.get();
            untrack(|| desk.follow(before.flatten().as_ref(), now.as_ref()));
            now
        });
        desk
    }

    fn follow(self, before: Option<&InboxItem>, now: Option<&InboxItem>) {
        let is_same = before.zip(now).is_some_and(|(before, now)| gate_of(before) == gate_of(now));
        match now {
            None => self.put_away(),
            Some(item) if !is_same => self.open(item),
            // Another vote, another deadline, or something else to decide about.
            Some(_) if before != now => self.look_again(),
            Some(_) => {}
        }
    }

    /// Follows what stands in the pane.
    pub(in crate::pages::inbox) fn stage(self) -> Memo<Stage> {
        memo(move || {
            let Some(wanted) = self.wanted.get() else { return Stage::Nothing };
            if let Some(error) = self.error.get() {
                return if is_gone(&error) { Stage::Gone(Box::new(wanted)) } else { Stage::Failed(error) };
            }
            let sight = self.shown.with(|shown| shown.as_deref().map(Sight::of));
            match sight {
                Some(sight) if sight.gate == gate_of(&wanted) || !self.is_slow.get() => Stage::Reading(sight),
                _ => Stage::Loading,
            }
        })
    }

    /// Whether what is shown is what was chosen, and nothing newer is known: only that may be decided. Follows it.
    pub(in crate::pages::inbox) fn is_current(self) -> bool {
        let wanted = self.wanted.with(|wanted| wanted.as_ref().map(gate_of));
        let shown = self.shown.with(|shown| shown.as_ref().map(|shown| gate_of(&shown.item)));
        wanted.is_some() && wanted == shown && self.newer.with(Option::is_none)
    }

    /// What is read. Follows it.
    pub(in crate::pages::inbox) fn reading(self) -> Option<Arc<GateReading>> {
        self.shown.get()
    }

    /// In whose place one would decide. Follows it.
    pub(in crate::pages::inbox) fn in_place_of(self) -> Option<String> {
        let of_row = self.wanted.with(|wanted| wanted.as_ref().and_then(|item| item.acts_for.clone()));
        self.shown.with(|shown| shown.as_ref().and_then(|shown| shown.item.acts_for.clone())).or(of_row)
    }

    pub(in crate::pages::inbox) fn reading_now(self) -> Option<Arc<GateReading>> {
        self.shown.get_untracked()
    }

    /// What is there by now, where that is something else. Follows it.
    pub(in crate::pages::inbox) fn newer(self) -> Option<Arc<GateReading>> {
        self.newer.get()
    }

    /// Reads what is there by now.
    pub(in crate::pages::inbox) fn take_newer(self) {
        if let Some(newer) = self.newer.get_untracked() {
            self.newer.set(None);
            self.shown.set(Some(newer));
            focus_if_lost(|| by_id(HEADING));
        }
    }

    /// The gate, and where what is typed about it is kept.
    pub(in crate::pages::inbox) fn subject(self, gate: &GateRef) -> Subject {
        Subject::new(gate.run_id, StoredValue::new(gate.step.clone()), self.drafts_of(gate.run_id))
    }

    fn drafts_of(self, run: RunId) -> Drafts {
        if let Some(known) = self.drafts.with_value(|drafts| drafts.get(&run).copied()) {
            return known;
        }
        let made = match self.owner.get_value() {
            Some(owner) => owner.with(|| Drafts::of(run)),
            None => Drafts::of(run),
        };
        self.drafts.update_value(|drafts| {
            drafts.insert(run, made);
        });
        made
    }

    fn put_away(self) {
        self.next_turn();
        self.wanted.set(None);
        self.shown.set(None);
        self.newer.set(None);
        self.error.set(None);
    }

    fn open(self, item: &InboxItem) {
        let turn = self.next_turn();
        self.wanted.set(Some(item.clone()));
        self.newer.set(None);
        self.error.set(None);
        self.is_slow.set(false);
        set_timeout(
            move || {
                if self.is_turn(turn) {
                    self.is_slow.set(true);
                }
            },
            PATIENCE,
        );
        self.load(turn, item.clone(), || ());
    }

    /// It did not come: once more.
    pub(in crate::pages::inbox) fn try_again(self) {
        if let Some(item) = self.wanted.get_untracked() {
            self.open(&item);
        }
    }

    /// After a change of one's own: what is there then is what is read.
    pub(in crate::pages::inbox) fn read_anew(self) {
        if let Some(item) = self.wanted.try_get_untracked().flatten() {
            // The control that was pressed is drawn anew.
            self.load(self.next_turn(), item, || focus_if_lost(|| by_id(HEADING)));
        }
    }

    fn load(self, turn: u32, item: InboxItem, then: impl FnOnce() + 'static) {
        spawn_local(async move {
            let answer = api::gate_reading(item.run_id, item.step).await;
            if !self.is_turn(turn) {
                return;
            }
            self.newer.set(None);
            match answer {
                Ok(reading) => {
                    self.shown.set(Some(Arc::new(reading)));
                    then();
                }
                Err(error) => {
                    self.session.note(&error);
                    self.shown.set(None);
                    self.error.set(Some(error));
                }
            }
        });
    }

    /// Looks whether what is read is still what is there. What changed is said; what cannot be known now changes nothing.
    pub(in crate::pages::inbox) fn look_again(self) {
        let Some(item) = self.wanted.get_untracked() else { return };
        let turn = self.turn.get_value();
        let is_it = |shown: &Arc<GateReading>| gate_of(&shown.item) == gate_of(&item);
        if !self.shown.with_untracked(|shown| shown.as_ref().is_some_and(is_it)) {
            return;
        }
        spawn_local(async move {
            let answer = api::gate_reading(item.run_id, item.step).await;
            if !self.is_turn(turn) {
                return;
            }
            match answer {
                Ok(reading) => {
                    let seen = self.shown.try_with_untracked(|shown| shown.as_deref().map(Sight::of)).flatten();
                    let is_same = seen.is_none_or(|seen| seen == Sight::of(&reading));
                    let reading = Some(Arc::new(reading));
                    if is_same {
                        self.newer.set(None);
                        self.shown.set(reading);
                    } else {
                        self.newer.set(reading);
                    }
                }
                Err(error) if is_gone(&error) => {
                    self.error.set(Some(error));
                    self.inbox.refresh();
                }
                Err(error) => self.session.note(&error),
            }
        });
    }

    /// The person has decided: it is said, and the next one is read.
    pub(in crate::pages::inbox) fn decided(self, item: &InboxItem, words: String, is_closed: bool) {
        // Whoever was only asked sees the run as long as they are.
        let may_see = self.session.user_untracked().is_some_and(|me| me.is_admin() || me.email == item.owner);
        let go = self.go.try_get_value().filter(|_| may_see || !is_closed);
        let action = go.map(|go| {
            let href = step_of_run(item.run_id, &item.step);
            ToastAction::new("Open the run", move || go(&href))
        });
        self.toasts.push(Kind::Success, words, action);
        // The answer may come after the page was left.
        if self.turn.try_get_value().is_some() {
            self.inbox.decided(&gate_of(item));
        }
    }

    /// Leads on from what waits no more.
    pub(in crate::pages::inbox) fn leave(self, item: &InboxItem) {
        self.inbox.decided(&gate_of(item));
    }

    fn next_turn(self) -> u32 {
        let turn = self.turn.get_value().wrapping_add(1);
        self.turn.set_value(turn);
        turn
    }

    /// False also once the pane is gone.
    fn is_turn(self, turn: u32) -> bool {
        self.turn.try_get_value() == Some(turn)
    }
}

/// Whether an answer is wanted, rather than a judgement of one.
pub(in crate::pages::inbox) fn is_form(reading: &GateReading) -> bool {
    reading.item.is_form && reading.outputs.is_empty()
}

pub(in crate::pages::inbox) fn gate_of(item: &InboxItem) -> GateRef {
    GateRef { run_id: item.run_id, step: item.step.clone() }
}

/// Whether the gate was closed, or is not theirs any more: to whoever may not see it both look alike.
fn is_gone(error: &AppError) -> bool {
    matches!(error.code(), ErrorCode::NotFound | ErrorCode::Forbidden)
}

/// Whether a verb was refused for what is there now.
pub(in crate::pages::inbox) fn is_refused(error: &AppError) -> bool {
    is_gone(error) || error.code() == ErrorCode::Conflict
}
