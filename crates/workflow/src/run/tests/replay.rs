//! A replay shows what was, wherever one goes in it, and at its end what is; what a step was at follows from its status.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::{
    StepKey,
    replay::{Mark, Replay, as_it_was, thinned},
    run::{
        RunEvent, State,
        event::{Effects, EventKind},
    },
    spans::Phase,
    status::StepStatus,
    view::Applied,
};

/// Of a whole run, as a browser reads it.
pub(super) fn check(events: &[RunEvent], now: &State) {
    let wire: Vec<RunEvent> = events.iter().map(RunEvent::for_wire).collect();
    let mut replay = Replay::default();
    for page in wire.chunks(7) {
        assert_eq!(replay.take(page.to_vec()), Applied::Changed);
    }
    assert_eq!(replay.take(wire[..1].to_vec()), Applied::AlreadyKnown);
    let last = now.seq;
    assert_eq!(replay.go_to(i64::MAX), None);
    assert!(replay.shown().view(&BTreeMap::new()) == State::of(now.snapshot()).view(&BTreeMap::new()), "at its end");
    // To and fro.
    for seq in [1, last / 2, last / 3, last, last - 1, 2] {
        let seq = seq.clamp(1, last);
        assert_eq!(replay.go_to(seq), None);
        let n = usize::try_from(seq).unwrap();
        assert!(*replay.shown() == State::fold(&wire[..n]), "after event {seq}");
    }
    assert_eq!(replay.seq(), last, "what is looked at changes nothing");
    for step in now.steps() {
        let spans = replay.spans().told(&step.key);
        let open = spans.last().filter(|span| span.until.is_none()).map(|span| span.phase);
        let is_right = match step.status.word() {
            StepStatus::Ready => {
                matches!(open, Some(Phase::Queued | Phase::ForWorker | Phase::BackingOff))
            }
            StepStatus::Running => {
                matches!(open, Some(Phase::Running | Phase::Outside | Phase::Queued | Phase::ForWorker))
            }
            StepStatus::AwaitingReview => open == Some(Phase::Review),
            _ => open.is_none(),
        };
        assert!(is_right, "{} is {:?}, but {open:?}", step.key, step.status);
        for pair in spans.windows(2) {
            assert!(pair[0].until.is_some_and(|until| until <= pair[1].since), "{}: {pair:?}", step.key);
        }
    }
}

/// A run that only goes on, one event after the other.
fn long(n: i64) -> Vec<RunEvent> {
    let mut world = super::world::World::steps(&serde_json::json!({"a": {"agent_id": "echo"}}));
    world.run(&["a"]);
    let mut events: Vec<RunEvent> = world.events.iter().map(RunEvent::for_wire).collect();
    let last = world.events.last().unwrap().clone();
    for seq in last.seq + 1..=n {
        let at = last.at + TimeDelta::milliseconds(seq);
        let kind = if seq == 5_000 { EventKind::StepFailed } else { EventKind::Continued };
        events.push(RunEvent { seq, at, kind, actor: None, cause: None, data: Effects::default() });
    }
    events
}

#[test]
fn a_hundred_thousand_events_are_replayed_from_few_that_are_kept() {
    let events = long(100_000);
    let mut replay = Replay::default();
    for page in events.chunks(500) {
        replay.take(page.to_vec());
    }
    assert_eq!(replay.seq(), 100_000);
    for seq in [99_000, 3, 50_000, 49_999, 50_001, 100_000, 7_777] {
        let mut n_pages = 0;
        let mut missing = replay.go_to(seq);
        while let Some(after) = missing {
            n_pages += 1;
            let after = usize::try_from(after).unwrap();
            missing = replay.lend(events[after..after + 500].to_vec());
        }
        assert_eq!(replay.shown().seq, seq);
        assert!(n_pages <= 8, "{n_pages} pages for {seq}");
    }
    assert_eq!(replay.mark_beside(1, true), Some(5_000));
    assert_eq!(replay.mark_beside(5_000, true), None);
    assert_eq!(replay.mark_beside(9_000, false), Some(5_000));
}

#[test]
fn nothing_behind_a_gap_is_taken_and_an_empty_replay_shows_nothing() {
    let events = long(20);
    let mut replay = Replay::default();
    assert_eq!(replay.go_to(4), None);
    assert_eq!(replay.shown().seq, 0);
    assert_eq!(replay.take(events[5..].to_vec()), Applied::Gap);
    assert_eq!(replay.take(events[..5].to_vec()), Applied::Changed);
    assert_eq!(replay.seq(), 5);
}

#[test]
fn what_was_at_work_counts_up_to_the_moment_that_is_shown() {
    let mut world = super::world::World::steps(&serde_json::json!({"a": {"agent_id": "echo"}}));
    world.start(&["a"]);
    let state = world.state.clone();
    let key: StepKey = "a".into();
    let view = as_it_was(&state, &BTreeMap::new());
    let attempt = view.step(&key).unwrap().attempts.last().unwrap();
    assert_eq!((attempt.ended_at, attempt.outcome), (Some(state.at), None));
    assert_eq!(state.view(&BTreeMap::new()).step(&key).unwrap().attempts.last().unwrap().ended_at, None);
}

#[test]
fn a_failure_goes_before_a_gate_where_both_would_stand_in_one_place() {
    let marks = BTreeMap::from([(1, Mark::Gate), (500, Mark::Failure), (501, Mark::Gate), (1_000, Mark::Gate)]);
    let thin: Vec<_> = thinned(&marks, 1_000, 11).into_iter().collect();
    assert_eq!(thin, [(0, Mark::Gate), (4, Mark::Failure), (5, Mark::Gate), (10, Mark::Gate)]);
    let one = thinned(&marks, 1_000, 1);
    assert_eq!(one.into_iter().collect::<Vec<_>>(), [(0, Mark::Failure)]);
}
