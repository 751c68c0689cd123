//! Workflows as steps of others, and workflows that were archived.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::PgPool;
use workflow::{ProblemCode, TemplateId, api::ApiError, schema::Kind};

use super::{World, at, chain, plain, refusal, start, status};
use crate::{Wanted, agents, runs, templates};

fn agent(id: &str, template: TemplateId, changes: &[(&str, Value)]) -> workflow::api::SaveAgent {
    let mut agent = json!({
        "id": id, "name": id,
        "inputs": [{"name": "topic", "schema": {"type": "string"}, "required": true}],
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "workflow", "template_id": template, "version": 1,
            "outputs": {"text": {"step": "second", "artifact": "text"}}}
    });
    for (path, value) in changes {
        *agent.pointer_mut(path).unwrap() = value.clone();
    }
    serde_json::from_value(agent).unwrap()
}

/// A workflow whose one step runs the agent.
fn around(agent: &str) -> Value {
    json!({
        "inputs": {"topic": {"schema": {"type": "string"}, "required": true}},
        "steps": {"second": {"agent_id": agent, "inputs": {"topic": {"from": "run", "key": "topic"}}}}
    })
}

async fn draft(world: &World, name: &str, definition: Value) -> TemplateId {
    let template = json!({"name": name, "definition": definition});
    templates::create(&world.admin, serde_json::from_value(template).unwrap()).await.unwrap().id
}

fn has(error: &ApiError, code: ProblemCode, words: &str) -> bool {
    error.problems.iter().any(|problem| problem.code == code && problem.message.contains(words))
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_agent_of_a_workflow_fits_its_inputs_and_artifacts(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let inner = world.published().await;
    let unpublished = draft(&world, "Unpublished", chain()).await;
    let save = async |changes: &[(&str, Value)]| agents::save(&world.admin, agent("inner", inner, changes)).await;
    for (changes, field) in [
        (vec![("/config/template_id", json!(TemplateId(uuid::Uuid::from_u128(9))))], "config.template_id"),
        (vec![("/config/template_id", json!(unpublished))], "config.template_id"),
        (vec![("/config/version", json!(7))], "config.version"),
        (vec![("/inputs", json!([]))], "inputs"),
        (vec![("/inputs/0/required", json!(false))], "inputs"),
        (vec![("/inputs/0/name", json!("other"))], "inputs.0.name"),
        (vec![("/inputs/0/schema", json!({"type": "number"}))], "inputs.0.schema"),
        (vec![("/config/outputs/text/step", json!("nowhere"))], "config.outputs.text.step"),
        (vec![("/config/outputs/text/artifact", json!("nothing"))], "config.outputs.text.artifact"),
        (vec![("/outputs/0/schema", json!({"type": "number"}))], "config.outputs.text"),
        (vec![("/config/outputs", json!({}))], "config.outputs.text"),
    ] {
        assert_eq!(status(save(&changes).await), at(422, field), "{changes:?}");
    }
    save(&[]).await.unwrap();
    let outer = draft(&world, "Outer", around("inner")).await;
    templates::publish(&world.admin, outer).await.unwrap();
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_version_says_what_an_agent_of_it_takes_and_can_give(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let mut mapped = chain();
    mapped["steps"]["each"] = json!({"agent_id": "writer", "map": {"over": {"const": ["a", "b"]}},
        "inputs": {"text": {"from": "item"}}});
    let template = draft(&world, "Mapped", mapped).await;
    templates::publish(&world.admin, template).await.unwrap();
    let ports = agents::workflow_ports(&world.admin, template, 1).await.unwrap();
    assert_eq!(ports.inputs.keys().collect::<Vec<_>>(), ["topic"]);
    let is_list = |offer: &workflow::api::OfferedOutput| offer.schema.kind == Some(Kind::Array);
    let lists: Vec<_> = ports.offers.iter().map(|offer| (offer.of.step.as_str(), is_list(offer))).collect();
    assert_eq!(lists, [("each", true), ("first", false), ("second", false)]);
    assert_eq!(status(agents::workflow_ports(&world.ada, template, 1).await), plain(403));
    assert_eq!(status(agents::workflow_ports(&world.admin, template, 2).await), plain(404));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_archived_starts_nothing_and_is_published_in_nothing(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let inner = world.published().await;
    agents::save(&world.admin, agent("inner", inner, &[])).await.unwrap();
    let outer = draft(&world, "Outer", around("inner")).await;
    assert_eq!(status(templates::archive(&world.ada, inner, true).await), plain(403));
    let archived = templates::archive(&world.admin, inner, true).await.unwrap();
    assert!(archived.archived_at.is_some());
    assert!(templates::gallery(&world.ada, None, &Wanted::default()).await.unwrap().items.is_empty());
    assert_eq!(
        templates::list(&world.admin, None, &Wanted::default()).await.unwrap().items.len(),
        2,
        "admins still see it"
    );
    let begin = async || runs::start(&world.ada, start(inner, &json!({"topic": "Rain"})), None).await;
    let refused = refusal(begin().await);
    assert!(refused.status == 409 && refused.detail.contains("archived"), "{}", refused.detail);
    let refused = refusal(templates::publish(&world.admin, outer).await);
    assert!(has(&refused, ProblemCode::Archived, "Brief"), "{:?}", refused.problems);
    let told = templates::get(&world.admin, outer).await.unwrap().problems;
    assert!(told.iter().any(|problem| problem.code == ProblemCode::Archived), "the draft says so before");
    assert_eq!(status(agents::save(&world.admin, agent("late", inner, &[])).await), at(422, "config.template_id"));
    assert!(templates::archive(&world.admin, inner, false).await.unwrap().archived_at.is_none());
    templates::publish(&world.admin, outer).await.unwrap();
    begin().await.unwrap();
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn no_workflow_leads_back_to_itself(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let inner = draft(&world, "Inner", chain()).await;
    templates::publish(&world.admin, inner).await.unwrap();
    agents::save(&world.admin, agent("inner", inner, &[])).await.unwrap();
    let outer = draft(&world, "Outer", around("inner")).await;
    templates::publish(&world.admin, outer).await.unwrap();
    agents::save(&world.admin, agent("outer", outer, &[])).await.unwrap();
    let base = templates::get(&world.admin, inner).await.unwrap().draft_revision;
    let update = json!({"definition": around("outer"), "base_revision": base});
    let saved = templates::save_draft(&world.admin, inner, serde_json::from_value(update).unwrap()).await.unwrap();
    assert!(saved.problems.iter().any(|problem| problem.code == ProblemCode::WorkflowCycle));
    let refused = refusal(templates::publish(&world.admin, inner).await);
    assert!(has(&refused, ProblemCode::WorkflowCycle, "Outer → Inner"), "{:?}", refused.problems);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn workflows_nest_sixteen_deep(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let mut below = world.published().await;
    for depth in 2..=16 {
        let id = format!("level_{depth}");
        agents::save(&world.admin, agent(&id, below, &[])).await.unwrap();
        below = draft(&world, &id, around(&id)).await;
        templates::publish(&world.admin, below).await.unwrap();
    }
    agents::save(&world.admin, agent("too_deep", below, &[])).await.unwrap();
    let last = draft(&world, "Too deep", around("too_deep")).await;
    let refused = refusal(templates::publish(&world.admin, last).await);
    assert!(has(&refused, ProblemCode::WorkflowTooDeep, "16"), "{:?}", refused.problems);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn thousands_of_steps_of_one_workflow_are_judged_like_one(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let inner = world.published().await;
    agents::save(&world.admin, agent("inner", inner, &[])).await.unwrap();
    let middle = draft(&world, "Middle", around("inner")).await;
    templates::publish(&world.admin, middle).await.unwrap();
    agents::save(&world.admin, agent("middle", middle, &[])).await.unwrap();
    let many = |agent: &str, port: &str| {
        let step = json!({"agent_id": agent, "inputs": {port: {"from": "run", "key": "topic"}}});
        let steps: serde_json::Map<String, Value> = (0..4_000).map(|n| (format!("s{n}"), step.clone())).collect();
        json!({"inputs": {"topic": {"schema": {"type": "string"}, "required": true}}, "steps": steps})
    };
    let plain = draft(&world, "Plain", many("writer", "text")).await;
    let nested = draft(&world, "Nested", many("middle", "topic")).await;
    let judged = async |template: TemplateId| {
        let began = Instant::now();
        let view = templates::get(&world.admin, template).await.unwrap();
        (view.problems, began.elapsed())
    };
    let ((problems, alone), (nested_problems, with_nested)) = (judged(plain).await, judged(nested).await);
    assert!(!problems.iter().chain(&nested_problems).any(workflow::Problem::is_error));
    assert!(with_nested < alone * 3 + Duration::from_secs(1), "{with_nested:?}, and {alone:?} without");
    // Each step is told what is wrong.
    templates::archive(&world.admin, inner, true).await.unwrap();
    let (problems, with_faults) = judged(nested).await;
    let n_told = problems.iter().filter(|problem| problem.code == ProblemCode::Archived).count();
    assert_eq!(n_told, 4_000);
    assert!(with_faults < alone * 3 + Duration::from_secs(1), "{with_faults:?}, and {alone:?} without");
}
