//! Who is at a place by which process: told between processes while it lasts, and never written into a table.
//! Each telling is all that one process knows of one place, so that the next one makes good what was lost.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use workflow::{StepKey, UserId, api::Place};

/// Of all tellings in one message; Postgres takes 8,000.
const MAX_BYTES: usize = 6_000;

/// Everybody who is at a place by one process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attendance {
    /// Drawn anew by each process.
    pub process: Uuid,
    pub at: Place,
    /// Nobody any more, if there are none.
    pub people: Vec<Attendant>,
    /// There are more than are told.
    #[serde(default)]
    pub and_more: bool,
    /// Whoever else has somebody there should say so: this process knows nothing of it yet.
    #[serde(default)]
    pub asks: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attendant {
    pub user: UserId,
    pub name: String,
    pub tabs: u32,
    #[serde(default)]
    pub selected: Vec<StepKey>,
}

impl Attendance {
    fn n_bytes(&self) -> usize {
        serde_json::to_string(self).map_or(usize::MAX, |text| text.len())
    }

    /// Leaves the last ones out until it fits into a message.
    fn shortened(mut self) -> Self {
        while self.n_bytes() > MAX_BYTES && self.people.pop().is_some() {
            self.and_more = true;
        }
        self
    }
}

/// What waits to be told, the newest of each place. They are told in turn: places that change all the time do not keep others silent.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Place, Attendance>,
    /// The place that was told last: the one behind it comes next.
    last: Option<Place>,
}

impl Queue {
    pub(super) fn put(&mut self, mut attendance: Attendance) {
        attendance.asks |= self.waiting.get(&attendance.at).is_some_and(|waiting| waiting.asks);
        self.waiting.insert(attendance.at, attendance);
    }

    /// Up to one message's worth.
    pub(super) fn take(&mut self) -> Vec<Attendance> {
        let (mut left, mut taken) = (MAX_BYTES, Vec::new());
        while let Some(attendance) = self.next().and_then(|at| self.waiting.remove(&at)) {
            let (at, attendance) = (attendance.at, attendance.shortened());
            let n_bytes = attendance.n_bytes() + 1;
            if n_bytes > left && !taken.is_empty() {
                self.waiting.insert(at, attendance);
                break;
            }
            self.last = Some(at);
            left = left.saturating_sub(n_bytes);
            taken.push(attendance);
        }
        taken
    }

    /// The first place behind the one that was told last, and else the first of all.
    fn next(&self) -> Option<Place> {
        let behind = self.last.and_then(|last| self.waiting.range((Excluded(last), Unbounded)).next());
        behind.or_else(|| self.waiting.first_key_value()).map(|(at, _)| *at)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use workflow::RunId;

    use super::*;

    fn attendance(place: u128, n_people: u128) -> Attendance {
        let person = |n: u128| Attendant {
            user: UserId(Uuid::from_u128(n)),
            name: format!("\"{}\"@example.org", "ü".repeat(100)),
            tabs: 1,
            selected: vec!["a".into()],
        };
        Attendance {
            process: Uuid::nil(),
            at: Place::Run(RunId(Uuid::from_u128(place))),
            people: (0..n_people).map(person).collect(),
            and_more: false,
            asks: false,
        }
    }

    #[test]
    fn of_one_place_the_newest_is_told_and_a_question_is_kept() {
        let mut queue = Queue::default();
        queue.put(Attendance { asks: true, ..attendance(1, 2) });
        queue.put(attendance(1, 1));
        assert_eq!(queue.take(), [Attendance { asks: true, ..attendance(1, 1) }]);
        assert!(queue.is_empty());
    }

    #[test]
    fn places_that_change_all_the_time_keep_no_other_silent() {
        let mut queue = Queue::default();
        let small = attendance(1_000, 1);
        queue.put(small.clone());
        let is_told = (0..25).any(|_| {
            // Each is at its place anew before every message, which a few of them fill.
            (0..64).for_each(|place| queue.put(attendance(place, 3)));
            queue.take().contains(&small)
        });
        assert!(is_told);
    }

    #[test]
    fn every_message_is_one_that_postgres_takes_and_every_place_is_told() {
        let mut queue = Queue::default();
        for place in 0..50 {
            queue.put(attendance(place, if place == 7 { 100 } else { 3 }));
        }
        let mut told = Vec::new();
        while !queue.is_empty() {
            let message = queue.take();
            assert!(!message.is_empty());
            // Postgres takes less than 8,000 bytes, and there is a name around these.
            assert!(serde_json::to_string(&message).unwrap().len() < 7_500);
            told.extend(message);
        }
        assert_eq!(told.len(), 50);
        let crowd = &told[7];
        assert!(crowd.and_more && crowd.people.len() > 10, "{}", crowd.people.len());
        assert!(told.iter().filter(|told| told.and_more).count() == 1);
    }
}
