//! What each step of a run did or waited for, and from when to when, as the events of the run tell it.
//! It must never read a clock: what goes on has no end, and whoever shows it says up to when.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    id::StepKey,
    run::{
        RunEvent,
        state::{Admission, Attempt, Status, Step, Wait, Work},
    },
    status::Outcome,
};

/// What a step is at, as far as it takes time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// A limit or a pause keeps it.
    Queued,
    /// It may start, and nobody has taken it yet.
    ForWorker,
    /// An attempt failed, and the next one waits for its time.
    BackingOff,
    Running,
    /// Its attempt waits for something outside, without a worker.
    Outside,
    Review,
}

impl Phase {
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::ForWorker, Self::BackingOff, Self::Running, Self::Outside, Self::Review];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::ForWorker => "for_worker",
            Self::BackingOff => "backing_off",
            Self::Running => "running",
            Self::Outside => "outside",
            Self::Review => "review",
        }
    }

    /// As people read it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Queued => "In the queue",
            Self::ForWorker => "Waiting for a worker",
            Self::BackingOff => "Waiting to try again",
            Self::Running => "At work",
            Self::Outside => "Waiting for something outside",
            Self::Review => "Waiting for a review",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    pub phase: Phase,
    pub since: DateTime<Utc>,
    /// Absent while it goes on.
    pub until: Option<DateTime<Utc>>,
    pub generation: i32,
    /// Of what an attempt does, which one.
    pub attempt: Option<i32>,
    /// How that ended.
    pub outcome: Option<Outcome>,
}

impl Span {
    /// Milliseconds, up to `now` for what goes on. Clocks differ, but no time is negative.
    pub fn ms(&self, now: DateTime<Utc>) -> i64 {
        (self.until.unwrap_or(now) - self.since).num_milliseconds().max(0)
    }
}

/// Those of one step, in their order.
#[derive(Clone, PartialEq, Debug, Default)]
struct OfStep {
    spans: Vec<Span>,
    /// When the last one, which goes on, turns into another by itself: no event tells of the end of backing off.
    turn: Option<Turn>,
}

/// Of a whole run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Spans {
    by_step: BTreeMap<StepKey, OfStep>,
    began: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
}

impl Spans {
    /// Takes in the next event of the run; costs what the event is about.
    pub fn apply(&mut self, event: &RunEvent) {
        self.began.get_or_insert(event.at);
        self.last = Some(event.at);
        let told = event.data.attempts.iter().map(|attempt| ((&attempt.step, attempt.number), attempt));
        let told: BTreeMap<(&StepKey, i32), &Attempt> = told.collect();
        for step in &event.data.steps {
            self.by_step.entry(step.key.clone()).or_default().go_on(step, event.at, &told);
        }
        for key in &event.data.removed {
            if let Some(of_step) = self.by_step.get_mut(key) {
                of_step.end(event.at, None);
            }
        }
    }

    /// When the run began, and when its last event was; nothing before it began.
    pub fn whole(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        self.began.zip(self.last)
    }

    /// Those of a step in their order; only the last may go on. As it is known at `now`.
    pub fn of(&self, key: &StepKey, now: DateTime<Utc>) -> Vec<Span> {
        let Some(of_step) = self.by_step.get(key) else { return Vec::new() };
        let mut spans = of_step.spans.clone();
        turned(&mut spans, of_step.turn, now);
        spans
    }

    /// The same without what an end of backing off makes of the last one: for thousands of steps at once.
    pub fn told(&self, key: &StepKey) -> &[Span] {
        self.by_step.get(key).map_or(&[], |of_step| of_step.spans.as_slice())
    }
}

/// What backed off, and is not taken yet once that is over, waits for something else.
fn turned(spans: &mut Vec<Span>, turn: Option<Turn>, now: DateTime<Utc>) {
    if let Some((at, phase)) = turn.filter(|(at, _)| *at < now)
        && let Some(last) = spans.last_mut().filter(|last| last.until.is_none())
    {
        let at = at.max(last.since);
        last.until = Some(at);
        let next = Span { phase, since: at, until: None, ..last.clone() };
        spans.push(next);
    }
}

impl OfStep {
    fn go_on(&mut self, step: &Step, at: DateTime<Utc>, told: &BTreeMap<(&StepKey, i32), &Attempt>) {
        let next = phase_of(step, at);
        let latest = || told.range((&step.key, i32::MIN)..=(&step.key, i32::MAX)).next_back().map(|(key, _)| key.1);
        let known = || self.spans.iter().rev().find_map(|span| span.attempt);
        let is_work = next.is_some_and(|(phase, _)| matches!(phase, Phase::Running | Phase::Outside));
        let attempt = if is_work { latest().or_else(known) } else { None };
        let open = self.spans.last().filter(|span| span.until.is_none());
        if let (Some(open), Some((phase, turn))) = (open, next)
            && (open.phase, open.generation, open.attempt, self.turn) == (phase, step.generation, attempt, turn)
        {
            return;
        }
        let ended = open.and_then(|open| told.get(&(&step.key, open.attempt?))?.outcome);
        self.end(at, ended);
        if let Some((phase, turn)) = next {
            self.turn = turn;
            self.spans.push(Span {
                phase,
                since: at,
                until: None,
                generation: step.generation,
                attempt,
                outcome: None,
            });
        }
    }

    fn end(&mut self, at: DateTime<Utc>, outcome: Option<Outcome>) {
        turned(&mut self.spans, self.turn.take(), at);
        if let Some(open) = self.spans.last_mut().filter(|span| span.until.is_none()) {
            open.until = Some(at);
            open.outcome = outcome;
            // What was taken in the commit that let it go never waited.
            if open.since == at && open.phase != Phase::Running {
                self.spans.pop();
            }
        }
    }
}

/// When something becomes another thing by itself.
type Turn = (DateTime<Utc>, Phase);

/// What the step is at from then on, and what becomes of that.
fn phase_of(step: &Step, at: DateTime<Utc>) -> Option<(Phase, Option<Turn>)> {
    let waits = |admission: Admission| match admission {
        Admission::Claimable => Phase::ForWorker,
        Admission::Held | Admission::Limited | Admission::Reserving => Phase::Queued,
    };
    match &step.status {
        Status::Ready { admission } if step.not_before > at => {
            Some((Phase::BackingOff, Some((step.not_before, waits(*admission)))))
        }
        Status::Ready { admission } | Status::Running(Work::Suspended { wait: Wait::Over { admission } }) => {
            Some((waits(*admission), None))
        }
        Status::Running(Work::Suspended { .. }) => Some((Phase::Outside, None)),
        Status::Running(Work::Attempt { .. } | Work::Items { .. } | Work::Child {}) => Some((Phase::Running, None)),
        Status::AwaitingReview { .. } => Some((Phase::Review, None)),
        Status::Pending { .. }
        | Status::Completed
        | Status::Failed { .. }
        | Status::Skipped { .. }
        | Status::Cancelled => None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::run::event::{Effects, EventKind};

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
    }

    fn event(ms: i64, status: Status, not_before: i64) -> RunEvent {
        let step = Step { status, not_before: at(not_before), ..step() };
        let data = Effects { steps: vec![step], ..Effects::default() };
        RunEvent { seq: ms, at: at(ms), kind: EventKind::Continued, actor: None, cause: None, data }
    }

    fn step() -> Step {
        let wire = serde_json::json!({
            "key": "a", "status": "pending", "reason": null, "generation": 1, "not_before": at(0)});
        serde_json::from_value(wire).unwrap()
    }

    fn told(spans: &[Span]) -> Vec<(Phase, i64, Option<i64>)> {
        let ms = |at: DateTime<Utc>| at.timestamp_millis();
        spans.iter().map(|span| (span.phase, ms(span.since), span.until.map(ms))).collect()
    }

    fn ready(admission: Admission) -> Status {
        Status::Ready { admission }
    }

    fn items() -> Status {
        Status::Running(Work::Items { needs_decision: false })
    }

    #[test]
    fn waiting_for_a_place_and_for_a_worker_and_working_are_told_apart() {
        let mut spans = Spans::default();
        spans.apply(&event(1, ready(Admission::Limited), 1));
        spans.apply(&event(5, ready(Admission::Claimable), 1));
        spans.apply(&event(7, items(), 1));
        spans.apply(&event(9, items(), 1));
        spans.apply(&event(12, Status::Completed, 1));
        let all = [(Phase::Queued, 1, Some(5)), (Phase::ForWorker, 5, Some(7)), (Phase::Running, 7, Some(12))];
        assert_eq!(told(&spans.of(&"a".into(), at(99))), all);
        assert_eq!(spans.whole(), Some((at(1), at(12))));
        assert!(spans.of(&"b".into(), at(99)).is_empty());
    }

    #[test]
    fn backing_off_ends_by_itself_and_what_waits_then_waits_for_a_worker() {
        let mut spans = Spans::default();
        spans.apply(&event(10, ready(Admission::Claimable), 30));
        let of = |spans: &Spans, now: i64| told(&spans.of(&"a".into(), at(now)));
        assert_eq!(of(&spans, 20), [(Phase::BackingOff, 10, None)]);
        assert_eq!(of(&spans, 50), [(Phase::BackingOff, 10, Some(30)), (Phase::ForWorker, 30, None)]);
        spans.apply(&event(40, items(), 30));
        let all = [(Phase::BackingOff, 10, Some(30)), (Phase::ForWorker, 30, Some(40)), (Phase::Running, 40, None)];
        assert_eq!(of(&spans, 60), all);
    }

    #[test]
    fn a_person_who_does_not_wait_ends_the_backing_off_early() {
        let mut spans = Spans::default();
        spans.apply(&event(10, ready(Admission::Claimable), 30));
        spans.apply(&event(15, items(), 15));
        assert_eq!(
            told(&spans.of(&"a".into(), at(60))),
            [(Phase::BackingOff, 10, Some(15)), (Phase::Running, 15, None)]
        );
    }

    #[test]
    fn what_is_taken_at_once_never_waited() {
        let mut spans = Spans::default();
        spans.apply(&event(4, ready(Admission::Claimable), 4));
        spans.apply(&event(4, items(), 4));
        spans.apply(&event(4, Status::Completed, 4));
        assert_eq!(told(&spans.of(&"a".into(), at(60))), [(Phase::Running, 4, Some(4))]);
    }

    #[test]
    fn what_is_no_part_of_the_run_any_more_goes_on_no_longer() {
        let mut spans = Spans::default();
        spans.apply(&event(4, items(), 4));
        let data = Effects { removed: vec!["a".into()], ..Effects::default() };
        spans.apply(&RunEvent { data, ..event(6, items(), 4) });
        assert_eq!(told(spans.told(&"a".into())), [(Phase::Running, 4, Some(6))]);
    }
}
