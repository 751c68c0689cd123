//! What a page shows of a large run before it has read it: little, however large the run is, and nothing that the whole would show otherwise.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::world::World;
use crate::{
    Progress, RunView,
    id::StepKey,
    run::{
        Snapshot, State,
        glance::{ROWS, SMALL, first_look, with_all_steps},
        pieces::Drawing,
        state::{Attempt, Item, Review, Status, Step, Version},
    },
    status::{RunStatus, StepStatus},
    view::LeftOut,
};

const BEGAN: &str = "2026-01-01T00:00:00Z";

fn attempt(of: &StepKey) -> Attempt {
    let attempt = json!({"step": of, "number": 1, "generation": 1, "started_at": BEGAN, "ended_at": "2026-01-01T00:00:01Z",
        "outcome": "succeeded", "inputs": [{"port": "in", "hash": "0".repeat(64)}],
        "basis": {"agent_version": 1, "dependencies": "0".repeat(64)}});
    serde_json::from_value(attempt).unwrap()
}

fn version(of: &StepKey, n: usize) -> Version {
    let version = json!({"id": Uuid::from_u128(n as u128), "producing_step_id": of, "name": "text", "version": 1, "is_latest": true,
        "content_hash": "0".repeat(64), "media_type": "text/plain", "size": 5, "origin": "agent", "attempt": 1,
        "created_at": BEGAN});
    serde_json::from_value(version).unwrap()
}

/// A completed run of so many steps, and of so many items of one more.
fn run(n_steps: usize, n_items: i32) -> Snapshot {
    let mut steps: Map<String, Value> =
        (0..n_steps).map(|n| (format!("s{n:04}"), json!({"agent_id": "echo"}))).collect();
    if n_items > 0 {
        steps.insert("each".into(), json!({"agent_id": "echo", "map": {"over": {"const": [1]}}}));
    }
    let mut snapshot = World::steps(&Value::Object(steps)).state.snapshot();
    let data = &mut snapshot.data;
    let like = data.steps[0].clone();
    let each = StepKey::new("each");
    data.steps.extend((0..n_items).map(|index| Step {
        key: each.item(&format!("i{index:05}")),
        item: Some(Item { of: each.clone(), index, basis: String::new() }),
        ..like.clone()
    }));
    data.steps.sort_by(|a, b| a.key.cmp(&b.key));
    for step in &mut data.steps {
        step.status = Status::Completed;
    }
    data.attempts = data.steps.iter().map(|step| attempt(&step.key)).collect();
    data.artifacts = data.steps.iter().enumerate().map(|(n, step)| version(&step.key, n)).collect();
    data.run.as_mut().unwrap().status = RunStatus::Completed;
    snapshot
}

fn glance(of: &Snapshot, wanted: Option<&str>) -> (Snapshot, LeftOut) {
    of.glance(wanted.map(StepKey::new).as_ref()).unwrap()
}

fn bytes(of: &(Snapshot, LeftOut)) -> usize {
    serde_json::to_string(of).unwrap().len()
}

#[test]
fn a_small_run_comes_as_a_whole() {
    assert!(run(3, 20).glance(None).is_none());
}

#[test]
fn of_a_list_its_first_items_come_and_how_many_there_are() {
    let (small, large) = (glance(&run(2, 1_000), Some("each")), glance(&run(2, 10_000), Some("each")));
    assert_eq!(large.0.data.steps.len(), 3 + ROWS);
    assert_eq!(large.0.data.attempts.len(), 3, "of the rows alone");
    assert_eq!(large.0.data.artifacts.len(), 1, "of the step that is looked at");
    assert_eq!(large.1.items[&StepKey::new("each")][&StepStatus::Completed], 10_000);
    assert!(bytes(&large) < bytes(&small) + 100, "{} and {}", bytes(&large), bytes(&small));
    assert!(bytes(&large) < 40_000, "{}", bytes(&large));
    let mut view = State::of(large.0).view(&BTreeMap::new());
    view.left_out = Some(large.1);
    assert!(view.left_out.as_ref().unwrap().has_all_steps);
    assert_eq!(Progress::of_run(&view).words(), "3 of 3 steps done");
    assert_eq!(Progress::of_items(&view, &"each".into()).brief(), "10,000 of 10,000 done");
    assert_eq!(view.items(&"each".into()).len(), ROWS);
}

#[test]
fn steps_that_run_are_counted_although_they_are_not_there() {
    let (part, left_out) = glance(&run(600, 0), None);
    let mut view = State::of(part).view(&BTreeMap::new());
    assert_eq!(view.n_steps_running(), 0);
    let steps = BTreeMap::from([(StepStatus::Running, 3), (StepStatus::Completed, 597)]);
    view.left_out = Some(LeftOut { steps, ..left_out });
    assert_eq!(view.n_steps_running(), 3);
}

#[test]
fn of_many_steps_the_first_rows_come_and_the_one_that_is_looked_at() {
    let whole = run(600, 0);
    let part = glance(&whole, Some("s0550"));
    let (data, left_out) = (&part.0.data, &part.1);
    let started = data.started.as_ref().unwrap();
    assert_eq!((started.run_definition.steps.len(), started.steps.len(), data.steps.len()), (101, 101, 101));
    assert_eq!(data.attempts.iter().filter(|attempt| !attempt.inputs.is_empty()).count(), 1);
    assert_eq!(data.artifacts[0].producing_step_id, StepKey::new("s0550"));
    assert_eq!((left_out.steps[&StepStatus::Completed], left_out.has_all_steps), (600, false));
    assert_eq!(left_out.first, Some("s0599".into()), "as of the whole run");
    assert!(bytes(&part) < bytes(&glance(&run(SMALL + 1, 0), Some("s0350"))) + 100);
    assert_eq!(glance(&whole, Some("gone")).0.data.artifacts[0].producing_step_id, StepKey::new("s0599"));
    // It is a run of its own.
    assert_eq!(State::of(part.0.clone()).snapshot(), part.0);
}

#[test]
fn once_all_steps_are_there_they_are_seen_with_what_was_seen_before() {
    let whole = run(600, 0);
    let (part, left_out) = glance(&whole, Some("s0550"));
    let seen = RunView { left_out: Some(left_out), ..State::of(part).view(&BTreeMap::new()) };
    let pieces = Snapshot { seq: whole.seq + 3, ..whole }.into_pieces(100);
    let mut drawing = Drawing::of(pieces.head);
    for piece in pieces.drawn {
        drawing.add(piece);
    }
    let mut assembly = drawing.begin();
    for piece in pieces.told.into_iter().filter(|piece| !piece.steps.is_empty()) {
        assembly.add(piece);
    }
    let now = with_all_steps(&seen, assembly.so_far().view(&BTreeMap::new()));
    assert_eq!((now.steps.len(), now.run_definition.steps.len(), now.seq), (600, 600, seen.seq));
    assert!(seen.steps.iter().all(|step| now.step(&step.key) == Some(&**step)));
    assert_eq!(now.artifacts, seen.artifacts);
    let left_out = now.left_out.unwrap();
    assert_eq!((left_out.has_all_steps, left_out.steps[&StepStatus::Completed]), (true, 600));
}

#[test]
fn items_of_lists_further_down_are_counted_once_all_steps_are_there() {
    let whole = run(600, 30);
    let (part, left_out) = glance(&whole, Some("s0550"));
    // As if the list stood behind the first steps.
    let left_out = LeftOut { items: BTreeMap::new(), ..left_out };
    let seen = RunView { left_out: Some(left_out), ..State::of(part).view(&BTreeMap::new()) };
    let now = with_all_steps(&seen, State::of(whole).view(&BTreeMap::new()));
    assert_eq!(Progress::of_items(&now, &"each".into()).brief(), "30 of 30 done");
}

#[test]
fn what_waits_for_somebody_comes_wherever_it_stands() {
    let mut whole = run(2, 5_000);
    let late = StepKey::new("each").item("i04321");
    let review: Review =
        serde_json::from_value(json!({"number": 1, "opened_at": BEGAN, "quorum": 1, "allow_self": true})).unwrap();
    let waiting = whole.data.steps.iter_mut().find(|step| step.key == late).unwrap();
    waiting.status = Status::AwaitingReview { review: Box::new(review) };
    let (part, left_out) = glance(&whole, None);
    assert_eq!((left_out.first, left_out.n_waiting), (Some(late.clone()), 1));
    assert!(part.data.steps.iter().any(|step| step.key == late && step.review().is_some()));
    assert_eq!(part.data.artifacts[0].producing_step_id, late);
}

#[test]
fn what_vanished_is_not_seen() {
    let mut whole = run(2, 1_000);
    let gone: Vec<StepKey> = (0..500).map(|n| StepKey::new("each").item(&format!("i{n:05}"))).collect();
    whole.data.removed.clone_from(&gone);
    let (part, left_out) = glance(&whole, Some("each"));
    assert_eq!(left_out.items[&StepKey::new("each")][&StepStatus::Completed], 500);
    assert!(!part.data.steps.iter().any(|step| gone.contains(&step.key)));
}

#[test]
fn where_to_look_first_goes_by_what_wants_somebody() {
    use StepStatus::{AwaitingReview, Completed, Failed, Pending, Running};
    let keys: Vec<StepKey> = ["a", "b", "c"].map(StepKey::from).into();
    let item = StepKey::new("a").item("x");
    let look = |statuses: [StepStatus; 3], of_item: StepStatus, is_over: bool| {
        let all = keys.iter().zip(statuses).chain([(&item, of_item)]);
        first_look(&keys.iter().collect::<Vec<_>>(), is_over, all).map(|key| key.to_string())
    };
    for (statuses, of_item, is_over, first) in [
        ([Failed, Running, AwaitingReview], Completed, false, "c"),
        ([Failed, Running, Pending], AwaitingReview, false, "a[x]"),
        ([Running, Failed, Pending], Completed, false, "b"),
        ([Completed, Running, Pending], Completed, false, "b"),
        ([Completed, Completed, Completed], Completed, true, "c"),
        ([Pending, Pending, Pending], Completed, false, "a"),
    ] {
        assert_eq!(look(statuses, of_item, is_over).as_deref(), Some(first));
    }
}
