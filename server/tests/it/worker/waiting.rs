//! Attempts that wait for somebody outside, what a reviewer sent back, and what an attempt leaves for the next one.

use http::{HeaderMap, HeaderName, Method};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{V1, Worker, accepted, completed, register, summarize, text, until, workflow};
use crate::harness::{Answer, RUNS, Server, status_of, step};

async fn call_back(server: &Server, secret: &str, result: &Value) -> Answer {
    let headers: HeaderMap = [
        (HeaderName::from_static("weft-callback"), secret.parse().unwrap()),
        (http::header::CONTENT_TYPE, "application/json".parse().unwrap()),
    ]
    .into_iter()
    .collect();
    server.nobody.send(Method::POST, &format!("{V1}/callback"), headers, result.to_string().into()).await
}

async fn secret_of(worker: &Worker, task: &Value, within_s: u64) -> String {
    let path = worker.path(&format!("tasks/{}/callback", task["token"].as_str().unwrap()));
    let answer = worker.client.post(&path, json!({"within_s": within_s})).await.expect(201);
    assert_eq!(answer["url"], "/api/worker/v1/callback");
    answer["callback"].as_str().unwrap().to_owned()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_attempt_waits_without_a_worker_until_somebody_with_the_secret_ends_it_once(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({"timeout_s": 2})).await;
    let run = server.anna.start(&template, "x").await;
    let task = worker.one().await;
    let waiting = json!({"token": task["token"], "outcome": "waiting", "resume_within_s": 600});
    let early = worker.client.post(&worker.path("complete"), json!({"results": [waiting]})).await;
    early.problem(422, "invalid");
    let secret = secret_of(&worker, &task, 600).await;
    assert_eq!(worker.status_of(waiting.clone()).await, "committed");
    assert_eq!(worker.status_of(waiting).await, "already");
    assert_eq!(worker.status_of(completed(&task, "mine")).await, "fenced", "it holds no lease any more");
    // Neither its worker's end nor its own time limit is its end.
    worker.dies(&pool).await;
    tokio::time::sleep(std::time::Duration::from_millis(4_500)).await;
    let view = server.anna.get(&format!("{RUNS}/{run}")).await.expect(200);
    assert_eq!(status_of(&view, "digest"), "running");
    let told = server.anna.get(&format!("{RUNS}/{run}/events")).await.text();
    assert!(!told.contains(&secret), "the secret stands nowhere");
    let result = json!({"outcome": "completed", "outputs": {"summary": text("from outside")}});
    call_back(&server, "weftc_wrong", &result).await.problem(404, "not_found");
    let wrong = json!({"outcome": "completed", "outputs": {}});
    call_back(&server, &secret, &wrong).await.problem(422, "invalid_output");
    assert_eq!(call_back(&server, &secret, &result).await.expect(200)["status"], "committed");
    assert_eq!(server.anna.settled(&run).await["status"], "completed");
    let told = server.anna.get(&format!("{RUNS}/{run}/events")).await.text();
    assert!(!told.contains(&secret), "nor now");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_callback_whose_answer_was_lost_is_answered_again_and_another_one_is_refused(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    let run = server.anna.start(&template, "x").await;
    let task = worker.one().await;
    let (secret, unused) = (secret_of(&worker, &task, 600).await, secret_of(&worker, &task, 600).await);
    let result = |text_of: &str| json!({"outcome": "completed", "outputs": {"summary": text(text_of)}});
    // At the same time too: one of them ends it, and all are told so.
    let first = result("first");
    let answers = futures::future::join_all((0..8).map(|_| call_back(&server, &secret, &first))).await;
    for answer in answers {
        assert_eq!(answer.expect(200)["status"], "committed");
    }
    server.anna.settled(&run).await;
    // As after a crash between the commit and what is tidied up behind it.
    sqlx::query("UPDATE worker_callbacks SET is_used = false").execute(&pool).await.unwrap();
    assert_eq!(call_back(&server, &secret, &first).await.expect(200)["status"], "committed");
    sqlx::query("UPDATE worker_callbacks SET is_used = true, expires_at = now() - interval '2 days'")
        .execute(&pool)
        .await
        .unwrap();
    store::Store::from_pool(pool.clone()).clean_outside().await.unwrap();
    assert_eq!(call_back(&server, &secret, &first).await.expect(200)["status"], "committed", "days later");
    call_back(&server, &secret, &result("second")).await.problem(409, "conflict");
    call_back(&server, &secret, &json!({"outcome": "released"})).await.problem(409, "conflict");
    call_back(&server, &unused, &first).await.problem(404, "not_found");
    let view = server.anna.get(&format!("{RUNS}/{run}")).await.expect(200);
    assert_eq!(step(&view, "digest")["attempts"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_wait_for_which_nobody_came_fails_and_a_callback_may_come_before_the_wait(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({"retry": {"max": 0}})).await;
    let run = server.anna.start(&template, "x").await;
    let task = worker.one().await;
    let secret = secret_of(&worker, &task, 600).await;
    let waiting = |task: &Value| json!({"token": task["token"], "outcome": "waiting", "resume_within_s": 1});
    assert_eq!(worker.status_of(waiting(&task)).await, "committed");
    until("it fails", || async {
        let view = server.anna.get(&format!("{RUNS}/{run}")).await.expect(200);
        step(&view, "digest")["reason"] == "timeout"
    })
    .await;
    let result = json!({"outcome": "completed", "outputs": {"summary": text("late")}});
    call_back(&server, &secret, &result).await.problem(404, "not_found");
    let run = server.anna.start(&template, "x").await;
    let task = worker.one().await;
    let secret = secret_of(&worker, &task, 600).await;
    assert_eq!(call_back(&server, &secret, &result).await.expect(200)["status"], "committed");
    assert_eq!(worker.status_of(waiting(&task)).await, "already");
    assert_eq!(server.anna.settled(&run).await["status"], "completed");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_worker_sees_what_a_reviewer_sent_back_and_what_it_had_made(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({"review": {"mode": "always"}})).await;
    let run = server.anna.start(&template, "x").await;
    let first = worker.one().await;
    assert_eq!(worker.status_of(completed(&first, "too long")).await, "committed");
    server.anna.settled(&run).await;
    let reject = json!({"feedback": "Shorter."});
    server.anna.post(&format!("{RUNS}/{run}/steps/digest/reject"), reject).await.expect(200);
    let second = worker.one().await;
    assert_eq!((&second["generation"], &second["attempt"]), (&json!(2), &json!(2)));
    assert_ne!(second["idempotency_key"], first["idempotency_key"]);
    assert_eq!(second["revision"]["outputs"]["summary"], text("too long"));
    let asked = &second["revision"]["feedback"][0];
    assert_eq!(
        (&asked["text"], &asked["by"], &asked["round"]),
        (&json!("Shorter."), &json!("anna@example.org"), &json!(1))
    );
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_checkpoint_is_there_for_the_next_attempt_of_the_generation(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    server.anna.start(&template, "x").await;
    let task = worker.one().await;
    worker.beat(&[json!({"token": task["token"], "checkpoint": {"celery_id": "a", "n": 1}})], 0).await;
    worker.beat(&[json!({"token": task["token"], "checkpoint": {"celery_id": "b"}})], 0).await;
    worker.dies(&pool).await;
    let other = register(&worker.client, &[summarize()]).await;
    assert_eq!(other.one().await["checkpoint"], json!({"celery_id": "b"}));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_paused_session_gets_nothing_and_a_draining_one_is_told_to_end(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    let set = async |state: &str| {
        let path = format!("/api/workers/{}", worker.session);
        server.admin.json(Method::PATCH, &path, &json!({"state": state})).await.status.as_u16()
    };
    assert_eq!(set("paused").await, 204);
    until("it hears of the pause", || async { worker.beat(&[], 0).await["session"] == "paused" }).await;
    server.anna.start(&template, "x").await;
    // Other sessions of the same agent would take it: there is one more, from the acceptance.
    let waits = tokio::spawn({
        let worker = worker.clone();
        async move { worker.claim(1, 15_000).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(!waits.is_finished());
    assert_eq!(set("working").await, 204);
    assert_eq!(waits.await.unwrap().len(), 1, "what waited is served as soon as it may be");
    assert_eq!(set("draining").await, 204);
    until("it is told to end", || async { worker.beat(&[], 0).await["session"] == "drain" }).await;
    assert_eq!(worker.claim_raw(1, 10_000).await.status, 204);
    assert_eq!(set("gone").await, 204);
    until("it is over", || async { worker.client.post(&worker.path("beat"), json!({})).await.status == 410 }).await;
    assert_eq!(set("working").await, 404, "it is over for good");
    server.stop().await;
}
