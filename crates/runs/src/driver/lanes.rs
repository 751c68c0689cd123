//! Runs with something to do, in the order they came, and how many commits are on their way: those of people apart from all others, so that
//! nobody who waits for an answer waits behind what steps left. Must never hold back others for people altogether: each lane has places of
//! its own, and those of steps rest for a while after each commit as long as people wait.

use std::{collections::VecDeque, time::Duration};

use workflow::id::RunId;

use crate::options::Options;

/// While people wait, a place rests so many times as long as its commit took: they get most of what processors and the disk can do.
const RESTS: u32 = 2;
/// And never longer than this: one that hung with its database says nothing of how long they would have to wait.
const LONGEST_REST: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lane {
    /// What people ask, starts among it, and nothing else.
    People,
    All,
}

#[derive(Default)]
pub(crate) struct Lanes {
    /// A run may be in both, of which only the first counts: whoever takes it looks whether it still waits.
    people: VecDeque<RunId>,
    all: VecDeque<RunId>,
    n_of_people: usize,
    n_of_all: usize,
    /// Places that rest.
    n_resting: usize,
}

impl Lanes {
    pub(crate) fn queue(&mut self, lane: Lane) -> &mut VecDeque<RunId> {
        match lane {
            Lane::People => &mut self.people,
            Lane::All => &mut self.all,
        }
    }

    /// Whether another commit may be sent.
    pub(crate) fn has_place(&self, lane: Lane, options: &Options) -> bool {
        match lane {
            Lane::People => self.n_of_people < options.people_commits,
            Lane::All => self.n_of_all + self.n_resting < options.parallel_commits,
        }
    }

    pub(crate) fn is_sent(&mut self, lane: Lane) {
        *self.n_on_their_way(lane) += 1;
    }

    pub(crate) fn has_landed(&mut self, lane: Lane) {
        *self.n_on_their_way(lane) -= 1;
    }

    /// The place of a commit that took so long rests now, for as long as is answered.
    pub(crate) fn rest(&mut self, lane: Lane, took: Duration) -> Option<Duration> {
        let is_to = lane == Lane::All && (self.n_of_people > 0 || !self.people.is_empty());
        self.n_resting += usize::from(is_to);
        is_to.then(|| took.saturating_mul(RESTS).min(LONGEST_REST))
    }

    pub(crate) fn has_rested(&mut self) {
        self.n_resting -= 1;
    }

    fn n_on_their_way(&mut self, lane: Lane) -> &mut usize {
        match lane {
            Lane::People => &mut self.n_of_people,
            Lane::All => &mut self.n_of_all,
        }
    }
}
