//! What is read at a gate: what was there before, what it was made from, and whose votes count.

use std::collections::BTreeSet;

use serde_json::json;

use super::world::{World, approve};
use crate::{
    access::Role,
    run::{
        Command, Gate,
        command::Edit,
        state::{Emails, Version},
        testing::{owner, person},
    },
};

fn gate(world: &World, key: &str) -> Gate {
    Gate::of(&world.state, &key.into(), &world.voters).unwrap()
}

fn numbers(versions: &[Version]) -> Vec<i32> {
    versions.iter().map(|version| version.version).collect()
}

/// The numbers of what is decided about, and of what it is compared with.
fn shown(world: &World) -> (Vec<i32>, Vec<i32>) {
    let gate = gate(world, "a");
    (numbers(&gate.outputs), numbers(&gate.previous))
}

#[test]
fn a_gate_compares_with_what_somebody_saw_last() {
    let steps = json!({"a": {"agent_id": "echo"}, "b": {"agent_id": "echo", "depends_on": ["a"]}});
    let mut world = World::new(&json!({ "steps": steps }), false);
    assert!(Gate::of(&world.state, &"a".into(), &world.voters).is_none(), "it has not opened");
    world.run(&["a"]);
    assert_eq!(shown(&world), (vec![1], vec![]), "nothing was there before");
    world.reject("a", "shorter").unwrap();
    world.run(&["a"]);
    assert_eq!(shown(&world), (vec![2], vec![1]), "what was sent back");
    let read = gate(&world, "a");
    assert_eq!((read.round, read.generation, read.feedback.unwrap().text.as_str()), (1, 2, "shorter"));
    let outputs = vec![world.text("better")];
    let edit = Edit { step: "a".into(), outputs, and_continue: false, digest: None, expect_generation: None };
    world.owner(&Command::Edit(Box::new(edit))).unwrap();
    assert_eq!(shown(&world), (vec![3], vec![2]), "what the agent had written");
    assert_eq!(gate(&world, "a").digest, world.state.view(&Emails::new()).review_digest(&"a".into()));
    world.approve("a").unwrap();
    assert!(Gate::of(&world.state, &"a".into(), &world.voters).is_none(), "it is closed");
    // Nobody is asked about what is made now.
    world.owner(&Command::SetAutoRun(true)).unwrap();
    world.trigger("a").unwrap();
    world.run(&["a"]);
    world.owner(&Command::SetAutoRun(false)).unwrap();
    world.trigger("a").unwrap();
    world.run(&["a"]);
    assert_eq!(shown(&world), (vec![5], vec![3]), "the fourth was seen by nobody");
}

#[test]
fn a_gate_names_what_the_step_was_given_and_the_votes_that_count() {
    let (five, six) = (person(5, Role::User), person(6, Role::User));
    let review =
        json!({"mode": "always", "quorum": 2, "max_rounds": 7, "assignees": {"users": [five.email, six.email]}});
    let mut world = World::steps(&json!({"a": {"title": "First", "agent_id": "echo"},
        "b": {"title": "Second", "agent_id": "needy", "review": review,
            "inputs": {"must": {"from": "step", "step": "a", "artifact": "text"}}}}));
    world.run(&["a", "b"]);
    world.by(Some(&five), &approve("b")).unwrap();
    let read = gate(&world, "b");
    let input = &read.inputs[0];
    assert_eq!((input.port.as_str(), input.title.as_str(), input.version.version), ("must", "First", 1));
    assert_eq!(read.people(), BTreeSet::from([owner().id, five.id]));
    let emails: Emails = [(owner().id, owner().email), (five.id, five.email.clone())].into();
    let item = read.item(&emails, Some("Rain".into()), Some(2));
    assert_eq!((item.title.as_str(), item.about.as_deref(), item.owner), ("Second", Some("Rain"), owner().email));
    assert_eq!((item.quorum, item.max_rounds, item.number, item.is_form), (2, 7, 1, false));
    assert_eq!((item.votes, item.n_asked), (vec![five.email.clone()], Some(2)));
    // Who cannot sign in any more has no say.
    world.voters.set(five.id, None);
    assert!(gate(&world, "b").review.votes.is_empty());
}
