//! Reviews that somebody gave to another: in whose name an approval counts, for how long, and what is never passed on.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{World, approve, reject};
use crate::{
    access::{Absent, Actor, Role},
    api::EventView,
    run::{
        Command, Refused, Since, Voters,
        command::Edit,
        event::EventKind,
        state::Verdict,
        testing::{Dice, People, admin, definition, owner, person, start_of},
    },
    status::StepStatus,
    verbs::Access,
};

const EARLY: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn gated(review: &Value) -> World {
    let mut world = World::steps(&json!({"a": {"agent_id": "echo", "review": review},
        "b": {"agent_id": "echo", "depends_on": ["a"]}}));
    world.run(&["a"]);
    world
}

fn asks(users: &[u128], quorum: u32) -> World {
    let users: Vec<String> = users.iter().map(|n| some(*n).email).collect();
    gated(&json!({"mode": "always", "quorum": quorum, "assignees": {"users": users}}))
}

fn some(n: u128) -> Actor {
    person(n, Role::User)
}

/// Somebody who is away.
fn away(who: &Actor) -> Absent {
    let Actor { id, email, role, groups, .. } = who.clone();
    Absent { id, email, role, groups, since: EARLY }
}

fn acting(by: &Actor, absent: &[&Actor]) -> Actor {
    Actor { acts_for: absent.iter().map(|who| away(who)).collect(), ..by.clone() }
}

fn voted() -> Vec<EventKind> {
    vec![EventKind::StepVoted]
}

fn approved() -> Vec<EventKind> {
    vec![EventKind::StepApproved]
}

#[test]
fn who_has_somebodys_reviews_decides_in_their_place_and_the_event_says_for_whom() {
    let delegate = acting(&some(6), &[&some(5)]);
    let edit = |world: &mut World| {
        let outputs = vec![world.text("better")];
        Command::Edit(Box::new(Edit {
            step: "a".into(),
            outputs,
            and_continue: false,
            digest: None,
            expect_generation: None,
        }))
    };
    for n in 0..3 {
        let mut world = asks(&[5], 1);
        assert_eq!(world.by(Some(&some(6)), &approve("a")), Err(Refused::Access(Access::NotFound)));
        let command = match n {
            0 => approve("a"),
            1 => reject("a", "shorter"),
            _ => edit(&mut world),
        };
        world.by(Some(&delegate), &command).unwrap();
        let event = world.events.last().unwrap();
        assert_eq!((event.actor, event.data.acted_for), (Some(some(6).id), Some(some(5).id)), "{command:?}");
        assert!(event.people().contains(&some(5).id));
        let emails = [(some(5).id, "p5".to_owned()), (some(6).id, "p6".to_owned())].into();
        assert_eq!(EventView::of(&event.for_wire(), &emails).acted_for.as_deref(), Some("p5"));
        for closed in &event.data.reviews {
            assert_eq!((closed.by, closed.acted_for), (Some(some(6).id), Some(some(5).id)));
        }
    }
}

#[test]
fn nothing_is_passed_on_twice_and_no_power_of_an_admin_at_all() {
    // 7 has the reviews of 6, who has those of 5: 7 comes in with 6's alone.
    let last = acting(&some(7), &[&acting(&some(6), &[&some(5)])]);
    assert_eq!(asks(&[5], 1).by(Some(&last), &approve("a")), Err(Refused::Access(Access::NotFound)));
    // An admin may decide everywhere; who has their reviews may where admins are asked.
    let of_admin = acting(&some(7), &[&admin()]);
    assert_eq!(asks(&[5], 1).by(Some(&of_admin), &approve("a")), Err(Refused::Access(Access::NotFound)));
    assert_eq!(
        gated(&json!({"mode": "always"})).by(Some(&of_admin), &approve("a")),
        Err(Refused::Access(Access::NotFound))
    );
    let mut world = gated(&json!({"mode": "always", "assignees": {"roles": ["admin"]}}));
    assert_eq!(world.by(Some(&of_admin), &approve("a")), Ok(approved()));
}

#[test]
fn a_gate_that_asks_nobody_is_its_owners_and_so_their_delegates_but_the_run_is_not() {
    let delegate = acting(&some(7), &[&owner()]);
    let mut world = gated(&json!({"mode": "always"}));
    for command in [
        Command::Cancel,
        Command::Pause,
        Command::Skip { step: "a".into(), inputs: BTreeMap::new(), expect_generation: None },
        Command::Stop { step: "a".into(), expect_generation: None },
    ] {
        let refused = world.by(Some(&delegate), &command);
        assert_eq!(refused, Err(Refused::Access(Access::Forbidden)), "{command:?}");
    }
    assert_eq!(world.by(Some(&delegate), &approve("a")), Ok(approved()));
    // The gate of somebody else is not theirs because the run is.
    assert_eq!(asks(&[5], 1).by(Some(&delegate), &approve("a")), Err(Refused::Access(Access::NotFound)));
}

#[test]
fn a_try_is_its_makers_alone_whoever_has_their_reviews() {
    let document = json!({"steps": {"a": {"agent_id": "echo", "review": {"mode": "always"}}}});
    let mut start = start_of(&definition(&document), true, BTreeMap::new());
    start.run.is_test = true;
    let mut world = World::begun(start);
    world.run(&["a"]);
    let delegate = acting(&some(7), &[&owner()]);
    assert_eq!(world.by(Some(&delegate), &approve("a")), Err(Refused::Access(Access::NotFound)));
    world.by(Some(&owner()), &approve("a")).unwrap();
}

#[test]
fn it_ends_between_coming_in_and_deciding() {
    let mut world = gated(&json!({"mode": "always"}));
    world.was_asked = true;
    for command in [approve("a"), reject("a", "no")] {
        assert_eq!(world.by(Some(&some(7)), &command), Err(Refused::Access(Access::Forbidden)));
    }
    assert_eq!(world.status("a"), StepStatus::AwaitingReview);
}

#[test]
fn one_person_is_one_vote_and_so_is_one_name() {
    let (five, six, seven) = (some(5), some(6), some(7));
    // Asked herself too: her own, and nothing more.
    let both = acting(&six, &[&five]);
    let mut world = asks(&[5, 6], 2);
    assert_eq!(world.by(Some(&both), &approve("a")), Ok(voted()));
    assert!(world.step("a").review().unwrap().voted_for.is_empty());
    assert_eq!(world.events.last().unwrap().data.acted_for, None);
    assert_eq!(world.by(Some(&both), &approve("a")), Err(Refused::AlreadyVoted));
    assert_eq!(world.by(Some(&five), &approve("a")), Ok(approved()), "who is away may come back");

    // For two who are away: once.
    let of_two = acting(&seven, &[&five, &six]);
    let mut world = asks(&[5, 6], 2);
    assert_eq!(world.by(Some(&of_two), &approve("a")), Ok(voted()));
    assert_eq!(world.step("a").review().unwrap().voted_for, BTreeMap::from([(seven.id, five.id)]));
    assert_eq!(world.by(Some(&of_two), &approve("a")), Err(Refused::AlreadyVoted));
    world.voters.set(seven.id, Some(of_two.clone()));
    assert_eq!(world.by(Some(&five), &approve("a")), Err(Refused::AlreadyVoted), "it was said in her name");
    assert_eq!(world.by(Some(&six), &approve("a")), Ok(approved()));
    let closed = world.events.last().unwrap().data.reviews[0].clone();
    assert_eq!((closed.votes, closed.voted_for), (vec![seven.id, six.id], BTreeMap::from([(seven.id, five.id)])));

    // Who is away has spoken: what is left is for the other.
    let mut world = asks(&[5, 6], 2);
    world.by(Some(&five), &approve("a")).unwrap();
    assert_eq!(world.by(Some(&of_two), &approve("a")), Ok(approved()));
    assert_eq!(world.events.last().unwrap().data.acted_for, Some(six.id));
    let mut world = asks(&[5, 8], 2);
    world.by(Some(&five), &approve("a")).unwrap();
    assert_eq!(world.by(Some(&acting(&six, &[&five])), &approve("a")), Err(Refused::AlreadyVoted));
}

#[test]
fn neither_of_them_may_be_who_the_gate_wants_no_approval_of() {
    let users: Vec<String> = [owner(), some(5), some(6), some(7)].map(|who| who.email).into();
    let review = json!({"mode": "always", "allow_self": false, "assignees": {"users": users}});
    let steps = |world: &mut World, by: u128| {
        let outputs = vec![world.text("mine")];
        let edit = Edit { step: "a".into(), outputs, and_continue: false, digest: None, expect_generation: None };
        world.by(Some(&some(by)), &Command::Edit(Box::new(edit))).unwrap();
    };
    // In the place of who started it.
    let of_owner = acting(&some(9), &[&owner()]);
    assert_eq!(gated(&review).by(Some(&of_owner), &approve("a")), Err(Refused::SelfApproval));
    // In the place of who wrote it, or having written it.
    let of_author = acting(&some(9), &[&some(5)]);
    let mut world = gated(&review);
    steps(&mut world, 5);
    assert_eq!(world.by(Some(&of_author), &approve("a")), Err(Refused::SelfApproval));
    let author = acting(&some(5), &[&some(6)]);
    assert_eq!(world.by(Some(&author), &approve("a")), Err(Refused::SelfApproval));
    assert_eq!(world.by(Some(&acting(&owner(), &[&some(6)])), &approve("a")), Err(Refused::SelfApproval));
    // In the place of somebody else who is away.
    let of_two = acting(&some(9), &[&some(5), &some(6)]);
    assert_eq!(world.by(Some(&of_two), &approve("a")), Ok(approved()));
    assert_eq!(world.events.last().unwrap().data.acted_for, Some(some(6).id));
}

#[test]
fn a_vote_in_somebodys_place_counts_while_that_lasts() {
    let (five, six, seven) = (some(5), some(6), some(7));
    let delegate = acting(&six, &[&five]);
    let late = EARLY + TimeDelta::days(2);
    let at = |since| Actor { acts_for: vec![Absent { since, ..away(&five) }], ..six.clone() };
    let known = |by: Option<Actor>, of: Option<Actor>| {
        let mut voters = Voters::looked_up();
        voters.set(six.id, by);
        voters.set(five.id, of);
        voters
    };
    let mut back = known(Some(delegate.clone()), Some(five.clone()));
    back.since(five.id, Since { enabled_at: late, joined: BTreeMap::new() });
    for (what, voters, stands) in [
        ("it lasts", known(Some(delegate.clone()), Some(five.clone())), true),
        ("it ended", known(Some(six.clone()), Some(five.clone())), false),
        ("who has them is disabled", known(None, Some(five.clone())), false),
        ("it ended with who is away", known(Some(six.clone()), None), false),
        ("it was given anew", known(Some(at(late)), Some(five.clone())), false),
        ("who is away was enabled anew", back, false),
    ] {
        let mut world = asks(&[5, 7, 8], 2);
        world.by(Some(&delegate), &approve("a")).unwrap();
        world.voters = voters;
        let expected = Ok(if stands { approved() } else { voted() });
        assert_eq!(world.by(Some(&seven), &approve("a")), expected, "{what}");
    }
    // Not looked up: nothing is decided on it.
    let mut world = asks(&[5, 7, 8], 2);
    world.by(Some(&delegate), &approve("a")).unwrap();
    world.voters = Voters::looked_up();
    world.voters.set(six.id, Some(delegate));
    assert_eq!(world.by(Some(&seven), &approve("a")), Err(Refused::UnknownVoter));
    // Asked herself by then, it is her own.
    let mut world = asks(&[5, 6, 7], 2);
    world.by(Some(&acting(&six, &[&five])), &approve("a")).unwrap();
    world.voters = known(Some(six.clone()), Some(five.clone()));
    assert_eq!(world.by(Some(&five), &approve("a")), Ok(approved()), "and his name is free again");
}

#[test]
fn groups_ask_who_is_away_as_they_are_in_them_now() {
    let member = |n| Actor { groups: ["legal".into()].into(), ..some(n) };
    let review = json!({"mode": "always", "quorum": 2, "assignees": {"groups": ["legal"]}});
    let delegate = acting(&some(9), &[&member(5)]);
    let mut world = gated(&review);
    assert_eq!(world.by(Some(&acting(&some(9), &[&some(5)])), &approve("a")), Err(Refused::Access(Access::NotFound)));
    world.by(Some(&delegate), &approve("a")).unwrap();
    // Who is away left the group.
    world.voters.set(some(9).id, Some(acting(&some(9), &[&some(5)])));
    assert_eq!(world.by(Some(&member(6)), &approve("a")), Ok(voted()));
    assert_eq!(world.step("a").review().unwrap().votes, [some(6).id]);
}

struct Numbers(std::vec::IntoIter<u32>);

impl Dice for Numbers {
    fn roll(&mut self, sides: usize) -> usize {
        self.0.next().unwrap_or(0) as usize % sides.max(1)
    }
}

proptest! {
    /// Whatever people are put into, taken out of, disabled, given and gave back: no gate passes on one person's two votes, none on those
    /// of who may not decide any more, and none on two in one name.
    #[test]
    fn a_gate_passes_by_so_many_people_as_it_wants_whatever_became_of_them(
        quorum in 2_u32..4,
        asks_group in any::<bool>(),
        numbers in prop::collection::vec(any::<u32>(), 200),
    ) {
        let assignees = if asks_group { json!({"groups": ["legal"]}) } else { json!({}) };
        let review = json!({"mode": "always", "quorum": quorum, "assignees": assignees});
        let mut world = gated(&review);
        let asked = definition(&json!({"steps": {"a": {"agent_id": "echo", "review": review}}})).steps.into_values().next().unwrap().review;
        let (mut people, mut dice) = (People::default(), Numbers(numbers.into_iter()));
        for _ in 0..50 {
            if dice.one_in(2) {
                people.change(&mut dice, world.now);
            }
            world.now += TimeDelta::minutes(1);
            let Some(by) = people.somebody(&mut dice) else { continue };
            world.voters = people.voters();
            if world.by(Some(&by), &approve("a")) == Ok(approved()) {
                let closed = world.events.last().unwrap().data.reviews[0].clone();
                prop_assert_eq!(closed.verdict, Verdict::Approved);
                prop_assert_eq!(people.wrong_approval(&closed, &asked, owner().id), None);
                return Ok(());
            }
        }
    }
}
