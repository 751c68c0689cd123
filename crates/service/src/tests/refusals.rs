//! What the state refuses, and in which words: dry runs, steps that run under a paused run, moves and skips that do not fit any more,
//! and budgets.

use serde_json::{Value, json};
use sqlx::PgPool;
use workflow::{
    ProblemCode, RunId, StepKey, StepStatus, TemplateId,
    api::{ApiError, ErrorCode, MoveRun, ResumeRun},
    view::BudgetView,
};

use super::{World, at, beside, body, chain, refusal, shown, status};
use crate::{runs, steps, templates};

const SECOND: &str = "second";

fn key(text: &str) -> StepKey {
    StepKey::new(text)
}

async fn supply(world: &World, run: RunId, step: &str, text: &str) {
    let outputs = body(json!({"outputs": {"text": text}}));
    steps::supply(&world.ada, run, &key(step), outputs, None).await.unwrap();
}

async fn publish(world: &World, definition: &Value) -> TemplateId {
    let id = world.template(definition).await.id;
    templates::publish(&world.admin, id).await.unwrap();
    id
}

async fn publish_next(world: &World, template: TemplateId, definition: &Value) {
    let draft = templates::get(&world.admin, template).await.unwrap();
    let update = body(json!({"definition": definition, "base_revision": draft.draft_revision}));
    templates::save_draft(&world.admin, template, update).await.unwrap();
    templates::publish(&world.admin, template).await.unwrap();
}

/// What a dry re-run and a real one are told.
async fn both_ways(world: &World, run: RunId, step: &str, mut request: Value) -> (ApiError, ApiError) {
    request["dry_run"] = json!(true);
    let dry = steps::rerun(&world.ada, run, &key(step), body(request.clone()), None).await;
    request["dry_run"] = json!(false);
    let real = steps::rerun(&world.ada, run, &key(step), body(request), None).await;
    (refusal(dry), refusal(real))
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_dry_run_refuses_what_the_re_run_would_refuse(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let mut definition = chain();
    definition["steps"]["each"] = json!({"title": "Each", "agent_id": "writer", "inputs": {"text": {"from": "item", "path": "/id"}},
        "map": {"over": {"const": [{"id": "a"}, {"id": "b"}]}, "key": "/id"}});
    let run = world.start(&world.ada, publish(&world, &definition).await).await.id;
    world.process.expand(run, "each", &["a", "b"]).await;
    supply(&world, run, "each[a]", "one").await;
    let fine = steps::rerun(&world.ada, run, &key("each[a]"), body(json!({"dry_run": true})), None).await;
    assert!(fine.is_ok(), "its map collects: {fine:?}");
    // A map that is skipped collects nothing any more.
    world.process.take(run).await;
    steps::stop(&world.ada, run, &key("each"), body(json!({})), None).await.unwrap();
    let view = steps::skip(&world.ada, run, &key("each"), body(json!({})), None).await;
    let view = shown(&world.ada, view).await.unwrap();
    assert_eq!(view.step(&key("each[a]")).unwrap().status, StepStatus::Completed);
    let (dry, real) = both_ways(&world, run, "each[a]", json!({})).await;
    assert_eq!(dry, real);
    assert_eq!((dry.status, dry.detail.contains("is an item of “Each”")), (409, true), "{}", dry.detail);

    let (dry, real) = both_ways(&world, run, "first", json!({"expect_generation": 7})).await;
    assert_eq!((dry.status, &dry), (409, &real));
    let (dry, real) = both_ways(&world, run, "first", json!({})).await;
    assert_eq!((dry.detail.starts_with("The step is running."), &dry), (true, &real), "{}", dry.detail);
    let (dry, real) = both_ways(&world, run, "nowhere", json!({})).await;
    assert_eq!((dry.status, &dry), (404, &real));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_dry_run_in_a_cancelled_run_is_refused_whatever_the_step_is(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let run = world.start(&world.ada, world.published().await).await.id;
    supply(&world, run, "first", "one").await;
    runs::cancel(&world.ada, run, None).await.unwrap();
    let (dry, real) = both_ways(&world, run, "first", json!({"mode": "downstream"})).await;
    assert_eq!(dry, real);
    assert!(dry.status == 409 && dry.detail.contains("A cancelled run is final"), "{}", dry.detail);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_step_that_runs_in_a_paused_run_is_named_as_what_is_in_the_way(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let template = world.published().await;
    let other = world.start(&world.ada, template).await.id;
    supply(&world, other, "first", "other").await;
    supply(&world, other, SECOND, "other").await;
    let run = world.start(&world.ada, template).await.id;
    let to = async || runs::move_to(&world.ada, run, MoveRun { version: 1, dry_run: false }, None).await;
    let early = refusal(to().await);
    assert!(early.detail.starts_with("The run is running."), "{}", early.detail);
    world.process.take(run).await;
    runs::pause(&world.ada, run, None).await.unwrap();
    let adopt = body(json!({"from": other, "steps": ["first"]}));
    for refused in [refusal(to().await), refusal(runs::adopt(&world.ada, run, adopt, None).await)] {
        assert_eq!((refused.status, refused.code), (409, ErrorCode::Conflict));
        assert!(refused.detail.starts_with("A step is still running."), "{}", refused.detail);
    }
    steps::stop(&world.ada, run, &key("first"), body(json!({})), None).await.unwrap();
    assert!(to().await.is_ok());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_is_moved_only_where_its_inputs_fit(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let template = world.published().await;
    let run = world.start(&world.ada, template).await.id;
    supply(&world, run, "first", "one").await;
    supply(&world, run, SECOND, "two").await;
    let mut narrower = chain();
    narrower["inputs"]["topic"]["schema"] = json!({"type": "string", "enum": ["Snow", "Hail"]});
    publish_next(&world, template, &narrower).await;
    let mut wanting = chain();
    wanting["inputs"]["reader"] = json!({"schema": {"type": "string"}, "required": true});
    publish_next(&world, template, &wanting).await;
    let mut more = chain();
    more["inputs"]["reader"] = json!({"schema": {"type": "string"}, "required": true, "default": "Ada"});
    publish_next(&world, template, &more).await;
    let to = async |version, dry_run| runs::move_to(&world.ada, run, MoveRun { version, dry_run }, None).await;
    for dry_run in [true, false] {
        for (version, field) in [(2, "inputs.topic"), (3, "inputs.reader")] {
            let refused = refusal(to(version, dry_run).await);
            assert_eq!((refused.status, refused.field.as_deref()), (409, Some(field)), "{}", refused.detail);
            assert!(refused.detail.contains("Start a new run"), "{}", refused.detail);
        }
    }
    assert!(to(4, true).await.is_ok());
    templates::archive(&world.admin, template, true).await.unwrap();
    let archived = refusal(to(4, true).await);
    assert!(archived.status == 409 && archived.detail.contains("stay on the version"), "{}", archived.detail);
}

/// Two steps that both read the first.
fn fork() -> Value {
    let mut definition = chain();
    definition["steps"]["third"] = definition["steps"][SECOND].clone();
    definition
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn every_value_that_skipping_asks_for_is_told_at_once(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let run = world.start(&world.ada, publish(&world, &fork()).await).await.id;
    let skip = async |inputs: Value| {
        refusal(steps::skip(&world.ada, run, &key("first"), body(json!({"inputs": inputs})), None).await)
    };
    let both = skip(json!({})).await;
    assert_eq!((both.status, both.code, both.field.as_deref()), (422, ErrorCode::Invalid, Some("inputs.second.text")));
    let told: Vec<_> = both.problems.iter().map(|one| (one.code, one.field.as_deref().unwrap())).collect();
    let code = ProblemCode::MissingInput;
    assert_eq!(told, [(code, "inputs.second.text"), (code, "inputs.third.text")]);
    assert!(both.detail.ends_with("see `problems`."), "{}", both.detail);
    let one = skip(json!({SECOND: {"text": "instead"}})).await;
    assert_eq!((one.field.as_deref(), one.problems.len()), (Some("inputs.third.text"), 1));
    assert_eq!(one.detail, one.problems[0].message);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_skip_asks_for_what_is_missing_when_it_happens(pool: PgPool) {
    let world = World::with_writer(pool.clone()).await;
    let (process, [late]) = beside(&pool, [2]).await;
    let run = world.start(&world.ada, world.published().await).await.id;
    let first = key("first");
    let skip = async |inputs: Value| steps::skip(&late, run, &first, body(json!({"inputs": inputs})), None).await;
    let trigger = async |step: &str, request: Value| {
        steps::trigger(&world.ada, run, &key(step), body(request), None).await.unwrap();
    };
    skip(json!({SECOND: {"text": "instead"}})).await.unwrap();
    supply(&world, run, SECOND, "two").await;
    trigger("first", json!({})).await;
    // The value is taken back after the skip was decided, and before it is written.
    let taken_back = trigger(SECOND, json!({"inputs": {}}));
    let ((), refused) = Box::pin(process.overtaken(taken_back, skip(json!({})))).await;
    assert_eq!(status(refused), at(422, "inputs.second.text"));
    // What else moves the run only makes it be decided again.
    let pause = async { runs::pause(&world.ada, run, None).await.unwrap() };
    let (_, fine) = Box::pin(process.overtaken(pause, skip(json!({SECOND: {"text": "instead"}})))).await;
    assert_eq!(shown(&late, fine).await.unwrap().step(&first).unwrap().status, StepStatus::Skipped);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_that_used_up_its_budget_goes_on_with_a_larger_one_or_with_none(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let mut definition = chain();
    definition["limits"] = json!({"budget": {"tokens": 10, "on_exceed": "pause"}});
    let template = publish(&world, &definition).await;
    let resume = async |run, request: Value| {
        let resume: ResumeRun = body(request);
        shown(&world.ada, runs::resume(&world.ada, run, resume, None).await).await
    };
    for (budget, left) in [
        (json!({"tokens": 51}), Some(BudgetView { tokens: Some(51), cost_micros: None })),
        (json!({"cost_micros": 3}), Some(BudgetView { tokens: None, cost_micros: Some(3) })),
        (json!({}), None),
    ] {
        let run = world.start(&world.ada, template).await.id;
        world.process.take(run).await;
        world.process.finish(run, "first", "one", 50).await;
        for too_small in [json!({}), json!({"budget": null}), json!({"budget": {"tokens": 50}})] {
            let refused = refusal(resume(run, too_small).await);
            assert!(refused.status == 409 && refused.detail.ends_with("or with none."), "{}", refused.detail);
        }
        assert_eq!(status(resume(run, json!({"budget": {"tokens": 0}})).await), at(422, "budget.tokens"));
        let resumed = resume(run, json!({"budget": budget})).await.unwrap();
        assert_eq!((resumed.status_reason, resumed.budget), (None, left), "{budget}");
    }
}
