//! Workflows as files: what an import must not publish, and where an export stops.

use serde_json::{Value, json};
use sqlx::PgPool;
use store::audit::Author;
use uuid::Uuid;
use workflow::{AgentSpec, UserId, api::CreateTemplate};

use super::{World, body, chain, refusal, status};
use crate::{
    exchange::{self, Import},
    templates, users,
};

const ADMIN: UserId = UserId(Uuid::from_u128(1));
const ADA: UserId = UserId(Uuid::from_u128(2));

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_import_publishes_no_gate_that_nobody_can_answer(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let section = json!({"steps": {"a": {"agent_id": "writer", "agent_version": 1, "inputs": {"text": {"const": "x"}},
        "review": {"mode": "always", "assignees": {"users": ["person2@example.org"]}}}}});
    let template = CreateTemplate { name: "Section".into(), description: String::new(), definition: section.clone() };
    let id = templates::create(&world.admin, template).await.unwrap().id;
    templates::publish(&world.admin, id).await.unwrap();
    let text = json!([{"name": "text", "schema": {"type": "string"}}]);
    let file = json!({"weft": 1, "main": "outer",
        "workflows": {
            "outer": [{"name": "Outer", "definition": {"steps": {"s": {"agent_id": "section", "agent_version": 1}}}}],
            "section": [{"name": "Section", "description": "Another one", "definition": section}]},
        "agents": {
            "section": [{"name": "Section", "outputs": text, "config": {"kind": "workflow", "workflow": "section",
                "version": 1, "outputs": {"text": {"step": "a", "artifact": "text"}}}}],
            "writer": [{"name": "Writer", "inputs": text, "outputs": text,
                "config": {"kind": "template", "template": "{{ text }}"}}]}});
    let file = file.to_string();
    let look = Import { dry_run: true, digest: None };
    let plan = exchange::import(&world.admin, file.clone(), &look).await.unwrap();
    assert!(plan.problems.is_empty(), "ada can answer: {plan:?}");
    users::set_disabled(&world.admin, ADA, true).await.unwrap();
    let plan = exchange::import(&world.admin, file.clone(), &look).await.unwrap();
    let place = "workflows.section[0].definition.steps.a";
    assert!(plan.problems.iter().any(|problem| problem.place.starts_with(place)), "{plan:?}");
    let digest = Some(plan.digest);
    let refused = exchange::import(&world.admin, file, &Import { dry_run: false, digest }).await;
    assert_eq!(refusal(refused).status, 422);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_export_stops_gathering_at_its_limit(pool: PgPool) {
    let world = World::new(pool).await;
    let mut steps = serde_json::Map::new();
    for id in ["a", "b", "c", "d"] {
        let spec: AgentSpec = body(json!({"id": id, "name": id, "description": "x".repeat(2_000_000),
            "config": {"kind": "template", "template": "x"}}));
        world.admin.store().save_agent(&spec, None, ADMIN, Author::default()).await.unwrap();
        steps.insert(id.to_owned(), json!({"agent_id": id}));
    }
    world.template(&json!({"steps": Value::Object(steps)})).await;
    let refused = refusal(exchange::export(&world.admin, "brief").await);
    assert_eq!((refused.status, refused.field.as_deref()), (413, Some("file")));
    assert!(refused.detail.contains("together"), "before it is written: {}", refused.detail);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn publishing_at_a_revision_publishes_nothing_newer(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let draft = world.template(&chain()).await;
    let stale = templates::publish_at(&world.admin, draft.id, Some(draft.draft_revision - 1), "").await;
    assert_eq!(status(stale).0, 409);
    let published = templates::publish_at(&world.admin, draft.id, Some(draft.draft_revision), "").await;
    assert_eq!(published.unwrap().version, 1);
}
