//! The verbs without an engine: what a person supplies stands in for what an agent makes.

use serde_json::{Value, json};
use sqlx::PgPool;
use workflow::{
    RunId, RunStatus, RunView, StepKey, StepStatus, TemplateId,
    api::{AdoptRun, ErrorCode, MovePlan, MoveRun, ResumeRun},
    status::{Origin, StatusReason},
};

use super::{World, at, body, chain, plain, refusal, shown, status};
use crate::{Result, Wanted, artifacts, runs, runs::Tried, steps, templates};

fn key(text: &str) -> StepKey {
    StepKey::new(text)
}

async fn supply(world: &World, run: RunId, step: &str, text: &str) -> RunView {
    let outputs = body(json!({"outputs": {"text": text}}));
    shown(&world.ada, steps::supply(&world.ada, run, &key(step), outputs, None).await).await.unwrap()
}

fn status_of(view: &RunView, step: &str) -> StepStatus {
    view.step(&key(step)).unwrap().status
}

/// The latest version of the one output.
fn latest<'a>(view: &'a RunView, step: &'a StepKey) -> &'a workflow::view::ArtifactMeta {
    view.latest_artifacts(step).next().unwrap()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn supplied_edited_and_rolled_back_content_is_versioned(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let run = world.start(&world.ada, world.published().await).await.id;
    let first = key("first");
    let supplied = supply(&world, run, "first", "one").await;
    assert_eq!(
        (status_of(&supplied, "first"), status_of(&supplied, "second")),
        (StepStatus::Completed, StepStatus::Ready)
    );
    let one = latest(&supplied, &first).clone();
    assert_eq!((one.origin, one.media_type.as_str(), one.version), (Origin::HumanEdit, "text/plain", 1));

    let edit =
        async |request: Value| shown(&world.ada, steps::edit(&world.ada, run, &first, body(request), None).await).await;
    assert_eq!(status(edit(json!({})).await), at(422, "artifacts"));
    assert_eq!(status(edit(json!({"artifacts": {"other": "x"}})).await), at(422, "artifacts.other"));
    assert_eq!(status(edit(json!({"artifacts": {"text": 7}})).await), at(422, "artifacts.text"));
    assert_eq!(status(edit(json!({"artifacts": {"text": "a\0"}})).await), at(422, "artifacts.text"));
    let edited = edit(json!({"artifacts": {"text": "two"}})).await.unwrap();
    assert_eq!((latest(&edited, &first).version, latest(&edited, &first).origin), (2, Origin::HumanEdit));
    assert_eq!(latest(&edited, &first).made_by.as_deref(), Some("person2@example.org"));

    let back = artifacts::rollback(&world.ada, run, one.id, body(json!({})), None).await;
    let back = shown(&world.ada, back).await.unwrap();
    assert_eq!(latest(&back, &first).version, 1);
    let missing = artifacts::rollback(&world.ada, run, workflow::ArtifactId(RunId(run.0).0), body(json!({})), None);
    assert_eq!(status(missing.await), plain(404));
    let lineage = artifacts::lineage(&world.ada, run, one.id).await.unwrap();
    assert_eq!(lineage.artifacts[0].artifact.id, one.id);

    let large = "x".repeat(200_000);
    let edited = edit(json!({"artifacts": {"text": large}})).await.unwrap();
    let shown = artifacts::get(&world.ada, run, latest(&edited, &first).id).await.unwrap();
    assert_eq!(shown.content, Value::String(large), "what is large is stored beside the call");
    let incomplete = steps::supply(&world.ada, run, &key("second"), body(json!({"outputs": {}})), None).await;
    assert_eq!(status(incomplete), at(422, "outputs.text"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_verb_under_a_key_has_one_effect(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let run = world.start(&world.ada, world.published().await).await.id;
    let first = key("first");
    let edit = async |text: &str, once: &str| {
        let request = body(json!({"artifacts": {"text": text}}));
        shown(&world.ada, steps::edit(&world.ada, run, &first, request, Some(once.to_owned())).await).await
    };
    supply(&world, run, "first", "one").await;
    for _ in 0..3 {
        assert_eq!(latest(&edit("two", "k").await.unwrap(), &first).version, 2);
    }
    let other = refusal(edit("three", "k").await);
    assert_eq!((other.status, other.code), (409, ErrorCode::IdempotencyMismatch));
    let paused = runs::pause(&world.ada, run, Some("k".into())).await;
    assert_eq!(refusal(paused).code, ErrorCode::IdempotencyMismatch, "another verb is another request");
    assert_eq!(status(edit("three", "a b").await), at(422, "Idempotency-Key"));
    let fork = async || runs::fork(&world.ada, run, body(json!({"step": "second"})), Some("f".into())).await.unwrap();
    let (one, two) = (fork().await, fork().await);
    assert_eq!((one.done.run, one.is_new, two.is_new), (two.done.run, true, false));
    let other = runs::fork(&world.ada, run, body(json!({"step": "first"})), Some("f".into())).await;
    assert_eq!(refusal(other).code, ErrorCode::IdempotencyMismatch, "at another step");
    let other = runs::fork(&world.ada, run, body(json!({"step": "second"})), Some("k".into())).await;
    assert_eq!(refusal(other).code, ErrorCode::IdempotencyMismatch, "the key of a verb on the run");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn skipping_asks_for_what_dependents_need(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let run = world.start(&world.ada, world.published().await).await.id;
    let first = key("first");
    let needs = steps::skip_needs(&world.ada, run, &first).await.unwrap();
    assert_eq!((needs.len(), needs[0].step.as_str(), needs[0].port.as_str()), (1, "second", "text"));
    let skip = async |inputs: Value| {
        shown(&world.ada, steps::skip(&world.ada, run, &first, body(json!({"inputs": inputs})), None).await).await
    };
    assert_eq!(status(skip(json!({})).await), at(422, "inputs.second.text"));
    assert_eq!(status(skip(json!({"second": {"text": null}})).await), at(422, "inputs.second.text"));
    assert_eq!(status(skip(json!({"second": {"text": 1}})).await), at(422, "inputs.second.text"));
    assert_eq!(status(skip(json!({"second": {"tone": "plain"}})).await), at(422, "inputs.second.tone"));
    assert_eq!(status(skip(json!({"nowhere": {"text": "x"}})).await), at(422, "inputs.nowhere"));
    let skipped = skip(json!({"second": {"text": "instead"}})).await.unwrap();
    assert_eq!((status_of(&skipped, "first"), status_of(&skipped, "second")), (StepStatus::Skipped, StepStatus::Ready));
    assert_eq!(skipped.overrides[&key("second")].inputs["text"], "instead");
    let again = refusal(skip(json!({"second": {"text": "instead"}})).await);
    assert!(again.status == 409 && again.detail.starts_with("The step was skipped."), "{}", again.detail);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_is_paused_resumed_and_told_what_it_is(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let run = world.start(&world.ada, world.published().await).await.id;
    let paused = shown(&world.ada, runs::pause(&world.ada, run, None).await).await.unwrap();
    assert_eq!((paused.status, paused.status_reason), (RunStatus::Paused, Some(StatusReason::Person)));
    for (budget, field) in [(json!({"tokens": 0}), "budget.tokens"), (json!({"cost_micros": -1}), "budget.cost_micros")]
    {
        let resume: ResumeRun = body(json!({"budget": budget}));
        assert_eq!(status(runs::resume(&world.ada, run, resume, None).await), at(422, field));
    }
    let resumed = runs::resume(&world.ada, run, ResumeRun::default(), None).await;
    let resumed = shown(&world.ada, resumed).await.unwrap();
    assert_eq!(resumed.status, RunStatus::Running);
    runs::cancel(&world.ada, run, None).await.unwrap();
    for refused in [
        refusal(runs::pause(&world.ada, run, None).await),
        refusal(runs::resume(&world.ada, run, ResumeRun::default(), None).await),
        refusal(steps::supply(&world.ada, run, &key("first"), body(json!({"outputs": {"text": "x"}})), None).await),
        refusal(steps::skip(&world.ada, run, &key("second"), body(json!({})), None).await),
    ] {
        assert!(refused.status == 409 && refused.detail.contains("A cancelled run is final"), "{}", refused.detail);
    }
    assert!(runs::fork(&world.ada, run, body(json!({"step": "first"})), None).await.is_ok(), "only fork works on it");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_dry_run_writes_nothing_and_says_what_the_verb_would(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let run = world.start(&world.ada, world.published().await).await.id;
    let rerun = async |request: Value| steps::rerun(&world.ada, run, &key("first"), body(request), None).await;
    let waiting = refusal(rerun(json!({"dry_run": true})).await);
    assert!(waiting.status == 409 && waiting.detail.starts_with("The step is queued."), "{}", waiting.detail);
    supply(&world, run, "first", "one").await;
    let before = supply(&world, run, "second", "two").await;
    let Tried::Dry(radius) = rerun(json!({"mode": "downstream", "dry_run": true})).await.unwrap() else {
        panic!("it was dry")
    };
    assert_eq!(radius.steps.iter().map(|step| step.key.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!(runs::get(&world.ada, run).await.unwrap(), before);
    assert_eq!(status(rerun(json!({"dry_run": true, "expect_generation": 9})).await), plain(409));
    assert_eq!(status(rerun(json!({"dry_run": true, "prompt_override": " "})).await), at(422, "prompt_override"));
    let Tried::Done(done) = rerun(json!({"mode": "downstream"})).await.unwrap() else { panic!("it was not dry") };
    let after = shown(&world.ada, Ok(done)).await.unwrap();
    assert_eq!((status_of(&after, "first"), status_of(&after, "second")), (StepStatus::Ready, StepStatus::Pending));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_fork_shares_what_is_before_it_and_gives_its_versions_back(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let template = world.published().await;
    let run = world.start(&world.ada, template).await.id;
    supply(&world, run, "first", "one").await;
    supply(&world, run, "second", "two").await;
    let nowhere = runs::fork(&world.ada, run, body(json!({"step": "nowhere"})), None).await;
    assert_eq!(status(nowhere.map(|_| ())), at(422, "step"));
    let fork = runs::fork(&world.ada, run, body(json!({"step": "second", "auto_run": false})), None).await;
    let fork = shown(&world.ada, fork.map(|started| started.done)).await.unwrap();
    assert_eq!(fork.forked_from.as_ref().map(|from| (from.run, from.step.as_str())), Some((run, "second")));
    assert_eq!((status_of(&fork, "first"), status_of(&fork, "second")), (StepStatus::Completed, StepStatus::Ready));
    assert!(!fork.auto_run);

    supply(&world, fork.id, "second", "better").await;
    let comparison = runs::compare(&world.ada, run, fork.id).await.unwrap();
    let equal: Vec<bool> = comparison.steps.iter().map(|step| step.artifacts.iter().all(|one| one.is_equal)).collect();
    assert_eq!(equal, [true, false]);
    let adopt = async |from: RunId, names: Value| {
        let adopt: AdoptRun = body(json!({"from": from, "steps": names}));
        runs::adopt(&world.ada, run, adopt, None).await
    };
    assert_eq!(status(adopt(run, json!([])).await), at(422, "from"));
    assert_eq!(status(adopt(fork.id, json!(["nowhere"])).await), at(422, "steps.0"));
    let adopted = shown(&world.ada, adopt(fork.id, json!([])).await).await.unwrap();
    let second = key("second");
    assert_eq!(latest(&adopted, &second).version, 2);
    let copied = artifacts::get(&world.ada, run, latest(&adopted, &second).id).await.unwrap();
    assert_eq!(copied.content, "better", "its content came with it");
    assert_eq!(status(adopt(fork.id, json!([])).await), plain(409), "nothing differs any more");

    let bens = world.start(&world.ben, template).await.id;
    assert_eq!(status(adopt(bens, json!([])).await), at(422, "from"));
    assert_eq!(status(runs::compare(&world.ada, run, bens).await), plain(404));
    let others = templates::create(
        &world.admin,
        body(
            json!({"name": "Other", "definition": {"steps": {"a": {"agent_id": "writer", "inputs": {"text": {"const": "x"}}}}}}),
        ),
    );
    let others = others.await.unwrap().id;
    templates::publish(&world.admin, others).await.unwrap();
    let other = runs::start(&world.ada, body(json!({"template_id": others})), None).await.unwrap().done.run;
    assert_eq!(status(adopt(other, json!([])).await), at(422, "from"));
    assert_eq!(status(runs::compare(&world.ada, run, other).await), at(422, "with"));
}

async fn publish_next(world: &World, template: TemplateId, definition: Value) {
    let draft = templates::get(&world.admin, template).await.unwrap();
    let update = body(json!({"definition": definition, "base_revision": draft.draft_revision}));
    templates::save_draft(&world.admin, template, update).await.unwrap();
    templates::publish(&world.admin, template).await.unwrap();
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_moves_to_another_version_after_being_told(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let template = world.published().await;
    let run = world.start(&world.ada, template).await.id;
    supply(&world, run, "first", "one").await;
    supply(&world, run, "second", "two").await;
    let mut next = chain();
    next["steps"]["second"]["prompt"] = json!("Better: {{ text }}");
    publish_next(&world, template, next).await;
    let mut wanting = chain();
    wanting["inputs"]["reader"] = json!({"schema": {"type": "string"}, "required": true});
    publish_next(&world, template, wanting).await;

    let versions = templates::versions(&world.ada, template, &Wanted::default()).await.unwrap().items;
    assert_eq!(versions.iter().map(|one| one.version).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(status(templates::version(&world.ada, template, 1).await), plain(403));
    assert!(templates::version(&world.admin, template, 1).await.is_ok());
    let to = async |version, dry_run| -> Result<Tried<MovePlan>> {
        runs::move_to(&world.ada, run, MoveRun { version, dry_run }, None).await
    };
    assert_eq!(status(to(9, true).await), at(422, "version"));
    let wanting = refusal(to(3, false).await);
    assert!(wanting.status == 409 && wanting.detail.contains("`reader`"), "{}", wanting.detail);
    let before = runs::get(&world.ada, run).await.unwrap();
    let Tried::Dry(plan) = to(2, true).await.unwrap() else { panic!("it was dry") };
    assert_eq!((plan.kept, plan.rerun), (vec![key("first")], vec![key("second")]));
    assert_eq!(runs::get(&world.ada, run).await.unwrap(), before);
    let Tried::Done(done) = to(2, false).await.unwrap() else { panic!("it was not dry") };
    let moved = shown(&world.ada, Ok(done)).await.unwrap();
    assert_eq!((moved.template_version, status_of(&moved, "first")), (2, StepStatus::Completed));
    assert_eq!(status_of(&moved, "second"), StepStatus::Ready, "it waits for nothing, and no content decides about it");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_overrides_of_a_run_are_bounded_together(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let run = world.start(&world.ada, world.published().await).await.id;
    supply(&world, run, "first", "one").await;
    supply(&world, run, "second", "two").await;
    let large = json!({"inputs": {"text": "x".repeat(3_000_000)}});
    let trigger = async |step: &str| steps::trigger(&world.ada, run, &key(step), body(large.clone()), None).await;
    trigger("first").await.unwrap();
    assert_eq!(status(trigger("second").await), at(413, "overrides"));
    trigger("first").await.unwrap();
}
