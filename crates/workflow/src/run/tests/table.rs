//! Every verb in every status, by everybody, against the table of `verbs`: the oracle that was written by hand.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;

use super::world::{World, approve, reject};
use crate::{
    StepKey,
    access::{Actor, Role},
    api::RerunMode,
    run::{
        Command, Refused,
        command::{AttemptResult, Changes, Edit, Finished, MoveTo},
        testing::{admin, agents, definition, owner, person},
    },
    status::{ErrorClass, RunStatus, StatusReason, StepStatus},
    validate,
    verbs::{Access, Expected, Generation, RunExpected, RunVerb, Verb, Who, expected, expected_of_run, may, may_run},
    view::BudgetView,
};

/// A step `a` between `z` and `b` that has two versions and is what is wanted.
pub(super) fn world(status: StepStatus) -> World {
    let mut world = World::steps(&json!({"z": {"agent_id": "echo"}, "a": {"agent_id": "echo", "depends_on": ["z"]},
        "b": {"agent_id": "echo", "depends_on": ["a"]}}));
    world.run(&["z", "a", "b"]);
    world.supply("a", "by hand").unwrap();
    if status == StepStatus::Completed {
        return world;
    }
    if status == StepStatus::Pending {
        world.trigger("z").unwrap();
        world.start(&["z"]);
    }
    world.trigger("a").unwrap();
    match status {
        StepStatus::Running => world.start(&["a"]),
        StepStatus::AwaitingReview => {
            world.owner(&Command::SetAutoRun(false)).unwrap();
            world.run(&["a"]);
        }
        StepStatus::Failed | StepStatus::Skipped => {
            world.start(&["a"]);
            world.fail("a", ErrorClass::Permanent);
            if status == StepStatus::Skipped {
                world.skip("a").unwrap();
            }
        }
        StepStatus::Cancelled => {
            world.owner(&Command::Cancel).unwrap();
        }
        StepStatus::Pending | StepStatus::Ready | StepStatus::Completed => {}
    }
    assert_eq!(world.status("a"), status);
    world
}

pub(super) fn command(world: &mut World, verb: Verb) -> Command {
    let step: StepKey = "a".into();
    let text = world.text("by a person");
    match verb {
        Verb::Trigger => Command::Trigger { step, changes: Changes::default(), expect_generation: None },
        Verb::Continue => approve("a"),
        Verb::Edit => Command::Edit(Box::new(Edit {
            step,
            outputs: vec![text],
            and_continue: false,
            digest: None,
            expect_generation: None,
        })),
        Verb::Reject => reject("a", "again"),
        Verb::Skip => Command::Skip { step, inputs: BTreeMap::new(), expect_generation: None },
        Verb::Supply => Command::Supply { step, outputs: vec![text], expect_generation: None },
        Verb::Stop => Command::Stop { step, expect_generation: None },
        Verb::Rerun => {
            Command::Rerun { step, mode: RerunMode::StepOnly, changes: Changes::default(), expect_generation: None }
        }
        Verb::Rollback => {
            let artifact = world.state.versions(&step, "text").iter().find(|version| !version.is_latest).unwrap().id;
            Command::Rollback { artifact, expect_generation: None }
        }
    }
}

#[test]
fn every_verb_on_a_step_in_every_status_does_what_the_table_says() {
    for verb in Verb::ALL {
        for &status in StepStatus::ALL {
            let mut world = world(status);
            let command = command(&mut world, verb);
            let generation = world.step("a").generation;
            let outcome = world.owner(&command);
            match (expected(verb, status), &outcome) {
                (Expected::Done { becomes, events, generation: begins }, Ok(kinds)) => {
                    let now = world.step("a");
                    assert!(becomes.contains(&now.status.word()), "{verb:?} {status}: {:?}", now.status);
                    assert_eq!(kinds.len(), 1, "{verb:?} {status}: a verb is one event");
                    assert!(events.iter().any(|kind| kind.as_str() == kinds[0].as_str()), "{verb:?} {status}");
                    match begins {
                        Generation::Same => assert_eq!(now.generation, generation, "{verb:?} {status}"),
                        Generation::Next => assert_eq!(now.generation, generation + 1, "{verb:?} {status}"),
                    }
                }
                (Expected::Refused(_), Err(refused)) => {
                    assert_eq!(refused, &Refused::Status(status), "{verb:?} {status}");
                }
                (wanted, _) => panic!("{verb:?} {status}: {outcome:?}, but the table says {wanted:?}"),
            }
        }
    }
}

fn somebody(who: Who) -> Option<Actor> {
    Some(match who {
        Who::Owner => owner(),
        Who::Admin => admin(),
        Who::Assignee => person(5, Role::User),
        // Whom a workflow is for is no part of a run: who only looks is refused before it comes to deciding.
        Who::Other | Who::Viewer => person(6, Role::User),
        Who::Nobody => return None,
    })
}

#[test]
fn everybody_may_do_what_the_table_says_whatever_the_status() {
    for verb in Verb::ALL {
        for &status in StepStatus::ALL {
            for who in [Who::Owner, Who::Admin, Who::Other, Who::Nobody] {
                let mut world = world(status);
                let command = command(&mut world, verb);
                let refused = match world.by(somebody(who).as_ref(), &command) {
                    Err(Refused::Access(access)) => access,
                    _ => Access::Allowed,
                };
                assert_eq!(refused, may(verb, who), "{verb:?} {status} {who:?}");
            }
        }
    }
}

#[test]
fn whoever_is_asked_decides_at_the_open_gate_and_does_nothing_else() {
    let steps = json!({"a": {"agent_id": "echo", "review": {"mode": "always", "assignees": {"users": ["P5@example.com"]}}},
        "c": {"agent_id": "echo", "review": {"mode": "always"}}, "b": {"agent_id": "echo", "depends_on": ["a"]}});
    for verb in Verb::ALL {
        let mut world = World::steps(&steps);
        world.run(&["a", "c"]);
        let outputs = vec![world.text("v2")];
        let by = person(5, Role::User);
        // A second version, so that there is something to go back to.
        let edit = Edit { step: "a".into(), outputs, and_continue: false, digest: None, expect_generation: None };
        world.by(Some(&by), &Command::Edit(Box::new(edit))).unwrap();
        let command = command(&mut world, verb);
        let refused = match world.by(Some(&by), &command) {
            Err(Refused::Access(access)) => access,
            _ => Access::Allowed,
        };
        assert_eq!(refused, may(verb, Who::Assignee), "{verb:?}");
    }
    // At another gate of the run they see it, and that is all.
    let mut world = World::steps(&steps);
    world.run(&["a", "c"]);
    let by = person(5, Role::User);
    assert_eq!(world.by(Some(&by), &approve("c")), Err(Refused::Access(Access::Forbidden)));
    world.by(Some(&by), &approve("a")).unwrap();
    // Once it is closed, nothing here is theirs; whoever was let in before it closed is told what became of it.
    assert_eq!(world.by(Some(&by), &approve("a")), Err(Refused::Access(Access::NotFound)));
    world.was_asked = true;
    assert_eq!(world.by(Some(&by), &approve("a")), Err(Refused::Status(StepStatus::Completed)));
}

/// A run that is what is wanted, and why.
pub(super) fn run(status: RunStatus, reason: Option<StatusReason>) -> World {
    let document = json!({"limits": {"budget": {"tokens": 5}}, "steps": {"a": {"agent_id": "echo"},
        "b": {"agent_id": "echo", "depends_on": ["a"]}}});
    let mut world = World::new(&document, true);
    match (status, reason) {
        (RunStatus::Running, _) => {}
        (RunStatus::Paused, Some(StatusReason::Person)) => {
            world.owner(&Command::Pause).unwrap();
        }
        (RunStatus::Paused, Some(StatusReason::Review)) => {
            world.owner(&Command::SetAutoRun(false)).unwrap();
            world.run(&["a"]);
        }
        (RunStatus::Paused, _) => {
            world.start(&["a"]);
            spend(&mut world, "a", 5);
        }
        (RunStatus::Failed, _) => {
            world.start(&["a"]);
            world.fail("a", ErrorClass::Permanent);
        }
        (RunStatus::Cancelled, _) => {
            world.owner(&Command::Cancel).unwrap();
        }
        _ => world.run(&["a", "b"]),
    }
    assert_eq!((world.run_status(), world.state.run.status_reason), (status, reason));
    world
}

fn spend(world: &mut World, key: &str, tokens: i64) {
    let text = world.text("made");
    let Command::Finished(done) = world.finished(key, AttemptResult::Succeeded(vec![text])) else { unreachable!() };
    let done = Finished { usage: Some(World::usage(tokens)), ..*done };
    world.tell(&Command::Finished(Box::new(done))).unwrap();
}

pub(super) fn run_command(world: &mut World, verb: RunVerb) -> Option<Command> {
    Some(match verb {
        RunVerb::AutoRun => Command::SetAutoRun(!world.state.run.auto_run),
        RunVerb::Pause => Command::Pause,
        RunVerb::Resume => Command::Resume { budget: Some(BudgetView { tokens: Some(1_000), cost_micros: None }) },
        RunVerb::Cancel => Command::Cancel,
        RunVerb::Fork => return None,
        RunVerb::Adopt => Command::Adopt { versions: [("a".into(), vec![world.text("theirs")])].into() },
        RunVerb::Move => {
            let mut definition = definition(&json!({"steps": {"a": {"agent_id": "echo", "prompt": "other"}}}));
            definition.limits = world.state.design.definition.limits.clone();
            let (plan, _) = validate(&definition, &agents());
            Command::Move(Box::new(MoveTo {
                template_version: 2,
                template_name: "T".into(),
                definition: Arc::new(definition),
                plan,
            }))
        }
    })
}

#[test]
fn every_verb_on_a_run_in_every_status_does_what_the_table_says() {
    use RunStatus as S;
    let statuses = [
        (S::Running, None),
        (S::Paused, Some(StatusReason::Person)),
        (S::Paused, Some(StatusReason::Review)),
        (S::Paused, Some(StatusReason::Budget)),
        (S::Completed, None),
        (S::Failed, None),
        (S::Cancelled, None),
    ];
    for verb in RunVerb::ALL {
        for (status, reason) in statuses {
            for who in [Who::Owner, Who::Admin, Who::Other, Who::Nobody] {
                let mut world = run(status, reason);
                let Some(command) = run_command(&mut world, verb) else { continue };
                let outcome = world.by(somebody(who).as_ref(), &command);
                let at = format!("{verb:?} of a run that is {status} {reason:?}: {outcome:?}");
                let access = may_run(verb, who);
                if access != Access::Allowed {
                    assert_eq!(outcome, Err(Refused::Access(access)), "{at}");
                    continue;
                }
                match (expected_of_run(verb, status, reason), &outcome) {
                    (RunExpected::Done { becomes, event }, Ok(kinds)) => {
                        assert!(becomes.contains(&world.run_status()), "{at}: {}", world.run_status());
                        assert_eq!(Some(kinds[0]), event, "{at}");
                    }
                    (RunExpected::Unchanged, Ok(kinds)) => assert!(kinds.is_empty(), "{at}"),
                    (RunExpected::Refused(_), Err(refused)) => {
                        assert_eq!(refused, &Refused::RunStatus(status), "{at}");
                    }
                    (wanted, _) => panic!("{at}, but the table says {wanted:?}"),
                }
            }
        }
    }
}
