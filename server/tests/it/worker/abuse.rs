//! What proxies, crashes and people who merely know an id do to workers: each loses its own, and nobody else's.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use super::{accepted, completed, register, summarize, text, token, until, workflow};
use crate::harness::{RUNS, Server, step};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_claim_that_nobody_waits_for_any_more_takes_nothing(pool: PgPool) {
    let server = Server::start(pool).await;
    let gone = accepted(&server, &[summarize()]).await;
    let other = register(&gone.client, &[summarize()]).await;
    let claim = tokio::spawn({
        let gone = gone.clone();
        async move { gone.claim(8, 30_000).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    // As when its process is killed, or a proxy cuts the connection.
    claim.abort();
    assert!(claim.await.unwrap_err().is_cancelled());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let template = workflow(&server, "summarize", json!({})).await;
    let run = server.anna.start(&template, "x").await;
    let task = other.one().await;
    assert_eq!(task["attempt"], 1, "nobody had it before");
    assert_eq!(other.status_of(completed(&task, "mine")).await, "committed");
    assert_eq!(server.anna.settled(&run).await["status"], "completed");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_merely_knows_a_session_uses_up_nothing_of_what_it_may_ask(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let (stranger, _) = token(&server, &["other-*"]).await;
    let mut answers = Vec::new();
    for _ in 0..400 {
        answers.push(stranger.post(&worker.path("beat"), json!({})).await.status);
    }
    let is_refused = |status: &StatusCode| matches!(status.as_u16(), 404 | 429);
    assert!(answers.iter().all(is_refused) && answers.contains(&StatusCode::TOO_MANY_REQUESTS), "{answers:?}");
    assert_eq!(worker.beat(&[], 0).await["session"], "ok");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_attempt_waits_no_longer_than_its_last_secret_is_good_for(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({"retry": {"max": 0}})).await;
    let run = server.anna.start(&template, "x").await;
    let task = worker.one().await;
    let path = worker.path(&format!("tasks/{}/callback", task["token"].as_str().unwrap()));
    worker.client.post(&path, json!({"within_s": 2})).await.expect(201);
    let waiting = json!({"token": task["token"], "outcome": "waiting", "resume_within_s": 86_400});
    assert_eq!(worker.status_of(waiting.clone()).await, "committed");
    // Told again it is not put off.
    assert_eq!(worker.status_of(waiting).await, "already");
    until("it fails", || async {
        let view = server.anna.get(&format!("{RUNS}/{run}")).await.expect(200);
        step(&view, "digest")["reason"] == "timeout"
    })
    .await;
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_result_that_comes_too_late_keeps_no_file(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let scan = json!({"id": "scan", "inputs": {"text": {"schema": {"type": "string"}}},
        "outputs": {"pdf": {"schema": {"type": "object", "format": "file"}}}});
    let worker = accepted(&server, &[scan]).await;
    let template = workflow(&server, "scan", json!({})).await;
    let run = server.anna.start(&template, "x").await;
    let task = worker.one().await;
    let hash = hex::encode(Sha256::digest(b"late"));
    assert_eq!(worker.put(&hash, "late").await.status, 204);
    server.anna.post(&format!("{RUNS}/{run}/cancel"), json!({})).await.expect(200);
    let file = json!({"blob": hash, "media_type": "application/pdf", "name": "a.pdf", "size": 4});
    let outputs = json!({"pdf": {"media_type": "application/json", "value": file}});
    let late = json!({"token": task["token"], "outcome": "completed", "outputs": outputs});
    assert_eq!(worker.status_of(late).await, "fenced");
    let n_kept: i64 = sqlx::query_scalar("SELECT count(*) FROM run_files").fetch_one(&pool).await.unwrap();
    assert_eq!(n_kept, 0);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_cannot_be_ended_now_keeps_no_other_task_from_its_time(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    for n in 0..2 {
        server.anna.start(&template, &n.to_string()).await;
    }
    assert_eq!(worker.claim(2, 10_000).await.len() + worker.claim(2, 500).await.len(), 2);
    server.stop().await;
    sqlx::query("UPDATE worker_tasks SET due_at = clock_timestamp() - interval '1 second'")
        .execute(&pool)
        .await
        .unwrap();
    let store = store::Store::from_pool(pool);
    let first = store.due_tasks(1).await.unwrap();
    let second = store.due_tasks(1).await.unwrap();
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first, second, "the one that was tried is not the first again");
    assert!(!first[0].is_waiting);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_only_looks_like_a_nul_or_a_range_is_taken_as_it_is(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    server.anna.start(&template, "x").await;
    let task = worker.one().await;
    // Twelve characters, none of which is a NUL.
    let said = |checkpoint: &str| json!({"token": task["token"], "checkpoint": {"path": checkpoint}});
    assert_eq!(worker.beat(&[said(r"C:\u0000\tmp")], 0).await["tasks"][0]["state"], "ok");
    let path = worker.path("beat");
    worker.client.post(&path, json!({"tasks": [said("a\0b")]})).await.problem(422, "invalid");
    let hash = hex::encode(Sha256::digest(b"0123456789"));
    assert_eq!(worker.put(&hash.to_uppercase(), "0123456789").await.problem(422, "invalid")["field"], "sha256");
    assert_eq!(worker.put(&hash, "0123456789").await.status, 204);
    for other in ["items=0-1", "bytes=0-1,4-5"] {
        assert_eq!(worker.get(&hash, Some(other)).await.text(), "0123456789", "{other}");
    }
    assert_eq!(worker.get(&hash, Some("bytes=4-5")).await.text(), "45");
    assert_eq!(
        worker
            .status_of(json!({"token": task["token"], "outcome": "completed",
        "outputs": {"summary": text("x")}}))
            .await,
        "committed"
    );
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn of_two_tokens_that_offer_an_id_at_the_same_time_one_has_it(pool: PgPool) {
    let server = Server::start(pool).await;
    let ((one, _), (other, _)) = (token(&server, &["*"]).await, token(&server, &["*"]).await);
    for n in 0..10 {
        let id = format!("new{n}");
        let offer = |output: &str| json!({"id": id, "outputs": {output: {"schema": {"type": "string"}}}});
        let (here, there) = ([offer("here")], [offer("there")]);
        tokio::join!(register(&one, &here), register(&other, &there));
        let mut states = Vec::new();
        for (client, offers) in [(&one, &here), (&other, &there)] {
            let again = register(client, offers).await.registered;
            states.push(again["agents"][&id]["state"].as_str().unwrap().to_owned());
        }
        states.sort();
        assert_eq!(states, ["offered", "refused"], "{id}");
    }
    server.stop().await;
}
