//! What takes in what happens: what the feed brings, and what is asked once it is lost alone. It comes beside the graph, since nothing
//! happens before the feed is followed. Must fold nothing by itself.

use std::time::Duration;

use leptos::prelude::*;
use workflow::{
    api::{Follow, RunFrame, Telling},
    view::Applied,
};

use super::{super::absences, LiveRun, derived::stale_steps};
use crate::{
    api::Done,
    later::{later, soon},
    link::{Link, use_link},
    live::{Connection, follow_run},
    reactive::{effect, renewed},
};

later! {
    graph: taking_in, TakingIn, TakingIn { follow: LiveRun::follow_feed, done: LiveRun::fold_all };
}

#[derive(Clone, Copy)]
pub(super) struct TakingIn {
    /// Follows the run from what is known of it.
    follow: fn(LiveRun, RwSignal<Connection>),
    /// Takes in what a verb did.
    done: fn(LiveRun, &Done),
}

/// A feed that is lost alone is mostly open again by then; else it is asked what became of the run.
const ASK_AFTER: Duration = Duration::from_secs(2);

impl LiveRun {
    /// Begins to take in what happens, as soon as there is what does. Nothing is missed until then: the feed goes on from the last event that
    /// is known.
    pub(super) fn begin(self, connection: RwSignal<Connection>) {
        let taking_in = soon(taking_in);
        effect(move || {
            if let Some(taking_in) = taking_in.get() {
                self.meanwhile.update_value(|meanwhile| meanwhile.takes_in = Some(taking_in));
                untrack(|| (taking_in.follow)(self, connection));
            }
        });
    }

    /// What a verb did; the feed may have brought it already, or will where it is not followed yet.
    pub(in crate::pages::run) fn done(self, done: &Done) {
        if let Some(taking_in) = self.meanwhile.try_with_value(|meanwhile| meanwhile.takes_in).flatten() {
            (taking_in.done)(self, done);
        }
    }

    fn follow_feed(self, connection: RwSignal<Connection>) {
        let feed = follow_run(self.id, move || self.known(), move |frame| self.take(frame));
        effect(move || connection.set(feed.get()));
        self.ask_when_lost();
        effect(move || {
            // What was refused since the session had ended is asked for again after a new sign-in.
            self.session.epoch();
            if self.is_part() == Some(true) || self.is_told_anew() {
                self.refetch();
            }
        });
        // Each row of the list of steps follows it.
        let stale = renewed(move || self.pulse.track(), move || self.run.with_untracked(stale_steps));
        effect(move || {
            let is_other = stale.with(|now| self.stale.with_untracked(|known| known != now));
            if is_other {
                self.stale.set(stale.get_untracked());
            }
        });
    }

    /// The last event that is folded.
    fn known(self) -> Follow {
        self.folded.with_value(|folded| Follow { after: folded.state.seq, told_at: Some(folded.state.at) })
    }

    fn take(self, frame: &RunFrame) {
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
    fn ask_when_lost(self) {
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
