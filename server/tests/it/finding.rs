//! The search of the finder: everybody finds what they may open, and learns of nothing else.

use http::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::harness::{Client, Server, TEMPLATES};

async fn found(client: &Client, text: &str) -> (Vec<String>, Vec<String>) {
    let answer = client.post("/_fn/find", json!({"text": text})).await.expect(200);
    let names = |of: &str| {
        let items = answer[of].as_array().unwrap().iter();
        items.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    (names("workflows"), names("agents"))
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_user_finds_published_names_and_learns_of_no_draft_no_agent_and_nothing_archived(pool: PgPool) {
    let server = Server::start(pool).await.with_library().await;
    let definition = json!({"inputs": {"text": {"schema": {"type": "string"}}},
        "steps": {"a": {"agent_id": "clean-text", "inputs": {"text": {"from": "run", "key": "text"}}}}});
    let mut paths = Vec::new();
    for name in ["Zebra draft", "Zebra live", "Zebra gone", "Zebra 100%"] {
        let made = server.admin.post(TEMPLATES, json!({"name": name, "definition": definition})).await.expect(201);
        paths.push(format!("{TEMPLATES}/{}", made["id"].as_str().unwrap()));
    }
    for path in &paths[1..] {
        server.admin.post(&format!("{path}/publish"), json!({})).await.expect(201);
    }
    server.admin.post(&format!("{}/archive", paths[2]), json!({})).await.expect(200);
    // What the draft of a published one is called now is nobody's but the admins'.
    let path = &paths[1];
    let base = server.admin.get(path).await.expect(200)["draft_revision"].clone();
    let renamed: Value = json!({"name": "Zebra secret", "base_revision": base});
    server.admin.json(Method::PUT, path, &renamed).await.expect(200);

    let none: Vec<String> = Vec::new();
    assert_eq!(found(&server.anna, "zebra").await, (vec!["Zebra live".into(), "Zebra 100%".into()], none.clone()));
    assert_eq!(found(&server.anna, "secret").await, (none.clone(), none.clone()));
    assert_eq!(found(&server.anna, "clean").await.1, none, "agents are for admins");
    let (workflows, _) = found(&server.admin, "zebra").await;
    assert_eq!(workflows, ["Zebra 100%", "Zebra draft", "Zebra secret"]);
    assert!(!found(&server.admin, "clean").await.1.is_empty());
    assert_eq!(found(&server.admin, "zbr%").await.0, ["Zebra 100%"], "a sign of a pattern is only itself");
    for text in ["", "  ", "\0", "_", "\\"] {
        assert_eq!(found(&server.admin, text).await, (none.clone(), none.clone()), "{text:?}");
    }
    assert_eq!(found(&server.anna, &"x".repeat(50_000)).await, (none.clone(), none));
    server.nobody.post("/_fn/find", json!({"text": "zebra"})).await.problem(401, "unauthenticated");
    server.stop().await;
}
