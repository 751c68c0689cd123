//! Maps and their items, sub-workflows, forms.

use serde_json::{Value, json};
use uuid::Uuid;

use super::world::World;
use crate::{
    StepKey,
    api::RerunMode,
    id::RunId,
    run::{
        Command, Refused,
        command::{AttemptResult, Changes, ChildEnded, Judgement},
        event::{EventKind, Request, Tell},
        state::{NewVersion, Status, Work},
        testing::worker,
    },
    status::{ErrorClass, RunStatus, StepStatus},
};

fn map() -> Value {
    json!({"m": {"agent_id": "echo", "map": {"over": {"const": []}}}, "z": {"agent_id": "echo", "depends_on": ["m"]}})
}

fn list(world: &mut World, items: &[(&str, i64)]) {
    world.list = items.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect();
}

#[test]
fn a_map_runs_its_items_and_collects_them() {
    let mut world = World::steps(&map());
    assert_eq!(world.shown(), "m pending, z pending");
    assert_eq!(world.judge(&"m".into()), Ok(vec![EventKind::StepExpanded]));
    assert_eq!(world.shown(), "m running, m[a] ready, m[b] ready, z pending");
    assert_eq!(world.run_status(), RunStatus::Running);
    let view = world.state.view(&[].into());
    assert_eq!((view.steps[1].title.as_str(), view.steps[1].item_index), ("m [a]", Some(0)));
    world.run(&["m[b]", "m[a]"]);
    assert!(world.step("m").status.needs_decision());
    assert_eq!(world.judge(&"m".into()), Ok(vec![EventKind::StepCompleted]));
    assert_eq!(world.shown(), "m completed, m[a] completed, m[b] completed, z ready");
    assert_eq!(world.state.latest(&"m".into()).next().unwrap().attempt, Some(1));
}

#[test]
fn collecting_names_the_versions_that_it_read() {
    let mut world = World::steps(&map());
    world.look();
    world.run(&["m[a]", "m[b]"]);
    let judgement = world.judgement(&"m".into());
    let epoch = world.step("m").decision_epoch;
    let judged = |read| crate::run::command::Judged { step: "m".into(), epoch, read, judgement: judgement.clone() };
    let Err(Refused::Needs(read)) = world.tell(&Command::Judged(Box::new(judged([].into())))) else { panic!() };
    assert_eq!(read.len(), 2);
    world.supply("m[a]", "other").unwrap();
    assert_eq!(world.tell(&Command::Judged(Box::new(judged(read)))), Err(Refused::Outdated));
}

#[test]
fn an_empty_map_collects_at_once_and_a_list_that_is_none_fails_it() {
    let mut world = World::steps(&map());
    list(&mut world, &[]);
    world.look();
    assert_eq!(world.shown(), "m completed, z ready");
    let mut world = World::steps(&map());
    let error = Judgement::NoItems { error: "It maps over a list, but was given a text".into() };
    world.answer(&"m".into(), &error).unwrap();
    assert_eq!(world.shown(), "m failed(invalid_map), z skipped(upstream_failed)");
    let attempt = &world.state.attempts(&"m".into())[0];
    assert_eq!((attempt.worker, attempt.error_class), (None, Some(ErrorClass::InvalidMap)));
}

#[test]
fn a_failed_item_fails_its_map_and_a_retry_of_it_mends_both() {
    let mut world = World::steps(&map());
    world.look();
    world.start(&["m[a]"]);
    world.fail("m[a]", ErrorClass::Permanent);
    assert_eq!(world.run_status(), RunStatus::Running, "the map judges its items, so the run does not");
    world.run(&["m[b]"]);
    world.look();
    assert_eq!(
        world.shown(),
        "m failed(item_failed), m[a] failed(permanent), m[b] completed, z skipped(upstream_failed)"
    );
    assert_eq!(world.run_status(), RunStatus::Failed);
    world.trigger("m[a]").unwrap();
    assert_eq!(world.shown(), "m running, m[a] ready, m[b] completed, z pending");
    assert_eq!((world.step("m").generation, world.step("m[a]").generation), (2, 2));
    world.settle();
    assert_eq!(world.run_status(), RunStatus::Completed);
    assert_eq!(world.state.attempts(&"m".into()).len(), 2);
}

#[test]
fn a_map_that_runs_again_keeps_what_is_the_same_and_an_item_that_returns_counts_on() {
    let mut world = World::steps(&map());
    world.settle();
    let rerun = Command::Rerun {
        step: "m".into(),
        mode: RerunMode::Downstream,
        changes: Changes::default(),
        expect_generation: None,
    };
    world.owner(&rerun).unwrap();
    assert_eq!(world.shown(), "m pending, m[a] completed, m[b] completed, z pending");
    list(&mut world, &[("b", 2), ("c", 3)]);
    world.look();
    // a vanished, b is kept at its new place, c is new.
    assert_eq!(world.shown(), "m running, m[b] completed, m[c] ready, z pending");
    assert_eq!(world.step("m[b]").item.as_ref().unwrap().index, 0);
    assert_eq!(world.step("m[b]").generation, 1);
    world.settle();
    world.owner(&rerun).unwrap();
    list(&mut world, &[("a", 1), ("b", 9)]);
    world.look();
    // a is back as it was, so it is kept; b changed.
    assert_eq!(world.shown(), "m running, m[a] completed, m[b] ready, z pending");
    world.settle();
    assert_eq!((world.step("m[a]").generation, world.step("m[b]").generation), (1, 2));
    world.owner(&rerun).unwrap();
    list(&mut world, &[("a", 5)]);
    world.look();
    world.settle();
    let versions: Vec<_> =
        world.state.versions(&"m[a]".into(), "text").iter().map(|v| (v.version, v.parent.is_some())).collect();
    assert_eq!(versions, [(1, false), (2, true)], "it goes on counting");
    assert_eq!(world.state.attempts(&"m[a]".into()).len(), 2);
}

#[test]
fn an_item_that_a_person_wrote_makes_its_map_collect_again() {
    let mut world = World::steps(&map());
    world.settle();
    world.supply("m[a]", "by hand").unwrap();
    assert_eq!(world.shown(), "m running, m[a] completed, m[b] completed, z completed");
    assert!(world.step("m").status.needs_decision());
    world.settle();
    assert_eq!((world.step("m").generation, world.n_versions("m")), (2, 2));
    let old = world.state.versions(&"m[a]".into(), "text")[0].id;
    world.owner(&Command::Rollback { artifact: old, expect_generation: None }).unwrap();
    world.settle();
    assert_eq!(world.n_versions("m"), 3);
}

#[test]
fn a_map_that_does_not_collect_refuses_verbs_on_its_items() {
    let mut world = World::steps(&map());
    world.look();
    world.run(&["m[a]"]);
    world.stop("m").unwrap();
    assert_eq!(world.shown(), "m failed(stopped), m[a] completed, m[b] cancelled, z skipped(upstream_failed)");
    assert_eq!(world.supply("m[b]", "x"), Err(Refused::Status(StepStatus::Cancelled)));
    world.skip("m").unwrap();
    assert_eq!(world.trigger("m[a]"), Err(Refused::NotCollecting("m".into())));
    world.trigger("m").unwrap();
    assert_eq!(world.trigger("m[a]"), Err(Refused::NotCollecting("m".into())));
    world.settle();
    assert_eq!(world.shown(), "m completed, m[a] completed, m[b] completed, z completed");
    assert_eq!(world.step("m[b]").generation, 2);
}

#[test]
fn a_request_about_an_item_that_is_gone_since_is_answered_as_before() {
    let mut world = World::steps(&json!({"m": {"agent_id": "echo", "map": {"over": {"const": [1]}}}}));
    world.list = vec![("a".into(), 1), ("b".into(), 2)];
    world.settle();
    let request = Request { key: "k".into(), hash: "h".into() };
    world.request = Some(request.clone());
    world.supply("m[b]", "by hand").unwrap();
    world.settle();
    world.list = vec![("a".into(), 1)];
    world.trigger("m").unwrap();
    world.settle();
    assert_eq!(world.supply("m[b]", "by hand"), Err(Refused::NotFound));
    world.request = Some(request);
    assert_eq!(world.supply("m[b]", "by hand"), Ok(vec![]));
}

fn child() -> RunId {
    RunId(Uuid::from_u128(500))
}

fn sub() -> World {
    let mut world = World::steps(&json!({"s": {"agent_id": "sub"}, "z": {"agent_id": "echo", "depends_on": ["s"]}}));
    world.start(&["s"]);
    world
}

fn hand_over() -> Command {
    Command::HandedOver { step: "s".into(), attempt: 1, worker: worker(1), child: child(), inputs: vec![] }
}

fn ended(result: Result<Vec<NewVersion>, String>, tokens: i64) -> Command {
    Command::ChildEnded(Box::new(ChildEnded { step: "s".into(), child: child(), result, used: World::usage(tokens) }))
}

#[test]
fn a_sub_workflow_is_an_attempt_that_goes_on_as_a_run() {
    let mut world = sub();
    assert_eq!(world.tell(&hand_over()), Ok(vec![EventKind::StepExpanded]));
    assert_eq!(world.tell(&hand_over()), Ok(vec![]), "an answer that was lost");
    let begin = Tell::BeginChild { run: child(), step: "s".into(), attempt: 1 };
    assert_eq!(world.events.last().unwrap().data.tells, [begin]);
    assert_eq!(world.step("s").status, Status::Running(Work::Child {}));
    assert_eq!(world.tell(&Command::Lost { worker: worker(1) }), Ok(vec![]), "it has no worker");
    let text = world.text("made there");
    assert_eq!(world.tell(&ended(Ok(vec![text.clone()]), 10)), Ok(vec![EventKind::StepCompleted]));
    assert!(world.events.last().unwrap().data.tells.is_empty(), "nobody ends what ended by itself");
    assert_eq!((world.shown().as_str(), world.state.run.used_tokens), ("s completed, z ready", 10));
    assert_eq!(world.tell(&ended(Ok(vec![text]), 10)), Ok(vec![]), "a second end changes nothing");
}

#[test]
fn a_sub_workflow_that_failed_and_was_mended_completes_its_step_after_all() {
    let mut world = sub();
    world.tell(&hand_over()).unwrap();
    world.tell(&ended(Err("The sub-workflow failed".into()), 10)).unwrap();
    assert_eq!(world.shown(), "s failed(child_failed), z skipped(upstream_failed)");
    assert_eq!(world.tell(&ended(Err("again".into()), 12)), Ok(vec![]));
    let text = world.text("mended");
    assert_eq!(world.tell(&ended(Ok(vec![text]), 15)), Ok(vec![EventKind::StepCompleted]));
    assert_eq!(world.shown(), "s completed, z ready");
    assert_eq!((world.step("s").generation, world.state.attempts(&"s".into()).len()), (2, 2));
    assert_eq!(world.state.run.used_tokens, 15, "only what came on top is charged");
}

#[test]
fn nothing_completes_in_a_cancelled_run_after_all() {
    let steps = json!({"s": {"agent_id": "sub"}, "z": {"agent_id": "echo"}});
    let mut world = World::steps(&steps);
    world.start(&["s"]);
    world.tell(&hand_over()).unwrap();
    world.tell(&ended(Err("The sub-workflow failed".into()), 10)).unwrap();
    world.owner(&Command::Cancel).unwrap();
    let text = world.text("mended");
    assert_eq!(world.tell(&ended(Ok(vec![text]), 15)), Ok(vec![]));
    assert_eq!(world.shown(), "s failed(child_failed), z cancelled");
}

#[test]
fn a_run_that_its_step_does_not_wait_for_any_more_is_cancelled() {
    for verb in ["stop", "trigger", "cancel"] {
        let mut world = sub();
        world.tell(&hand_over()).unwrap();
        match verb {
            "stop" => world.stop("s"),
            "trigger" => {
                world.stop("s").unwrap();
                world.trigger("s")
            }
            _ => world.owner(&Command::Cancel),
        }
        .unwrap();
        let tells: Vec<_> = world.events.iter().flat_map(|event| &event.data.tells).collect();
        assert_eq!(tells.last(), Some(&&Tell::CancelChild { run: child() }), "{verb}");
        // A new generation tells it once more, which does nothing to a run that is over.
        assert_eq!(tells.len(), if verb == "trigger" { 3 } else { 2 }, "{verb}");
    }
}

#[test]
fn a_run_that_was_taken_up_again_after_its_end_is_cancelled_once_its_step_wants_nothing_of_it() {
    for is_mended in [false, true] {
        let mut world = sub();
        world.tell(&hand_over()).unwrap();
        let text = world.text("made there");
        let result = if is_mended { Ok(vec![text]) } else { Err("The sub-workflow failed".into()) };
        world.tell(&ended(result, 10)).unwrap();
        assert_eq!(world.events.iter().map(|event| event.data.tells.len()).sum::<usize>(), 1, "it may be mended");
        if is_mended { world.trigger("s") } else { world.skip("s") }.unwrap();
        assert_eq!(world.events.last().unwrap().data.tells, [Tell::CancelChild { run: child() }]);
    }
}

#[test]
fn a_child_tells_its_parent_of_its_end_each_time() {
    let mut start = crate::run::testing::start_of(
        &crate::run::testing::definition(&json!({"steps": {"a": {"agent_id": "echo"}}})),
        true,
        [].into(),
    );
    let parent = crate::view::StepOfRun { run: child(), step: "s".into() };
    start.run.parent = Some(parent.clone());
    start.run.depth = 2;
    let mut world = World::begun(start);
    world.start(&["a"]);
    world.fail("a", ErrorClass::Permanent);
    world.trigger("a").unwrap();
    world.run(&["a"]);
    let told: Vec<_> = world.events.iter().flat_map(|event| &event.data.tells).collect();
    let wanted = [RunStatus::Failed, RunStatus::Completed];
    assert_eq!(told.len(), 2);
    for (tell, wanted) in told.into_iter().zip(wanted) {
        let Tell::Parent { of, status, .. } = tell else { panic!("{tell:?}") };
        assert_eq!((of, *status), (&parent, wanted));
    }
    assert_eq!(world.tell(&Command::Abandoned), Ok(vec![]), "it is over");
}

#[test]
fn sub_workflows_are_nested_only_so_deep() {
    let definition = crate::run::testing::definition(&json!({"steps": {"s": {"agent_id": "sub"}}}));
    let mut start = crate::run::testing::start_of(&definition, true, [].into());
    start.run.depth = 16;
    let mut world = World::begun(start);
    world.start(&["s"]);
    assert_eq!(world.tell(&hand_over()), Err(Refused::TooDeep));
}

#[test]
fn a_form_waits_for_its_answer_whatever_the_mode_and_cannot_be_continued_before() {
    let mut world = World::steps(&json!({"f": {"agent_id": "form"}, "z": {"agent_id": "echo", "depends_on": ["f"]}}));
    world.start(&["f"]);
    let command = world.finished("f", AttemptResult::Succeeded(vec![]));
    world.tell(&command).unwrap();
    assert_eq!(world.status("f"), StepStatus::AwaitingReview);
    assert_eq!(world.approve("f"), Err(Refused::Unanswered));
    world.owner(&Command::SetAutoRun(false)).unwrap();
    world.owner(&Command::SetAutoRun(true)).unwrap();
    assert_eq!(world.status("f"), StepStatus::AwaitingReview, "a form that nobody answered is no gate");
    world.supply("f", "my answer").unwrap();
    assert_eq!(world.shown(), "f completed, z ready");
}

#[test]
fn the_items_of_a_map_go_one_by_one_where_it_says_so() {
    let mut world =
        World::steps(&json!({"m": {"agent_id": "echo", "map": {"over": {"const": []}, "max_parallel": 2}}}));
    list(&mut world, &[("a", 1), ("b", 2), ("c", 3), ("d", 4)]);
    world.look();
    let keys =
        |world: &World| world.claimable().iter().map(|key: &StepKey| key.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(keys(&world), ["m[a]", "m[b]"]);
    world.start(&["m[a]"]);
    assert_eq!(keys(&world), ["m[b]"]);
    world.succeed("m[a]");
    assert_eq!(keys(&world), ["m[b]", "m[c]"], "in the order of the list");
}
