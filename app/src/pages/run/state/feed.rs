//! What the feed brings, and what is asked once it is lost alone. Must fold nothing by itself.

use std::time::Duration;

use leptos::prelude::*;
use workflow::{
    api::{Follow, RunFrame, Telling},
    view::Applied,
};

use super::{super::absences, LiveRun};
use crate::{
    link::{Link, use_link},
    reactive::effect,
};

/// A feed that is lost alone is mostly open again by then; else it is asked what became of the run.
const ASK_AFTER: Duration = Duration::from_secs(2);

impl LiveRun {
    /// The last event that is folded.
    pub(super) fn known(self) -> Follow {
        self.folded.with_value(|folded| Follow { after: folded.state.seq, told_at: Some(folded.state.at) })
    }

    pub(super) fn take(self, frame: &RunFrame) {
        match frame {
            RunFrame::Event { event, people } => {
                if self.is_told_anew() {
                    self.hold(event, people);
                } else if self.fold(event, people) == Some(Applied::Gap) {
                    self.refetch();
                }
            }
            RunFrame::Delta(delta) => self.streams.update(|streams| streams.add(delta)),
            RunFrame::Resync => {
                // What was kept may be of what never was.
                self.meanwhile.try_update_value(|meanwhile| {
                    meanwhile.held.clear();
                    meanwhile.anew.begin();
                });
                self.refetch();
            }
            RunFrame::Telling(telling) => self.hear(telling),
            RunFrame::Absent { absent } => self.beside.update(|beside| beside.absent = absences::by_step(absent)),
            RunFrame::Beat(_) => {}
        }
    }

    /// Takes in what an attempt says, unless it is known to be over.
    fn hear(self, telling: &Telling) {
        let is_over = self.run.with_untracked(|run| {
            let last = run.step(&telling.step).and_then(|step| step.attempts.last());
            last.is_some_and(|last| {
                last.number > telling.attempt || (last.number == telling.attempt && last.outcome.is_some())
            })
        });
        if !is_over {
            self.beside.update(|beside| beside.tellings.add(telling));
        }
    }

    /// A feed that is gone may say that the run is, or is not to be seen any more.
    pub(super) fn ask_when_lost(self) {
        // The feed of somebody who only looks ends with their right to: whether it was that is asked at once.
        effect(move || {
            if self.looks_on.get() && self.is_lost.get() {
                self.refetch();
            }
        });
        // Of one's own run it ends when the run is deleted, or with all else when the server is away, which the shell says.
        let link = use_link();
        effect(move || {
            if self.is_theirs && self.is_lost.get() && !link.is_some_and(Link::is_lost) {
                let ask = move || {
                    if self.is_lost.try_get_untracked() == Some(true) {
                        self.refetch();
                    }
                };
                if let Ok(timer) = set_timeout_with_handle(ask, ASK_AFTER) {
                    on_cleanup(move || timer.clear());
                }
            }
        });
    }
}
