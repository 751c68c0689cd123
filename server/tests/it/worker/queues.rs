//! What whoever scales workers sees of their queues, and what a trace and a run keep of an attempt.

use serde_json::json;
use sqlx::PgPool;

use super::{accepted, completed, register, summarize, until, workflow};
use crate::harness::{RUNS, Server, step};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn queues_are_told_by_agent_and_nothing_is_a_zero(pool: PgPool) {
    let server = Server::start(pool).await;
    let zero = json!({"queued": 0, "running": 0, "oldest_s": 0, "workers": 0, "slots_free": 0});
    let queues = async |query: &str| server.admin.get(&format!("/api/queues{query}")).await.expect(200);
    assert_eq!(queues("").await, json!({}), "no agent was ever offered");
    assert_eq!(queues("?agents=summarize,other").await, json!({"summarize": zero, "other": zero}));
    for bad in ["?agents=", "?agents=a,,b", "?agents=Not%20An%20Id"] {
        let problem = server.admin.get(&format!("/api/queues{bad}")).await.problem(422, "invalid");
        assert_eq!(problem["field"], "agents", "{bad}");
    }
    let worker = accepted(&server, &[summarize()]).await;
    // The one of before the acceptance lives too.
    assert_eq!(
        queues("").await,
        json!({"summarize": {"queued": 0, "running": 0, "oldest_s": 0, "workers": 2, "slots_free": 16}})
    );
    let template = workflow(&server, "summarize", json!({})).await;
    for n in 0..3 {
        server.anna.start(&template, &n.to_string()).await;
    }
    until("all three wait", || async { queues("?agents=summarize").await["summarize"]["queued"] == 3 }).await;
    let task = worker.one().await;
    let told = queues("?agents=summarize").await;
    let counts = ["queued", "running", "workers", "slots_free"].map(|name| told["summarize"][name].as_i64().unwrap());
    assert_eq!(counts, [2, 1, 2, 15], "{told}");
    assert!(told["summarize"]["oldest_s"].as_i64().unwrap() < 60, "{told}");
    assert_eq!(worker.status_of(completed(&task, "made")).await, "committed");
    let told = queues("?agents=summarize").await;
    assert_eq!((&told["summarize"]["queued"], &told["summarize"]["running"]), (&json!(2), &json!(0)));
    server.anna.get("/api/queues").await.problem(403, "forbidden");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn each_attempt_says_which_build_did_it_and_is_a_span_in_the_trace_of_its_run(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let old = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    let run = server.anna.start(&template, "x").await;
    let first = old.one().await;
    old.dies(&pool).await;
    let mut body = super::registration(&[summarize()]);
    body["build_id"] = json!("2026-11-28.3");
    let new = old.client.post(&format!("{}/sessions", super::V1), body).await.expect(201);
    let session = new["session"].as_str().unwrap().to_owned();
    let new = super::Worker { client: old.client.clone(), session, registered: new };
    let second = new.one().await;
    let trace = |task: &serde_json::Value| task["traceparent"].as_str().unwrap().to_owned();
    let of_run = format!("00-{}-", run.replace('-', ""));
    for task in [&first, &second] {
        assert!(trace(task).starts_with(&of_run) && trace(task).ends_with("-01"), "{task}");
        assert_eq!(trace(task).len(), 55);
    }
    assert_ne!(trace(&first), trace(&second));
    assert_eq!(new.status_of(completed(&second, "made")).await, "committed");
    let view = server.anna.settled(&run).await;
    let attempts = &step(&view, "digest")["attempts"];
    assert_eq!((&attempts[0]["build"], &attempts[1]["build"]), (&json!("1"), &json!("2026-11-28.3")));
    // It stays when nobody knows the session any more, and stands where a run is loaded from its log.
    sqlx::query("DELETE FROM workers").execute(&pool).await.unwrap();
    let view = server.anna.get(&format!("{RUNS}/{run}")).await.expect(200);
    assert_eq!(step(&view, "digest")["attempts"][1]["build"], "2026-11-28.3");
    let nameless = register(&old.client, &[summarize()]).await;
    assert_eq!(nameless.claim(1, 0).await.len(), 0);
    server.stop().await;
}
