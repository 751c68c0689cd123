//! The protocol as a good worker speaks it: offered, accepted, claimed, done; and what it hears when something is not as it thinks.

use std::time::Instant;

use serde_json::{Value, json};
use sqlx::PgPool;

use super::{V1, accepted, completed, register, registration, summarize, text, token, until, workflow};
use crate::harness::{RUNS, Server, latest, status_of, step};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_agent_is_offered_accepted_drawn_and_done(pool: PgPool) {
    let server = Server::start(pool).await;
    let (client, _) = token(&server, &["summarize"]).await;
    let worker = register(&client, &[summarize()]).await;
    assert_eq!(worker.registered["agents"]["summarize"]["state"], "offered");
    assert_eq!(worker.registered["beat_every_ms"], 5_000);
    let offers = server.admin.get("/api/workers/offers?waiting=true").await.expect(200);
    assert_eq!((&offers[0]["agent_id"], &offers[0]["n_sessions"]), (&json!("summarize"), &json!(1)));
    worker.accept(&server, "summarize").await;
    until("its worker hears that the agent was accepted", || async {
        worker.beat(&[], 0).await["agents"]["summarize"]["state"] == "accepted"
    })
    .await;
    let template = workflow(&server, "summarize", json!({})).await;
    let waits = tokio::spawn({
        let worker = worker.clone();
        async move { worker.claim(4, 20_000).await }
    });
    let run = server.anna.start(&template, "A long text").await;
    let task = waits.await.unwrap().remove(0);
    assert_eq!(task["inputs"]["text"], text("A long text"));
    assert_eq!((&task["step"], &task["generation"], &task["attempt"]), (&json!("digest"), &json!(1), &json!(1)));
    assert_eq!((&task["prompt"], &task["revision"], &task["checkpoint"]), (&Value::Null, &Value::Null, &Value::Null));
    let beat = worker.beat(&[json!({"token": task["token"], "progress": {"done": 1, "total": 2}})], 0).await;
    assert_eq!((&beat["session"], &beat["tasks"][0]["state"]), (&json!("ok"), &json!("ok")));
    let workers = server.admin.get("/api/workers").await.expect(200);
    assert_eq!((&workers[0]["name"], &workers[0]["n_running"]), (&json!("reports"), &json!(1)));
    assert_eq!(workers[0]["running"][0]["step"], "digest");
    assert_eq!(worker.status_of(completed(&task, "Short")).await, "committed");
    let view = server.anna.settled(&run).await;
    assert_eq!(status_of(&view, "digest"), "completed");
    assert_eq!(step(&view, "digest")["kind"], "worker");
    let id = latest(&view, "digest")["id"].as_str().unwrap();
    let artifact = server.anna.get(&format!("{RUNS}/{run}/artifacts/{id}")).await.expect(200);
    assert_eq!(artifact["content"], "Short");
    // Told once more, as after a lost answer.
    assert_eq!(worker.status_of(completed(&task, "Short")).await, "already");
    assert_eq!(worker.claim(1, 0).await.len(), 0);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_completed_next_is_claimed_in_the_same_call(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let definition = json!({
        "inputs": {"text": {"title": "Text", "schema": {"type": "string"}, "required": true}},
        "steps": {
            "one": {"agent_id": "summarize", "review": {"mode": "never"}, "inputs": {"text": {"from": "run", "key": "text"}}},
            "two": {"agent_id": "summarize", "review": {"mode": "never"}, "depends_on": ["one"],
                "inputs": {"text": {"from": "step", "step": "one", "artifact": "summary"}}}
        }
    });
    let template = server.publish("Two", definition).await;
    let run = server.anna.start(&template, "x").await;
    let first = worker.one().await;
    let body = json!({"results": [completed(&first, "made")], "claim": {"max": 1}});
    let answer = worker.client.post(&worker.path("complete"), body).await.expect(200);
    assert_eq!(answer["results"][0]["status"], "committed");
    let second = &answer["tasks"][0];
    assert_eq!((&second["step"], &second["inputs"]["text"]), (&json!("two"), &text("made")));
    let one = worker.path(&format!("tasks/{}/complete", second["token"].as_str().unwrap()));
    let mut result = completed(second, "done");
    result.as_object_mut().unwrap().remove("token");
    assert_eq!(worker.client.post(&one, result.clone()).await.expect(200)["status"], "committed");
    assert_eq!(server.anna.settled(&run).await["status"], "completed");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_cancel_reaches_a_worker_that_holds_a_beat_within_a_second(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    let run = server.anna.start(&template, "x").await;
    let task = worker.one().await;
    let held = tokio::spawn({
        let (worker, task) = (worker.clone(), task.clone());
        async move {
            let beat = worker.beat(&[json!({"token": task["token"]})], 20_000).await;
            (beat, Instant::now())
        }
    });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let began = Instant::now();
    server.anna.post(&format!("{RUNS}/{run}/cancel"), json!({})).await.expect(200);
    let (beat, heard) = held.await.unwrap();
    assert_eq!(beat["tasks"][0]["state"], "cancel");
    assert!(heard.duration_since(began).as_millis() < 1_000, "{:?}", heard.duration_since(began));
    assert_eq!(worker.status_of(json!({"token": task["token"], "outcome": "cancelled"})).await, "already");
    assert_eq!(worker.status_of(completed(&task, "late")).await, "fenced");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_token_opens_nothing_else_and_nothing_else_opens_the_protocol(pool: PgPool) {
    let server = Server::start(pool).await;
    let (client, _) = token(&server, &["*"]).await;
    for route in server::http::routes() {
        let path = route.path.replace("{session_id}", "00000000-0000-7000-8000-000000000000");
        let is_callback = path == format!("{V1}/callback");
        let is_theirs = path.starts_with(V1);
        let path = path.replace(['{', '}'], "");
        let answer = client.json(route.method.clone(), &path, &json!({})).await;
        if !is_theirs {
            assert_eq!(answer.status, 403, "{} {path}: {}", route.method, answer.text());
        }
        for other in [&server.admin, &server.anna] {
            let answer = other.json(route.method.clone(), &path, &json!({})).await;
            if is_callback {
                assert_eq!(answer.status, 404, "{path}");
            } else if is_theirs {
                assert_eq!(answer.status, 403, "{} {path}: {}", route.method, answer.text());
            }
        }
        if is_theirs && !is_callback {
            let answer = server.nobody.json(route.method.clone(), &path, &json!({})).await;
            assert_eq!(answer.status, 401, "{} {path}: {}", route.method, answer.text());
        }
    }
    for path in ["/", "/runs", "/_fn/list_users"] {
        assert_eq!(client.get(path).await.status, 403, "{path}");
    }
    let wrong =
        server.admin.with_token("weftw_0000").post(&format!("{V1}/sessions"), registration(&[summarize()])).await;
    wrong.problem(401, "unauthenticated");
    server.stop().await;
}
