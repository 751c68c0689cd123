//! Runs with something to do, in the order they came, and how many commits are on their way: those of people apart from all others, so that
//! nobody who waits for an answer waits behind what steps left. Must never hold back others for people: each lane has places of its own.

use std::collections::VecDeque;

use workflow::id::RunId;

use crate::options::Options;

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
            Lane::All => self.n_of_all < options.parallel_commits,
        }
    }

    pub(crate) fn is_sent(&mut self, lane: Lane) {
        *self.n_on_their_way(lane) += 1;
    }

    pub(crate) fn has_landed(&mut self, lane: Lane) {
        *self.n_on_their_way(lane) -= 1;
    }

    fn n_on_their_way(&mut self, lane: Lane) -> &mut usize {
        match lane {
            Lane::People => &mut self.n_of_people,
            Lane::All => &mut self.n_of_all,
        }
    }
}
