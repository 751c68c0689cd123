//! A session holds as many tasks as it said that it has slots, however and of whichever process it asks for more.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::{V1, Worker, accepted, completed, crowds::replica, registration, summarize, workflow};
use crate::harness::Server;

/// A session with so many slots, of the token that another has.
async fn with_slots(of: &Worker, slots: usize) -> Worker {
    let mut body = registration(&[summarize()]);
    body["slots"] = json!(slots);
    let registered = of.client.post(&format!("{V1}/sessions"), body).await.expect(201);
    let session = registered["session"].as_str().unwrap().to_owned();
    Worker { client: of.client.clone(), session, registered }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_session_whose_slots_are_taken_waits_until_one_is_free(pool: PgPool) {
    let server = Server::start(pool).await;
    let first = accepted(&server, &[summarize()]).await;
    let worker = with_slots(&first, 2).await;
    let template = workflow(&server, "summarize", json!({})).await;
    for n in 0..4 {
        server.anna.start(&template, &n.to_string()).await;
    }
    let mut tasks: Vec<Value> = Vec::new();
    while tasks.len() < 2 {
        tasks.extend(worker.claim(8, 5_000).await);
    }
    assert_eq!(tasks.len(), 2, "it asked for more than it has slots");
    assert_eq!(worker.claim(8, 1_500).await.len(), 0, "it has none left");
    let waits = tokio::spawn({
        let worker = worker.clone();
        async move { (worker.claim(8, 20_000).await, Instant::now()) }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let freed = Instant::now();
    assert_eq!(worker.status_of(completed(&tasks[0], "made")).await, "committed");
    let (next, got) = waits.await.unwrap();
    assert_eq!(next.len(), 1, "one slot, one task");
    assert!(got.duration_since(freed) < Duration::from_millis(900), "{:?}", got.duration_since(freed));
    // Beside a result it gets what that set free, and not more.
    let body = json!({"results": [completed(&tasks[1], "made")], "claim": {"max": 5}});
    let answer = worker.client.post(&worker.path("complete"), body).await.expect(200);
    assert_eq!(answer["tasks"].as_array().unwrap().len(), 1, "{answer}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn many_claims_of_a_session_to_two_processes_get_no_more_than_it_has_slots(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let first = accepted(&server, &[summarize()]).await;
    let stop = CancellationToken::new();
    let here = with_slots(&first, 3).await;
    let there = Worker { client: here.client.through(replica(&pool, &stop).await), ..here.clone() };
    let template = workflow(&server, "summarize", json!({})).await;
    for n in 0..20 {
        server.anna.start(&template, &n.to_string()).await;
    }
    let claims = (0..10)
        .flat_map(|_| [here.clone(), there.clone()])
        .map(|worker| tokio::spawn(async move { worker.claim(3, 3_000).await.len() }));
    let n: usize = join_all(claims.collect::<Vec<_>>()).await.into_iter().map(|n| n.unwrap()).sum();
    let held: i64 = sqlx::query_scalar("SELECT count(*) FROM attempts WHERE lease_worker = $1")
        .bind(uuid::Uuid::parse_str(&here.session).unwrap())
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!((n, held), (3, 3), "all that it holds it was handed");
    let beat = here.beat(&[], 0).await;
    assert_eq!(beat["session"], "ok");
    stop.cancel();
    server.stop().await;
}
