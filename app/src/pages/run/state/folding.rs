//! Events folded into what is known: those of the feed and those that a verb answers with, alike. Nothing else may change the view.

use std::time::Duration;

use leptos::prelude::*;
use workflow::{
    api::EventView,
    run::{RunEvent, State, state::Emails},
    view::Applied,
};

use super::{super::absences::is_of, LiveRun, pace::CATCH_UP_WITHIN};
use crate::{api::Done, error::AppError, told::Told};

/// What events are folded into. Nothing follows it: what is shown is the view.
pub(super) struct Folded {
    pub state: State,
    /// Emails of everybody who was named so far.
    pub people: Emails,
}

impl LiveRun {
    /// Takes in an event. None once the page is gone.
    pub(super) fn fold(self, event: &RunEvent, people: &Emails) -> Option<Applied> {
        if self.is_part()? {
            self.hold(event, people);
            return Some(Applied::AlreadyKnown);
        }
        let applied = self.folded.try_update_value(|folded| {
            let applied = folded.state.apply(event);
            if applied == Applied::Changed {
                folded.people.extend(people.clone());
            }
            applied
        })?;
        if applied == Applied::Gap {
            self.hold(event, people);
        }
        if applied == Applied::Changed {
            self.folded.try_with_value(|folded| {
                self.run.try_update(|run| run.refresh(&folded.state, event, &folded.people));
            })?;
            if event.data.started.is_some() || event.data.moved.is_some() {
                self.touched.tell_all();
            } else {
                self.touched.tell(event.data.touched());
            }
            self.news.try_update(|news| {
                if let Some(news) = news {
                    news.push(Told::of(&EventView::of(event, people)));
                }
            });
            self.forget_attempts(event);
            self.forget_absent(event);
            self.look_at(event);
        }
        Some(applied)
    }

    /// What a verb did.
    pub(super) fn fold_all(self, done: &Done) {
        for event in &done.events {
            if self.fold(event, &done.people) == Some(Applied::Gap) {
                break;
            }
        }
        // What others did in between comes by the feed, where there is one.
        if !self.has(done.seq) {
            let (seq, wait) = (done.seq, if self.is_lost.get_untracked() { Duration::ZERO } else { CATCH_UP_WITHIN });
            let catch_up = move || {
                if !self.has(seq) {
                    self.refetch();
                }
            };
            set_timeout(catch_up, wait);
        }
    }

    /// Whether all up to there is folded, or nobody looks any more.
    fn has(self, seq: i64) -> bool {
        self.folded.try_with_value(|folded| folded.state.seq >= seq).unwrap_or(true)
    }

    /// Follows a verb's action: its answer is folded in, and its error is given to show.
    pub(in crate::pages) fn verb<I: Send + Sync + 'static>(
        self,
        action: Action<I, Result<Done, AppError>>,
        on_ok: impl Fn() + Send + Sync + 'static,
    ) -> Signal<Option<AppError>> {
        crate::form::outcome(action, move |answer| {
            self.done(&answer);
            on_ok();
        })
    }

    /// What is no longer ready waits for no worker, and what no longer runs has none; the feed says so only a moment later.
    fn forget_absent(self, event: &RunEvent) {
        for step in &event.data.steps {
            let is_over = self.beside.with_untracked(|beside| {
                beside.absent.get(&step.key).is_some_and(|absent| !is_of(absent, step.status.word(), false))
            });
            if is_over {
                self.beside.update(|beside| {
                    beside.absent.remove(&step.key);
                });
            }
        }
    }

    /// What is over says no more, and what it made and logged is kept elsewhere.
    fn forget_attempts(self, event: &RunEvent) {
        for attempt in event.data.attempts.iter().filter(|attempt| attempt.outcome.is_some()) {
            if self.streams.with_untracked(|streams| streams.text(&attempt.step, attempt.number).is_some()) {
                self.streams.update(|streams| streams.forget(&attempt.step, attempt.number));
            }
            if self.beside.with_untracked(|beside| beside.tellings.knows(&attempt.step, attempt.number)) {
                self.beside.update(|beside| beside.tellings.forget(&attempt.step, attempt.number));
            }
        }
    }
}
