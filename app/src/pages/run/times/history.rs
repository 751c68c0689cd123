//! The run's events, read from the first on while the chart is open, and as the run goes on. Read again are those alone that a replay
//! has not kept.

use leptos::{prelude::*, task::spawn_local};
use workflow::replay::Replay;

use super::super::{past::Past, state::LiveRun};
use crate::{api, error::AppError, reactive::effect};

#[derive(Clone, Copy)]
pub(super) struct History {
    pub live: LiveRun,
    pub past: Past,
    replay: StoredValue<Replay>,
    /// The last event that was read: what is worked out from the replay follows it.
    pub read: RwSignal<i64>,
    pub error: RwSignal<Option<AppError>>,
    /// What is new is not taken in.
    pub is_paused: RwSignal<bool>,
    is_reading: StoredValue<bool>,
    is_lending: StoredValue<bool>,
}

impl History {
    pub(super) fn of(live: LiveRun, past: Past) -> Self {
        let history = Self {
            live,
            past,
            replay: StoredValue::new(Replay::default()),
            read: RwSignal::new(0),
            error: RwSignal::new(None),
            is_paused: RwSignal::new(false),
            is_reading: StoredValue::new(false),
            is_lending: StoredValue::new(false),
        };
        effect(move || {
            let newest = live.slowly(|run| run.seq);
            if !history.is_paused.get() && history.read.get_untracked() < newest {
                history.read_on();
            }
        });
        history
    }

    /// What is known of it by now; follows what is read.
    pub(super) fn with<R>(self, read: impl FnOnce(&Replay) -> R) -> R {
        self.read.track();
        self.replay.with_value(read)
    }

    /// The same without following.
    pub(super) fn with_untracked<R>(self, read: impl FnOnce(&Replay) -> R) -> R {
        self.replay.with_value(read)
    }

    /// Up to what the page shows; one page of events after the other.
    pub(super) fn read_on(self) {
        if self.is_reading.try_get_value() != Some(false) {
            return;
        }
        self.is_reading.set_value(true);
        self.error.set(None);
        spawn_local(async move {
            while let Some(after) = self.read.try_get_untracked() {
                let newest = self.live.run.try_with_untracked(|run| run.seq).unwrap_or_default();
                if after >= newest || self.is_paused.try_get_untracked() != Some(false) {
                    break;
                }
                match api::run_log(self.live.id, after).await {
                    Ok(log) => {
                        let is_end = log.events.is_empty();
                        self.past.meet(log.people);
                        let seq = self.replay.try_update_value(|replay| {
                            replay.take(log.events);
                            replay.seq()
                        });
                        self.read.try_set(seq.unwrap_or(after));
                        // Nothing more is there yet, whatever the page has heard of.
                        if is_end || seq.is_none_or(|seq| seq <= after) {
                            break;
                        }
                    }
                    Err(error) => {
                        self.error.try_set(Some(error));
                        break;
                    }
                }
            }
            self.is_reading.try_set_value(false);
        });
    }

    /// Shows the run as it was after this event, once what that takes is there.
    pub(super) fn go_to(self, seq: i64) {
        let missing = self.replay.try_update_value(|replay| replay.go_to(seq));
        match missing {
            Some(None) => self.show(),
            Some(Some(after)) => self.borrow_from(after),
            None => {}
        }
    }

    fn borrow_from(self, first: i64) {
        if self.is_lending.get_value() {
            // What is asked for already goes on to where it is to go by now.
            return;
        }
        self.is_lending.set_value(true);
        self.error.set(None);
        spawn_local(async move {
            let mut missing = Some(first);
            while let Some(after) = missing {
                match api::run_log(self.live.id, after).await {
                    Ok(log) if !log.events.is_empty() => {
                        self.past.meet(log.people);
                        let lent = self.replay.try_update_value(|replay| replay.lend(log.events));
                        missing = lent.flatten();
                        if lent == Some(None) {
                            self.show();
                        }
                    }
                    // A log has no end before what was read of it.
                    Ok(_) => break,
                    Err(error) => {
                        self.error.try_set(Some(error));
                        break;
                    }
                }
            }
            self.is_lending.try_set_value(false);
        });
    }

    fn show(self) {
        if let Some(state) = self.replay.try_with_value(|replay| replay.shown().clone()) {
            self.past.show(state);
        }
    }
}
