//! A run as it was after any of its events. The log is read once from its beginning; from some states on the way that are kept, whatever
//! lies between is folded anew. What is kept is bounded, whatever the number of events: events that are not there any more are asked for.
//! It must never touch the live run: it folds a state of its own.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    RunView,
    run::{RunEvent, State, event::EventKind, state::Emails},
    spans::Spans,
    view::Applied,
};

/// States are kept so often at first, and half as often each time there are too many.
const EVERY: i64 = 128;
/// So many at most, and at least `FEW`; between them as many as have so many steps in all.
const MANY: usize = 64;
const FEW: usize = 4;
const STEPS: usize = 60_000;
/// Events that are kept.
const EVENTS: usize = 10_000;

/// What is worth a look on the way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mark {
    Gate,
    Failure,
}

impl Mark {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Failure => "failure",
        }
    }

    fn of(kind: EventKind) -> Option<Self> {
        match kind {
            EventKind::StepAwaitingReview => Some(Self::Gate),
            EventKind::StepFailed | EventKind::ReviewTimedOut | EventKind::RunTimedOut | EventKind::BudgetExceeded => {
                Some(Self::Failure)
            }
            _ => None,
        }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Replay {
    /// After all that was read.
    last: State,
    spans: Spans,
    /// By the number of the event.
    marks: BTreeMap<i64, Mark>,
    kept: BTreeMap<i64, State>,
    every: i64,
    events: BTreeMap<i64, RunEvent>,
    /// What is looked at; on the way to it while events are missing.
    shown: State,
    wanted: i64,
}

impl Default for Replay {
    fn default() -> Self {
        Self {
            last: State::empty(),
            spans: Spans::default(),
            marks: BTreeMap::new(),
            kept: BTreeMap::new(),
            every: EVERY,
            events: BTreeMap::new(),
            shown: State::empty(),
            wanted: 0,
        }
    }
}

impl Replay {
    /// The last event that was read.
    pub fn seq(&self) -> i64 {
        self.last.seq
    }

    pub fn spans(&self) -> &Spans {
        &self.spans
    }

    /// By the number of the event.
    pub fn marks(&self) -> &BTreeMap<i64, Mark> {
        &self.marks
    }

    /// The mark before or after an event.
    pub fn mark_beside(&self, seq: i64, is_after: bool) -> Option<i64> {
        let found = if is_after {
            self.marks.range(seq.saturating_add(1)..).next()
        } else {
            self.marks.range(..seq).next_back()
        };
        found.map(|(seq, _)| *seq)
    }

    /// Reads on, from event 1. What was read before changes nothing; nothing behind a gap is taken.
    pub fn take(&mut self, events: Vec<RunEvent>) -> Applied {
        let mut applied = Applied::AlreadyKnown;
        for event in events {
            match self.last.apply(&event) {
                Applied::Changed => applied = Applied::Changed,
                Applied::AlreadyKnown => continue,
                Applied::Gap => return Applied::Gap,
            }
            self.spans.apply(&event);
            if let Some(mark) = Mark::of(event.kind) {
                self.marks.insert(event.seq, mark);
            }
            self.events.insert(event.seq, event);
            self.keep();
        }
        self.forget();
        applied
    }

    /// Goes to where the run was after this event. Answers with the event after which more are to be lent before it is there.
    pub fn go_to(&mut self, seq: i64) -> Option<i64> {
        self.wanted = seq.clamp(1, self.last.seq.max(1)).min(self.last.seq);
        let nearest = self.kept.range(..=self.wanted).next_back().map(|(_, state)| state);
        if self.wanted == self.last.seq {
            self.shown = self.last.clone();
        } else if self.shown.seq > self.wanted || nearest.is_some_and(|state| state.seq > self.shown.seq) {
            self.shown = nearest.cloned().unwrap_or_else(State::empty);
        }
        self.go_on()
    }

    /// Events that were asked for: they bring it nearer to where it is to go.
    pub fn lend(&mut self, events: Vec<RunEvent>) -> Option<i64> {
        let known = events.into_iter().filter(|event| event.seq <= self.last.seq).map(|event| (event.seq, event));
        self.events.extend(known);
        // Before any is forgotten again, or it might come no nearer.
        let missing = self.go_on();
        self.forget();
        missing
    }

    /// Where it is by now.
    pub fn shown(&self) -> &State {
        &self.shown
    }

    fn go_on(&mut self) -> Option<i64> {
        while self.shown.seq < self.wanted {
            let next = self.shown.seq + 1;
            match self.events.get(&next) {
                Some(event) => self.shown.apply(event),
                None => return Some(self.shown.seq),
            };
        }
        None
    }

    fn keep(&mut self) {
        let seq = self.last.seq;
        if seq % self.every != 0 {
            return;
        }
        self.kept.insert(seq, self.last.clone());
        let most = (STEPS / self.last.steps().count().max(1)).clamp(FEW, MANY);
        while self.kept.len() > most {
            self.every *= 2;
            let every = self.every;
            self.kept.retain(|seq, _| seq % every == 0);
        }
    }

    /// Those that are farthest from what is looked at go first.
    fn forget(&mut self) {
        let near = if self.wanted == 0 { self.last.seq } else { self.wanted };
        while self.events.len() > EVENTS {
            let (first, last) = (self.events.keys().next().copied(), self.events.keys().next_back().copied());
            match first.zip(last) {
                Some((first, last)) if near - first < last - near => self.events.pop_last(),
                _ => self.events.pop_first(),
            };
        }
    }
}

/// What a page shows of a run as it was. What was at work then counts up to that moment, not to now: its attempts end there in this view
/// alone, and have no outcome.
pub fn as_it_was(state: &State, people: &Emails) -> RunView {
    let mut view = state.view(people);
    for step in &mut view.steps {
        if step.attempts.iter().any(|attempt| attempt.ended_at.is_none()) {
            let step = Arc::make_mut(step);
            for attempt in step.attempts.iter_mut().filter(|attempt| attempt.ended_at.is_none()) {
                attempt.ended_at = Some(state.at.max(attempt.started_at));
            }
        }
    }
    view
}

/// Of many marks so few that each has a column of its own: a failure goes before a gate. By column.
pub fn thinned(marks: &BTreeMap<i64, Mark>, last_seq: i64, n_columns: i64) -> BTreeMap<i64, Mark> {
    let mut thin = BTreeMap::new();
    for (seq, mark) in marks {
        let column = seq.saturating_sub(1).saturating_mul(n_columns - 1) / (last_seq - 1).max(1);
        let known = thin.entry(column).or_insert(*mark);
        *known = (*known).max(*mark);
    }
    thin
}
