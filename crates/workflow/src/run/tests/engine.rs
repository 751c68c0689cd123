//! What happens by itself: fan-out and fan-in, failure, retry, crash, what is skipped and what opens again, rules and conditions.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::world::World;
use crate::{
    StepKey,
    limits::MAX_CRASHES,
    run::{
        Command, Refused, State,
        command::{AttemptResult, Finished, Judgement},
        event::EventKind,
        state::{Status, Work},
        testing::worker,
    },
    status::{ErrorClass, Outcome, RunStatus, StepStatus},
};

fn dag(edges: &Value) -> Value {
    let steps = edges.as_object().unwrap().iter();
    steps
        .map(|(key, deps)| (key.clone(), json!({"agent_id": "echo", "depends_on": deps})))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn a_run_begins_with_what_waits_for_nothing() {
    let world = World::steps(&dag(&json!({"a": [], "b": ["a"], "c": []})));
    assert_eq!(world.shown(), "a ready, b pending, c ready");
    assert_eq!((world.run_status(), world.state.seq), (RunStatus::Running, 1));
    assert_eq!(world.events[0].kind, EventKind::RunStarted);
    assert_eq!(world.events[0].data.steps.len(), 2, "a step that nothing happened to is not told");
    assert_eq!(world.claimable(), ["a".into(), "c".into()]);
}

#[test]
fn a_diamond_with_a_fan_of_fifty_joins_once() {
    let fan: Vec<String> = (0..50).map(|n| format!("f{n}")).collect();
    let mut edges = serde_json::Map::from_iter([("a".to_owned(), json!([]))]);
    edges.extend(fan.iter().map(|key| (key.clone(), json!(["a"]))));
    edges.insert("join".into(), json!(fan));
    let mut world = World::steps(&dag(&json!(edges)));
    world.settle();
    assert_eq!(world.run_status(), RunStatus::Completed);
    assert!(world.state.steps().all(|step| world.state.attempts(&step.key).len() == 1));
}

#[test]
fn one_event_tells_of_all_steps_that_a_commit_starts() {
    let mut world = World::steps(&dag(&json!({"a": [], "b": [], "c": ["a"]})));
    world.start(&["a", "b", "c"]);
    let event = world.events.last().unwrap();
    assert_eq!((event.kind, event.data.steps.len(), event.data.attempts.len()), (EventKind::StepsStarted, 2, 2));
    assert_eq!(world.shown(), "a running, b running, c pending");
    let attempt = &world.state.attempts(&"a".into())[0];
    assert_eq!((attempt.worker, attempt.basis.as_ref().unwrap().agent_version), (Some(worker(1)), 1));
    assert_eq!(
        world.tell(&Command::StartSteps { worker: worker(2), build: None, steps: vec!["a".into()] }),
        Ok(vec![])
    );
}

#[test]
fn a_replayed_result_is_already_there_and_a_foreign_one_is_fenced() {
    let mut world = World::steps(&dag(&json!({"a": []})));
    world.start(&["a"]);
    let text = world.text("made");
    let Command::Finished(done) = world.finished("a", AttemptResult::Succeeded(vec![text])) else { unreachable!() };
    let foreign = Finished { worker: worker(2), ..(*done).clone() };
    assert_eq!(world.tell(&Command::Finished(Box::new(foreign))), Err(Refused::Fenced));
    assert_eq!(world.tell(&Command::Finished(done.clone())), Ok(vec![EventKind::StepCompleted]));
    assert_eq!(world.tell(&Command::Finished(done.clone())), Ok(vec![]));
    let failed = AttemptResult::Failed { class: ErrorClass::Server, error: String::new(), retry_after_ms: None };
    let other = Finished { result: failed, ..*done };
    assert_eq!(world.tell(&Command::Finished(Box::new(other))), Err(Refused::Fenced));
    assert_eq!(world.n_versions("a"), 1);
}

#[test]
fn a_failure_skips_what_can_no_longer_run_and_a_retry_reopens_exactly_that() {
    let mut world = World::steps(&dag(&json!({"a": [], "b": ["a"], "c": ["b"], "side": ["a"], "end": ["c", "side"]})));
    world.run(&["a"]);
    world.start(&["b"]);
    world.fail("b", ErrorClass::Permanent);
    world.run(&["side"]);
    assert_eq!(
        world.shown(),
        "a completed, b failed(permanent), c skipped(upstream_failed), end skipped(upstream_failed), side completed"
    );
    assert_eq!(world.run_status(), RunStatus::Failed);
    world.trigger("b").unwrap();
    assert_eq!(world.shown(), "a completed, b ready, c pending, end pending, side completed");
    assert_eq!(world.step("b").generation, 2);
    world.settle();
    assert_eq!(world.run_status(), RunStatus::Completed);
    assert!(world.state.run.rested_ms > 0, "it rested between its end and going on");
}

#[test]
fn retries_back_off_up_to_their_number_and_only_for_their_classes() {
    let mut world = World::steps(&dag(&json!({"a": [], "b": ["a"]})));
    for n in 1..=2 {
        world.start(&["a"]);
        world.fail("a", ErrorClass::Server);
        assert_eq!(world.status("a"), StepStatus::Ready);
        let wait = world.step("a").not_before - world.now;
        assert!(wait >= TimeDelta::milliseconds(900 * n), "the wait doubles: {wait}");
        assert!(world.claimable().is_empty(), "it backs off");
        let view = world.state.view(&[].into());
        assert!(view.steps[0].not_before.is_some());
        world.now = world.step("a").not_before;
    }
    world.start(&["a"]);
    world.fail("a", ErrorClass::Server);
    assert_eq!(world.shown(), "a failed(server), b skipped(upstream_failed)");
    let outcomes: Vec<_> = world.state.attempts(&"a".into()).iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Failed); 3]);
}

#[test]
fn the_other_sides_wish_is_a_floor_up_to_a_cap_that_is_told() {
    let failed = |ms| AttemptResult::Failed {
        class: ErrorClass::RateLimit,
        error: "slow down".into(),
        retry_after_ms: Some(ms),
    };
    let mut world = World::steps(&dag(&json!({"a": []})));
    world.start(&["a"]);
    let command = world.finished("a", failed(60_000));
    world.tell(&command).unwrap();
    assert!(world.step("a").not_before - world.now >= TimeDelta::seconds(59));
    world.now = world.step("a").not_before;
    world.start(&["a"]);
    let command = world.finished("a", failed(86_400_000));
    world.tell(&command).unwrap();
    assert_eq!(world.status("a"), StepStatus::Failed);
    let error = world.state.attempts(&"a".into())[1].error.clone().unwrap();
    assert!(error.starts_with("slow down; it asks to wait until 3 January 1970"), "{error}");
}

#[test]
fn a_dead_workers_steps_are_queued_again_and_a_step_that_kills_three_fails() {
    let mut world = World::steps(&dag(&json!({"a": [], "b": ["a"], "c": []})));
    for n in 1..=MAX_CRASHES {
        let place = world.step("a").not_before;
        world.start(&["a"]);
        let kinds = world.tell(&Command::Lost { worker: worker(1) }).unwrap();
        let is_last = n == MAX_CRASHES;
        assert_eq!(kinds, [if is_last { EventKind::StepFailed } else { EventKind::StepRecovered }]);
        assert_eq!(world.step("a").not_before, place, "at its old place");
    }
    assert_eq!(world.shown(), "a failed(crash_loop), b skipped(upstream_failed), c ready");
    let late = world.finished("a", AttemptResult::Released);
    assert_eq!(world.tell(&late), Err(Refused::Fenced));
    assert_eq!(world.tell(&Command::Lost { worker: worker(1) }), Ok(vec![]));
}

#[test]
fn what_workers_let_go_of_is_tried_again_later_each_time_and_as_often_as_what_they_die_on() {
    let mut world = World::steps(&dag(&json!({"a": [], "b": ["a"]})));
    for (n, pause) in [(1, Some(5)), (2, Some(10)), (MAX_CRASHES, None)] {
        world.start(&["a"]);
        let lost = world.finished("a", AttemptResult::Lost);
        let kinds = world.tell(&lost).unwrap();
        let told_at = world.now;
        assert_eq!(kinds, [if pause.is_some() { EventKind::StepRecovered } else { EventKind::StepFailed }]);
        assert_eq!(world.tell(&lost), Ok(vec![]), "told twice, it counts once");
        let attempt = world.state.attempts(&"a".into()).last().cloned().unwrap();
        assert_eq!((attempt.number, attempt.outcome), (n, Some(Outcome::Lost)));
        assert!(attempt.error.is_some_and(|error| error.contains("the database")), "it says why");
        if let Some(pause) = pause {
            assert_eq!(world.step("a").not_before - told_at, TimeDelta::seconds(pause));
            world.now = world.step("a").not_before;
        }
    }
    assert_eq!(world.shown(), "a failed(crash_loop), b skipped(upstream_failed)");
    // Whoever triggers it begins anew; a worker that died and one that let go count together.
    world.trigger("a").unwrap();
    for n in 1..=MAX_CRASHES {
        world.now = world.now.max(world.step("a").not_before);
        world.start(&["a"]);
        let lost =
            if n % 2 == 0 { world.finished("a", AttemptResult::Lost) } else { Command::Lost { worker: worker(1) } };
        world.tell(&lost).unwrap();
    }
    assert_eq!(world.shown(), "a failed(crash_loop), b skipped(upstream_failed)");
}

#[test]
fn a_step_given_back_is_not_charged_and_waits_if_what_it_needs_runs_again() {
    let mut world = World::steps(&dag(&json!({"a": [], "b": ["a"]})));
    world.run(&["a"]);
    world.start(&["b"]);
    world.trigger("a").unwrap();
    assert_eq!(world.shown(), "a ready, b running", "what runs is left alone");
    let back = world.finished("b", AttemptResult::Released);
    assert_eq!(world.tell(&back), Ok(vec![EventKind::StepReleased]));
    assert_eq!(world.shown(), "a ready, b pending");
    let attempts = world.state.attempts(&"b".into());
    assert_eq!(State::count_ends(attempts, 1, Outcome::Failed), 0);
    world.settle();
    assert_eq!(world.run_status(), RunStatus::Completed);
}

#[test]
fn a_step_that_is_given_back_again_and_again_waits_longer_each_time() {
    let mut world = World::steps(&dag(&json!({"a": []})));
    let mut waits = Vec::new();
    for _ in 0..12 {
        world.start(&["a"]);
        let back = world.finished("a", AttemptResult::Released);
        world.tell(&back).unwrap();
        let wait = (world.step("a").not_before - world.now).max(TimeDelta::zero());
        waits.push(wait.num_seconds());
        world.now += wait;
    }
    assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 64, 64]);
    world.start(&["a"]);
    world.tell(&Command::Lost { worker: worker(1) }).unwrap();
    world.start(&["a"]);
    let back = world.finished("a", AttemptResult::Released);
    world.tell(&back).unwrap();
    assert_eq!(world.claimable(), ["a".into()], "something else came between");
}

#[test]
fn on_error_says_what_a_failure_means_for_those_after_it() {
    let steps = |on_error: &str| {
        json!({"a": {"agent_id": "echo", "on_error": on_error, "default_output": {"text": "fallback"}},
            "b": {"agent_id": "echo", "depends_on": ["a"], "inputs": {"in": {"from": "step", "step": "a", "artifact": "text"}}}})
    };
    let mut world = World::steps(&steps("continue"));
    world.start(&["a"]);
    world.fail("a", ErrorClass::Permanent);
    assert_eq!(world.shown(), "a failed(permanent), b ready");
    world.run(&["b"]);
    assert_eq!(world.run_status(), RunStatus::Completed);

    let mut world = World::steps(&steps("default"));
    world.start(&["a"]);
    world.fail("a", ErrorClass::Permanent);
    assert_eq!(world.shown(), "a completed, b ready");
    let default = world.state.latest(&"a".into()).next().unwrap().clone();
    assert_eq!((default.media_type.as_str(), default.size, default.attempt), ("text/plain", 8, None));
    world.start(&["b"]);
    assert_eq!(world.state.attempts(&"b".into())[0].reads, [default.id]);
    world.succeed("b");
    world.trigger("a").unwrap();
    world.start(&["a"]);
    world.stop("a").unwrap();
    assert_eq!(world.status("a"), StepStatus::Failed, "what a person stopped has no default");
}

#[test]
fn rules_are_judged_at_once_and_conditions_that_read_artifacts_are_asked_for() {
    let read = json!({"from": "step", "step": "a", "artifact": "text"});
    let mut world = World::steps(&json!({
        "a": {"agent_id": "echo"}, "bad": {"agent_id": "echo"},
        "all": {"agent_id": "echo", "depends_on": ["a", "bad"], "trigger_rule": "all_success"},
        "any": {"agent_id": "echo", "depends_on": ["a", "bad"], "trigger_rule": "one_success"},
        "done": {"agent_id": "echo", "depends_on": ["bad"], "trigger_rule": "all_done"},
        "never": {"agent_id": "echo", "depends_on": ["a"], "when": {"eq": [{"const": 1}, {"const": 2}]}},
        "asked": {"agent_id": "echo", "depends_on": ["a"], "when": {"exists": read}}}));
    world.start(&["bad"]);
    world.fail("bad", ErrorClass::Permanent);
    assert_eq!(world.status("done"), StepStatus::Ready);
    world.run(&["a"]);
    assert_eq!(
        world.shown(),
        "a completed, all skipped(upstream_failed), any ready, asked pending, bad failed(permanent), done ready, never skipped(condition)"
    );
    let asked: Vec<_> = world.state.undecided().map(|step| step.key.as_str()).collect();
    assert_eq!(asked, ["asked"]);
    assert_eq!(world.run_status(), RunStatus::Running);
    // What was read is not the latest any more: it is asked for again.
    let old = world.state.latest(&"a".into()).next().unwrap().id;
    world.supply("a", "other").unwrap();
    let epoch = world.step("asked").decision_epoch;
    let judged = |epoch, id| {
        Command::Judged(Box::new(crate::run::command::Judged {
            step: "asked".into(),
            epoch,
            read: [id].into(),
            judgement: Judgement::Condition { holds: true },
        }))
    };
    let new = world.state.latest(&"a".into()).next().unwrap().id;
    assert_eq!(world.tell(&judged(epoch, old)), Err(Refused::Needs([new].into())));
    assert_eq!(world.tell(&judged(epoch - 1, new)), Err(Refused::Outdated));
    assert_eq!(world.tell(&judged(epoch, new)), Ok(vec![EventKind::StepDecided]));
    assert_eq!(world.tell(&judged(epoch, new)), Err(Refused::Outdated));
    assert_eq!(world.status("asked"), StepStatus::Ready);
}

#[test]
fn an_answer_that_comes_after_the_step_was_opened_again_is_passed_over() {
    let read = json!({"from": "step", "step": "a", "artifact": "text"});
    let mut world = World::steps(&json!({"a": {"agent_id": "echo"},
        "b": {"agent_id": "echo", "when": {"exists": read}}}));
    world.run(&["a"]);
    let epoch = world.step("b").decision_epoch;
    world.trigger("a").unwrap();
    assert!(!world.step("b").status.needs_decision());
    world.run(&["a"]);
    assert_eq!(world.step("b").decision_epoch, epoch + 1);
    world.look();
    assert_eq!(world.status("b"), StepStatus::Ready);
}

#[test]
fn a_suspended_attempt_goes_on_as_the_same_one_under_a_new_lease() {
    use crate::run::state::Wait;
    let mut world = World::new(
        &json!({"limits": {"max_parallel": 1}, "steps": {"a": {"agent_id": "echo"}, "b": {"agent_id": "echo"}}}),
        true,
    );
    world.start(&["a"]);
    let wait = Wait::Callback { token: "t".into() };
    let suspend = Command::Suspend { step: "a".into(), attempt: 1, worker: worker(1), wait };
    assert_eq!(world.tell(&suspend), Ok(vec![EventKind::StepSuspended]));
    assert_eq!(world.tell(&suspend), Err(Refused::Fenced));
    assert_eq!(world.claimable(), ["b".into()], "waiting takes no place");
    let late = world.finished("a", AttemptResult::Released);
    assert_eq!(world.tell(&late), Err(Refused::Fenced), "nobody holds it");
    assert_eq!(world.tell(&Command::Lost { worker: worker(1) }), Ok(vec![]), "no worker can take it along");
    world.start(&["b"]);
    let wake = |token: &str| Command::Wake { step: "a".into(), attempt: 1, token: Some(token.into()) };
    assert_eq!(world.tell(&wake("other")), Err(Refused::Fenced));
    assert_eq!(world.tell(&wake("t")), Ok(vec![EventKind::StepResumed]));
    assert_eq!(world.tell(&wake("t")), Ok(vec![]), "it came already");
    assert!(world.suspended("a"));
    assert!(world.claimable().is_empty(), "there is no place for it yet");
    world.succeed("b");
    assert_eq!(world.claimable(), ["a".into()]);
    world.start(&["a"]);
    let attempt = world.state.attempts(&"a".into()).to_vec();
    assert_eq!((attempt.len(), attempt[0].number, attempt[0].fence), (1, 1, 1));
    world.succeed("a");
    assert_eq!(world.run_status(), RunStatus::Completed);
}

#[test]
fn a_callback_ends_a_suspended_attempt_once_and_its_next_try_asks_the_limits_again() {
    use crate::run::state::Wait;
    let retry = json!({"max": 1, "initial_ms": 1, "max_ms": 1, "jitter": 0.0});
    let mut world = World::new(
        &json!({"limits": {"max_parallel": 1},
            "steps": {"a": {"agent_id": "echo", "retry": retry}, "b": {"agent_id": "echo"}}}),
        true,
    );
    world.start(&["a"]);
    let called_back = |world: &World, token: &str, attempt: i32, result: AttemptResult| {
        let Command::Finished(done) = world.finished("a", result) else { unreachable!() };
        let done = Box::new(Finished { attempt, worker: worker(1), ..*done });
        Command::CalledBack { token: token.into(), done }
    };
    let suspend = |attempt: i32| Command::Suspend {
        step: "a".into(),
        attempt,
        worker: worker(1),
        wait: Wait::Callback { token: "t".into() },
    };
    world.tell(&suspend(1)).unwrap();
    world.start(&["b"]);
    let failed = || AttemptResult::Failed { class: ErrorClass::Server, error: "no".into(), retry_after_ms: None };
    let wrong = called_back(&world, "other", 1, failed());
    assert_eq!(world.tell(&wrong), Err(Refused::Fenced));
    let later = called_back(&world, "t", 2, failed());
    assert_eq!(world.tell(&later), Err(Refused::Fenced), "of another attempt");
    let right = called_back(&world, "t", 1, failed());
    assert_eq!(world.tell(&right), Ok(vec![EventKind::StepRetrying]));
    assert_eq!(world.tell(&right), Ok(vec![]), "told once more");
    world.now += TimeDelta::seconds(1);
    assert!(world.claimable().is_empty(), "another step has the place that it gave back");
    world.succeed("b");
    assert_eq!(world.claimable(), ["a".into()]);
    world.start(&["a"]);
    // The callback comes before its worker says that it waits.
    let made = world.text("called");
    let early = called_back(&world, "t", 2, AttemptResult::Succeeded(vec![made]));
    assert_eq!(world.tell(&early), Ok(vec![EventKind::StepCompleted]));
    assert_eq!(world.tell(&suspend(2)), Err(Refused::Fenced));
    assert_eq!(world.run_status(), RunStatus::Completed);
}

#[test]
fn a_step_that_no_worker_takes_fails_only_by_its_own_time_and_not_while_a_limit_keeps_it() {
    let mut world = World::new(
        &json!({"limits": {"max_parallel": 1}, "steps": {
            "a": {"agent_id": "echo"}, "b": {"agent_id": "echo", "queue_timeout_s": 10}, "c": {"agent_id": "echo"}}}),
        true,
    );
    world.start(&["a"]);
    world.now += TimeDelta::seconds(60);
    assert_eq!(world.tell(&Command::TimePassed), Ok(vec![]), "the limit keeps it, nobody else");
    world.succeed("a");
    world.start(&["b"]);
    assert_eq!(world.tell(&Command::TimePassed), Ok(vec![]));
    let released = world.finished("b", AttemptResult::Released);
    world.tell(&released).unwrap();
    assert_eq!(world.tell(&Command::TimePassed), Ok(vec![EventKind::StepFailed]), "it stands at its old place");
    assert_eq!(world.step("b").status, Status::Failed { class: ErrorClass::NoWorker });
    assert_eq!(world.claimable(), ["c".into()]);
}

#[test]
fn an_agent_that_acts_outside_is_not_tried_again_by_itself_whatever_its_step_was_drawn_with() {
    let mut world = World::new(&json!({"steps": {"a": {"agent_id": "outside"}}}), true);
    world.start(&["a"]);
    let failed = AttemptResult::Failed { class: ErrorClass::Server, error: "no".into(), retry_after_ms: None };
    let failed = world.finished("a", failed);
    assert_eq!(world.tell(&failed), Ok(vec![EventKind::StepFailed]));
    let plan = world.state.design.plan(&"a".into()).unwrap();
    assert!(plan.kind.starts_with("worker:outside:") && plan.word() == "worker");
}

#[test]
fn a_suspended_attempt_can_wait_for_a_time_and_be_stopped() {
    use crate::run::state::Wait;
    let mut world = World::steps(&dag(&json!({"a": [], "b": []})));
    for key in ["a", "b"] {
        world.start(&[key]);
        let wait = Wait::Until { at: world.now + TimeDelta::seconds(10) };
        world.tell(&Command::Suspend { step: key.into(), attempt: 1, worker: worker(1), wait }).unwrap();
    }
    assert_eq!(world.tell(&Command::TimePassed), Ok(vec![]));
    world.stop("b").unwrap();
    world.now += TimeDelta::seconds(11);
    assert_eq!(world.tell(&Command::TimePassed), Ok(vec![EventKind::StepResumed]));
    assert_eq!(world.claimable(), ["a".into()]);
    world.start(&["a"]);
    assert!(matches!(world.step("a").status, Status::Running(Work::Attempt { .. })));
}

#[test]
fn an_event_that_would_be_too_long_is_continued() {
    let fan: Vec<StepKey> = (0..4_500).map(|n| StepKey::new(format!("f{n}"))).collect();
    let mut edges = serde_json::Map::from_iter([("a".to_owned(), json!([]))]);
    edges.extend(fan.iter().map(|key| (key.as_str().to_owned(), json!(["a"]))));
    let start = crate::run::testing::start_of(
        &crate::run::testing::definition(&json!({ "steps": dag(&json!(edges)) })),
        true,
        [].into(),
    );
    let (mut state, mut n) = (State::empty(), 0);
    let (agents, voters) = (crate::run::testing::agents(), crate::run::Voters::default());
    let mut tell = |state: &mut State, command: &Command| {
        n += 1;
        let ctx = crate::run::Context {
            now: chrono::DateTime::UNIX_EPOCH,
            random: n,
            actor: None,
            was_asked: false,
            request: None,
            voters: &voters,
            agents: &agents,
        };
        let events = crate::run::decide(state, command, &ctx).unwrap();
        for event in &events {
            assert_eq!(state.apply(event), crate::view::Applied::Changed);
        }
        events
    };
    tell(&mut state, &Command::Start(Box::new(start)));
    tell(&mut state, &Command::StartSteps { worker: worker(1), build: None, steps: vec!["a".into()] });
    let done = Finished::new("a".into(), 1, worker(1), AttemptResult::Succeeded(vec![]));
    let events = tell(&mut state, &Command::Finished(Box::new(done)));
    let told: Vec<_> = events.iter().map(|event| (event.kind, event.data.steps.len(), event.cause)).collect();
    assert_eq!(told, [(EventKind::StepCompleted, 4_000, None), (EventKind::Continued, 501, Some(3))]);
    assert_eq!(state.claimable(chrono::DateTime::UNIX_EPOCH).count(), 4_500);
}
