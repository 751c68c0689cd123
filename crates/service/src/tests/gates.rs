//! Gates with people: who is asked sees the run and decides there, and does nothing else.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::PgPool;
use workflow::{
    RunView, StepKey, StepStatus, TemplateId, api::NewGroup, id::GroupId, run::event::EventKind, status::Reason,
};

use super::{World, at, beside, body, chain, plain, refusal, shown, status};
use crate::{OpContext, Wanted, artifacts, groups, runs, steps, templates, users};

pub(super) const BEN: &str = "person3@example.org";

/// A run of Ada's whose first step waits at a gate.
pub(super) async fn waiting(world: &World, review: Value) -> RunView {
    let mut definition = chain();
    definition["steps"]["first"]["review"] = review;
    let template: TemplateId = world.template(&definition).await.id;
    templates::publish(&world.admin, template).await.unwrap();
    let run = world.start(&world.ada, template).await.id;
    let outputs = body(json!({"outputs": {"text": "draft"}}));
    let view = steps::supply(&world.ada, run, &StepKey::new("first"), outputs, None).await;
    let view = shown(&world.ada, view).await.unwrap();
    assert_eq!(view.step(&"first".into()).unwrap().status, StepStatus::AwaitingReview, "an always gate still asks");
    view
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_is_asked_decides_at_that_gate_and_nowhere_else(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let run = waiting(&world, json!({"mode": "always", "assignees": {"users": [BEN]}})).await;
    let (id, first, second) = (run.id, StepKey::new("first"), StepKey::new("second"));
    let ben = &world.ben;
    assert_eq!(runs::get(ben, id).await.unwrap().id, id);
    assert_eq!(runs::waiting_for_me(ben, &Wanted::default()).await.unwrap().items.len(), 1);
    assert!(runs::events(ben, id, None).await.is_ok());
    assert!(artifacts::versions(ben, id, None, None, &Wanted::default()).await.is_ok());
    for refused in [
        status(steps::trigger(ben, id, &first, body(json!({})), None).await),
        status(steps::stop(ben, id, &first, body(json!({})), None).await),
        status(steps::skip(ben, id, &first, body(json!({})), None).await),
        status(steps::skip_needs(ben, id, &first).await),
        status(steps::rerun(ben, id, &first, body(json!({"dry_run": true})), None).await),
        status(steps::approve(ben, id, &second, body(json!({})), None).await),
        status(runs::cancel(ben, id, None).await),
        status(runs::pause(ben, id, None).await),
        status(runs::set_auto_run(ben, id, false, None).await),
        status(runs::fork(ben, id, body(json!({"step": "first"})), None).await),
        status(runs::move_to(ben, id, body(json!({"version": 1, "dry_run": true})), None).await),
        status(artifacts::rollback(ben, id, run.artifacts[0].id, body(json!({})), None).await),
    ] {
        assert_eq!(refused, plain(403));
    }
    let edited = steps::edit(ben, id, &first, body(json!({"artifacts": {"text": "better"}})), None).await;
    let edited = shown(ben, edited).await.unwrap();
    assert_eq!(edited.step(&first).unwrap().status, StepStatus::AwaitingReview);
    let approve = async |key: Option<&str>| {
        shown(ben, steps::approve(ben, id, &first, body(json!({})), key.map(str::to_owned)).await).await
    };
    let done = approve(Some("k")).await.unwrap();
    assert_eq!(done.step(&first).unwrap().status, StepStatus::Completed);
    // The answer was lost, and is asked for again; a new decision is not theirs any more.
    assert!(approve(Some("k")).await.is_ok());
    assert_eq!(status(approve(None).await), plain(404));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_is_asked_is_found_however_their_email_is_typed(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let typed = " ＰＥＲＳＯＮ3@Example.org";
    let run = waiting(&world, json!({"mode": "always", "assignees": {"users": [typed]}})).await;
    assert!(runs::get(&world.ben, run.id).await.is_ok());
    assert_eq!(runs::waiting_for_me(&world.ben, &Wanted::default()).await.unwrap().items.len(), 1);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_sees_a_run_is_told_what_the_groups_are_called_that_it_asks_and_no_others(pool: PgPool) {
    let world = World::with_writer(pool).await;
    for (id, name) in [("legal", "Recht & <b>Ordnung</b>"), ("others", "Others")] {
        groups::create(&world.admin, &NewGroup { id: GroupId::new(id), name: name.into() }).await.unwrap();
    }
    let legal = GroupId::new("legal");
    groups::add_member(&world.admin, &legal, BEN).await.unwrap();
    let run = waiting(&world, json!({"mode": "always", "assignees": {"groups": ["legal"]}})).await.id;
    let (snapshot, _) = runs::snapshot(&world.ada, run).await.unwrap();
    let names = runs::group_names(&world.ada, &snapshot).await.unwrap();
    assert_eq!(names, BTreeMap::from([(legal, "Recht & <b>Ordnung</b>".to_owned())]));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_was_asked_sees_the_run_no_longer_than_the_gate_is_open(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let (ben, first) = (&world.ben, StepKey::new("first"));
    let review = json!({"mode": "always", "assignees": {"users": [BEN]}});
    for verb in ["continue", "edit", "reject", "supply", "skip", "cancel"] {
        let run = waiting(&world, review.clone()).await;
        let (id, made) = (run.id, run.artifacts[0].id);
        let watching = ben.clone().watching(id);
        assert!(watching.is_still_valid().await.unwrap() && runs::get(ben, id).await.is_ok(), "{verb}");
        let key = || Some(verb.to_owned());
        let edited = json!({"artifacts": {"text": "better"}, "and_continue": true});
        let answered = async || match verb {
            "continue" => steps::approve(ben, id, &first, body(json!({})), key()).await,
            "edit" => steps::edit(ben, id, &first, body(edited.clone()), key()).await,
            "reject" => steps::reject(ben, id, &first, body(json!({"feedback": "shorter"})), key()).await,
            // An always gate still asks after it: that is decided too.
            "supply" => {
                steps::supply(ben, id, &first, body(json!({"outputs": {"text": "x"}})), key()).await?;
                steps::approve(ben, id, &first, body(json!({})), Some("after".to_owned())).await
            }
            "skip" => {
                let values = body(json!({"inputs": {"second": {"text": "instead"}}}));
                // The gate binds its owner too.
                steps::skip(&world.admin, id, &first, values, None).await
            }
            _ => runs::cancel(&world.ada, id, None).await,
        };
        assert_eq!(shown(ben, answered().await).await.unwrap().id, id, "{verb} is answered with what it came to");
        if !matches!(verb, "skip" | "cancel") {
            assert!(answered().await.is_ok(), "{verb}: an answer that was lost is given again");
        }
        let foreign = refusal(runs::get(&world.ben, workflow::RunId(uuid::Uuid::now_v7())).await);
        assert_eq!(refusal(runs::get(ben, id).await), foreign, "{verb}");
        for refused in [
            status(runs::events(ben, id, None).await),
            status(runs::stale(ben, id).await),
            status(runs::compare(ben, id, id).await),
            status(artifacts::get(ben, id, made).await),
            status(artifacts::versions(ben, id, None, None, &Wanted::default()).await),
            status(artifacts::lineage(ben, id, made).await),
            status(steps::prompt(ben, id, &first).await),
            status(steps::approve(ben, id, &first, body(json!({})), None).await),
            status(steps::trigger(ben, id, &first, body(json!({})), None).await),
        ] {
            assert_eq!(refused, plain(404), "{verb}");
        }
        assert!(!watching.is_still_valid().await.unwrap(), "{verb}: what is open is closed");
        assert!(runs::get(&world.ada, id).await.is_ok() && runs::get(&world.admin, id).await.is_ok());
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_is_asked_comes_too_late_once_the_gate_has_closed(pool: PgPool) {
    let world = World::with_writer(pool.clone()).await;
    let (process, [ben]) = beside(&pool, [3]).await;
    let first = StepKey::new("first");
    for verb in ["continue", "edit", "reject", "supply"] {
        let review = json!({"mode": "always", "assignees": {"users": [BEN]}});
        let id = waiting(&world, review).await.id;
        let approve = steps::approve(&world.admin, id, &first, body(json!({})), None);
        let late = async {
            let ben = &ben;
            match verb {
                "continue" => steps::approve(ben, id, &first, body(json!({})), None).await,
                "edit" => steps::edit(ben, id, &first, body(json!({"artifacts": {"text": "late"}})), None).await,
                "reject" => steps::reject(ben, id, &first, body(json!({"feedback": "late"})), None).await,
                _ => steps::supply(ben, id, &first, body(json!({"outputs": {"text": "late"}})), None).await,
            }
        };
        let (approved, late) = Box::pin(process.overtaken(approve, late)).await;
        let refused = refusal(late);
        assert_eq!(refused.status, 409, "{verb}: {}", refused.detail);
        assert!(refused.detail.starts_with("The review has closed"), "{verb}: {}", refused.detail);
        let now = runs::get(&world.ada, id).await.unwrap();
        assert_eq!(now.seq, approved.unwrap().seq, "{verb} wrote nothing");
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_rejection_needs_words_of_a_bounded_length(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let run = waiting(&world, json!({"mode": "always", "max_rounds": 1})).await.id;
    let first = StepKey::new("first");
    let reject = async |ctx: &OpContext, feedback: &str| {
        shown(ctx, steps::reject(ctx, run, &first, body(json!({"feedback": feedback})), None).await).await
    };
    assert_eq!(status(reject(&world.ada, " \n ").await), at(422, "feedback"));
    assert_eq!(status(reject(&world.ada, "a\0").await), at(422, "feedback"));
    assert_eq!(status(reject(&world.ada, &"x".repeat(1_000_000)).await), at(413, "feedback"));
    assert_eq!(status(reject(&world.ben, "no").await), plain(404));
    let rejected = reject(&world.ada, "  shorter  ").await.unwrap();
    let step = rejected.step(&first).unwrap();
    assert_eq!((step.status, step.feedback.as_ref().unwrap().text.as_str()), (StepStatus::Ready, "shorter"));
    let again = refusal(reject(&world.ada, "again").await);
    assert!(again.status == 409 && again.detail.starts_with("The step is queued."), "{}", again.detail);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_last_rejection_keeps_its_words(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let run = waiting(&world, json!({"mode": "always", "max_rounds": 0})).await;
    let first = StepKey::new("first");
    let words = body(json!({"feedback": "not a word of it is true"}));
    let rejected = steps::reject(&world.ada, run.id, &first, words, None).await;
    let rejected = shown(&world.ada, rejected).await.unwrap();
    let step = rejected.step(&first).unwrap();
    assert_eq!((step.status, step.reason), (StepStatus::Failed, Some(Reason::Rejected)));
    assert_eq!(step.feedback.as_ref().map(|last| last.round), Some(1), "what was said last is shown");
    let event = runs::events(&world.ada, run.id, None).await.unwrap().remove(0);
    let told = event.data.rejections.first().unwrap();
    let words = "not a word of it is true";
    assert_eq!(
        (told.text.as_str(), told.round, told.is_last, told.by.as_str()),
        (words, 1, true, "person2@example.org")
    );
    let (snapshot, people) = runs::snapshot(&world.ada, run.id).await.unwrap();
    let kept = workflow::run::State::of(snapshot).rejections(&first).to_vec();
    assert_eq!((kept.len(), kept[0].text.as_str()), (1, words), "it stays with its round");
    assert_eq!(people[&kept[0].by], "person2@example.org");
    // Whoever goes on begins anew.
    let retried = steps::trigger(&world.ada, run.id, &first, body(json!({})), None).await;
    assert_eq!(shown(&world.ada, retried).await.unwrap().step(&first).unwrap().feedback, None);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_gate_may_want_somebody_else_and_more_than_one(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let review = json!({"mode": "always", "allow_self": false, "quorum": 2, "assignees": {"users": [BEN]}});
    let run = waiting(&world, review).await.id;
    let first = StepKey::new("first");
    let approve =
        async |ctx: &OpContext| shown(ctx, steps::approve(ctx, run, &first, body(json!({})), None).await).await;
    let own = refusal(approve(&world.ada).await);
    assert!(own.status == 403 && own.detail.contains("owner"), "{}", own.detail);
    let voted = approve(&world.ben).await.unwrap();
    assert_eq!(voted.step(&first).unwrap().status, StepStatus::AwaitingReview);
    assert_eq!(voted.step(&first).unwrap().review.as_ref().unwrap().approvals, [BEN]);
    assert_eq!(status(approve(&world.ben).await), plain(409));
    let done = approve(&world.admin).await.unwrap();
    assert_eq!(done.step(&first).unwrap().status, StepStatus::Completed);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn two_who_approve_at_once_are_two(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let review = json!({"mode": "always", "allow_self": false, "quorum": 2, "assignees": {"users": [BEN]}});
    let run = waiting(&world, review).await.id;
    let first = StepKey::new("first");
    let approve = async |ctx: &OpContext| steps::approve(ctx, run, &first, body(json!({})), None).await;
    let (ben, admin) = futures::future::join(approve(&world.ben), approve(&world.admin)).await;
    assert!(ben.is_ok() && admin.is_ok(), "whoever comes second looks who was first");
    let done = runs::get(&world.admin, run).await.unwrap();
    assert_eq!(done.step(&first).unwrap().status, StepStatus::Completed);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn of_fifty_equal_approvals_one_has_an_effect(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let run = waiting(&world, json!({"mode": "always"})).await;
    let first = StepKey::new("first");
    let decision =
        json!({"content_hash": run.review_digest(&first), "expect_generation": run.step(&first).unwrap().generation});
    let many = (0..50).map(|_| steps::approve(&world.ada, run.id, &first, body(decision.clone()), None));
    let answers = futures::future::join_all(many).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let refused = answers.into_iter().filter_map(Result::err).map(|error| error.to_api());
    assert!(refused.into_iter().all(|error| error.status == 409), "the others are told that it is done");
    let events = runs::events(&world.ada, run.id, None).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == EventKind::StepApproved).count(), 1);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_gate_that_binds_is_not_its_owners_to_get_around(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let run = waiting(&world, json!({"mode": "always", "assignees": {"users": [BEN]}})).await;
    let (ada, id, first, second) = (&world.ada, run.id, StepKey::new("first"), StepKey::new("second"));
    for refused in [
        refusal(steps::approve(ada, id, &first, body(json!({})), None).await),
        refusal(steps::skip(ada, id, &first, body(json!({"inputs": {"second": {"text": "x"}}})), None).await),
    ] {
        assert_eq!(refused.status, 403, "{}", refused.detail);
        assert!(refused.detail.contains("“First”") && refused.detail.contains(BEN), "{}", refused.detail);
    }
    let supplied = steps::supply(ada, id, &first, body(json!({"outputs": {"text": "mine"}})), None).await;
    assert_eq!(shown(ada, supplied).await.unwrap().step(&first).unwrap().status, StepStatus::AwaitingReview);
    let moved = runs::move_to(ada, id, body(json!({"version": 1, "dry_run": true})), None).await;
    assert!(moved.is_ok(), "the same gate is in it");
    // Whoever is asked passes it, and then it is its owner's run again.
    steps::approve(&world.ben, id, &first, body(json!({})), None).await.unwrap();
    let literal = body(json!({"inputs": {"text": "instead"}}));
    let refused = refusal(steps::trigger(ada, id, &second, literal, None).await);
    assert_eq!((refused.status, refused.detail.contains(BEN)), (403, true), "{}", refused.detail);
    steps::trigger(ada, id, &second, body(json!({})), None).await.unwrap();
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_vote_of_somebody_who_was_disabled_does_not_count(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let run = waiting(&world, json!({"mode": "always", "quorum": 2})).await.id;
    let first = StepKey::new("first");
    let approve = async |ctx: &OpContext| {
        let done = shown(ctx, steps::approve(ctx, run, &first, body(json!({})), None).await).await;
        done.map(|view| view.step(&first).unwrap().clone())
    };
    let ada_id = world.ada.actor().unwrap().id;
    assert_eq!(approve(&world.ada).await.unwrap().status, StepStatus::AwaitingReview);
    users::set_disabled(&world.admin, ada_id, true).await.unwrap();
    let (snapshot, emails) = runs::snapshot(&world.admin, run).await.unwrap();
    let page = workflow::run::State::of(snapshot).view(&emails);
    assert!(page.step(&first).unwrap().review.as_ref().unwrap().approvals.is_empty(), "nor is it shown as one");
    let told = runs::get(&world.admin, run).await.unwrap();
    assert!(told.step(&first).unwrap().review.as_ref().unwrap().approvals.is_empty(), "nor told over REST");
    let voted = approve(&world.admin).await.unwrap();
    assert_eq!(voted.status, StepStatus::AwaitingReview);
    assert_eq!(voted.review.unwrap().approvals, ["person1@example.org"]);
    assert_eq!(status(approve(&world.admin).await), plain(409), "nobody votes twice");
}
