//! What waits at one run: its turns, those of people first, and what has to be done before they can be decided.

use std::collections::VecDeque;

use crate::{cache::Known, decision::Taken, ids::CommitId, job::Look, turn::Turn};

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
    /// Since this tick somebody who looked at it is expected to ask it for something.
    Held(u64),
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
    pub(crate) will_ask: bool,
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

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

    /// Shows the run to those to whom it is new enough. True: one of them is about to ask it for something, which should not wait for what
    /// others left.
    pub(crate) fn show(&mut self, known: Option<&Known>) -> bool {
        let confirmed = known.map(|known| known.confirmed).or(self.absent);
        let Some(confirmed) = confirmed else { return false };
        let seq = known.map_or(0, |known| known.state.seq);
        let mut will_ask = false;
        for waits in std::mem::take(&mut self.looks) {
            if seq >= waits.at_least && known.is_some() || confirmed >= waits.arrived {
                will_ask |= waits.will_ask;
                (waits.look)(Ok(known.map(|known| &*known.state)));
            } else {
                self.looks.push(waits);
            }
        }
        will_ask && self.is_of_others()
    }

    /// Nobody's but what others left waits, and it is not their turn yet.
    fn is_of_others(&self) -> bool {
        self.persons.is_empty() && !self.others.is_empty() && !self.others_are_next
    }

    /// Who was expected did not ask.
    pub(crate) fn was_held(&mut self) {
        self.others_are_next = true;
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
            (Some(_), _) if self.is_of_others() && self.looks.iter().any(|waits| waits.will_ask) => Next::Look,
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

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use uuid::Uuid;
    use workflow::{
        id::RunId,
        run::{Command, testing::owner},
    };

    use super::*;
    use crate::{Ask, By, ids::AskId};

    fn turn(is_by_person: bool) -> Turn {
        let mut ask = Ask::itself(RunId(Uuid::nil()), Command::TimePassed);
        if is_by_person {
            ask.by = By::Person { actor: owner(), was_asked: false, request: None };
        }
        Turn { id: AskId(1), ask, reply: oneshot::channel().0, arrived: 1, sent: Vec::new(), is_single: false }
    }

    fn waits(arrived: u64, will_ask: bool) -> Waits {
        Waits { at_least: i64::MAX, arrived, will_ask, look: Box::new(|_| ()) }
    }

    #[test]
    fn who_looks_to_ask_is_shown_a_busy_run_before_what_others_left_is_decided_and_then_awaited_once() {
        let mut seat = Seat::default();
        seat.push(turn(false));
        seat.looks.push(waits(5, false));
        assert_eq!(seat.next(Some(4)), Next::Decide, "who only looks may be shown what comes of it");
        seat.looks.push(waits(5, true));
        assert_eq!(seat.next(Some(4)), Next::Look);
        seat.absent = Some(5);
        assert!(seat.show(None), "it is awaited");
        seat.push(turn(true));
        assert!(seat.is_of_people() && seat.take_turns_of_people().len() == 1);
        // Now it is the others' turn, whoever else looks.
        seat.looks.push(waits(7, true));
        assert_eq!(seat.next(Some(6)), Next::Decide);
        seat.absent = Some(7);
        assert!(!seat.show(None));
        assert_eq!(seat.take_turns().len(), 1);
    }

    #[test]
    fn who_is_awaited_in_vain_is_not_awaited_again_before_others_had_their_turn() {
        let mut seat = Seat::default();
        seat.push(turn(false));
        seat.was_held();
        seat.looks.push(waits(5, true));
        assert_eq!(seat.next(Some(4)), Next::Decide);
        seat.take_turns();
        seat.push(turn(false));
        assert_eq!(seat.next(Some(4)), Next::Look);
    }
}
