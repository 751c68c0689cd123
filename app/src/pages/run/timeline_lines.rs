//! The lines of the timeline: events in a row about the items of one list are one line, or a thousand items would push all else out of sight.
//! Must lose no event: a line holds those that it stands for, in their order.

use workflow::{StepKey, run::event::EventKind};

use crate::{told::Told, words};

/// So few are told one by one.
const FEW: usize = 3;

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    /// The list whose items the events are about; none of a single event.
    pub items_of: Option<StepKey>,
    /// Newest first, and never empty.
    pub events: Vec<Told>,
}

impl Line {
    /// The same while news come in front of it: what is open stays so.
    pub(super) fn by_oldest(&self) -> (i64, bool) {
        (self.events.last().map_or(0, |event| event.seq), self.items_of.is_some())
    }

    /// The same while earlier ones come behind it.
    pub(super) fn by_newest(&self) -> (i64, bool) {
        (self.events.first().map_or(0, |event| event.seq), self.items_of.is_some())
    }

    /// "2,003 events of its items: 1,000 completed, 2 failed".
    pub(super) fn words(&self) -> String {
        let told = [
            (EventKind::StepCompleted, "completed"),
            (EventKind::StepFailed, "failed"),
            (EventKind::StepAwaitingReview, "waiting for review"),
        ];
        let parts = told.into_iter().filter_map(|(kind, word)| {
            let n = self.events.iter().filter(|event| event.kind == kind).count();
            (n > 0).then(|| format!("{} {word}", words::number(n)))
        });
        let parts: Vec<String> = parts.collect();
        let events = format!("{} of its items", words::count(self.events.len(), "event"));
        if parts.is_empty() { events } else { format!("{events}: {}", parts.join(", ")) }
    }
}

/// As they stand below each other.
pub(super) fn lines(events: Vec<Told>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for event in events {
        let goes_on = |last: &Line| last.items_of.is_some() && last.items_of == event.items_of;
        let is_more = lines.last().is_some_and(goes_on);
        match lines.last_mut().filter(|_| is_more) {
            Some(last) => last.events.push(event),
            None => lines.push(Line { items_of: event.items_of.clone(), events: vec![event] }),
        }
    }
    let apart = |line: Line| match line.items_of {
        Some(_) if line.events.len() > FEW => vec![line],
        _ => line.events.into_iter().map(|event| Line { items_of: None, events: vec![event] }).collect(),
    };
    lines.into_iter().flat_map(apart).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn event(seq: i64, kind: EventKind, step: &str) -> Told {
        let step = StepKey::new(step);
        let (of, item) = step.split();
        let items_of = item.is_some().then_some(of);
        Told {
            seq,
            at: DateTime::UNIX_EPOCH,
            kind,
            by: None,
            acted_for: None,
            step: Some(step.clone()),
            n_steps: 0,
            steps: Vec::new(),
            items_of,
            versions: Vec::new(),
            said: None,
            begins_a_run: false,
            auto_run: None,
        }
    }

    #[test]
    fn a_thousand_items_are_one_line_that_holds_them_all() {
        let mut events = vec![event(2_003, EventKind::StepCompleted, "after")];
        let of_items = (3..2_003).rev().map(|seq| {
            let kind = if seq % 2 == 0 { EventKind::StepCompleted } else { EventKind::StepsStarted };
            event(seq, kind, &format!("each[{}]", seq / 2))
        });
        events.extend(of_items);
        events.push(event(2, EventKind::StepExpanded, "each"));
        let lines = lines(events.clone());
        let seen: Vec<(bool, usize)> = lines.iter().map(|line| (line.items_of.is_some(), line.events.len())).collect();
        assert_eq!(seen, [(false, 1), (true, 2_000), (false, 1)]);
        assert_eq!(lines[1].words(), "2,000 events of its items: 1,000 completed");
        let all: Vec<Told> = lines.into_iter().flat_map(|line| line.events).collect();
        assert_eq!(all, events, "none is lost, and their order stays");
    }

    #[test]
    fn few_events_of_items_and_those_of_other_lists_stand_alone() {
        let kind = EventKind::StepFailed;
        let few = [event(3, kind, "each[1]"), event(2, kind, "each[2]"), event(1, kind, "other[1]")];
        let lines = lines(few.to_vec());
        assert!(lines.iter().all(|line| line.items_of.is_none() && line.events.len() == 1));
        assert_eq!(lines.iter().map(Line::by_oldest).collect::<Vec<_>>(), [(3, false), (2, false), (1, false)]);
    }

    #[test]
    fn a_line_stays_the_same_one_while_it_grows() {
        let of = |range: std::ops::Range<i64>| -> Vec<Line> {
            lines(range.rev().map(|seq| event(seq, EventKind::StepCompleted, &format!("each[{seq}]"))).collect())
        };
        let (before, news, earlier) = (of(5..10), of(5..20), of(1..10));
        assert_eq!([before.len(), news.len(), earlier.len()], [1, 1, 1]);
        assert_eq!(before[0].by_oldest(), news[0].by_oldest());
        assert_eq!(before[0].by_newest(), earlier[0].by_newest());
        assert_ne!(of(5..8)[0].by_oldest(), before[0].by_oldest(), "a single event is no group");
    }
}
