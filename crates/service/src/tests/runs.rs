//! Runs: what may be started, and that nobody reaches a run of somebody else.

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;
use workflow::{
    ArtifactId, RunId, StepKey, StepStatus, TemplateId,
    api::{ApiError, ContinueStep, NewShare, RunQuery, RunScope, TestAgent, TriggerStep},
};

use super::{World, at, chain, plain, refusal, start, status};
use crate::{OpContext, Wanted, agents, artifacts, runs, steps, templates};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_is_started_from_a_published_version_with_checked_inputs(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let draft = world.template(&chain()).await.id;
    let begin = async |ctx: &OpContext, template, inputs| runs::start(ctx, start(template, &inputs), None).await;
    let fine = json!({"topic": "Rain"});
    assert_eq!(status(begin(&world.nobody(), draft, fine.clone()).await), plain(401));
    assert_eq!(status(begin(&world.ada, draft, fine.clone()).await), plain(404), "a draft is invisible to users");
    assert_eq!(status(begin(&world.admin, draft, fine.clone()).await), plain(409));
    assert_eq!(status(begin(&world.admin, TemplateId(Uuid::from_u128(9)), fine.clone()).await), plain(404));
    templates::publish(&world.admin, draft).await.unwrap();
    assert_eq!(status(begin(&world.ada, draft, json!({})).await), at(422, "inputs.topic"));
    assert_eq!(status(begin(&world.ada, draft, json!({"topic": "a\0"})).await), at(422, "inputs.topic"));
    assert_eq!(status(begin(&world.ada, draft, json!({"topic": "x", "b": 1})).await), at(422, "inputs.b"));
    assert_eq!(status(begin(&world.ada, draft, json!({"topic": "x".repeat(5_000_000)})).await), at(413, "inputs"));
    let started = begin(&world.ada, draft, fine.clone()).await.unwrap();
    assert!(started.is_new);
    let run = runs::view_after(&world.ada, &started.done).await.unwrap();
    assert_eq!(run.run_definition.steps["first"].agent_version, Some(1));
    assert_eq!(run.step(&"first".into()).unwrap().status, StepStatus::Ready);
    let other_version =
        runs::start(&world.ada, workflow::api::StartRun { version: Some(2), ..start(draft, &json!({})) }, None);
    assert_eq!(status(other_version.await), plain(404));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn users_start_the_live_version_and_admins_any(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let template = world.published().await;
    let mut next = chain();
    next["steps"]["first"]["title"] = json!("Another");
    let base = templates::get(&world.admin, template).await.unwrap().draft_revision;
    let update = super::body(json!({"definition": next, "base_revision": base}));
    templates::save_draft(&world.admin, template, update).await.unwrap();
    templates::publish(&world.admin, template).await.unwrap();
    let begin = async |ctx: &OpContext, version| {
        let request = workflow::api::StartRun { version, ..start(template, &json!({"topic": "Rain"})) };
        let started = runs::start(ctx, request, None).await?;
        runs::view_after(ctx, &started.done).await.map(|run| run.template_version)
    };
    let refused = refusal(begin(&world.ada, Some(1)).await);
    assert_eq!((refused.status, refused.detail.contains("only admins")), (403, true), "{}", refused.detail);
    assert_eq!(status(begin(&world.ada, Some(9)).await), plain(404));
    for version in [None, Some(2)] {
        assert_eq!(begin(&world.ada, version).await.unwrap(), 2);
    }
    assert_eq!(begin(&world.admin, Some(1)).await.unwrap(), 1);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn one_key_makes_one_run(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let template = world.published().await;
    let begin = |topic: &str, key: &str| {
        let request = start(template, &json!({"topic": topic}));
        let (ctx, key) = (world.ada.clone(), key.to_owned());
        async move { runs::start(&ctx, request, Some(key)).await }
    };
    let many = futures::future::join_all((0..10).map(|_| begin("Rain", "k"))).await;
    let started: Vec<runs::Started> = many.into_iter().map(Result::unwrap).collect();
    assert_eq!(started.iter().filter(|started| started.is_new).count(), 1);
    assert!(started.iter().all(|one| one.done.run == started[0].done.run));
    assert_eq!(status(begin("Snow", "k").await), plain(409));
    assert_eq!(status(begin("Rain", "").await), at(422, "Idempotency-Key"));
    assert_eq!(runs::list(&world.ada, None, None).await.unwrap().runs.len(), 1);
    let bens = runs::start(&world.ben, start(template, &json!({"topic": "Rain"})), Some("k".into())).await.unwrap();
    assert!(bens.is_new, "a key is one's own");
}

/// What each verb answers about one run.
async fn answers(ctx: &OpContext, run: RunId) -> Vec<ApiError> {
    let key = StepKey::new("first");
    vec![
        refusal(runs::get(ctx, run).await),
        refusal(runs::events(ctx, run, None).await),
        refusal(runs::set_auto_run(ctx, run, false, None).await),
        refusal(runs::cancel(ctx, run, None).await),
        refusal(steps::trigger(ctx, run, &key, TriggerStep::default(), None).await),
        refusal(steps::approve(ctx, run, &key, ContinueStep::default(), None).await),
        refusal(steps::prompt(ctx, run, &key).await),
        refusal(artifacts::get(ctx, run, ArtifactId(Uuid::from_u128(1))).await),
        refusal(artifacts::versions(ctx, run, None, None, &Wanted::default()).await),
    ]
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_of_somebody_else_is_as_absent_as_a_missing_one(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let template = world.published().await;
    let run = world.start(&world.ada, template).await;
    let foreign = answers(&world.ben, run.id).await;
    assert_eq!(foreign, answers(&world.ben, RunId(Uuid::from_u128(9))).await);
    assert!(foreign.iter().all(|answer| answer.status == 404));
    assert!(answers(&world.nobody(), run.id).await.iter().all(|answer| answer.status == 401));
    assert!(runs::list(&world.ben, None, None).await.unwrap().runs.is_empty());
    let all = RunQuery { scope: RunScope::All, ..RunQuery::default() };
    assert_eq!(status(runs::find(&world.ben, &all, &Wanted::default()).await), plain(403));
    assert_eq!(runs::find(&world.admin, &all, &Wanted::default()).await.unwrap().items.len(), 1);
    assert_eq!(runs::get(&world.ada, run.id).await.unwrap(), run, "nothing was changed");
    runs::cancel(&world.admin, run.id, None).await.unwrap();
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_shared_is_looked_at_and_nothing_more_by_the_run_and_by_the_database_alike(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let template = world.published().await;
    let run = world.start(&world.ada, template).await.id;
    let key = StepKey::new("first");
    let with = |ctx: &OpContext| NewShare { email: Some(ctx.user().unwrap().email.clone()), group_id: None };
    assert_eq!(status(runs::share(&world.ben, run, &with(&world.ben)).await), plain(404));
    assert_eq!(status(runs::share(&world.ada, run, &with(&world.ada)).await), at(422, "email"), "it is hers");
    let share = runs::share(&world.ada, run, &with(&world.ben)).await.unwrap();
    assert_eq!(share.shared_by, world.ada.user().unwrap().email);

    assert_eq!(runs::get(&world.ben, run).await.unwrap().id, run, "the run itself is asked");
    assert!(!runs::events(&world.ben, run, None).await.unwrap().is_empty(), "the database is");
    let (snapshot, _) = runs::snapshot(&world.ben, run).await.unwrap();
    assert_eq!(runs::shared_by(&world.ben, &snapshot).await.unwrap(), Some(share.shared_by));
    assert_eq!(runs::shared_by(&world.ada, &snapshot).await.unwrap(), None);
    for refused in [
        status(runs::share(&world.ben, run, &with(&world.admin)).await),
        status(runs::shares(&world.ben, run).await),
        status(runs::end_share(&world.ben, run, share.id).await),
        status(runs::set_auto_run(&world.ben, run, false, None).await),
        status(runs::cancel(&world.ben, run, None).await),
        status(steps::trigger(&world.ben, run, &key, TriggerStep::default(), None).await),
        status(steps::approve(&world.ben, run, &key, ContinueStep::default(), None).await),
    ] {
        assert_eq!(refused, plain(403));
    }
    runs::end_share(&world.admin, run, share.id).await.unwrap();
    assert!(answers(&world.ben, run).await.iter().all(|answer| answer.status == 404));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_artifact_is_found_only_in_its_own_run(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let template = world.published().await;
    let run = world.start(&world.ada, template).await.id;
    let missing = artifacts::get(&world.ada, run, ArtifactId(Uuid::from_u128(1))).await;
    assert_eq!(status(missing), plain(404));
    let nul = StepKey::new("a\0");
    assert!(
        artifacts::versions(&world.ada, run, Some(&nul), None, &Wanted::default()).await.unwrap().artifacts.is_empty()
    );
    assert_eq!(status(steps::prompt(&world.ada, run, &nul).await), plain(404));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_trigger_is_checked_by_field_and_by_state(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let template = world.published().await;
    let run = world.start(&world.ada, template).await.id;
    let (first, second) = (StepKey::new("first"), StepKey::new("second"));
    let trigger = async |key: &StepKey, trigger: serde_json::Value| {
        let trigger: TriggerStep = serde_json::from_value(trigger).unwrap();
        steps::trigger(&world.ada, run, key, trigger, None).await
    };
    let waits = refusal(trigger(&second, json!({})).await);
    assert_eq!(waits.status, 409);
    assert!(waits.detail.contains("waits for First"), "{}", waits.detail);
    for (request, expected) in [
        (json!({"prompt_override": " "}), at(422, "prompt_override")),
        (json!({"prompt_override": "a\0"}), at(422, "prompt_override")),
        (json!({"prompt_override": "{{ nope }}"}), at(422, "prompt_override")),
        (json!({"prompt_override": "{{ text"}), at(422, "prompt_override")),
        (json!({"prompt_override": "{% if nope %}x{% endif %}"}), at(422, "prompt_override")),
        (json!({"prompt_override": "x".repeat(300_000)}), at(413, "prompt_override")),
        (json!({"inputs": {"other": 1}}), at(422, "inputs.other")),
        (json!({"inputs": {"tone": "loud"}}), at(422, "inputs.tone")),
        (json!({"inputs": {"text": "a\0"}}), at(422, "inputs.text")),
        (json!({"expect_generation": 7}), plain(409)),
    ] {
        assert_eq!(status(trigger(&first, request.clone()).await), expected, "{request:.60}");
        // While it is typed the same is said of a prompt, in the same words.
        if let Some(prompt) = request["prompt_override"].as_str() {
            let refused = refusal(trigger(&first, request.clone()).await).detail;
            assert_eq!(steps::prompt_fault(&world.ada, run, &first, prompt).await.unwrap(), Some(refused));
        }
    }
    assert_eq!(steps::prompt_fault(&world.ada, run, &first, "Again: {{ text }}").await.unwrap(), None);
    assert_eq!(status(steps::prompt_fault(&world.ben, run, &first, "x").await), plain(404));
    trigger(&first, json!({"prompt_override": "Again: {{ text }}", "inputs": {"tone": "plain"}})).await.unwrap();
    let prompt = steps::prompt(&world.ada, run, &first).await.unwrap();
    assert_eq!(prompt.effective.as_deref(), Some("Again: {{ text }}"));
    assert_eq!(prompt.of_template.as_deref(), Some("{{ text }}"));
    trigger(&first, json!({"prompt_override": null})).await.unwrap();
    assert_eq!(steps::prompt(&world.ada, run, &first).await.unwrap().effective, prompt.of_template);
    assert_eq!(status(steps::approve(&world.ada, run, &first, ContinueStep::default(), None).await), plain(409));
    let nul = ContinueStep { content_hash: Some("\0".into()), ..ContinueStep::default() };
    assert_eq!(status(steps::approve(&world.ada, run, &first, nul, None).await), at(422, "content_hash"));
    runs::cancel(&world.ada, run, None).await.unwrap();
    let cancelled = refusal(trigger(&first, json!({})).await);
    assert!(cancelled.status == 409 && cancelled.detail.contains("cancelled"), "{}", cancelled.detail);
    assert_eq!(status(runs::set_auto_run(&world.ada, run, false, None).await), plain(409));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_test_runs_a_hidden_version(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let test = |inputs: serde_json::Value| TestAgent {
        agent_id: "writer".into(),
        version: None,
        inputs: serde_json::from_value(inputs).unwrap(),
        unsaved: None,
        confirm: false,
    };
    assert_eq!(status(agents::test(&world.ada, test(json!({"text": "x"}))).await), plain(403));
    assert_eq!(status(agents::test(&world.admin, test(json!({}))).await), at(422, "inputs.text"));
    assert_eq!(status(agents::test(&world.admin, test(json!({"text": "x", "b": 1}))).await), at(422, "inputs.b"));
    let run = agents::test(&world.admin, test(json!({"text": "x", "tone": "plain"}))).await.unwrap();
    let run = runs::get(&world.admin, run).await.unwrap();
    assert!(run.is_test && run.steps.len() == 1);
    assert!(runs::list(&world.admin, None, None).await.unwrap().runs.is_empty());
    assert!(templates::list(&world.admin, None, &Wanted::default()).await.unwrap().items.is_empty());
    assert_eq!(status(world_start(&world, run.template_id).await), plain(404), "only the server starts a test");
}

async fn world_start(world: &World, template: TemplateId) -> crate::Result<runs::Started> {
    runs::start(&world.admin, start(template, &json!({})), None).await
}
