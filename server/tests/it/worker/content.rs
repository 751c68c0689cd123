//! Content and files: sent and read piece by piece, only what is the session's own, and digits as they were written.

use axum::body::{Body, Bytes};
use futures::stream;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use super::{accepted, register, summarize, text, token, until, workflow};
use crate::harness::{RUNS, Server, latest, step};

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn large_values_come_and_go_as_content(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    let long = "ä long text ".repeat(250_000);
    let run = server.anna.start(&template, &long).await;
    let task = worker.one().await;
    let given = &task["inputs"]["text"];
    assert_eq!((&given["media_type"], &given["size"]), (&json!("text/plain"), &json!(long.len())));
    let at = given["blob"].as_str().unwrap();
    assert_eq!(at, hash(long.as_bytes()));
    let whole = worker.get(at, None).await;
    assert_eq!((whole.status.as_u16(), whole.bytes == long.as_bytes()), (200, true));
    let part = worker.get(at, Some("bytes=1048570-1048589")).await;
    assert_eq!((part.status.as_u16(), part.bytes.as_slice()), (206, &long.as_bytes()[1_048_570..1_048_590]));
    assert_eq!(part.header("content-range"), format!("bytes 1048570-1048589/{}", long.len()));
    let made = "x".repeat(4 << 20);
    assert_eq!(worker.put(&hash(made.as_bytes()), made.clone()).await.status, 204);
    assert_eq!(worker.put(&hash(made.as_bytes()), made.clone()).await.status, 204, "it may be repeated");
    let blob = json!({"media_type": "text/plain", "blob": hash(made.as_bytes()), "size": made.len()});
    let result = json!({"token": task["token"], "outcome": "completed", "outputs": {"summary": blob}});
    assert_eq!(worker.status_of(result).await, "committed");
    let view = server.anna.settled(&run).await;
    let artifact = latest(&view, "digest");
    assert_eq!((&artifact["size"], &artifact["content_hash"]), (&json!(made.len()), &json!(hash(made.as_bytes()))));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn content_that_is_not_what_it_says_or_not_ones_own_is_refused(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let worker = accepted(&server, &[summarize()]).await;
    let (client, _) = token(&server, &["other"]).await;
    let mut offer = summarize();
    offer["id"] = json!("other");
    let other = register(&client, &[offer]).await;
    let secret = b"nobody else's".to_vec();
    assert_eq!(other.put(&hash(&secret), secret.clone()).await.status, 204);
    worker.get(&hash(&secret), None).await.problem(404, "not_found");
    worker.put(&hash(b"something"), secret.clone()).await.problem(422, "invalid");
    worker.put("../secret", secret.clone()).await;
    worker.put(&"Z".repeat(64), secret).await.problem(422, "invalid");
    let broken = stream::iter([Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("gone"))]);
    worker.put(&hash(b"half of it"), Body::from_stream(broken)).await.problem(400, "malformed");
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM blobs WHERE hash LIKE 'upload:%'").fetch_one(&pool).await.unwrap();
    assert_eq!(left, 0, "nothing is left of what was refused");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_file_is_handed_from_one_worker_to_the_next_and_to_nobody_who_typed_its_hash(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let file = json!({"type": "object", "format": "file"});
    let scan = json!({"id": "scan", "outputs": {"pdf": {"schema": file}}});
    let read = json!({"id": "read", "inputs": {"pdf": {"schema": file, "required": true}},
        "outputs": {"text": {"schema": {"type": "string"}}}});
    let worker = accepted(&server, &[scan, read]).await;
    let definition = json!({
        "inputs": {"given": {"title": "Given", "schema": file, "required": false}},
        "steps": {
            "scan": {"agent_id": "scan", "review": {"mode": "never"}},
            "read": {"agent_id": "read", "review": {"mode": "never"}, "depends_on": ["scan"],
                "inputs": {"pdf": {"from": "step", "step": "scan", "artifact": "pdf"}}}
        }
    });
    let template = server.publish("Files", definition).await;
    let body = json!({"template_id": template, "inputs": {}});
    let run = server.anna.post(RUNS, body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let task = worker.one().await;
    let bytes = b"%PDF-1.7 ...".repeat(1_000);
    let value =
        |size: usize| json!({"blob": hash(&bytes), "media_type": "application/pdf", "name": "scan.pdf", "size": size});
    let result = |size: usize| {
        let pdf = json!({"media_type": "application/json", "value": value(size)});
        json!({"token": task["token"], "outcome": "completed", "outputs": {"pdf": pdf}})
    };
    worker.put(&hash(&bytes), bytes.clone()).await;
    assert_eq!(worker.status_of(result(bytes.len())).await, "committed");
    let next = register(
        &worker.client,
        &[json!({"id": "read", "inputs": {"pdf": {"schema": file, "required": true}},
        "outputs": {"text": {"schema": {"type": "string"}}}})],
    )
    .await;
    let task = next.one().await;
    assert_eq!(task["inputs"]["pdf"]["value"], value(bytes.len()));
    assert_eq!(next.get(&hash(&bytes), None).await.bytes, bytes);
    let result = json!({"token": task["token"], "outcome": "completed", "outputs": {"text": text("read")}});
    assert_eq!(next.status_of(result).await, "committed");
    server.anna.settled(&run).await;
    // Somebody who has only read the hash anywhere gives it to a run of theirs.
    let typed = server.publish("Typed", json!({
        "inputs": {"given": {"title": "Given", "schema": file, "required": true}},
        "steps": {"read": {"agent_id": "read", "review": {"mode": "never"}, "inputs": {"pdf": {"from": "run", "key": "given"}}}}
    })).await;
    let body = json!({"template_id": typed, "inputs": {"given": value(bytes.len())}});
    server.ben.post(RUNS, body).await.expect(201);
    let fresh = register(
        &worker.client,
        &[json!({"id": "read", "inputs": {"pdf": {"schema": file, "required": true}},
        "outputs": {"text": {"schema": {"type": "string"}}}})],
    )
    .await;
    fresh.one().await;
    fresh.get(&hash(&bytes), None).await.problem(404, "not_found");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn numbers_keep_their_digits_in_both_directions(pool: PgPool) {
    let server = Server::start(pool).await;
    let echo = json!({"id": "echo", "inputs": {"any": {"schema": {}}}, "outputs": {"any": {"schema": {}}}});
    let worker = accepted(&server, &[echo]).await;
    let definition = workflow::json::kept(
        br#"{"steps": {"digest": {"agent_id": "echo", "review": {"mode": "never"}, "inputs": {"any": {"const": {"z": 1.10, "a": 1E400}}}}}}"#,
    )
    .unwrap();
    let template = server.publish("Digits", definition).await;
    let run = server.anna.post(RUNS, json!({"template_id": template})).await.expect(201);
    let run = run["id"].as_str().unwrap();
    let answer = worker.claim_raw(1, 10_000).await;
    assert!(answer.text().contains(r#"{"z":1.10,"a":1E400}"#), "{}", answer.text());
    let token = answer.expect(200)["tasks"][0]["token"].as_str().unwrap().to_owned();
    let body = format!(
        r#"{{"results":[{{"token":"{token}","outcome":"completed","outputs":{{"any":{{"media_type":"application/json","value":{{"z":1.10,"a":-0,"b":1E2}}}}}}}}]}}"#
    );
    let done = worker.client.bytes(http::Method::POST, &worker.path("complete"), "application/json", body).await;
    assert_eq!(done.expect(200)["results"][0]["status"], "committed");
    let view = server.anna.settled(run).await;
    let id = latest(&view, "digest")["id"].as_str().unwrap().to_owned();
    let file = server.anna.get(&format!("{RUNS}/{run}/artifacts/{id}?download")).await;
    assert_eq!(file.text(), r#"{"z":1.10,"a":-0,"b":1E2}"#);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_gibibyte_goes_through_in_pieces(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let mib = if std::env::var_os("WEFT_LONG").is_some() { 1_024 } else { 24 };
    let piece = Bytes::from(vec![7_u8; 1 << 20]);
    let mut digest = Sha256::new();
    (0..mib).for_each(|_| digest.update(&piece));
    let hash = hex::encode(digest.finalize());
    let pieces = |n: usize| {
        let piece = piece.clone();
        Body::from_stream(stream::iter((0..n).map(move |_| Ok::<_, std::io::Error>(piece.clone()))))
    };
    assert_eq!(worker.put(&hash, pieces(mib)).await.status, 204);
    let end = worker.get(&hash, Some("bytes=-3")).await;
    assert_eq!((end.status.as_u16(), end.bytes), (206, vec![7; 3]));
    if mib == 1_024 {
        worker.put(&hash, pieces(mib + 1)).await.problem(413, "too_large");
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_step_without_its_worker_says_since_when_and_goes_on_with_the_next(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    sqlx::query("UPDATE workers SET state = 'dead' WHERE lease IS NOT NULL").execute(&pool).await.unwrap();
    let run = server.anna.start(&template, "x").await;
    let path = format!("{RUNS}/{run}/absent");
    let absent = || async { server.anna.get(&path).await.expect(200) };
    until("it is told who is missing", || async { absent().await[0]["agent_id"] == "summarize" }).await;
    let told = absent().await;
    assert_eq!((&told[0]["step"], told[0]["since"].is_string()), (&json!("digest"), true));
    let next = register(&worker.client, &[summarize()]).await;
    assert_eq!(absent().await, json!([]));
    next.one().await;
    let view = server.anna.get(&format!("{RUNS}/{run}")).await.expect(200);
    assert_eq!(step(&view, "digest")["status"], "running");
    assert_eq!(absent().await, json!([]));
    // More than half a lease, and less than one: it may come back.
    let late = "UPDATE workers SET beat_at = clock_timestamp() - interval '12 seconds' WHERE state = 'alive' AND lease IS NOT NULL";
    sqlx::query(late).execute(&pool).await.unwrap();
    let told = absent().await;
    assert_eq!((&told[0]["step"], &told[0]["is_silent"]), (&json!("digest"), &json!(true)), "{told}");
    server.stop().await;
}
