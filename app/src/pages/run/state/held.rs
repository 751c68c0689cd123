//! What is kept until the run was read: events that what is there now cannot take in, and whether that may never have been.
//! Must never fold anything by itself.

use leptos::prelude::*;
use workflow::run::{RunEvent, state::Emails};

use super::{super::anew::Anew, LiveRun, feed::TakingIn};

/// What came while the run was read is kept, up to so many events: then what is missing is read once more.
const MOST_HELD: usize = 10_000;

/// What is kept until the run was read.
#[derive(Default)]
pub(super) struct Meanwhile {
    /// The feed said that what is shown may never have been.
    pub anew: Anew,
    /// Events that are to be folded then.
    pub held: Vec<(RunEvent, Emails)>,
    /// What takes in what happens; none until it was fetched.
    pub takes_in: Option<TakingIn>,
}

impl LiveRun {
    /// Whether it is not all there yet; none once the page is gone.
    pub(super) fn is_part(self) -> Option<bool> {
        self.run.try_with_untracked(|run| run.left_out.is_some())
    }

    /// Whether what is shown may never have been, and is yet to be read again.
    pub(super) fn is_told_anew(self) -> bool {
        self.meanwhile.try_with_value(|meanwhile| meanwhile.anew.is_told()) == Some(true)
    }

    /// Keeps an event until the run was read: what is there now cannot take it in.
    pub(super) fn hold(self, event: &RunEvent, people: &Emails) {
        self.meanwhile.try_update_value(|Meanwhile { held, .. }| {
            if held.len() == MOST_HELD {
                held.clear();
            }
            held.push((event.clone(), people.clone()));
        });
    }
}
