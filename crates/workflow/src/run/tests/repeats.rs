//! What comes twice: the same request under its key, an equal click, an attempt after one that failed.

use serde_json::json;

use super::{table, world::World};
use crate::{
    run::{
        Command, Refused,
        command::{AttemptResult, Edit},
        event::{EventKind, Request},
    },
    status::{ErrorClass, RunStatus, StatusReason, StepStatus as S},
    verbs::{RunVerb, Verb},
};

/// Every verb on a step, with a status that allows it.
const ON_STEPS: [(Verb, S); 9] = [
    (Verb::Trigger, S::Failed),
    (Verb::Continue, S::AwaitingReview),
    (Verb::Edit, S::Completed),
    (Verb::Reject, S::AwaitingReview),
    (Verb::Skip, S::Failed),
    (Verb::Supply, S::Failed),
    (Verb::Stop, S::Running),
    (Verb::Rerun, S::Completed),
    (Verb::Rollback, S::Completed),
];

/// Every verb that changes a run; a fork begins another.
const ON_RUNS: [(RunVerb, RunStatus, Option<StatusReason>); 6] = [
    (RunVerb::Cancel, RunStatus::Running, None),
    (RunVerb::Pause, RunStatus::Running, None),
    (RunVerb::Resume, RunStatus::Paused, Some(StatusReason::Person)),
    (RunVerb::AutoRun, RunStatus::Running, None),
    (RunVerb::Adopt, RunStatus::Completed, None),
    (RunVerb::Move, RunStatus::Completed, None),
];

/// Each verb, with a run that lets it.
fn all() -> impl Iterator<Item = (String, World, Command)> {
    let steps = ON_STEPS.into_iter().map(|(verb, status)| {
        let mut world = table::world(status);
        let command = table::command(&mut world, verb);
        (format!("{verb:?}"), world, command)
    });
    let runs = ON_RUNS.into_iter().map(|(verb, status, reason)| {
        let mut world = table::run(status, reason);
        let command = table::run_command(&mut world, verb).unwrap();
        (format!("{verb:?}"), world, command)
    });
    steps.chain(runs)
}

fn under(world: &mut World, key: &str, hash: &str, command: &Command) -> Result<Vec<EventKind>, Refused> {
    world.request = Some(Request { key: key.into(), hash: hash.into() });
    world.owner(command)
}

#[test]
fn every_verb_under_a_key_has_one_effect_and_another_request_under_it_is_refused() {
    for (verb, mut world, command) in all() {
        let first = under(&mut world, "k", "this", &command);
        assert!(first.as_ref().is_ok_and(|kinds| !kinds.is_empty()), "{verb}: {first:?}");
        let after = world.state.clone();
        for _ in 0..3 {
            assert_eq!(under(&mut world, "k", "this", &command), Ok(vec![]), "{verb}");
        }
        assert_eq!(under(&mut world, "k", "that", &command), Err(Refused::IdempotencyMismatch), "{verb}");
        assert!(world.state == after, "{verb}");
        // Also when the run is over since.
        if !world.run_status().is_terminal() {
            world.owner(&Command::Cancel).unwrap();
        }
        assert_eq!(under(&mut world, "k", "this", &command), Ok(vec![]), "{verb}");
    }
}

/// The same, for whoever saw the step in this generation.
fn seen_in(command: Command, generation: i32) -> Command {
    let expect_generation = Some(generation);
    match command {
        Command::Trigger { step, changes, .. } => Command::Trigger { step, changes, expect_generation },
        Command::Continue { step, digest, .. } => Command::Continue { step, digest, expect_generation },
        Command::Edit(edit) => Command::Edit(Box::new(Edit { expect_generation, ..*edit })),
        Command::Reject { step, feedback, digest, .. } => Command::Reject { step, feedback, digest, expect_generation },
        Command::Skip { step, inputs, .. } => Command::Skip { step, inputs, expect_generation },
        Command::Supply { step, outputs, .. } => Command::Supply { step, outputs, expect_generation },
        Command::Stop { step, .. } => Command::Stop { step, expect_generation },
        Command::Rerun { step, mode, changes, .. } => Command::Rerun { step, mode, changes, expect_generation },
        Command::Rollback { artifact, .. } => Command::Rollback { artifact, expect_generation },
        on_run => on_run,
    }
}

#[test]
fn of_equal_clicks_of_whoever_saw_the_step_the_first_has_an_effect_whatever_the_verb() {
    // A queued step, or one whose outputs stand already, can be asked for the same again.
    let more = [(Verb::Edit, S::AwaitingReview), (Verb::Supply, S::Completed), (Verb::Supply, S::Pending)];
    let more = more.into_iter().map(|(verb, status)| {
        let mut world = table::world(status);
        let command = table::command(&mut world, verb);
        (format!("{verb:?} {status}"), world, command)
    });
    for (verb, mut world, command) in all().chain(more) {
        let generation = world.state.step(&"a".into()).unwrap().generation;
        let command = seen_in(command, generation);
        let first = world.owner(&command);
        assert!(first.as_ref().is_ok_and(|kinds| !kinds.is_empty()), "{verb}: {first:?}");
        let after = world.state.clone();
        for _ in 0..3 {
            let again = world.owner(&command);
            assert!(!again.as_ref().is_ok_and(|kinds| !kinds.is_empty()), "{verb}: {again:?}");
        }
        assert!(world.state == after, "{verb}");
    }
}

#[test]
fn who_moves_a_run_to_where_it_is_runs_nothing_again() {
    let mut world = table::run(RunStatus::Completed, None);
    let command = table::run_command(&mut world, RunVerb::Move).unwrap();
    world.owner(&command).unwrap();
    assert_eq!(world.run_status(), RunStatus::Running);
    world.run(&["a"]);
    let before = world.shown();
    assert_eq!(world.owner(&command), Ok(vec![EventKind::RunMoved]));
    assert_eq!((world.shown(), world.run_status()), (before, RunStatus::Completed));
}

/// What a failed attempt of a class comes to, and how long the other side wants it to wait.
fn failed(retry: &serde_json::Value, class: ErrorClass, retry_after_ms: Option<u64>) -> World {
    let mut world = World::steps(&json!({"a": {"agent_id": "echo", "retry": retry}}));
    world.start(&["a"]);
    let failed = AttemptResult::Failed { class, error: "no".into(), retry_after_ms };
    let command = world.finished("a", failed);
    world.tell(&command).unwrap();
    world
}

#[test]
fn only_the_listed_classes_are_tried_again() {
    for class in [ErrorClass::Permanent, ErrorClass::Refused] {
        assert_eq!(failed(&json!({}), class, None).status("a"), S::Failed, "{class}");
    }
    for class in [ErrorClass::Server, ErrorClass::RateLimit, ErrorClass::Timeout] {
        assert_eq!(failed(&json!({}), class, None).status("a"), S::Ready, "{class}");
    }
    assert_eq!(failed(&json!({"on": ["server"]}), ErrorClass::RateLimit, None).status("a"), S::Failed);
    assert_eq!(failed(&json!({"max": 0}), ErrorClass::Server, None).status("a"), S::Failed);
}

#[test]
fn an_author_who_would_wait_for_a_day_waits_for_a_day() {
    const DAY: u64 = 86_400_000;
    assert_eq!(failed(&json!({}), ErrorClass::RateLimit, Some(DAY)).status("a"), S::Failed);
    let world = failed(&json!({"max_ms": DAY}), ErrorClass::RateLimit, Some(DAY));
    assert_eq!(world.status("a"), S::Ready);
    assert!(world.step("a").not_before - world.now >= chrono::TimeDelta::hours(23));
}
