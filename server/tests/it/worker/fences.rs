//! Whose attempt it is: late results, results twice, answers that were lost, sessions that are over, and what is nobody's business.

use serde_json::{Value, json};
use sqlx::PgPool;

use super::{V1, accepted, completed, register, summarize, text, token, until, workflow};
use crate::harness::{RUNS, Server, status_of, step};

async fn started(server: &Server) -> (super::Worker, String, Value) {
    let worker = accepted(server, &[summarize()]).await;
    let template = workflow(server, "summarize", json!({})).await;
    let run = server.anna.start(&template, "x").await;
    let task = worker.one().await;
    (worker, run, task)
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_a_dead_session_ran_is_done_by_another_and_its_late_result_is_fenced(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (lost, run, task) = started(&server).await;
    lost.dies(&pool).await;
    let other = register(&lost.client, &[summarize()]).await;
    let again = other.one().await;
    assert_eq!((&again["step"], &again["attempt"]), (&task["step"], &json!(2)));
    assert_eq!(again["idempotency_key"], task["idempotency_key"]);
    let beat = lost.client.post(&lost.path("beat"), json!({"tasks": [{"token": task["token"]}]})).await;
    beat.problem(410, "session_gone");
    let late = lost.client.post(&lost.path("complete"), json!({"results": [completed(&task, "late")]})).await;
    late.problem(410, "session_gone");
    // Told by the session that has the step now, under the old token.
    assert_eq!(other.status_of(completed(&task, "late")).await, "fenced");
    let one = other.path(&format!("tasks/{}/complete", task["token"].as_str().unwrap()));
    other.client.post(&one, json!({"outcome": "released"})).await.problem(409, "fenced");
    assert_eq!(other.status_of(completed(&again, "mine")).await, "committed");
    assert_eq!(server.anna.settled(&run).await["status"], "completed");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_task_whose_answer_was_lost_is_given_back_after_two_beats_that_do_not_name_it(pool: PgPool) {
    let server = Server::start(pool).await;
    let (worker, run, lost) = started(&server).await;
    // Quick beats in a row prove nothing: the answer may be on its way.
    for _ in 0..5 {
        worker.beat(&[], 0).await;
    }
    let view = server.anna.get(&format!("{RUNS}/{run}")).await.expect(200);
    assert_eq!(status_of(&view, "digest"), "running");
    tokio::time::sleep(std::time::Duration::from_millis(4_700)).await;
    worker.beat(&[], 0).await;
    let again = worker.one().await;
    assert_eq!(again["attempt"], 2);
    let view = server.anna.get(&format!("{RUNS}/{run}")).await.expect(200);
    assert_eq!(step(&view, "digest")["attempts"][0]["outcome"], "released", "it cost nothing");
    assert_eq!(worker.status_of(completed(&lost, "x")).await, "fenced");
    let beat = worker.beat(&[json!({"token": lost["token"]}), json!({"token": again["token"]})], 0).await;
    assert_eq!((&beat["tasks"][0]["state"], &beat["tasks"][1]["state"]), (&json!("fenced"), &json!("ok")));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn ending_a_session_gives_its_tasks_back_and_answers_who_waits(pool: PgPool) {
    let server = Server::start(pool).await;
    let (worker, run, _) = started(&server).await;
    let waits = tokio::spawn({
        let worker = worker.clone();
        async move { worker.claim_raw(1, 25_000).await.status }
    });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let began = std::time::Instant::now();
    let ended =
        worker.client.json(http::Method::DELETE, &format!("{V1}/sessions/{}", worker.session), &json!({})).await;
    assert_eq!(ended.status, 204);
    assert!([204, 410].contains(&waits.await.unwrap().as_u16()) && began.elapsed().as_secs() < 5);
    let again =
        worker.client.json(http::Method::DELETE, &format!("{V1}/sessions/{}", worker.session), &json!({})).await;
    assert_eq!(again.status, 204, "it may be repeated");
    let other = register(&worker.client, &[summarize()]).await;
    assert_eq!(other.one().await["attempt"], 2);
    let view = server.anna.get(&format!("{RUNS}/{run}")).await.expect(200);
    assert_eq!(step(&view, "digest")["attempts"][0]["outcome"], "released");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn nobody_sees_or_ends_what_another_has(pool: PgPool) {
    let server = Server::start(pool).await;
    let (worker, run, task) = started(&server).await;
    let (stranger, _) = token(&server, &["other"]).await;
    let mut offer = summarize();
    offer["id"] = json!("other");
    let other = register(&stranger, &[offer]).await;
    assert_eq!(other.status_of(completed(&task, "stolen")).await, "fenced");
    for (path, body) in [
        ("claim", json!({"max": 1})),
        ("beat", json!({"tasks": [{"token": task["token"]}]})),
        ("complete", json!({"results": [completed(&task, "stolen")]})),
    ] {
        stranger.post(&worker.path(path), body).await.problem(404, "not_found");
    }
    let beat = other.beat(&[json!({"token": task["token"], "checkpoint": {"a": 1}, "logs": [{"text": "x"}]})], 0).await;
    assert_eq!(beat["tasks"][0]["state"], "fenced");
    let logs = format!("{RUNS}/{run}/steps/digest/attempts/1/logs");
    assert_eq!(server.anna.get(&logs).await.expect(200)["lines"], json!([]));
    server.ben.get(&logs).await.problem(404, "not_found");
    // A guessed token of a wait cannot push another's time limit away.
    let waiting = json!({"token": task["token"], "outcome": "waiting", "resume_within_s": 86_400});
    assert_eq!(other.status_of(waiting).await, "fenced");
    for garbled in ["", "zz", "00", &hex::encode("a.b.c")] {
        assert_eq!(worker.status_of(json!({"token": garbled, "outcome": "released"})).await, "fenced", "{garbled}");
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn revoking_a_token_ends_its_sessions_within_seconds(pool: PgPool) {
    let server = Server::start(pool).await;
    let (client, id) = token(&server, &["*"]).await;
    let worker = register(&client, &[summarize()]).await;
    worker.accept(&server, "summarize").await;
    let worker = register(&client, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    server.anna.start(&template, "x").await;
    let task = worker.one().await;
    let waits = tokio::spawn({
        let worker = worker.clone();
        async move { worker.client.post(&worker.path("beat"), json!({"wait_ms": 25_000, "tasks": []})).await.status }
    });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let began = std::time::Instant::now();
    let path = format!("/api/worker-tokens/{id}");
    assert_eq!(server.admin.json(http::Method::DELETE, &path, &json!({})).await.status, 204);
    assert_eq!(waits.await.unwrap(), 410);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    until("the token opens nothing any more", || async {
        worker.client.post(&worker.path("complete"), json!({"results": [completed(&task, "x")]})).await.status == 401
    })
    .await;
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    let audit = server.admin.get("/api/audit?action=worker_token").await.expect(200);
    assert_eq!(audit["entries"][0]["action"], "worker_token.revoked");
    // Another token takes the agent on where the one before was taken back.
    let (next, _) = token(&server, &["*"]).await;
    let other = register(&next, &[summarize()]).await;
    assert_eq!(other.registered["agents"]["summarize"]["state"], "accepted");
    assert_eq!(other.one().await["attempt"], 2);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_id_is_refused_to_other_kinds_other_tokens_and_where_a_token_may_not(pool: PgPool) {
    let server = Server::start(pool).await;
    server.shouting_agent().await;
    let named = |id: &str| {
        let mut agent = summarize();
        agent["id"] = json!(id);
        agent
    };
    let (client, _) = token(&server, &["shout", "report-*"]).await;
    let worker = register(&client, &[named("shout"), named("report-a"), named("secret")]).await;
    let agents = &worker.registered["agents"];
    assert_eq!(agents["shout"]["state"], "refused");
    assert_eq!(agents["secret"]["state"], "refused");
    assert_eq!(agents["report-a"]["state"], "offered");
    for refused in ["shout", "secret"] {
        assert!(agents[refused]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{agents:#}");
        let offer = json!({"agent_id": refused, "hash": agents[refused]["hash"]});
        server.admin.post("/api/workers/offers/accept", offer).await.problem(404, "not_found");
    }
    let (other, _) = token(&server, &["*"]).await;
    assert_eq!(register(&other, &[named("report-a")]).await.registered["agents"]["report-a"]["state"], "refused");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn two_builds_of_an_agent_each_get_the_steps_that_were_drawn_with_theirs(pool: PgPool) {
    let server = Server::start(pool).await;
    let old = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    let mut changed = summarize();
    changed["inputs"]["length"] = json!({"schema": {"type": "integer"}});
    let new = register(&old.client, &[changed.clone()]).await;
    assert_eq!(new.registered["agents"]["summarize"]["state"], "offered");
    let run = server.anna.start(&template, "x").await;
    assert_eq!(new.claim(1, 300).await.len(), 0, "what nobody accepted gets no task");
    let task = old.one().await;
    new.accept(&server, "summarize").await;
    let new = register(&old.client, &[changed]).await;
    assert_eq!(new.registered["agents"]["summarize"]["version"], 2);
    let second = server
        .publish(
            "New",
            json!({
                "inputs": {"text": {"title": "Text", "schema": {"type": "string"}, "required": true}},
                "steps": {"digest": {"agent_id": "summarize", "review": {"mode": "never"},
                    "inputs": {"text": {"from": "run", "key": "text"}, "length": {"const": 3}}}}
            }),
        )
        .await;
    server.anna.start(&second, "y").await;
    assert_eq!(old.claim(1, 300).await.len(), 0);
    let of_new = new.one().await;
    assert_eq!((&of_new["inputs"]["length"]["value"], &of_new["agent_version"]), (&json!(3), &json!(2)));
    assert_eq!(of_new["inputs"]["text"], text("y"));
    assert_eq!(old.status_of(completed(&task, "old")).await, "committed");
    assert_eq!(server.anna.settled(&run).await["status"], "completed");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_attempt_ends_at_its_steps_limit_and_its_worker_is_told(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({"timeout_s": 1, "retry": {"max": 0}})).await;
    let run = server.anna.start(&template, "x").await;
    let task = worker.one().await;
    let beat = worker.beat(&[json!({"token": task["token"]})], 15_000).await;
    assert_eq!(beat["tasks"][0]["state"], "timeout");
    let view = server.anna.settled(&run).await;
    assert_eq!(step(&view, "digest")["reason"], "timeout");
    assert_eq!(worker.status_of(completed(&task, "late")).await, "fenced");
    server.stop().await;
}
