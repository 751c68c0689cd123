//! Outside workers over the real API: a worker that is played by hand, so that it can be slow, wrong, lost or hostile.

mod abuse;
mod basics;
mod content;
mod crowds;
mod ends;
mod fences;
mod queues;
mod said;
mod slots;
mod tokens;
mod waiting;

use std::{collections::BTreeMap, time::Duration};

use axum::body::Body;
use http::{HeaderMap, Method, header};
use serde_json::{Value, json};
use service::workers;
use workflow::api::NewWorkerToken;

pub(crate) use self::crowds::{replica, resident_kib};
use crate::harness::{Answer, Client, Server};

pub(crate) const V1: &str = "/api/worker/v1";

/// A worker with a session.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) client: Client,
    pub(crate) session: String,
    pub(crate) registered: Value,
}

/// What most tests offer: a text in, a text out.
pub(crate) fn summarize() -> Value {
    json!({
        "id": "summarize", "name": "Summarize", "description": "One paragraph of a text",
        "inputs": {"text": {"title": "Text", "schema": {"type": "string"}, "required": true}},
        "outputs": {"summary": {"schema": {"type": "string"}}},
        "side_effects": "none", "timeout_s": 600
    })
}

pub(crate) fn registration(agents: &[Value]) -> Value {
    json!({
        "protocol": 1, "sdk": {"name": "by-hand", "version": "0.1.0", "language": "rust"},
        "name": "reports", "host": "box-7", "pid": 4711, "build_id": "1", "slots": 8, "labels": {}, "agents": agents
    })
}

/// A worker token for these agents, as a client; made by the operator, so that it is nobody's.
pub(crate) async fn token(server: &Server, agents: &[&str]) -> (Client, String) {
    let operator = server.service.system_context().await.unwrap();
    let wanted = NewWorkerToken {
        name: "test".into(),
        agents: agents.iter().map(|&agent| agent.to_owned()).collect(),
        labels: BTreeMap::new(),
        expires_in_days: None,
    };
    let made = workers::create_token(&operator, wanted).await.unwrap();
    (server.admin.with_token(&made.token), made.view.id.to_string())
}

pub(crate) async fn register(client: &Client, agents: &[Value]) -> Worker {
    let mut answer = client.post(&format!("{V1}/sessions"), registration(agents)).await;
    while answer.status == 429 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer = client.post(&format!("{V1}/sessions"), registration(agents)).await;
    }
    let registered = answer.expect(201);
    let session = registered["session"].as_str().unwrap().to_owned();
    Worker { client: client.clone(), session, registered }
}

/// A worker whose agent was accepted.
pub(crate) async fn accepted(server: &Server, agents: &[Value]) -> Worker {
    let (client, _) = token(server, &["*"]).await;
    let worker = register(&client, agents).await;
    for agent in agents {
        worker.accept(server, agent["id"].as_str().unwrap()).await;
    }
    register(&client, agents).await
}

pub(crate) fn is_long() -> bool {
    std::env::var_os("WEFT_LONG").is_some()
}

/// A published workflow of one step that a worker does.
pub(crate) async fn workflow(server: &Server, agent: &str, step: Value) -> String {
    let mut of_step = json!({"agent_id": agent, "review": {"mode": "never"},
        "inputs": {"text": {"from": "run", "key": "text"}}});
    of_step.as_object_mut().unwrap().extend(step.as_object().cloned().unwrap_or_default());
    let definition = json!({
        "inputs": {"text": {"title": "Text", "schema": {"type": "string"}, "required": true}},
        "steps": {"digest": of_step}
    });
    server.publish(&format!("With {agent}"), definition).await
}

pub(crate) fn text(text: &str) -> Value {
    json!({"media_type": "text/plain", "text": text})
}

pub(crate) fn completed(task: &Value, summary: &str) -> Value {
    json!({"token": task["token"], "outcome": "completed", "outputs": {"summary": text(summary)}})
}

impl Worker {
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("{V1}/sessions/{}/{rest}", self.session)
    }

    pub(crate) async fn accept(&self, server: &Server, agent: &str) {
        let hash = self.registered["agents"][agent]["hash"].as_str().unwrap();
        let offer = json!({"agent_id": agent, "hash": hash});
        server.admin.post("/api/workers/offers/accept", offer).await.expect(201);
    }

    pub(crate) async fn claim_raw(&self, max: usize, wait_ms: u64) -> Answer {
        self.client.post(&self.path("claim"), json!({"max": max, "wait_ms": wait_ms})).await
    }

    /// The tasks that come within so long.
    pub(crate) async fn claim(&self, max: usize, wait_ms: u64) -> Vec<Value> {
        let answer = self.claim_raw(max, wait_ms).await;
        if answer.status == 204 {
            return Vec::new();
        }
        answer.expect(200)["tasks"].as_array().unwrap().clone()
    }

    pub(crate) async fn one(&self) -> Value {
        let mut tasks = self.claim(1, 10_000).await;
        assert_eq!(tasks.len(), 1, "a task comes");
        tasks.remove(0)
    }

    pub(crate) async fn beat(&self, tasks: &[Value], wait_ms: u64) -> Value {
        self.client.post(&self.path("beat"), json!({"wait_ms": wait_ms, "tasks": tasks})).await.expect(200)
    }

    pub(crate) async fn complete(&self, results: &[Value]) -> Value {
        self.client.post(&self.path("complete"), json!({"results": results})).await.expect(200)
    }

    /// The status of one result.
    pub(crate) async fn status_of(&self, result: Value) -> String {
        let answer = self.complete(&[result]).await;
        answer["results"][0]["status"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn put(&self, hash: &str, bytes: impl Into<Body>) -> Answer {
        self.client.send(Method::PUT, &self.path(&format!("blobs/{hash}")), HeaderMap::new(), bytes.into()).await
    }

    pub(crate) async fn get(&self, hash: &str, range: Option<&str>) -> Answer {
        let headers = range.map(|range| (header::RANGE, range.parse().unwrap())).into_iter().collect();
        self.client.send(Method::GET, &self.path(&format!("blobs/{hash}")), headers, Body::empty()).await
    }

    /// As its lease would, had it run out and been found so.
    pub(crate) async fn dies(&self, pool: &sqlx::PgPool) {
        sqlx::query("UPDATE workers SET state = 'dead' WHERE id = $1::uuid")
            .bind(uuid::Uuid::parse_str(&self.session).unwrap())
            .execute(pool)
            .await
            .unwrap();
    }
}

/// Waits until something holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..400 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came that {what}");
}
