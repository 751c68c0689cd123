//! How sessions end, and that nothing which was on its way to one counts as a crash; what one ran is taken up by others in time.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;
use sqlx::PgPool;
use store::{Store, outside::beats::Place};
use tokio_util::sync::CancellationToken;
use workflow::AgentId;

use super::{V1, Worker, accepted, completed, crowds::replica, is_long, register, summarize, until, workflow};
use crate::harness::{RUNS, Server, step};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_claim_that_another_process_holds_takes_nothing_once_its_session_ended(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let first = accepted(&server, &[summarize()]).await;
    let stop = CancellationToken::new();
    let router = replica(&pool, &stop).await;
    let template = workflow(&server, "summarize", json!({})).await;
    for how in ["deleted", "gone"] {
        let here = register(&first.client, &[summarize()]).await;
        let there = Worker { client: here.client.through(router.clone()), ..here.clone() };
        let waits = tokio::spawn({
            let there = there.clone();
            async move { there.claim_raw(8, 30_000).await.status.as_u16() }
        });
        tokio::time::sleep(Duration::from_millis(400)).await;
        if how == "deleted" {
            here.client.json(Method::DELETE, &format!("{V1}/sessions/{}", here.session), &json!({})).await;
        } else {
            let path = format!("/api/workers/{}", here.session);
            server.admin.json(Method::PATCH, &path, &json!({"state": "gone"})).await;
        }
        // At once, before that process can have heard of it.
        let run = server.anna.start(&template, "x").await;
        assert!([204, 410].contains(&waits.await.unwrap()), "{how}");
        let other = register(&first.client, &[summarize()]).await;
        let task = other.one().await;
        assert_eq!(other.status_of(completed(&task, "made")).await, "committed");
        let view = server.anna.settled(&run).await;
        let attempts = step(&view, "digest")["attempts"].as_array().unwrap().clone();
        assert!(attempts.iter().all(|attempt| attempt["outcome"] != "lost"), "{how}: {attempts:?}");
        other.client.json(Method::DELETE, &format!("{V1}/sessions/{}", other.session), &json!({})).await;
    }
    stop.cancel();
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_began_for_a_session_and_was_never_handed_out_is_given_back_and_what_was_is_lost_with_it(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let first = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    for (is_handed_out, outcome) in [(false, "released"), (true, "lost")] {
        let worker = register(&first.client, &[summarize()]).await;
        let run = server.anna.start(&template, "x").await;
        worker.one().await;
        if !is_handed_out {
            // As when the process that began it is killed in that moment.
            sqlx::query("DELETE FROM worker_tasks").execute(&pool).await.unwrap();
        }
        let path = format!("/api/workers/{}", worker.session);
        assert_eq!(server.admin.json(Method::PATCH, &path, &json!({"state": "gone"})).await.status, 204);
        let again = register(&first.client, &[summarize()]).await;
        let task = again.one().await;
        assert_eq!(task["attempt"], 2);
        assert_eq!(again.status_of(completed(&task, "made")).await, "committed");
        let view = server.anna.settled(&run).await;
        assert_eq!(step(&view, "digest")["attempts"][0]["outcome"], outcome, "{is_handed_out}");
        // What is left of it may be asked for, and is over.
        worker.client.post(&worker.path("beat"), json!({})).await.problem(410, "session_gone");
        again.client.json(Method::DELETE, &format!("{V1}/sessions/{}", again.session), &json!({})).await;
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn nothing_is_handed_to_a_session_that_ended_while_its_task_was_made(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    let run = server.anna.start(&template, "x").await;
    let task = worker.one().await;
    let store = Store::from_pool(pool.clone());
    let session = worker.session.parse().unwrap();
    let due_at: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("SELECT clock_timestamp() + interval '1 hour'").fetch_one(&pool).await.unwrap();
    let new = || store::outside::tasks::NewTask {
        place: Place { run: run.parse().unwrap(), step: "digest".into(), number: 1 },
        generation: 1,
        session,
        agent: AgentId::new("summarize"),
        consumed: Vec::new(),
        due_at,
    };
    assert_eq!(store.put_tasks(&[new()]).await.unwrap().len(), 1);
    sqlx::query("UPDATE worker_tokens SET expires_at = clock_timestamp() + interval '1 second'")
        .execute(&pool)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(store.put_tasks(&[new()]).await.unwrap().is_empty(), "its token has expired");
    sqlx::query("UPDATE worker_tokens SET expires_at = clock_timestamp() + interval '1 day'")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(worker.status_of(completed(&task, "made")).await, "committed");
    assert!(store.end_worker_session(session).await.unwrap());
    assert!(!store.end_worker_session(session).await.unwrap(), "it was over before");
    assert!(store.put_tasks(&[new()]).await.unwrap().is_empty(), "it is ending");
    server.stop().await;
}

/// The lease of 20 s, and two sweeps: by waiting, where there is time for it.
#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_a_killed_worker_ran_is_begun_by_another_within_fifty_seconds(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let killed = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    let run = server.anna.start(&template, "x").await;
    let task = killed.one().await;
    killed.beat(&[json!({"token": task["token"]})], 0).await;
    if !is_long() {
        let short = "UPDATE workers SET lease = interval '2 seconds' WHERE id = $1::uuid";
        sqlx::query(short).bind(uuid::Uuid::parse_str(&killed.session).unwrap()).execute(&pool).await.unwrap();
    }
    let lease = Duration::from_secs(if is_long() { 20 } else { 2 });
    let (began, within) = (Instant::now(), Duration::from_secs(if is_long() { 50 } else { 15 }));
    let other = register(&killed.client, &[summarize()]).await;
    let mut again = Vec::new();
    while again.is_empty() && began.elapsed() < within {
        // Nobody beats for the one that is gone.
        other.beat(&[], 0).await;
        again = other.claim(1, 3_000).await;
    }
    let waited = began.elapsed();
    assert_eq!(again.len(), 1, "it came in {waited:?}");
    assert!(waited > lease.saturating_sub(Duration::from_secs(1)) && waited <= within, "{waited:?}");
    assert_eq!(again[0]["attempt"], 2);
    assert_eq!(other.status_of(completed(&again[0], "made")).await, "committed");
    let view = server.anna.settled(&run).await;
    assert_eq!(step(&view, "digest")["attempts"][0]["outcome"], "lost");
    killed.client.post(&killed.path("beat"), json!({})).await.problem(410, "session_gone");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_worker_that_registers_over_and_over_leaves_few_sessions_behind(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let worker = accepted(&server, &[summarize()]).await;
    let token: uuid::Uuid = sqlx::query_scalar("SELECT token_id FROM workers WHERE id = $1::uuid")
        .bind(uuid::Uuid::parse_str(&worker.session).unwrap())
        .fetch_one(&pool)
        .await
        .unwrap();
    let dead = "WITH made AS (
            INSERT INTO workers (id, state, started_at, beat_at, lease, token_id)
            SELECT gen_random_uuid(), 'dead', now(), now() - n * interval '1 second', interval '20 seconds', $1
            FROM generate_series(1, 30000) n RETURNING id
        )
        INSERT INTO worker_sessions (id, token_id, name, host, pid, sdk, slots, labels, queues, agents, state, timeline)
        SELECT id, $1, 'x', '', 0, '{}', 1, '{}', '{}', '[]', 'working', 0 FROM made";
    sqlx::query(dead).bind(token).execute(&pool).await.unwrap();
    sqlx::query("ANALYZE workers").execute(&pool).await.unwrap();
    let counts = format!("EXPLAIN SELECT count(*) FROM workers WHERE token_id = '{token}' AND state = 'alive'");
    let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(counts)).fetch_all(&pool).await.unwrap();
    assert!(plan.iter().any(|line| line.contains("workers_of_token")), "{plan:#?}");
    register(&worker.client, &[summarize()]).await;
    let store = Store::from_pool(pool.clone());
    store.clean_outside().await.unwrap();
    let count = async |state: &str| -> i64 {
        let sql = "SELECT count(*) FROM workers WHERE token_id IS NOT NULL AND state = $1";
        sqlx::query_scalar(sql).bind(state).fetch_one(&pool).await.unwrap()
    };
    assert_eq!((count("dead").await, count("alive").await), (100, 3));
    let n: i64 = sqlx::query_scalar("SELECT count(*) FROM worker_sessions").fetch_one(&pool).await.unwrap();
    assert_eq!(n, 103, "their sessions went with them");
    until("it goes on", || async { worker.beat(&[], 0).await["session"] == "ok" }).await;
    assert_eq!(server.anna.get(&format!("{RUNS}/{}", uuid::Uuid::nil())).await.status, 404);
    server.stop().await;
}
