//! Runs from runs: fork, adopt, and going on with another version.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{World, approve};
use crate::{
    StepKey,
    access::{Actor, Role},
    id::RunId,
    run::{
        Command, Context, Refused, State,
        command::{Changes, MoveTo, Patch, Start},
        dry,
        event::EventKind,
        fork,
        testing::{admin, agents, definition, owner, person},
    },
    status::{ErrorClass, Origin, RunStatus, StepStatus},
    validate,
    verbs::Access,
};

fn steps() -> Value {
    json!({"a": {"agent_id": "echo"}, "b": {"agent_id": "echo", "depends_on": ["a"]},
        "c": {"agent_id": "echo", "depends_on": ["b"]}, "d": {"agent_id": "echo"}})
}

fn fork_at(world: &World, at: &str, actor: &Actor) -> Result<Start, Refused> {
    fork_with(world, at, actor, &Changes::default())
}

fn fork_with(world: &World, at: &str, actor: &Actor, changes: &Changes) -> Result<Start, Refused> {
    let (agents, voters) = (agents(), crate::run::Voters::default());
    let ctx = Context {
        now: world.now,
        random: 4,
        actor: Some(actor),
        was_asked: false,
        request: None,
        voters: &voters,
        agents: &agents,
    };
    fork(&world.state, &at.into(), RunId(Uuid::from_u128(60)), None, changes, &ctx)
}

#[test]
fn a_fork_shares_what_is_before_it_and_beside_it() {
    let mut world = World::steps(&steps());
    world.settle();
    world
        .owner(&Command::Trigger {
            step: "d".into(),
            changes: Changes { prompt: Patch::Set("mine".into()), ..Changes::default() },
            expect_generation: None,
        })
        .unwrap();
    world.settle();
    assert_eq!(fork_at(&world, "b", &person(8, Role::User)), Err(Refused::Access(Access::NotFound)));
    assert_eq!(fork_at(&world, "x", &owner()), Err(Refused::NotFound));
    let start = fork_at(&world, "b", &admin()).unwrap();
    assert_eq!(start.run.user_id, admin().id);
    let forked = World::begun(start);
    assert_eq!(
        forked.events.iter().map(|event| event.kind).collect::<Vec<_>>(),
        [EventKind::RunStarted, EventKind::RunAdopted]
    );
    assert_eq!(forked.shown(), "a completed, b ready, c pending, d completed");
    let (theirs, ours) =
        (world.state.latest(&"a".into()).next().unwrap(), forked.state.latest(&"a".into()).next().unwrap());
    assert_eq!((ours.copy_of, ours.origin, ours.version), (Some(theirs.id), Origin::Import, 1));
    assert_ne!(ours.id, theirs.id);
    assert_eq!(forked.state.overrides, world.state.overrides);
    assert_eq!(forked.state.birth.forked_from.as_ref().unwrap().step, "b".into());
}

#[test]
fn a_fork_begins_with_another_prompt_and_other_inputs_where_they_are_given() {
    let mut world = World::steps(&steps());
    world.settle();
    let changes =
        Changes { prompt: Patch::Set("other".into()), inputs: Patch::Set([("in".to_owned(), json!("mine"))].into()) };
    let forked = World::begun(fork_with(&world, "b", &owner(), &changes).unwrap());
    assert_eq!(forked.state.overrides.len(), 1);
    let there = forked.state.overrides.get(&StepKey::from("b")).unwrap();
    assert_eq!((there.prompt.as_deref(), there.inputs.get("in")), (Some("other"), Some(&json!("mine"))));
    assert!(world.state.overrides.is_empty(), "the run that is forked stays as it is");
    let back = Changes { prompt: Patch::Reset, inputs: Patch::Reset };
    let again = World::begun(fork_with(&forked, "b", &owner(), &back).unwrap());
    assert!(again.state.overrides.is_empty());
}

#[test]
fn a_fork_puts_no_value_in_the_place_of_what_a_gate_that_binds_lets_through() {
    let review = json!({"mode": "always", "assignees": {"users": ["p5@example.com"]}});
    let world = World::steps(&json!({"a": {"agent_id": "echo", "review": review},
        "z": {"agent_id": "echo", "depends_on": ["a"], "inputs": {"in": {"from": "step", "step": "a", "artifact": "text"}}}}));
    let mine = Changes { inputs: Patch::Set([("in".to_owned(), json!("mine"))].into()), ..Changes::default() };
    assert_eq!(fork_with(&world, "z", &owner(), &mine).unwrap_err(), Refused::Bound("a".into()));
    assert!(fork_with(&world, "z", &admin(), &mine).is_ok(), "who may approve there may");
}

#[test]
fn a_fork_takes_over_what_it_would_have_skipped_at_once() {
    let mut world = World::steps(&json!({"a": {"agent_id": "echo", "when": {"eq": [{"const": 1}, {"const": 2}]}},
        "b": {"agent_id": "echo", "depends_on": ["a"]}, "c": {"agent_id": "echo", "depends_on": ["b"]},
        "d": {"agent_id": "echo", "depends_on": ["a"]}}));
    assert_eq!(world.run_status(), RunStatus::Completed);
    world.supply("a", "by hand").unwrap();
    world.settle();
    let forked = World::begun(fork_at(&world, "c", &owner()).unwrap());
    assert_eq!(forked.shown(), "a completed, b completed, c ready, d completed");
    world.trigger("a").unwrap();
    world.skip("a").unwrap();
    world.settle();
    // Nothing that was skipped for the condition is at the fork: a person went on without the first step.
    let forked = World::begun(fork_at(&world, "b", &owner()).unwrap());
    assert_eq!(forked.shown(), "a skipped(person), b ready, c pending, d completed");
}

#[test]
fn a_fork_keeps_nothing_that_stands_on_what_runs_again() {
    let mut world = World::steps(&steps());
    world.run(&["a", "b"]);
    world.start(&["d"]);
    world.fail("d", ErrorClass::Permanent);
    world.trigger("a").unwrap();
    let start = fork_at(&world, "c", &owner()).unwrap();
    assert!(start.kept.is_empty(), "a runs, b stands on it, d failed");
    let forked = World::begun(start);
    assert_eq!(forked.shown(), "a ready, b pending, c pending, d ready");
}

#[test]
fn what_a_gate_that_binds_did_not_approve_is_made_anew_in_a_fork() {
    let review = json!({"mode": "always", "assignees": {"users": ["p5@example.com"]}});
    let mut world = World::steps(&json!({"a": {"agent_id": "echo", "review": review},
        "b": {"agent_id": "echo", "review": review}, "z": {"agent_id": "echo", "depends_on": ["a", "b"]}}));
    world.run(&["a", "b"]);
    world.by(Some(&person(5, Role::User)), &approve("a")).unwrap();
    let forked = World::begun(fork_at(&world, "z", &owner()).unwrap());
    assert_eq!(forked.shown(), "a completed, b ready, z pending");
    assert!(forked.state.latest(&"a".into()).all(|version| version.is_approved), "what passed there has passed here");
}

#[test]
fn versions_of_another_run_are_taken_over_where_they_differ() {
    let mut world = World::steps(&steps());
    world.settle();
    let same = world.state.latest(&"a".into()).next().unwrap().content_hash.clone();
    let mut equal = world.text("x");
    equal.content_hash = same;
    let nothing = [("a".into(), vec![equal.clone()]), ("gone".into(), vec![equal.clone()])].into();
    assert_eq!(world.owner(&Command::Adopt { versions: nothing }), Err(Refused::NothingToAdopt));
    let other = world.text("theirs");
    let both = [("a".into(), vec![equal]), ("b".into(), vec![other])].into();
    assert_eq!(world.owner(&Command::Adopt { versions: both }), Ok(vec![EventKind::RunAdopted]));
    assert_eq!((world.n_versions("a"), world.n_versions("b")), (1, 2));
    let latest = world.state.latest(&"b".into()).next().unwrap();
    assert_eq!((latest.origin, latest.made_by, latest.parent.is_some()), (Origin::Import, Some(owner().id), true));
    world.trigger("b").unwrap();
    world.start(&["b"]);
    let other = world.text("more");
    let running = [("b".into(), vec![other])].into();
    assert_eq!(world.owner(&Command::Adopt { versions: running }), Err(Refused::StepRuns));
}

fn to(steps: &Value) -> Command {
    let definition = definition(&json!({ "steps": steps }));
    let (plan, _) = validate(&definition, &agents());
    Command::Move(Box::new(MoveTo {
        template_version: 2,
        template_name: "T2".into(),
        definition: Arc::new(definition),
        plan,
    }))
}

#[test]
fn a_move_keeps_what_means_the_same_and_runs_the_rest() {
    let mut world = World::steps(&steps());
    world.settle();
    let mut next = steps();
    next["b"]["prompt"] = json!("other");
    next["e"] = json!({"agent_id": "echo", "depends_on": ["d"]});
    next.as_object_mut().unwrap().shift_remove("c");
    assert_eq!(world.owner(&to(&next)), Ok(vec![EventKind::RunMoved]));
    assert_eq!(world.shown(), "a completed, b ready, d completed, e ready");
    assert_eq!((world.state.template_version, world.state.template_name.as_str()), (2, "T2"));
    assert_eq!(world.run_status(), RunStatus::Running);
    world.settle();
    assert_eq!(world.owner(&to(&steps())), Ok(vec![EventKind::RunMoved]));
    assert_eq!(world.shown(), "a completed, b ready, c pending, d completed", "c is back, and counts on");
    assert_eq!(world.step("c").generation, 2);
    world.settle();
    assert_eq!(world.n_versions("c"), 2);
    assert_eq!(world.fold(), world.state);
}

#[test]
fn what_was_reserved_before_a_move_to_other_keys_lets_nothing_start() {
    let keyed = |key: &str| json!({"a": {"agent_id": "echo", "concurrency": {"key": {"const": key}, "limit": 1}}});
    let mut world = World::steps(&keyed("before"));
    let late = Command::Reserved { steps: [("a".into(), world.state.keys(&"a".into()).to_vec())].into() };
    world.owner(&Command::Pause).unwrap();
    world.trigger("a").unwrap();
    world.reserve(&["a"]).unwrap();
    assert_eq!(world.claimable(), ["a".into()], "a person's trigger goes in a pause");
    assert_eq!(world.owner(&to(&keyed("after"))), Ok(vec![EventKind::RunMoved]));
    assert!(world.claimable().is_empty());
    assert_eq!(world.tell(&late), Ok(vec![]));
    assert!(!world.state.holds_keys(&"a".into()));
    assert_eq!(world.reserve(&["a"]), Ok(vec![EventKind::StepsAdmitted]));
    world.settle();
    assert_eq!(world.step("a").status.word(), StepStatus::Completed);
}

#[test]
fn a_move_waits_until_nothing_runs_and_its_dry_run_does_not() {
    let mut world = World::steps(&steps());
    world.start(&["a"]);
    world.owner(&Command::Pause).unwrap();
    let mut next = steps();
    next["a"]["prompt"] = json!("other");
    assert_eq!(world.owner(&to(&next)), Err(Refused::StepRuns));
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
    let plan = dry::move_to(&world.state, &to(&next), &ctx).unwrap();
    assert_eq!(plan.rerun, ["a".into()]);
    let back = world.finished("a", crate::run::command::AttemptResult::Released);
    world.tell(&back).unwrap();
    world.owner(&to(&next)).unwrap();
    assert_eq!(world.shown(), "a ready, b pending, c pending, d ready");
    assert!(world.claimable().is_empty(), "it is paused");
}

#[test]
fn a_map_that_runs_again_on_another_version_loses_its_items_until_it_expands() {
    let map = json!({"m": {"agent_id": "echo", "map": {"over": {"const": []}}}});
    let mut world = World::steps(&map);
    world.settle();
    let mut next = map.clone();
    next["m"]["prompt"] = json!("other");
    world.owner(&to(&next)).unwrap();
    assert_eq!(world.shown(), "m pending");
    assert!(world.step("m").status.needs_decision());
    world.judge(&"m".into()).unwrap();
    // Their basis is given by the engine, and is the same here: so they are kept.
    assert_eq!(world.shown(), "m running, m[a] completed, m[b] completed");
}

#[test]
fn a_gate_that_stays_is_kept_by_a_move_and_one_of_a_step_that_runs_again_is_closed() {
    let mut before = steps();
    before["a"]["review"] = json!({"mode": "always"});
    before["d"]["review"] = json!({"mode": "always"});
    let mut world = World::steps(&before);
    world.run(&["a", "d"]);
    let mut next = before.clone();
    next["d"]["prompt"] = json!("other");
    world.owner(&to(&next)).unwrap();
    assert_eq!(world.shown(), "a awaiting_review, b pending, c pending, d ready");
    let closed = &world.events.last().unwrap().data.reviews;
    assert_eq!((closed.len(), closed[0].step.as_str()), (1, "d"));
    world.approve("a").unwrap();
    assert_eq!(world.status("b"), StepStatus::Ready);
}

#[test]
fn nothing_comes_to_a_run_that_has_not_begun() {
    let (agents, voters) = (agents(), crate::run::Voters::default());
    let ctx = Context {
        now: chrono::DateTime::UNIX_EPOCH,
        random: 1,
        actor: None,
        was_asked: false,
        request: None,
        voters: &voters,
        agents: &agents,
    };
    let nothing = State::empty();
    assert_eq!(crate::run::decide(&nothing, &Command::TimePassed, &ctx), Err(Refused::NotFound));
    let mut world = World::steps(&steps());
    let start = crate::run::testing::start_of(&definition(&json!({"steps": steps()})), true, [].into());
    assert_eq!(world.owner(&Command::Start(Box::new(start))), Ok(vec![]), "it began already");
}
