//! Worker tokens: who makes one, what ends it, and what its workers may send in a day.

use http::{Method, header};
use serde_json::{Value, json};
use server::http::Requests;
use service::{users, worker::limits};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use store::{Store, quotas::Limits};
use workflow::access::{Role, Scope};

use super::{Worker, accepted, register, summarize, token, until};
use crate::harness::{ADMIN, ANNA, Client, PASSWORD, Server};

const TOKENS: &str = "/api/worker-tokens";

fn wanted() -> Value {
    json!({"name": "reports", "agents": ["*"]})
}

/// A worker of a token that this person makes on the page.
async fn worker_of(browser: &Client, server: &Server) -> Worker {
    let made = browser.post(TOKENS, wanted()).await.expect(201);
    register(&server.nobody.with_token(made["token"].as_str().unwrap()), &[summarize()]).await
}

async fn is_refused(worker: &Worker) -> bool {
    worker.client.post(&worker.path("beat"), json!({})).await.status == 401
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn one_is_made_only_in_a_session_shortly_after_the_password_was_given(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    for scope in Scope::ALL {
        let program = server.program(ADMIN, &[scope]).await;
        let code = if scope == Scope::Metrics { "insufficient_scope" } else { "session_required" };
        program.post(TOKENS, wanted()).await.problem(403, code);
    }
    server.browser(ANNA).await.post(TOKENS, wanted()).await.problem(403, "forbidden");
    let admin = server.browser(ADMIN).await;
    let by = admin.post(TOKENS, wanted()).await.expect(201)["view"]["created_by"].clone();
    assert_eq!(by, ADMIN);
    sqlx::query("UPDATE sessions SET confirmed_at = now() - interval '11 minutes'").execute(&pool).await.unwrap();
    admin.post(TOKENS, wanted()).await.problem(403, "confirm_password");
    let n: i64 = sqlx::query_scalar("SELECT count(*) FROM worker_tokens").fetch_one(&pool).await.unwrap();
    assert_eq!(n, 1, "what was refused made none");
    assert_eq!(admin.post("/api/me/confirm", json!({"password": PASSWORD})).await.status, 204);
    admin.post(TOKENS, wanted()).await.expect(201);
    let audit = server.admin.get("/api/audit?action=worker_token.created").await.expect(200);
    assert_eq!(audit["entries"][0]["data"]["via"], "session");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_ends_the_credentials_of_its_maker_ends_it_and_its_sessions_and_no_others(pool: PgPool) {
    let server = Server::start(pool).await;
    let ctx = server.service.system_context().await.unwrap();
    let of_operator = accepted(&server, &[summarize()]).await;
    let made = server.admin.get("/api/users").await.expect(200);
    let anna = made.as_array().unwrap().iter().find(|user| user["email"] == ANNA).unwrap()["id"].clone();
    let anna = anna.as_str().unwrap().parse().unwrap();
    for end in ["demoted", "disabled", "password"] {
        users::set_role(&ctx, anna, Role::Admin).await.unwrap();
        let browser = server.browser(ANNA).await;
        let made = browser.post(TOKENS, json!({"name": end, "agents": [format!("{end}-*")]})).await.expect(201);
        let mut offer = summarize();
        offer["id"] = json!(format!("{end}-a"));
        let worker = register(&server.nobody.with_token(made["token"].as_str().unwrap()), &[offer]).await;
        assert!(!is_refused(&worker).await);
        match end {
            "demoted" => users::set_role(&ctx, anna, Role::User).await.map(|_| ()).unwrap(),
            "disabled" => {
                users::set_disabled(&ctx, anna, true).await.unwrap();
                users::set_disabled(&ctx, anna, false).await.unwrap();
            }
            _ => users::reset_password(&ctx, anna, format!("{PASSWORD} 2").into()).await.unwrap(),
        }
        let began = std::time::Instant::now();
        until("its workers are refused", || is_refused(&worker)).await;
        assert!(began.elapsed().as_secs() < 5, "{end}: {:?}", began.elapsed());
        let sessions = server.admin.get("/api/workers").await.expect(200);
        let of = |session: &str| {
            let known = sessions.as_array().unwrap().iter();
            known.clone().find(|one| one["id"] == session).unwrap()["state"].clone()
        };
        assert_eq!((of(&worker.session), of(&of_operator.session)), (json!("gone"), json!("working")), "{end}");
        let audit = server.admin.get("/api/audit?action=worker_token.revoked").await.expect(200);
        assert_eq!(audit["entries"][0]["subject"], made["view"]["id"], "{end}");
    }
    assert!(!is_refused(&of_operator).await, "what the operator made is nobody's");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_claim_that_is_held_when_its_token_expires_is_answered_and_takes_nothing(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let admin = server.browser(ADMIN).await;
    let worker = worker_of(&admin, &server).await;
    worker.accept(&server, "summarize").await;
    let template = super::workflow(&server, "summarize", json!({})).await;
    let worker = register(&worker.client, &[summarize()]).await;
    sqlx::query("UPDATE worker_tokens SET expires_at = clock_timestamp() + interval '4 seconds'")
        .execute(&pool)
        .await
        .unwrap();
    // What was read of it is believed for a moment.
    tokio::time::sleep(limits::TOKEN_FRESH).await;
    let began = std::time::Instant::now();
    assert_eq!(worker.claim_raw(1, 30_000).await.status, 204);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    let run = server.anna.start(&template, "x").await;
    assert_eq!(worker.claim_raw(1, 5_000).await.status, 401);
    let view = server.anna.get(&format!("{}/{run}", crate::harness::RUNS)).await.expect(200);
    assert_eq!(crate::harness::step(&view, "digest")["attempts"], json!([]), "nobody had it");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_the_workers_of_a_token_send_in_a_day_is_bounded_for_all_of_them_together(pool: PgPool) {
    let limits = Limits { token_bytes_per_day: Some(3 << 20), ..Limits::default() };
    let store = Store::from_pool(pool.clone()).within(limits);
    let server = Server::start_within(pool.clone(), store, Requests::default()).await;
    let worker = accepted(&server, &[summarize()]).await;
    let other = register(&worker.client, &[summarize()]).await;
    let content = |n: u8, size: usize| {
        let bytes = vec![n; size];
        (hex::encode(Sha256::digest(&bytes)), bytes)
    };
    let (hash, bytes) = content(1, 2 << 20);
    assert_eq!(worker.put(&hash, bytes).await.status, 204);
    // Another session of the same token, and one piece of it would still have fit.
    let (hash, bytes) = content(2, (1 << 20) + 1);
    let refused = other.put(&hash, bytes).await;
    let problem = refused.problem(429, "quota_exceeded");
    assert!(problem["detail"].as_str().unwrap().contains("3 MiB"), "{problem}");
    let seconds: u64 = refused.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&seconds), "{seconds}");
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM blobs WHERE hash LIKE 'upload:%'").fetch_one(&pool).await.unwrap();
    assert_eq!(left, 0, "nothing is left of what was refused");
    assert_eq!(other.get(&hash, None).await.status, 404);
    // Even what broke off was counted; another token has a day of its own.
    let (hash, bytes) = content(3, 10);
    other.put(&hash, bytes.clone()).await.problem(429, "quota_exceeded");
    let (client, _) = token(&server, &["other"]).await;
    let mut offer = summarize();
    offer["id"] = json!("other");
    assert_eq!(register(&client, &[offer]).await.put(&hash, bytes.clone()).await.status, 204);
    // It is counted in the database, and begins anew with the day.
    sqlx::query("UPDATE worker_token_days SET day = day - 1").execute(&pool).await.unwrap();
    assert_eq!(other.put(&hash, bytes).await.status, 204);
    let revoke = server.admin.json(Method::DELETE, &format!("{TOKENS}/{}", uuid::Uuid::nil()), &json!({})).await;
    assert_eq!(revoke.status, 404);
    server.stop().await;
}
