//! The fair queue: everyone in the round gets one turn after the other, the others wait in order of arrival.
//! Pure; what a turn does is the caller's business, and it never looks inside an entry.

use std::collections::VecDeque;

/// What an entry wants after its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    Again,
    Done,
}

/// Round robin over at most `width` entries; the rest wait for a place.
/// The width bounds memory: only an entry in the round has begun and holds a cache.
#[derive(Debug)]
pub(crate) struct Rounds<T> {
    round: VecDeque<T>,
    waiting: VecDeque<T>,
    width: usize,
}

impl<T> Rounds<T> {
    pub(crate) fn new(width: usize) -> Self {
        Self { round: VecDeque::new(), waiting: VecDeque::new(), width: width.max(1) }
    }

    pub(crate) fn push(&mut self, entry: T) {
        self.waiting.push_back(entry);
        self.fill();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.round.is_empty()
    }

    pub(crate) fn n_running(&self) -> usize {
        self.round.len()
    }

    /// Drops entries nobody waits for any more, begun or not.
    pub(crate) fn retain(&mut self, mut is_wanted: impl FnMut(&T) -> bool) {
        self.round.retain(&mut is_wanted);
        self.waiting.retain(is_wanted);
        self.fill();
    }

    /// Gives the next entry its turn.
    pub(crate) fn turn(&mut self, take: impl FnOnce(&mut T) -> After) {
        let Some(mut entry) = self.round.pop_front() else {
            return;
        };
        if take(&mut entry) == After::Again {
            self.round.push_back(entry);
        }
        self.fill();
    }

    fn fill(&mut self) {
        while self.round.len() < self.width {
            let Some(entry) = self.waiting.pop_front() else {
                return;
            };
            self.round.push_back(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Entry {
        name: char,
        turns: usize,
    }

    fn queue(width: usize, entries: &[(char, usize)]) -> Rounds<Entry> {
        let mut rounds = Rounds::new(width);
        for &(name, turns) in entries {
            rounds.push(Entry { name, turns });
        }
        rounds
    }

    fn take(order: &mut String, entry: &mut Entry) -> After {
        order.push(entry.name);
        entry.turns -= 1;
        if entry.turns == 0 { After::Done } else { After::Again }
    }

    fn order(mut rounds: Rounds<Entry>) -> String {
        let mut order = String::new();
        while !rounds.is_empty() {
            rounds.turn(|entry| take(&mut order, entry));
        }
        order
    }

    #[test]
    fn three_requests_take_turns_one_token_each() {
        assert_eq!(order(queue(4, &[('a', 3), ('b', 3), ('c', 3)])), "abcabcabc");
    }

    #[test]
    fn a_short_request_is_not_held_up_by_a_long_one() {
        assert_eq!(order(queue(4, &[('a', 6), ('b', 2)])), "ababaaaa");
    }

    #[test]
    fn those_beyond_the_width_begin_in_order_of_arrival_when_a_place_is_free() {
        assert_eq!(order(queue(2, &[('a', 2), ('b', 3), ('c', 2), ('d', 1)])), "ababcbcd");
    }

    #[test]
    fn a_newcomer_joins_the_round_that_is_running() {
        let mut rounds = queue(4, &[('a', 4)]);
        let mut seen = String::new();
        rounds.turn(|entry| take(&mut seen, entry));
        rounds.push(Entry { name: 'b', turns: 2 });
        while !rounds.is_empty() {
            rounds.turn(|entry| take(&mut seen, entry));
        }
        assert_eq!(seen, "aababa");
    }

    #[test]
    fn dropped_entries_free_their_place_at_once() {
        let mut rounds = queue(2, &[('a', 9), ('b', 9), ('c', 1), ('d', 1)]);
        rounds.retain(|entry| !matches!(entry.name, 'a' | 'c'));
        assert_eq!(rounds.n_running(), 2);
        let mut seen = String::new();
        rounds.turn(|entry| take(&mut seen, entry));
        rounds.turn(|entry| take(&mut seen, entry));
        assert_eq!(seen, "bd");
    }

    #[test]
    fn a_turn_of_an_empty_queue_does_nothing() {
        let mut rounds = queue(2, &[]);
        rounds.turn(|_| After::Again);
        assert!(rounds.is_empty());
    }
}
