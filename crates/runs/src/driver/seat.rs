//! What waits at one run: its turns, those of people first, and what has to be done before they can be decided.

use std::collections::VecDeque;

use crate::{cache::Known, commit::CommitId, decision::Taken, job::Look, turn::Turn};

/// So often in a row a run may be lost before it goes alone.
const MOST_LOSSES: u32 = 3;

/// Where the run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Place {
    #[default]
    Idle,
    /// In the queue of runs with something to do.
    Queued,
    /// Something of it is on its way.
    Busy,
}

/// Whether what is known of the run will do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) enum Doubt {
    #[default]
    None,
    /// The log has to be asked what is newer.
    Unsure,
    /// The run lost: there is something newer, or what is known is not the log's.
    HasLost,
}

/// Somebody who wants to look at the run.
pub(crate) struct Waits {
    pub(crate) at_least: i64,
    pub(crate) arrived: u64,
    pub(crate) look: Look,
}

#[derive(Default)]
pub(crate) struct Seat {
    persons: VecDeque<Turn>,
    others: VecDeque<Turn>,
    pub(crate) looks: Vec<Waits>,
    pub(crate) place: Place,
    /// The log did not have it when this tick had come.
    pub(crate) absent: Option<u64>,
    pub(crate) doubt: Doubt,
    /// In a row.
    pub(crate) n_losses: u32,
    /// So often in a row the log could not be reached, while it was not known what became of something.
    pub(crate) n_away: u32,
    /// Loads in a row that did not fit.
    pub(crate) n_torn: u32,
    /// Steps that it sets free are left to claims: a commit that took some was refused.
    pub(crate) is_plain: bool,
    /// What people asked went ahead of others, whose turn it is now.
    others_are_next: bool,
    /// Steps taken by commits of which nobody knows whether they are written.
    pub(crate) in_doubt: Vec<(CommitId, Taken)>,
}

pub(crate) enum Next {
    Nothing,
    Load,
    Look,
    Decide,
    Alone,
}

impl Seat {
    pub(crate) fn push(&mut self, turn: Turn) {
        if turn.ask.is_by_person() { &mut self.persons } else { &mut self.others }.push_back(turn);
    }

    /// They come before those that came later.
    pub(crate) fn put_back(&mut self, turns: Vec<Turn>) {
        for turn in turns.into_iter().rev() {
            if turn.ask.is_by_person() { &mut self.persons } else { &mut self.others }.push_front(turn);
        }
    }

    /// Whether it may go ahead of runs at which nobody waits. Not twice in a row, or others would never come.
    pub(crate) fn is_of_people(&self) -> bool {
        !self.persons.is_empty() && !self.others_are_next
    }

    /// What people asked, by when it came. What others left is more by far, and would make the commit longer for those who wait for it.
    pub(crate) fn take_turns_of_people(&mut self) -> Vec<Turn> {
        self.others_are_next = !self.others.is_empty();
        self.persons.drain(..).collect()
    }

    /// All of them: people's first. Each kind by when it came.
    pub(crate) fn take_turns(&mut self) -> Vec<Turn> {
        self.others_are_next = false;
        self.persons.drain(..).chain(self.others.drain(..)).collect()
    }

    pub(crate) fn has_turns(&self) -> bool {
        self.first().is_some()
    }

    /// Shows the run to those to whom it is new enough.
    pub(crate) fn show(&mut self, known: Option<&Known>) {
        let confirmed = known.map(|known| known.confirmed).or(self.absent);
        let Some(confirmed) = confirmed else { return };
        let seq = known.map_or(0, |known| known.state.seq);
        for waits in std::mem::take(&mut self.looks) {
            if seq >= waits.at_least && known.is_some() || confirmed >= waits.arrived {
                (waits.look)(Ok(known.map(|known| &*known.state)));
            } else {
                self.looks.push(waits);
            }
        }
    }

    fn first(&self) -> Option<&Turn> {
        self.persons.front().or_else(|| self.others.front())
    }

    /// `confirmed`: of the state that is known.
    pub(crate) fn next(&self, confirmed: Option<u64>) -> Next {
        let Some(first) = self.first() else {
            return match confirmed {
                _ if self.looks.is_empty() && self.in_doubt.is_empty() => Next::Nothing,
                Some(_) => Next::Look,
                None => Next::Load,
            };
        };
        match (confirmed, self.absent) {
            (Some(_), _) if self.n_losses >= MOST_LOSSES => Next::Alone,
            (Some(_), _) if self.doubt != Doubt::None => Next::Look,
            (Some(_), _) => Next::Decide,
            (None, Some(_)) if self.doubt == Doubt::None => Next::Decide,
            // Its id is new, so nobody can have it; if somebody does, the commit says so.
            (None, None) if first.is_start() && self.doubt == Doubt::None => Next::Decide,
            (None, _) => Next::Load,
        }
    }

    /// All of what waits is to be committed alone from now on.
    pub(crate) fn make_single(&mut self) {
        self.persons.iter_mut().chain(&mut self.others).for_each(|turn| turn.is_single = true);
    }
}
