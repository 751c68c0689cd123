//! Templates and agents over REST: drafts with revisions, publishing, and what users see of them.

use http::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::harness::Server;

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_template_is_drafted_saved_and_published(pool: PgPool) {
    let server = Server::start(pool).await.with_library().await;
    let definition = json!({
        "inputs": {"text": {"title": "Text", "schema": {"type": "string"}, "required": true}},
        "steps": {"a": {"agent_id": "clean-text", "inputs": {"text": {"from": "run", "key": "text"}}}}
    });
    let created = server.admin.post("/api/workflows/templates", json!({"name": "Mine"})).await.expect(201);
    assert_eq!(created["published_version"], json!(null));
    let path = format!("/api/workflows/templates/{}", created["id"].as_str().unwrap());
    let base = created["draft_revision"].as_i64().unwrap();
    server.anna.get(&path).await.problem(404, "not_found");

    let update = json!({"definition": definition, "base_revision": base});
    let saved = server.admin.json(Method::PUT, &path, &update).await.expect(200);
    assert_eq!(saved["draft_revision"], base + 1);
    assert_eq!(saved["problems"], json!([]));
    server.admin.json(Method::PUT, &path, &update).await.problem(409, "stale_revision");
    let without = json!({"name": "Other"});
    assert_eq!(server.admin.json(Method::PUT, &path, &without).await.problem(422, "invalid")["field"], "base_revision");

    let published = server.admin.post(&format!("{path}/publish"), json!({})).await.expect(201);
    assert_eq!(published, json!({"version": 1}));
    let seen = server.anna.get(&path).await.expect(200);
    assert_eq!((&seen["name"], &seen["version"]), (&json!("Mine"), &json!(1)));
    assert!(seen.get("definition").is_none(), "users see what they need to start it");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_was_never_used_is_duplicated_and_deleted_over_rest_and_logged(pool: PgPool) {
    let server = Server::start(pool).await.with_library().await;
    let made = server.admin.post("/api/workflows/templates", json!({"name": "Mine"})).await.expect(201);
    let path = |id: &Value| format!("/api/workflows/templates/{}", id.as_str().unwrap());
    let copy = server.admin.post(&format!("{}/duplicate", path(&made["id"])), json!({})).await.expect(201);
    assert_eq!(copy["name"], "Mine (copy)");
    let delete = async |path: &str| server.admin.json(Method::DELETE, path, &json!({})).await;
    delete(&format!("{}?base_revision=7", path(&copy["id"]))).await.problem(409, "stale_revision");
    delete(&format!("{}?base_revision=x", path(&copy["id"]))).await.problem(400, "malformed");
    assert_eq!(delete(&format!("{}?base_revision=1", path(&copy["id"]))).await.status, 204);
    server.admin.get(&path(&copy["id"])).await.problem(404, "not_found");
    let gallery = server.admin.get("/api/workflows/gallery").await.expect(200);
    delete(&path(&gallery[0]["id"])).await.problem(409, "conflict");
    delete("/api/agents/clean-text").await.problem(409, "conflict");
    let agent = json!({"id": "other", "name": "Other", "config": {"kind": "template", "template": "x"},
        "outputs": [{"name": "text"}]});
    server.admin.post("/api/agents", agent).await.expect(201);
    assert_eq!(delete("/api/agents/other").await.status, 204);
    delete("/api/agents/other").await.problem(404, "not_found");
    let log = server.admin.get("/api/audit").await.expect(200).to_string();
    assert!(log.contains("template.deleted") && log.contains("agent.deleted"), "{log}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_agents_list_tells_ports_and_kinds(pool: PgPool) {
    let server = Server::start(pool).await.with_library().await;
    let agents = server.anna.get("/api/agents/list").await.expect(200);
    let summarise = agents.as_array().unwrap().iter().find(|agent| agent["id"] == "summarise").unwrap();
    assert_eq!(summarise["kind"], "llm");
    assert_eq!(summarise["inputs"][0]["name"], "text");
    assert_eq!(summarise["inputs"][0]["required"], true);
    assert_eq!(summarise["outputs"][0]["name"], "summary");
    assert!(summarise.get("config").is_none(), "prompts are for admins");
    let gallery = server.anna.get("/api/workflows/gallery").await.expect(200);
    assert_eq!(gallery.as_array().unwrap().len(), 9);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn every_card_of_the_gallery_has_a_small_drawing_without_anybody_s_text(pool: PgPool) {
    let server = Server::start(pool).await.with_library().await;
    server.shouting_agent().await;
    let step = json!({"title": "<script>", "agent_id": "shout", "inputs": {"text": {"const": "x"}}});
    let steps: serde_json::Map<String, Value> = (0..1_000).map(|n| (format!("s{n}"), step.clone())).collect();
    server.publish("Large", json!({"steps": steps})).await;
    let few = json!({"steps": {"a": step}});
    server.publish("Small", few).await;

    let page = server.anna.post("/_fn/gallery", json!({})).await.expect(200);
    let cards = page["items"].as_array().unwrap();
    assert_eq!(cards.len(), 11);
    for card in cards {
        let (name, svg) = (&card["template"]["name"], card["drawing"]["svg"].as_str().unwrap());
        assert!(svg.starts_with("<svg") && svg.len() <= 6 * 1024, "{name}: {svg}");
        assert!(!svg.contains("script") && !svg.contains("Clean"), "{name}: {svg}");
        let words = card["drawing"]["words"].as_str().unwrap();
        assert!(!words.is_empty() && words.len() <= 1_024, "{name}: {words}");
    }
    let words = |name: &str| {
        let card = cards.iter().find(|card| card["template"]["name"] == name).unwrap();
        card["drawing"]["words"].as_str().unwrap()
    };
    assert_eq!(words("Large"), "1,000 steps in 1 stage, at most 1,000 side by side");
    assert_eq!(words("Small"), "<script>");
    assert_eq!(words("Answer a message"), "Clean the message; then Write a reply; then Put it together");
    assert_eq!(server.anna.post("/_fn/gallery", json!({})).await.expect(200), page, "those that are kept are the same");
    server.nobody.post("/_fn/gallery", json!({})).await.problem(401, "unauthenticated");
    server.stop().await;
}
