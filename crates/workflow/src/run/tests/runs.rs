//! Verbs on steps that run or skip them, verbs on runs, limits, keys, budgets, deadlines.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::world::World;
use crate::{
    StepKey,
    api::RerunMode,
    run::{
        Command, Context, Refused,
        command::{AttemptResult, Changes, Finished, Patch},
        dry,
        event::EventKind,
        state::Admission,
        testing::{admin, agents, owner, worker},
    },
    status::{ErrorClass, RunStatus, StatusReason, StepStatus},
    view::BudgetView,
};

fn chain() -> Value {
    json!({"a": {"agent_id": "echo"}, "b": {"agent_id": "echo", "depends_on": ["a"], "inputs": {"in": {"from": "step", "step": "a", "artifact": "text"}}},
        "c": {"agent_id": "echo", "depends_on": ["b"], "inputs": {"in": {"from": "step", "step": "b", "artifact": "text"}}}})
}

fn rerun(key: &str, mode: RerunMode) -> Command {
    Command::Rerun { step: key.into(), mode, changes: Changes::default(), expect_generation: None }
}

fn spend(world: &mut World, key: &str, tokens: i64) {
    let text = world.text("made");
    let Command::Finished(done) = world.finished(key, AttemptResult::Succeeded(vec![text])) else { unreachable!() };
    let done = Finished { usage: Some(World::usage(tokens)), ..*done };
    world.tell(&Command::Finished(Box::new(done))).unwrap();
}

fn keys(world: &World) -> Vec<String> {
    world.claimable().iter().map(|key| key.as_str().to_owned()).collect()
}

// ---- steps

#[test]
fn each_mode_of_a_re_run_takes_what_it_says() {
    let table = [
        ("a", RerunMode::StepOnly, "a ready, b completed, c completed"),
        ("a", RerunMode::Downstream, "a ready, b pending, c pending"),
        ("a", RerunMode::StaleDownstream, "a ready, b completed, c completed"),
        ("b", RerunMode::Downstream, "a completed, b ready, c pending"),
    ];
    for (key, mode, shown) in table {
        let mut world = World::steps(&chain());
        world.settle();
        assert_eq!(world.owner(&rerun(key, mode)), Ok(vec![EventKind::StepRerun]));
        assert_eq!(world.shown(), shown, "{key} {mode:?}");
        world.settle();
        assert_eq!(world.run_status(), RunStatus::Completed);
    }
    let mut world = World::steps(&chain());
    world.settle();
    world.supply("a", "other").unwrap();
    world.owner(&rerun("a", RerunMode::StaleDownstream)).unwrap();
    assert_eq!(
        world.shown(),
        "a ready, b pending, c pending",
        "what reads the new version is stale, and what reads that"
    );
}

#[test]
fn what_is_stale_anywhere_in_the_run_runs_again_and_nothing_that_a_person_wrote() {
    let mut steps = chain();
    steps["z"] = json!({"agent_id": "echo"});
    steps["y"] = json!({"agent_id": "echo", "depends_on": ["z"], "inputs": {"in": {"from": "step", "step": "z", "artifact": "text"}}});
    let mut world = World::steps(&steps);
    world.settle();
    assert_eq!(world.owner(&rerun("b", RerunMode::Stale)), Err(Refused::NothingToRefresh), "it is fresh");
    world.supply("a", "by hand").unwrap();
    world.supply("z", "by hand too").unwrap();
    for written in ["a", "z"] {
        assert_eq!(world.owner(&rerun(written, RerunMode::Stale)), Err(Refused::NothingToRefresh), "{written}");
    }
    assert_eq!(world.owner(&rerun("b", RerunMode::Stale)), Ok(vec![EventKind::StepRerun]));
    assert_eq!(world.shown(), "a completed, b ready, c pending, y ready, z completed");
    world.settle();
    assert_eq!(world.run_status(), RunStatus::Completed);
    for fresh in ["b", "c", "y"] {
        assert_eq!(world.owner(&rerun(fresh, RerunMode::Stale)), Err(Refused::NothingToRefresh), "{fresh}");
    }
}

#[test]
fn a_re_run_fences_what_runs_downstream() {
    let mut world = World::steps(&chain());
    world.run(&["a"]);
    world.start(&["b"]);
    world.owner(&rerun("a", RerunMode::Downstream)).unwrap();
    assert_eq!(world.shown(), "a ready, b pending, c pending");
    let late = world.finished("b", AttemptResult::Succeeded(vec![]));
    assert_eq!(world.tell(&late), Err(Refused::Fenced));
    assert_eq!((world.step("b").generation, world.step("c").generation), (2, 2));
}

#[test]
fn a_dry_run_is_the_same_decision_not_committed() {
    let mut world = World::steps(&chain());
    world.settle();
    let (agents, voters, actor) = (agents(), crate::run::Voters::default(), owner());
    let ctx = Context {
        now: world.now,
        random: 1,
        actor: Some(&actor),
        was_asked: false,
        request: None,
        voters: &voters,
        agents: &agents,
    };
    let command = rerun("b", RerunMode::Downstream);
    let radius = dry::rerun(&world.state, &command, &ctx).unwrap();
    assert_eq!(radius.steps.iter().map(|step| step.key.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    world.owner(&command).unwrap();
    assert_eq!(dry::rerun(&world.state, &command, &ctx), Err(Refused::Status(StepStatus::Ready)));
}

#[test]
fn overrides_are_kept_until_they_are_taken_back() {
    let mut world = World::steps(&chain());
    world.settle();
    let trigger = |prompt: Patch<String>, inputs: Patch<BTreeMap<String, Value>>| Command::Trigger {
        step: "b".into(),
        changes: Changes { prompt, inputs },
        expect_generation: None,
    };
    world.owner(&trigger(Patch::Set("better".into()), Patch::Set([("in".to_owned(), json!(1))].into()))).unwrap();
    world.run(&["b"]);
    let attempt = world.state.attempts(&"b".into()).last().unwrap().clone();
    assert_eq!(attempt.basis.unwrap().prompt, Some(crate::hash::sha256_hex(b"better")));
    assert!(attempt.reads.is_empty(), "a literal is in its place");
    world.owner(&trigger(Patch::Reset, Patch::Keep)).unwrap();
    assert_eq!(world.state.overrides[&StepKey::from("b")].prompt, None);
    world.owner(&trigger(Patch::Keep, Patch::Reset)).unwrap();
    assert!(world.state.overrides.is_empty());
    world.run(&["b"]);
    let attempt = world.state.attempts(&"b".into()).last().unwrap().clone();
    assert_eq!(attempt.basis.unwrap().prompt, Some(crate::hash::sha256_hex(b"own")));
    assert_eq!(attempt.reads.len(), 1);
}

#[test]
fn a_trigger_of_a_queued_step_replaces_what_it_runs_with_and_ends_its_backoff() {
    let mut world = World::steps(&chain());
    world.start(&["a"]);
    world.fail("a", ErrorClass::Server);
    assert!(keys(&world).is_empty());
    assert_eq!(world.trigger("a"), Ok(vec![EventKind::StepTriggered]));
    assert_eq!((keys(&world), world.step("a").generation), (vec!["a".to_owned()], 1));
    let again = Command::Trigger { step: "a".into(), changes: Changes::default(), expect_generation: Some(1) };
    assert_eq!(world.owner(&again), Ok(vec![]), "it is queued just as they want it");
}

#[test]
fn skipping_asks_first_for_what_others_would_be_without() {
    let needy = json!({"a": {"agent_id": "echo"}, "b": {"agent_id": "needy", "inputs": {"must": {"from": "step", "step": "a", "artifact": "text"}}}});
    let mut world = World::steps(&needy);
    assert_eq!(world.skip("a"), Err(Refused::Missing(vec![("b".into(), "must".into())])));
    let inputs = BTreeMap::from([("b".into(), BTreeMap::from([("must".to_owned(), json!("x"))]))]);
    world.owner(&Command::Skip { step: "a".into(), inputs, expect_generation: None }).unwrap();
    assert_eq!(world.shown(), "a skipped(person), b ready");
    assert_eq!(world.state.overrides[&StepKey::from("b")].inputs["must"], json!("x"));
    world.settle();
    world.trigger("a").unwrap();
    assert_eq!(world.shown(), "a ready, b completed");
}

#[test]
fn what_a_person_wants_to_run_runs_though_what_is_before_it_runs_first() {
    let mut world = World::steps(&json!({"a": {"agent_id": "echo"},
        "b": {"agent_id": "echo", "depends_on": ["a"], "when": {"eq": [{"const": 1}, {"const": 2}]}}}));
    world.run(&["a"]);
    assert_eq!(world.shown(), "a completed, b skipped(condition)");
    world.trigger("b").unwrap();
    world.trigger("a").unwrap();
    assert_eq!(world.shown(), "a ready, b pending");
    world.run(&["a"]);
    assert_eq!(world.shown(), "a completed, b ready");
    world.run(&["b"]);
    world.trigger("a").unwrap();
    world.run(&["a"]);
    assert_eq!(world.shown(), "a completed, b completed", "it was wanted once");
}

#[test]
fn stopping_ends_an_attempt_or_a_wait_and_the_step_can_be_retried() {
    let mut world = World::steps(&chain());
    world.stop("a").unwrap();
    assert_eq!(world.shown(), "a failed(stopped), b skipped(upstream_failed), c skipped(upstream_failed)");
    world.trigger("a").unwrap();
    world.start(&["a"]);
    world.stop("a").unwrap();
    let late = world.finished("a", AttemptResult::Succeeded(vec![]));
    assert_eq!(world.tell(&late), Err(Refused::Fenced));
}

#[test]
fn what_is_supplied_lets_those_after_it_go_on() {
    let mut world = World::steps(&chain());
    world.supply("b", "early").unwrap();
    assert_eq!(world.shown(), "a ready, b completed, c ready");
    world.start(&["a"]);
    world.fail("a", ErrorClass::Permanent);
    assert_eq!(world.run_status(), RunStatus::Running);
    world.supply("a", "instead").unwrap();
    assert_eq!(world.supply("a", "instead").unwrap(), [EventKind::StepSupplied]);
    assert_eq!(world.n_versions("a"), 2);
    world.settle();
    assert_eq!(world.run_status(), RunStatus::Completed);
}

// ---- runs

#[test]
fn a_paused_run_starts_nothing_but_what_a_person_triggers() {
    let mut world = World::steps(
        &json!({"a": {"agent_id": "echo"}, "b": {"agent_id": "echo"}, "c": {"agent_id": "echo", "depends_on": ["b"]}}),
    );
    world.start(&["b"]);
    assert_eq!(world.owner(&Command::Pause), Ok(vec![EventKind::RunPaused]));
    assert_eq!(world.owner(&Command::Pause), Ok(vec![]));
    world.succeed("b");
    assert_eq!((world.shown().as_str(), keys(&world)), ("a ready, b completed, c ready", vec![]));
    assert_eq!(world.step("c").status.admission(), Some(Admission::Held));
    world.trigger("c").unwrap();
    assert_eq!(keys(&world), ["c"]);
    assert_eq!((world.run_status(), world.state.run.status_reason), (RunStatus::Paused, Some(StatusReason::Person)));
    world.owner(&Command::Resume { budget: None }).unwrap();
    assert_eq!(keys(&world), ["a", "c"]);
    assert_eq!(world.owner(&Command::Resume { budget: None }), Ok(vec![]));
}

#[test]
fn a_retry_in_a_paused_run_waits_for_it_to_go_on() {
    let mut world = World::steps(&chain());
    world.start(&["a"]);
    world.owner(&Command::Pause).unwrap();
    world.fail("a", ErrorClass::Server);
    world.now += TimeDelta::minutes(1);
    assert!(keys(&world).is_empty());
    world.owner(&Command::Resume { budget: None }).unwrap();
    assert_eq!(keys(&world), ["a"]);
}

#[test]
fn cancelling_is_final_and_fences_what_runs() {
    let mut world = World::steps(&chain());
    world.start(&["a"]);
    assert_eq!(world.owner(&Command::Cancel), Ok(vec![EventKind::RunCancelled]));
    assert_eq!(world.shown(), "a cancelled, b cancelled, c cancelled");
    let late = world.finished("a", AttemptResult::Succeeded(vec![]));
    assert_eq!(world.tell(&late), Err(Refused::Fenced));
    assert_eq!(world.owner(&Command::Cancel), Ok(vec![]));
    assert_eq!(world.trigger("a"), Err(Refused::Status(StepStatus::Cancelled)));
    assert_eq!(world.owner(&Command::SetAutoRun(false)), Err(Refused::RunStatus(RunStatus::Cancelled)));
}

#[test]
fn a_run_past_its_time_fails_what_is_not_over_and_has_its_time_again_when_it_goes_on() {
    let mut document = json!({"limits": {"timeout_s": 60}, "steps": chain()});
    document["steps"]["d"] = json!({"agent_id": "echo", "on_error": "default", "default_output": {"text": "x"}});
    let mut world = World::new(&document, true);
    world.run(&["a"]);
    world.start(&["b"]);
    world.now += TimeDelta::seconds(61);
    assert_eq!(world.tell(&Command::TimePassed), Ok(vec![EventKind::RunTimedOut]));
    assert_eq!(world.shown(), "a completed, b failed(run_timeout), c failed(run_timeout), d failed(run_timeout)");
    assert_eq!((world.run_status(), world.state.run.deadline_at), (RunStatus::Failed, None));
    world.trigger("b").unwrap();
    assert_eq!(world.state.run.deadline_at, Some(world.now + TimeDelta::seconds(60)));
}

// ---- limits

#[test]
fn a_run_runs_only_so_many_at_once_the_oldest_first() {
    let steps: serde_json::Map<String, Value> =
        (0..6).map(|n| (format!("s{n}"), json!({"agent_id": "echo"}))).collect();
    let mut world = World::new(&json!({"limits": {"max_parallel": 2}, "steps": steps}), true);
    assert_eq!(keys(&world), ["s0", "s1"]);
    world.start(&["s0", "s1"]);
    assert!(keys(&world).is_empty());
    world.succeed("s1");
    assert_eq!(keys(&world), ["s2"], "ending one makes the next claimable in the same decision");
    assert_eq!(world.events.last().unwrap().data.steps.len(), 2);
    // Whoever crashes keeps its place.
    world.tell(&Command::Lost { worker: worker(1) }).unwrap();
    assert_eq!(keys(&world), ["s0", "s2"]);
    world.settle();
    assert_eq!(world.run_status(), RunStatus::Completed);
}

#[test]
fn a_key_of_any_length_is_short_enough_to_be_kept_and_no_other() {
    let of = |text: &str| {
        let keyed = json!({"a": {"agent_id": "echo", "concurrency": {"key": {"const": text}, "limit": 1}}});
        World::steps(&keyed).state.keys(&"a".into())[0].key.clone()
    };
    let long = "ключ".repeat(100_000);
    assert_eq!(of("k"), "key:k");
    assert_eq!(of(&"é".repeat(500)), format!("key:{}", "é".repeat(500)));
    assert!(of(&long).len() < 2_700, "{}", of(&long).len());
    assert_eq!(of(&long), of(&long.clone()));
    assert_ne!(of(&long), of(&format!("{long}s")));
}

#[test]
fn a_key_is_asked_for_once_the_run_lets_the_step_go_and_given_back_with_its_end() {
    let keyed = json!({"agent_id": "echo", "concurrency": {"key": {"const": "k"}, "limit": 1}});
    let mut world = World::steps(&json!({"a": keyed, "b": keyed, "r": {"agent_id": "rare"}}));
    assert!(keys(&world).is_empty());
    let wanted: Vec<_> = world.state.reserving().map(|(key, limits)| (key.as_str(), limits[0].key.as_str())).collect();
    assert_eq!(wanted, [("a", "key:k"), ("b", "key:k"), ("r", "agent:rare")]);
    assert_eq!(world.reserve(&["a"]), Ok(vec![EventKind::StepsAdmitted]));
    assert_eq!(world.reserve(&["a"]), Ok(vec![]));
    assert_eq!(keys(&world), ["a"]);
    assert!(world.state.holds_keys(&"a".into()));
    world.owner(&Command::Pause).unwrap();
    assert!(!world.state.holds_keys(&"a".into()), "a held run gives its keys back");
    assert_eq!(world.reserve(&["b"]), Ok(vec![]), "nor does it take any");
    world.owner(&Command::Resume { budget: None }).unwrap();
    world.reserve(&["a"]).unwrap();
    world.start(&["a"]);
    assert!(world.state.holds_keys(&"a".into()));
    world.fail("a", ErrorClass::Server);
    assert!(world.state.holds_keys(&"a".into()), "what backs off keeps its place");
    world.stop("a").unwrap();
    assert!(!world.state.holds_keys(&"a".into()));
    world.settle();
}

#[test]
fn a_step_whose_reservation_is_gone_asks_again_at_its_old_place() {
    let keyed = json!({"agent_id": "echo", "concurrency": {"key": {"const": "k"}, "limit": 2}});
    let mut world = World::steps(&json!({"a": keyed, "b": keyed, "c": {"agent_id": "echo"}}));
    let gone = |keys: &[&str]| Command::Unreserved { steps: keys.iter().map(|key| (*key).into()).collect() };
    assert_eq!(world.tell(&gone(&["a"])), Ok(vec![]), "it has none yet");
    world.reserve(&["a", "b"]).unwrap();
    let place = world.step("a").not_before;
    assert_eq!(
        world.tell(&gone(&["a", "c", "nonsense"])),
        Ok(vec![EventKind::StepsUnreserved]),
        "nor does `c` need any"
    );
    assert_eq!(keys(&world), ["b", "c"]);
    let wanted: Vec<_> = world.state.reserving().map(|(key, _)| key.as_str()).collect();
    assert_eq!((wanted, world.step("a").not_before), (vec!["a"], place));
    assert_eq!(world.tell(&gone(&["a"])), Ok(vec![]), "it waits already");
    world.start(&["b"]);
    assert_eq!(world.tell(&gone(&["b"])), Ok(vec![]), "what runs is not taken back");
    world.settle();
    assert_eq!(world.run_status(), RunStatus::Completed);
}

#[test]
fn a_reserved_key_is_given_back_where_the_limits_have_no_room_any_more() {
    let keyed = json!({"agent_id": "echo", "concurrency": {"key": {"const": "k"}, "limit": 1}});
    let mut world =
        World::new(&json!({"limits": {"max_parallel": 1}, "steps": {"a": keyed, "b": {"agent_id": "echo"}}}), true);
    assert_eq!(keys(&world), ["b"], "what waits for a key takes no place");
    assert_eq!(world.state.reserving().count(), 1);
    world.reserve(&["a"]).unwrap();
    assert_eq!(world.step("a").status.admission(), Some(Admission::Limited));
    assert!(!world.state.holds_keys(&"a".into()));
    world.run(&["b"]);
    assert_eq!(world.state.reserving().count(), 1, "it asks again once there is room");
    world.settle();
    assert_eq!(world.run_status(), RunStatus::Completed);
}

// ---- budgets

#[test]
fn a_budget_that_is_used_up_holds_the_run_until_it_is_raised() {
    let document = json!({"limits": {"budget": {"tokens": 10}}, "steps": chain()});
    let mut world = World::new(&document, true);
    world.start(&["a"]);
    spend(&mut world, "a", 10);
    let last: Vec<_> = world.events.iter().rev().take(2).map(|event| (event.kind, event.cause)).collect();
    assert_eq!(last, [(EventKind::BudgetExceeded, Some(3)), (EventKind::StepCompleted, None)]);
    assert_eq!((world.run_status(), world.state.run.status_reason), (RunStatus::Paused, Some(StatusReason::Budget)));
    assert!(keys(&world).is_empty());
    assert_eq!(world.owner(&Command::Resume { budget: None }), Err(Refused::BudgetTooSmall));
    let budget = |tokens| Command::Resume { budget: Some(BudgetView { tokens: Some(tokens), cost_micros: None }) };
    assert_eq!(world.owner(&budget(10)), Err(Refused::BudgetTooSmall));
    world.owner(&budget(20)).unwrap();
    assert_eq!(keys(&world), ["b"]);
    world.start(&["b"]);
    spend(&mut world, "b", 10);
    // What a person triggers is their own decision.
    world.trigger("c").unwrap();
    assert_eq!(keys(&world), ["c"]);
    world.start(&["c"]);
    spend(&mut world, "c", 10);
    world.owner(&Command::Resume { budget: Some(BudgetView::default()) }).unwrap();
    assert_eq!((world.run_status(), world.state.run.budget), (RunStatus::Completed, None));
}

#[test]
fn a_budget_that_fails_the_run_fails_whatever_would_start() {
    let mut document = json!({"limits": {"budget": {"tokens": 10, "on_exceed": "fail"}}, "steps": chain()});
    document["steps"]["d"] = json!({"agent_id": "echo", "depends_on": ["b"], "trigger_rule": "all_done"});
    let mut world = World::new(&document, true);
    world.start(&["a"]);
    spend(&mut world, "a", 10);
    assert_eq!(world.shown(), "a completed, b failed(budget), c skipped(upstream_failed), d failed(budget)");
    assert_eq!(world.run_status(), RunStatus::Failed);
    world
        .by(
            Some(&admin()),
            &Command::Trigger { step: "b".into(), changes: Changes::default(), expect_generation: None },
        )
        .unwrap();
    assert_eq!(keys(&world), ["b"], "a person wants it");
}
