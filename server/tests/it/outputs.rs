//! Outputs that no artifact may be: each fails its step with its own class and clear words, memory stays bounded, nothing else is lost,
//! and a retry with a sound answer goes on.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use agents::{Options, Providers, Registry};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::harness::{RUNS, Server, TEMPLATES, agent_options, step};

/// Whether the other side has been mended.
type Mended = Arc<AtomicBool>;

async fn answer(State(is_mended): State<Mended>, Path(what): Path<String>) -> Response {
    if is_mended.load(Ordering::SeqCst) {
        return if what == "schema" { "7".into_response() } else { "sound".into_response() };
    }
    match what.as_str() {
        "schema" => "\"seven\"".into_response(),
        "utf8" => ([(CONTENT_TYPE, "text/plain; charset=utf-8")], Bytes::from_static(b"caf\xe9")).into_response(),
        "nul" => "a\0b".into_response(),
        _ => {
            // A hundred MiB, without ever being in memory here.
            let piece = Bytes::from(vec![b'x'; 64 * 1024]);
            let pieces = futures::stream::iter((0..1600).map(move |_| Ok::<_, Infallible>(piece.clone())));
            Body::from_stream(pieces).into_response()
        }
    }
}

async fn other_side(is_mended: Mended) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/{what}", get(answer)).with_state(is_mended);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// A line of /proc/self/status in KiB.
fn memory(line: &str) -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = status.lines().find_map(|it| it.strip_prefix(line)).unwrap();
    found.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_output_that_is_none_fails_its_step_and_nothing_else(pool: PgPool) {
    let allow_private = vec!["127.0.0.0/8".parse().unwrap()];
    let options = Options { allow_private, ..agent_options() };
    let registry = Registry::new(Providers::default(), Arc::new(agents::InMemory::default()), options);
    let server = Server::start_with(pool, Arc::new(registry)).await;
    server.shouting_agent().await;
    let is_mended = Mended::default();
    let address = other_side(Arc::clone(&is_mended)).await;
    for (what, class, words) in [
        ("schema", "invalid_output", "whole number"),
        ("utf8", "invalid_output", "UTF-8"),
        ("nul", "invalid_output", "NUL"),
        ("large", "output_too_large", "MiB"),
    ] {
        is_mended.store(false, Ordering::SeqCst);
        let schema = if what == "schema" { json!({"type": "integer"}) } else { json!({"type": "string"}) };
        let agent = json!({"id": what, "name": what, "inputs": [{"name": "text"}], "outputs": [{"name": "body", "schema": schema}],
            "config": {"kind": "http", "method": "GET", "url": format!("http://{address}/{what}")}});
        server.admin.post("/api/agents", agent).await.expect(201);
        let definition = json!({"inputs": {"text": {"schema": {"type": "string"}}}, "steps": {
            "before": {"agent_id": "shout", "inputs": {"text": {"from": "run", "key": "text"}}},
            "bad": {"agent_id": what, "depends_on": ["before"]},
            "after": {"agent_id": "shout", "depends_on": ["bad"], "inputs": {"text": {"const": "x"}}}}});
        let template = server.publish(what, definition).await;
        // The peak so far is forgotten.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = memory("VmRSS:");
        let run = server.anna.start(&template, "kept").await;
        let failed = server.anna.settled(&run).await;
        let grown = (memory("VmHWM:") - before) / 1024;
        assert!(grown <= 64, "{what}: memory grew by {grown} MiB");
        if what == "large" {
            eprintln!("an output of 100 MiB: memory grew by {grown} MiB at most");
        }
        let bad = step(&failed, "bad");
        assert_eq!((&failed["status"], &bad["reason"]), (&json!("failed"), &json!(class)), "{what}");
        let error = bad["attempts"][0]["error"].as_str().unwrap();
        assert!(error.contains(words), "{what}: {error}");
        assert_eq!(bad["attempts"].as_array().unwrap().len(), 1, "{what}: another try would give the same");
        assert_eq!(step(&failed, "after")["reason"], "upstream_failed", "{what}");
        let made = failed["artifacts"].as_array().unwrap();
        assert_eq!((made.len(), &made[0]["producing_step_id"]), (1, &json!("before")), "{what}");

        is_mended.store(true, Ordering::SeqCst);
        server.anna.post(&format!("{RUNS}/{run}/steps/bad/trigger"), json!({"expect_generation": 1})).await.expect(202);
        let done = server.anna.settled(&run).await;
        assert_eq!(done["status"], "completed", "{what}: {done:#}");
        assert_eq!(done["artifacts"].as_array().unwrap().len(), 3, "{what}");
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_list_that_is_none_is_told_in_clear_words(pool: PgPool) {
    let server = Server::start(pool).await;
    server.shouting_agent().await;
    let definition = json!({"inputs": {"list": {}}, "steps": {
        "each": {"agent_id": "shout", "inputs": {"text": {"from": "item", "path": "/say"}},
            "map": {"over": {"from": "run", "key": "list"}, "key": "/id", "max_items": 10_000}},
        "end": {"agent_id": "shout", "depends_on": ["each"], "inputs": {"text": {"const": "x"}}}}});
    let template = server.publish("Each", definition).await;
    let many: Vec<Value> = (0..10_001).map(|n| json!({"id": n})).collect();
    for (list, words) in [
        (json!("a text"), "It maps over a list, but was given a text"),
        (json!({"a": 1}), "It maps over a list, but was given"),
        (json!(many), "The list has 10,001 items, but at most 10,000 are allowed"),
        (
            json!([{"id": "a", "say": "x"}, {"id": "b", "say": "x"}, {"id": "a", "say": "y"}]),
            "Items 0 and 2 have the same key `a`: keys must differ",
        ),
        (json!([{"id": "a"}, {"id": ""}]), "Item 1 has an empty key"),
        (json!([{"id": "a"}, {"say": "x"}]), "Item 1 has no key at `/id`: each item needs one"),
        (json!([{"id": {"deep": 1}}]), "Item 0 has a key that is neither a text nor a number"),
        (json!([{"id": "k".repeat(201)}]), "Item 0 has a key of more than 200 characters"),
        (json!([{"id": "a\nb"}]), "Item 0 has a key with a line break or another control character"),
    ] {
        let run = server.anna.post(RUNS, json!({"template_id": template, "inputs": {"list": list}})).await.expect(201);
        let failed = server.anna.settled(run["id"].as_str().unwrap()).await;
        let each = step(&failed, "each");
        assert_eq!((&failed["status"], &each["reason"]), (&json!("failed"), &json!("invalid_map")), "{words}");
        let error = each["attempts"][0]["error"].as_str().unwrap();
        assert!(error.starts_with(words), "{error}");
        assert_eq!(step(&failed, "end")["reason"], "upstream_failed");
        assert_eq!(failed["steps"].as_array().unwrap().len(), 2, "no item was made");
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_budget_of_nothing_is_no_budget(pool: PgPool) {
    let server = Server::start(pool).await;
    server.shouting_agent().await;
    let steps = json!({"a": {"agent_id": "shout", "inputs": {"text": {"const": "x"}}}});
    for (field, budget) in [("tokens", json!({"tokens": 0})), ("cost_micros", json!({"cost_micros": 0}))] {
        let definition = json!({"limits": {"budget": budget}, "steps": steps});
        let body = json!({"name": field, "definition": definition});
        let created = server.admin.post(TEMPLATES, body).await.expect(201);
        let path = format!("{TEMPLATES}/{}/publish", created["id"].as_str().unwrap());
        let refused = server.admin.post(&path, json!({})).await.problem(422, "invalid_definition");
        let problem = &refused["problems"][0];
        assert_eq!(problem["field"], format!("limits.budget.{field}"), "{refused:#}");
        assert_eq!((&problem["code"], &problem["severity"]), (&json!("invalid_value"), &json!("error")), "{refused:#}");
        assert!(problem["message"].as_str().unwrap().contains("at least 1"), "{refused:#}");
    }
    let template = server.publish("Plain", json!({"steps": steps})).await;
    let run = server.anna.post(RUNS, json!({"template_id": template})).await.expect(201);
    let path = format!("{RUNS}/{}/resume", run["id"].as_str().unwrap());
    for field in ["tokens", "cost_micros"] {
        for amount in [0, -1] {
            let refused = server.anna.post(&path, json!({"budget": {field: amount}})).await.problem(422, "invalid");
            assert_eq!(refused["field"], format!("budget.{field}"));
        }
    }
    server.stop().await;
}
