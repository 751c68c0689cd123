//! The beginnings of what is ticked: fetched together as rows are ticked, and what of them may be decided.
//! Must never count a row as shown whose beginning did not come.

use std::{collections::BTreeSet, time::Duration};

use leptos::{prelude::*, task::spawn_local};
use workflow::api::{DecideGate, GatePreview, GateRef, InboxItem, MOST_AT_ONCE};

use super::super::{asked::Key, listed::Keyed, state::Inbox};
use crate::{
    api,
    error::AppError,
    reactive::effect,
    session::{Session, use_session},
    words,
};

/// Rows that are ticked one after the other are asked for together.
const GATHER: Duration = Duration::from_millis(60);

#[derive(Clone, Copy)]
pub(super) struct Shown {
    pub inbox: Inbox,
    ticked: Memo<Vec<InboxItem>>,
    /// What is asked for just now.
    asked: StoredValue<BTreeSet<Key>>,
    is_waiting: StoredValue<bool>,
    error: RwSignal<Option<AppError>>,
    session: Session,
}

impl Shown {
    pub(super) fn new(inbox: Inbox, ticked: Memo<Vec<InboxItem>>) -> Self {
        let shown = Self {
            inbox,
            ticked,
            asked: StoredValue::new(BTreeSet::new()),
            is_waiting: StoredValue::new(false),
            error: RwSignal::new(None),
            session: use_session(),
        };
        effect(move || {
            ticked.track();
            shown.ask_soon();
        });
        shown
    }

    pub(super) fn error(self) -> Option<AppError> {
        self.error.get()
    }

    pub(super) fn try_again(self) {
        self.error.set(None);
        self.ask();
    }

    /// What changed since it was shown.
    pub(super) fn read_anew(self, keys: &[Key]) {
        if !keys.is_empty() {
            self.inbox.previews().update(|previews| previews.retain(|key, _| !keys.contains(key)));
            self.ask();
        }
    }

    fn ask_soon(self) {
        if self.is_waiting.try_update_value(|is_waiting| std::mem::replace(is_waiting, true)) == Some(false) {
            set_timeout(
                move || {
                    if self.is_waiting.try_update_value(|is_waiting| *is_waiting = false).is_some() {
                        self.ask();
                    }
                },
                GATHER,
            );
        }
    }

    /// Those that are ticked and neither there nor asked for, so many at once as one request takes; the rest after them.
    fn ask(self) {
        let Some(ticked) = self.ticked.try_get_untracked() else { return };
        let known = self.inbox.previews();
        let wanted: Vec<Key> = known.with_untracked(|known| {
            self.asked.with_value(|asked| {
                let is_wanted = |key: &Key| !known.contains_key(key) && !asked.contains(key);
                ticked
                    .iter()
                    .filter(|item| !item.is_form)
                    .map(Keyed::key)
                    .filter(is_wanted)
                    .take(MOST_AT_ONCE)
                    .collect()
            })
        });
        if wanted.is_empty() || self.error.with_untracked(Option::is_some) {
            return;
        }
        self.asked.update_value(|asked| asked.extend(wanted.iter().cloned()));
        spawn_local(async move {
            let answer = api::gate_previews(wanted.iter().map(gate_ref).collect()).await;
            let is_there = self.asked.try_update_value(|asked| asked.retain(|key| !wanted.contains(key))).is_some();
            match answer {
                _ if !is_there => {}
                Ok(previews) => {
                    let is_all = previews.len() == wanted.len();
                    known.update(|known| {
                        known.extend(previews.into_iter().map(|preview| (key_of_preview(&preview), preview)));
                    });
                    if is_all {
                        self.ask();
                    } else {
                        // What is closed by now has none, and goes from the list.
                        self.inbox.refresh();
                    }
                }
                Err(error) => {
                    self.session.note(&error);
                    self.error.set(Some(error));
                }
            }
        });
    }

    /// What may be decided, each bound to what was shown of it: no forms, and nothing whose beginning is not there. Follows both.
    pub(super) fn ready(self) -> Vec<(InboxItem, DecideGate)> {
        self.inbox.previews().with(|known| {
            self.ticked.with(|ticked| {
                let gates = ticked.iter().filter(|item| !item.is_form).filter_map(|item| {
                    let preview = known.get(&item.key())?;
                    Some((item.clone(), gate_as_shown(preview)))
                });
                gates.take(MOST_AT_ONCE).collect()
            })
        })
    }

    /// What of the ticked ones cannot be decided so. Follows it.
    pub(super) fn notes(self) -> Option<String> {
        let n_forms = self.ticked.with(|ticked| ticked.iter().filter(|item| item.is_form).count());
        let n_judged = self.ticked.with(Vec::len) - n_forms;
        let n_ready = self.ready().len();
        let n_missing = n_judged.min(MOST_AT_ONCE).saturating_sub(n_ready);
        notes(n_forms, n_missing, n_judged.saturating_sub(MOST_AT_ONCE))
    }
}

fn notes(n_forms: usize, n_missing: usize, n_surplus: usize) -> Option<String> {
    let parts: Vec<String> = [
        match n_forms {
            0 => None,
            1 => Some("1 is a form: it wants an answer of its own.".to_owned()),
            n => Some(format!("{n} are forms: each wants an answer of its own.")),
        },
        (n_missing > 0).then(|| format!("{} not shown yet.", one_or_more(n_missing))),
        (n_surplus > 0).then(|| format!("{MOST_AT_ONCE} go at once: {} selected after that.", stay(n_surplus))),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn one_or_more(n: usize) -> String {
    if n == 1 { "1 is".to_owned() } else { format!("{} are", words::number(n)) }
}

fn stay(n: usize) -> String {
    if n == 1 { "1 stays".to_owned() } else { format!("{} stay", words::number(n)) }
}

fn gate_as_shown(preview: &GatePreview) -> DecideGate {
    DecideGate {
        run_id: preview.run_id,
        step: preview.step.clone(),
        content_hash: preview.content_hash.clone(),
        expect_generation: preview.generation,
    }
}

fn key_of_preview(preview: &GatePreview) -> Key {
    (preview.run_id, preview.step.clone())
}

pub(super) fn gate_ref(key: &Key) -> GateRef {
    GateRef { run_id: key.0, step: key.1.clone() }
}

#[cfg(test)]
mod tests {
    use super::notes;

    #[test]
    fn what_cannot_be_decided_at_once_is_said() {
        assert_eq!(notes(0, 0, 0), None);
        assert_eq!(notes(1, 0, 0).unwrap(), "1 is a form: it wants an answer of its own.");
        assert_eq!(notes(2, 1, 0).unwrap(), "2 are forms: each wants an answer of its own. 1 is not shown yet.");
        assert_eq!(notes(0, 0, 30).unwrap(), "100 go at once: 30 stay selected after that.");
    }
}
