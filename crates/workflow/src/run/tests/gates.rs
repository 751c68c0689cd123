//! Gates: who decides, votes, rounds, time, and those that bind.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{World, approve, reject};
use crate::{
    access::{Actor, Role},
    run::{
        Command, Refused, Since, Voters,
        command::{Changes, Edit, MoveTo, Patch},
        event::EventKind,
        state::Verdict,
        testing::{admin, agents, definition, owner, person},
    },
    status::{ErrorClass, RunStatus, StatusReason, StepStatus},
    validate,
    verbs::Access,
};

fn gated(review: &Value) -> World {
    let mut world = World::steps(&json!({"a": {"agent_id": "echo", "review": review},
        "b": {"agent_id": "needy", "inputs": {"must": {"from": "step", "step": "a", "artifact": "text"}}}}));
    world.run(&["a"]);
    assert_eq!((world.run_status(), world.state.run.status_reason), (RunStatus::Paused, Some(StatusReason::Review)));
    world
}

fn some(n: u128) -> Actor {
    person(n, Role::User)
}

fn edit(world: &mut World, content: &str, and_continue: bool) -> Command {
    let outputs = vec![world.text(content)];
    Command::Edit(Box::new(Edit { step: "a".into(), outputs, and_continue, digest: None, expect_generation: None }))
}

#[test]
fn an_approval_is_bound_to_what_was_seen() {
    let mut world = gated(&json!({"mode": "always"}));
    let seen = world.state.view(&[].into()).review_digest(&"a".into());
    let with = |digest: &str, generation| Command::Continue {
        step: "a".into(),
        digest: Some(digest.into()),
        expect_generation: Some(generation),
    };
    assert_eq!(world.owner(&with("0", 1)), Err(Refused::Digest));
    assert_eq!(world.owner(&with(&seen, 2)), Err(Refused::Generation));
    assert_eq!(world.owner(&with(&seen, 1)), Ok(vec![EventKind::StepApproved]));
    assert!(
        world.state.latest(&"a".into()).all(|version| version.is_approved && version.approved_by == [owner().id]),
        "it says who approved it"
    );
    let closed = &world.events.last().unwrap().data.reviews[0];
    assert_eq!(
        (closed.verdict, closed.by, closed.digest.as_str()),
        (Verdict::Approved, Some(owner().id), seen.as_str())
    );
    assert_eq!(world.shown(), "a completed, b ready");
}

#[test]
fn a_quorum_counts_each_person_once_and_an_edit_voids_what_was_said_before() {
    let mut world = gated(&json!({"mode": "always", "quorum": 2}));
    assert_eq!(world.approve("a"), Ok(vec![EventKind::StepVoted]));
    assert_eq!(world.approve("a"), Err(Refused::AlreadyVoted));
    let edit = edit(&mut world, "better", true);
    assert_eq!(world.by(Some(&admin()), &edit), Ok(vec![EventKind::StepEdited]));
    assert_eq!(world.step("a").review().unwrap().votes, [admin().id]);
    assert_eq!(world.status("b"), StepStatus::Pending);
    assert_eq!(world.approve("a"), Ok(vec![EventKind::StepApproved]));
    assert!(world.state.latest(&"a".into()).all(|version| version.approved_by == [admin().id, owner().id]));
    assert_eq!(world.shown(), "a completed, b ready");
}

#[test]
fn whoever_cannot_sign_in_any_more_does_not_count() {
    let users = json!({"users": ["p5@example.com", "p6@example.com", "p7@example.com"]});
    let mut world = gated(&json!({"mode": "always", "quorum": 2, "assignees": users}));
    world.by(Some(&some(5)), &approve("a")).unwrap();
    world.voters.set(some(5).id, None);
    assert_eq!(world.by(Some(&some(6)), &approve("a")), Ok(vec![EventKind::StepVoted]));
    assert_eq!(world.by(Some(&some(7)), &approve("a")), Ok(vec![EventKind::StepApproved]));
    assert_eq!(world.events.last().unwrap().data.reviews[0].votes, [some(6).id, some(7).id]);
}

fn member(n: u128) -> Actor {
    Actor { groups: ["legal".into()].into(), ..some(n) }
}

#[test]
fn a_vote_counts_while_whoever_gave_it_is_in_the_group_that_is_asked() {
    let mut world = gated(&json!({"mode": "always", "quorum": 2, "assignees": {"groups": ["legal"]}}));
    assert_eq!(world.by(Some(&some(5)), &approve("a")), Err(Refused::Access(Access::NotFound)));
    assert_eq!(world.approve("a"), Err(Refused::Bound("a".into())), "it binds the owner too");
    assert_eq!(world.by(Some(&member(5)), &approve("a")), Ok(vec![EventKind::StepVoted]));
    world.voters.set(some(5).id, Some(some(5)));
    assert_eq!(world.by(Some(&member(6)), &approve("a")), Ok(vec![EventKind::StepVoted]));
    assert_eq!(world.step("a").review().unwrap().votes, [some(6).id], "who left has no say");
    world.voters.set(some(6).id, Some(member(6)));
    assert_eq!(world.by(Some(&member(5)), &approve("a")), Ok(vec![EventKind::StepApproved]), "who is back has");
    assert_eq!(world.events.last().unwrap().data.reviews[0].votes, [some(6).id, some(5).id]);
}

#[test]
fn a_vote_that_nobody_looked_up_decides_nothing() {
    let mut world = gated(&json!({"mode": "always", "quorum": 2, "assignees": {"groups": ["legal"]}}));
    assert_eq!(world.by(Some(&member(5)), &approve("a")), Ok(vec![EventKind::StepVoted]));
    // Looked before that vote, and decided after it: whoever gave it may have left since.
    world.voters = Voters::looked_up();
    assert_eq!(world.by(Some(&member(6)), &approve("a")), Err(Refused::UnknownVoter));
    assert_eq!(world.step("a").review().unwrap().votes, [some(5).id]);
    world.voters.set(some(5).id, Some(some(5)));
    assert_eq!(world.by(Some(&member(6)), &approve("a")), Ok(vec![EventKind::StepVoted]));
}

#[test]
fn what_somebody_approved_before_they_were_back_does_not_count() {
    let (early, late) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::days(2));
    let joined = |at: DateTime<Utc>| BTreeMap::from([("legal".into(), at)]);
    for (enabled_at, joined, stands) in
        [(early, joined(early), true), (late, joined(early), false), (early, joined(late), false)]
    {
        let began = || {
            let mut world = gated(&json!({"mode": "always", "quorum": 2, "assignees": {"groups": ["legal"]}}));
            world.by(Some(&member(5)), &approve("a")).unwrap();
            world.voters.set(some(5).id, Some(member(5)));
            world.voters.since(some(5).id, Since { enabled_at, joined: joined.clone() });
            world
        };
        let mut world = began();
        let kind = if stands { EventKind::StepApproved } else { EventKind::StepVoted };
        assert_eq!(world.by(Some(&member(6)), &approve("a")), Ok(vec![kind]), "{enabled_at} {joined:?}");
        // They may look anew.
        let again = if stands { Err(Refused::AlreadyVoted) } else { Ok(vec![EventKind::StepVoted]) };
        assert_eq!(began().by(Some(&member(5)), &approve("a")), again);
    }
}

#[test]
fn without_assignees_only_owner_and_admins_have_a_vote_that_stays() {
    let mut world = gated(&json!({"mode": "always", "quorum": 2}));
    world.by(Some(&admin()), &approve("a")).unwrap();
    // They are no admin any more when the owner approves.
    world.voters.set(admin().id, Some(Actor { role: Role::User, ..admin() }));
    assert_eq!(world.approve("a"), Ok(vec![EventKind::StepVoted]));
    assert_eq!(world.step("a").review().unwrap().votes, [owner().id]);
    world.voters.set(owner().id, Some(owner()));
    let other = person(8, Role::Admin);
    assert_eq!(world.by(Some(&other), &approve("a")), Ok(vec![EventKind::StepApproved]));
}

/// What happens to somebody between votes.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Votes,
    Joins,
    Leaves,
    Disabled,
    Enabled,
}

proptest! {
    /// Whatever became of those who voted: a gate passes by so many different people as it wants, each of whom may decide just then.
    #[test]
    fn no_gate_passes_on_votes_of_those_who_may_not_decide_any_more(
        quorum in 2_usize..4,
        fates in prop::collection::vec(
            (5_u128..10, prop::sample::select(vec![Fate::Votes, Fate::Joins, Fate::Leaves, Fate::Disabled, Fate::Enabled])),
            1..60,
        ),
    ) {
        let mut world = gated(&json!({"mode": "always", "quorum": quorum, "assignees": {"groups": ["legal"]}}));
        let (mut members, mut disabled) = (BTreeSet::from([5_u128, 6]), BTreeSet::new());
        for (n, fate) in fates {
            match fate {
                Fate::Joins => { members.insert(n); }
                Fate::Leaves => { members.remove(&n); }
                Fate::Disabled => { disabled.insert(n); }
                Fate::Enabled => { disabled.remove(&n); }
                // Who is disabled does not come in.
                Fate::Votes if disabled.contains(&n) => {}
                Fate::Votes => {
                    let now = |n: u128| if members.contains(&n) { member(n) } else { some(n) };
                    for n in 5..10 {
                        world.voters.set(some(n).id, (!disabled.contains(&n)).then(|| now(n)));
                    }
                    let told = world.by(Some(&now(n)), &approve("a"));
                    let may = |n: &u128| members.contains(n) && !disabled.contains(n);
                    prop_assert!(told.is_err() || may(&n), "{n} may not decide");
                    if told != Ok(vec![EventKind::StepApproved]) {
                        continue;
                    }
                    let votes = &world.events.last().unwrap().data.reviews[0].votes;
                    let able: BTreeSet<_> = (5..10).filter(may).map(|n| some(n).id).collect();
                    let by: BTreeSet<_> = votes.iter().copied().collect();
                    prop_assert!(by.len() == votes.len() && by.len() >= quorum && by.is_subset(&able), "{votes:?} of {able:?}");
                    return Ok(());
                }
            }
        }
    }
}

#[test]
fn every_rejection_stays_with_its_round_and_one_too_many_ends_the_step() {
    let mut world = gated(&json!({"mode": "always", "max_rounds": 2}));
    for (round, text) in [(1, "shorter"), (2, "funnier")] {
        assert_eq!(world.reject("a", text), Ok(vec![EventKind::StepRejected]));
        let feedback = world.state.feedback(world.step("a")).unwrap().clone();
        assert_eq!((feedback.round, feedback.text.as_str(), world.step("a").generation), (round, text, round + 1));
        assert_eq!(world.state.view(&[].into()).steps[0].feedback.as_ref().unwrap().text, text);
        world.run(&["a"]);
    }
    world.reject("a", "enough").unwrap();
    assert_eq!(world.shown(), "a failed(rejected), b skipped(upstream_failed)");
    let texts: Vec<_> = world.state.rejections(&"a".into()).iter().map(|it| (it.round, it.text.as_str())).collect();
    assert_eq!(texts, [(1, "shorter"), (2, "funnier"), (3, "enough")]);
    world.trigger("a").unwrap();
    world.run(&["a"]);
    world.reject("a", "once more").unwrap();
    assert_eq!(world.step("a").rounds, 1, "a person's retry begins to count anew");
}

#[test]
fn switching_auto_run_on_says_which_gates_it_released() {
    let mut world = World::new(
        &json!({"steps": {"a": {"agent_id": "echo"}, "b": {"agent_id": "echo", "review": {"mode": "always"}},
            "c": {"agent_id": "echo", "depends_on": ["a"]}, "n": {"agent_id": "echo", "review": {"mode": "never"}}}}),
        false,
    );
    world.run(&["a", "b", "n"]);
    assert_eq!(world.shown(), "a awaiting_review, b awaiting_review, c pending, n completed");
    assert_eq!(world.owner(&Command::SetAutoRun(true)), Ok(vec![EventKind::AutoRunChanged]));
    assert_eq!(world.shown(), "a completed, b awaiting_review, c ready, n completed");
    let released = &world.events.last().unwrap().data.reviews;
    assert_eq!(
        released.iter().map(|it| (it.step.as_str(), it.verdict)).collect::<Vec<_>>(),
        [("a", Verdict::Released)]
    );
    assert_eq!(world.owner(&Command::SetAutoRun(true)), Ok(vec![]));
}

#[test]
fn nobody_decides_in_time_and_the_step_says_what_then() {
    for (on_timeout, shown) in
        [("approve", "a completed, b ready"), ("fail", "a failed(review_timeout), b skipped(upstream_failed)")]
    {
        let mut world = gated(&json!({"mode": "always", "timeout_s": 60, "on_timeout": on_timeout}));
        assert_eq!(world.tell(&Command::TimePassed), Ok(vec![]));
        world.now += TimeDelta::seconds(61);
        assert_eq!(world.approve("a"), Err(Refused::TooLate), "a vote after the deadline does not count");
        assert_eq!(world.tell(&Command::TimePassed), Ok(vec![EventKind::ReviewTimedOut]));
        assert_eq!(world.shown(), shown);
        assert_eq!(world.tell(&Command::TimePassed), Ok(vec![]));
    }
}

#[test]
fn what_a_person_writes_after_an_always_gate_has_to_pass_it_again() {
    let mut world = gated(&json!({"mode": "always"}));
    world.approve("a").unwrap();
    let first = edit(&mut world, "second thoughts", false);
    world.owner(&first).unwrap();
    assert_eq!(world.shown(), "a awaiting_review, b pending", "what has not begun waits again");
    assert_eq!(world.step("a").review().unwrap().number, 2);
    world.approve("a").unwrap();
    let both: Vec<_> = world.state.versions(&"a".into(), "text").iter().map(|it| (it.id, it.is_approved)).collect();
    assert!(both.iter().all(|(_, is_approved)| *is_approved));
    let back = Command::Rollback { artifact: both[0].0, expect_generation: None };
    world.owner(&back).unwrap();
    assert_eq!(world.status("a"), StepStatus::Completed, "a version that passed is let through");
    world.supply("a", "never seen").unwrap();
    assert_eq!(world.shown(), "a awaiting_review, b pending");
}

#[test]
fn of_equal_clicks_one_has_an_effect() {
    let mut world = gated(&json!({"mode": "always"}));
    let outputs = vec![world.text("better")];
    let edit = Command::Edit(Box::new(Edit {
        step: "a".into(),
        outputs,
        and_continue: false,
        digest: None,
        expect_generation: Some(1),
    }));
    assert_eq!(world.owner(&edit), Ok(vec![EventKind::StepEdited]));
    assert_eq!(world.owner(&edit), Ok(vec![]));
    world.request = Some(crate::run::event::Request { key: "k".into(), hash: "h".into() });
    world.approve("a").unwrap();
    world.request = Some(crate::run::event::Request { key: "k".into(), hash: "h".into() });
    assert_eq!(world.approve("a"), Ok(vec![]), "the first answer again");
    world.request = Some(crate::run::event::Request { key: "k".into(), hash: "other".into() });
    assert_eq!(world.trigger("a"), Err(Refused::IdempotencyMismatch));
    let trigger = Command::Trigger { step: "a".into(), changes: Changes::default(), expect_generation: Some(1) };
    assert_eq!(world.owner(&trigger), Ok(vec![EventKind::StepTriggered]));
    assert_eq!(world.owner(&trigger), Err(Refused::Generation));
}

// ---- gates that bind

fn bound() -> World {
    gated(&json!({"mode": "always", "assignees": {"users": ["p5@example.com"]}}))
}

#[test]
fn a_gate_with_assignees_binds_the_owner_too() {
    let mut world = bound();
    assert_eq!(world.approve("a"), Err(Refused::Bound("a".into())));
    assert_eq!(world.skip("a"), Err(Refused::Bound("a".into())));
    let literal = Changes { inputs: Patch::Set([("must".to_owned(), json!("mine"))].into()), ..Changes::default() };
    world.by(Some(&some(5)), &reject("a", "no")).unwrap();
    world.run(&["a"]);
    for _ in 0..3 {
        world.by(Some(&some(5)), &reject("a", "no")).unwrap();
        if world.status("a") == StepStatus::Failed {
            break;
        }
        world.run(&["a"]);
    }
    assert_eq!(world.shown(), "a failed(rejected), b skipped(upstream_failed)");
    let trigger = Command::Trigger { step: "b".into(), changes: literal.clone(), expect_generation: None };
    assert_eq!(world.owner(&trigger), Err(Refused::Bound("a".into())));
    assert_eq!(world.skip("a"), Err(Refused::Bound("a".into())));
    world.by(Some(&admin()), &trigger).unwrap();
    assert_eq!(world.status("b"), StepStatus::Ready);
}

#[test]
fn what_is_brought_past_a_gate_that_binds_opens_it() {
    let mut world = bound();
    world.supply("a", "mine").unwrap();
    assert_eq!(world.shown(), "a awaiting_review, b pending");
    world.by(Some(&some(5)), &approve("a")).unwrap();
    assert_eq!(world.status("b"), StepStatus::Ready);
    let versions = BTreeMap::from([("a".into(), vec![world.text("theirs")])]);
    world.owner(&Command::Adopt { versions }).unwrap();
    assert_eq!(world.shown(), "a awaiting_review, b pending");
    let old = world.state.versions(&"a".into(), "text")[0].id;
    world.by(Some(&some(5)), &approve("a")).unwrap();
    world.owner(&Command::Rollback { artifact: old, expect_generation: None }).unwrap();
    assert_eq!(world.shown(), "a awaiting_review, b pending", "the first version was never approved");
}

#[test]
fn another_version_of_the_workflow_does_not_get_around_a_gate_that_binds() {
    let to = |review: Value| {
        let definition = definition(&json!({"steps": {"a": {"agent_id": "echo", "review": review},
            "b": {"agent_id": "needy", "inputs": {"must": {"from": "step", "step": "a", "artifact": "text"}}}}}));
        let (plan, _) = validate(&definition, &agents());
        Command::Move(Box::new(MoveTo {
            template_version: 2,
            template_name: "T".into(),
            definition: Arc::new(definition),
            plan,
        }))
    };
    let refused = Err(Refused::Bound("a".into()));
    for review in [
        json!({"mode": "never"}),
        json!({"mode": "always"}),
        json!({"mode": "always", "assignees": {"users": ["p5@example.com", "p3@example.com"]}}),
    ] {
        let mut world = bound();
        assert_eq!(world.owner(&to(review.clone())), refused, "{review}");
        assert!(world.by(Some(&admin()), &to(review)).is_ok());
    }
    let mut world = bound();
    let stronger = json!({"mode": "always", "quorum": 2, "assignees": {"users": ["P5@example.com"]}});
    assert_eq!(world.owner(&to(stronger)), Ok(vec![EventKind::RunMoved]));
}

#[test]
fn the_list_of_a_map_whose_items_are_gated_is_not_supplied_around_them() {
    let review = json!({"mode": "always", "allow_self": false});
    let mut world = World::steps(&json!({"m": {"agent_id": "echo", "map": {"over": {"const": []}}, "review": review},
        "z": {"agent_id": "echo", "depends_on": ["m"]}}));
    world.list = vec![("a".into(), 1)];
    world.look();
    world.run(&["m[a]"]);
    assert_eq!(world.approve("m[a]"), Err(Refused::SelfApproval));
    assert_eq!(world.skip("m[a]"), Err(Refused::Bound("m[a]".into())));
    world.stop("m").unwrap();
    world.supply("m", "[\"mine\"]").unwrap();
    assert_eq!(world.status("z"), StepStatus::Pending);
    assert_eq!(world.status("m"), StepStatus::AwaitingReview);
    assert_eq!(world.approve("m"), Err(Refused::SelfApproval));
    world.by(Some(&admin()), &approve("m")).unwrap();
    assert_eq!(world.status("z"), StepStatus::Ready);
}

#[test]
fn what_a_gate_that_binds_refused_is_not_read_though_the_step_counts_as_done() {
    let review = json!({"mode": "always", "max_rounds": 0, "assignees": {"users": ["p5@example.com"]}});
    let mut world = World::steps(&json!({
        "a": {"agent_id": "echo", "review": review, "on_error": "continue"},
        "d": {"agent_id": "echo", "review": review, "on_error": "default", "default_output": {"text": "x"}},
        "b": {"agent_id": "echo", "inputs": {"in": {"from": "step", "step": "a", "artifact": "text"}}}}));
    world.run(&["a", "d"]);
    for key in ["a", "d"] {
        world.by(Some(&some(5)), &reject(key, "no")).unwrap();
    }
    assert_eq!(world.shown(), "a failed(rejected), b ready, d failed(rejected)", "no default gets around it");
    world.start(&["b"]);
    assert!(world.state.attempts(&"b".into())[0].reads.is_empty());
}

#[test]
fn an_answer_of_somebody_who_is_asked_completes_a_form_and_no_other() {
    let steps = json!({"f": {"agent_id": "form", "review": {"assignees": {"users": ["p5@example.com"]}}},
        "z": {"agent_id": "echo", "depends_on": ["f"]}});
    let mut world = World::steps(&steps);
    world.run(&["f"]);
    world.supply("f", "the owner's").unwrap();
    assert_eq!(world.shown(), "f awaiting_review, z pending");
    let outputs = vec![world.text("theirs")];
    world.by(Some(&some(5)), &Command::Supply { step: "f".into(), outputs, expect_generation: None }).unwrap();
    assert_eq!(world.shown(), "f completed, z ready");
    assert!(world.state.latest(&"f".into()).all(|version| version.is_approved));
}

#[test]
fn nothing_by_itself_passes_a_gate_that_binds() {
    let mut world = gated(&json!({"mode": "always", "quorum": 2, "timeout_s": 5, "on_timeout": "approve"}));
    world.now += TimeDelta::seconds(6);
    world.tell(&Command::TimePassed).unwrap();
    assert_eq!(world.shown(), "a failed(review_timeout), b skipped(upstream_failed)");
    assert_eq!(world.step("a").status.reason(), Some(ErrorClass::ReviewTimeout.into()));
}

#[test]
fn a_default_output_is_nobodys_even_where_a_last_rejection_brings_it() {
    let mut world = World::steps(&json!({"a": {"agent_id": "echo", "review": {"mode": "always", "max_rounds": 0},
        "on_error": "default", "default_output": {"text": "fallback"}}}));
    world.run(&["a"]);
    world.reject("a", "no").unwrap();
    assert_eq!(world.shown(), "a completed");
    assert_eq!(world.state.latest(&"a".into()).next().unwrap().made_by, None);
}
