//! Verbs on whole runs over REST: fork, compare, adopt, move, pause and resume; and workflows that were archived.

use http::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::harness::{RUNS, Server, TEMPLATES, latest, status_of};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_fork_runs_on_and_is_adopted(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let run = server.anna.start(&template, "hello").await;
    server.anna.settled(&run).await;
    let fork = async || server.anna.post_under("k", &format!("{RUNS}/{run}/fork"), &json!({"step": "again"})).await;
    let (fork, same) = (fork().await.expect(201), fork().await.expect(200));
    assert_eq!(fork["id"], same["id"]);
    let fork = fork["id"].as_str().unwrap();
    server.anna.settled(fork).await;
    let prompt = json!({"prompt_override": "{{ text | lower }}"});
    server.anna.post(&format!("{RUNS}/{fork}/steps/again/trigger"), prompt).await.expect(202);
    let done = server.anna.settled(fork).await;
    assert_eq!((&done["status"], &done["forked_from"]["run"]), (&json!("completed"), &json!(run)));

    let compared = server.anna.get(&format!("{RUNS}/{run}/compare?with={fork}")).await.expect(200);
    let again = &compared["steps"][1];
    assert_eq!((&again["key"], &again["prompt_differs"]), (&json!("again"), &json!(true)));
    assert_eq!(again["artifacts"][0]["is_equal"], false);
    server.anna.get(&format!("{RUNS}/{run}/compare")).await.problem(400, "malformed");
    server.ben.get(&format!("{RUNS}/{run}/compare?with={fork}")).await.problem(404, "not_found");

    let adopted = server.anna.post(&format!("{RUNS}/{run}/adopt"), json!({"from": fork})).await.expect(200);
    let adopted = latest(&adopted, "again");
    assert_eq!((&adopted["version"], &adopted["origin"]), (&json!(2), &json!("import")));
    server.anna.post(&format!("{RUNS}/{run}/adopt"), json!({"from": fork})).await.problem(409, "conflict");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_fork_begins_with_another_prompt_and_refuses_one_that_cannot_be(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let run = server.anna.start(&template, "hello").await;
    let before = server.anna.settled(&run).await;
    let path = format!("{RUNS}/{run}/fork");
    for (field, body) in [
        ("prompt_override", json!({"step": "again", "prompt_override": "{{ text"})),
        ("inputs.nothing", json!({"step": "again", "inputs": {"nothing": 1}})),
    ] {
        assert_eq!(server.anna.post(&path, body).await.problem(422, "invalid")["field"], field);
    }
    let forked =
        server.anna.post(&path, json!({"step": "again", "prompt_override": "{{ text | lower }}"})).await.expect(201);
    let done = server.anna.settled(forked["id"].as_str().unwrap()).await;
    assert_eq!(
        (&done["status"], &done["overrides"]["again"]["prompt"]),
        (&json!("completed"), &json!("{{ text | lower }}"))
    );
    assert_eq!(server.anna.settled(&run).await["seq"], before["seq"], "the run that is forked is only read");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_moves_to_the_next_version(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let run = server.anna.start(&template, "hello").await;
    server.anna.settled(&run).await;
    let path = format!("{TEMPLATES}/{template}");
    let mut draft = server.admin.get(&path).await.expect(200);
    draft["definition"]["steps"]["again"]["prompt"] = json!("{{ text | lower }}");
    let update = json!({"definition": draft["definition"], "base_revision": draft["draft_revision"]});
    server.admin.json(Method::PUT, &path, &update).await.expect(200);
    server.admin.post(&format!("{path}/publish"), json!({})).await.expect(201);
    let versions = server.anna.get(&format!("{path}/versions")).await.expect(200);
    assert_eq!(
        versions.as_array().unwrap().iter().map(|one| &one["version"]).collect::<Vec<_>>(),
        [&json!(2), &json!(1)]
    );
    let old = server.admin.get(&format!("{path}/versions/1")).await.expect(200);
    assert!(old["steps"]["again"].get("prompt").is_none());
    server.admin.get(&format!("{path}/versions/3")).await.problem(404, "not_found");

    let to = async |body: Value| server.anna.post(&format!("{RUNS}/{run}/move"), body).await;
    let plan = to(json!({"version": 2, "dry_run": true})).await.expect(200);
    assert_eq!(plan, json!({"kept": ["shout"], "rerun": ["again"], "added": [], "removed": []}));
    assert_eq!(to(json!({"version": 7})).await.problem(422, "invalid")["field"], "version");
    assert_eq!(to(json!({})).await.problem(422, "invalid")["field"], "version");
    assert_eq!(to(json!({"version": 2})).await.expect(200)["template_version"], 2);
    let done = server.anna.settled(&run).await;
    assert_eq!(done["status"], "completed", "{done:#}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_paused_run_starts_nothing_until_it_is_resumed(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("always").await;
    let run = server.anna.start(&template, "hello").await;
    let path = format!("{RUNS}/{run}");
    server.anna.settled(&run).await;
    let paused = server.anna.post(&format!("{path}/pause"), json!({})).await.expect(200);
    assert_eq!((&paused["status"], &paused["status_reason"]), (&json!("paused"), &json!("person")));
    let approved = server.anna.post(&format!("{path}/steps/shout/continue"), json!({})).await.expect(200);
    assert_eq!((status_of(&approved, "again"), &approved["status"]), ("ready", &json!("paused")));
    let many = json!({"budget": {"tokens": "many"}});
    let refused = server.anna.post(&format!("{path}/resume"), many).await.problem(422, "invalid");
    assert_eq!(refused["field"], "budget.tokens");
    server.anna.post(&format!("{path}/resume"), json!({})).await.expect(200);
    assert_eq!(server.anna.settled(&run).await["status"], "completed");
    let over = server.anna.post(&format!("{path}/pause"), json!({})).await.problem(409, "conflict");
    assert!(over["detail"].as_str().unwrap().starts_with("The run is completed."), "{over:#}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_sub_workflow_that_was_archived_fails_its_step_and_nothing_else(pool: PgPool) {
    let server = Server::start(pool).await;
    let inner = server.shouting_template("never").await;
    let agent = json!({"id": "inner", "name": "Inner", "inputs": [{"name": "text", "schema": {"type": "string"}, "required": true}],
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "workflow", "template_id": inner, "version": 1, "outputs": {"text": {"step": "again", "artifact": "text"}}}});
    server.admin.post("/api/agents", agent).await.expect(201);
    let outer = server
        .publish("Outer", json!({"steps": {"sub": {"agent_id": "inner", "inputs": {"text": {"const": "hello"}}}}}))
        .await;
    let start = async || {
        let run = server.anna.post(RUNS, json!({"template_id": outer})).await.expect(201);
        server.anna.settled(run["id"].as_str().unwrap()).await
    };
    let fine = start().await;
    assert_eq!(fine["status"], "completed", "{fine:#}");
    assert!(fine["steps"][0]["child_run"].is_string());

    server.admin.post(&format!("{TEMPLATES}/{inner}/archive"), json!({})).await.expect(200);
    let failed = start().await;
    assert_eq!(
        (&failed["status"], &failed["steps"][0]["reason"]),
        (&json!("failed"), &json!("child_failed")),
        "{failed:#}"
    );
    let body = json!({"template_id": inner, "inputs": {"text": "x"}});
    let refused = server.anna.post(RUNS, body).await.problem(409, "conflict");
    assert!(refused["detail"].as_str().unwrap().contains("archived"), "{refused:#}");
    let gallery = server.anna.get("/api/workflows/gallery").await.expect(200);
    assert_eq!(gallery.as_array().unwrap().len(), 1);
    server.admin.post(&format!("{TEMPLATES}/{inner}/unarchive"), json!({})).await.expect(200);
    assert_eq!(start().await["status"], "completed");
    server.stop().await;
}
