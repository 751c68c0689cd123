//! The quotas of a person over HTTP: the answer says what is used up, when to come back, and what to do; others do not notice.

use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::json;
use server::http::Requests;
use sqlx::PgPool;
use store::{Store, quotas::Limits};
use workflow::access::Scope;

use crate::harness::{ADMIN, ANNA, Answer, RUNS, Server};

async fn start_within(pool: PgPool, limits: Limits) -> Server {
    Server::start_within(pool.clone(), Store::from_pool(pool).within(limits), Requests::default()).await
}

/// Seconds of the `Retry-After`.
#[track_caller]
fn retry_after(answer: &Answer) -> u64 {
    answer.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn one_run_too_many_is_refused_with_what_to_do_and_the_same_request_is_not(pool: PgPool) {
    const MAX: i64 = 100;
    let server = start_within(pool, Limits { running_runs: Some(MAX), ..Limits::default() }).await;
    // A gate keeps every run under way.
    let template = server.shouting_template("always").await;
    let body = json!({"template_id": template, "inputs": {"text": "hi"}});
    for n in 0..MAX {
        server.anna.post_under(&format!("run-{n}"), RUNS, &body).await.expect(201);
    }
    let refused = server.anna.post_under("one-more", RUNS, &body).await;
    let problem = refused.expect(429);
    assert_eq!(problem["code"], "quota_exceeded");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("100 runs under way") && detail.contains("cancel"), "{detail}");
    assert!(retry_after(&refused) > 0);
    server.anna.post_under("run-0", RUNS, &body).await.expect(200);
    server.ben.post(RUNS, body.clone()).await.expect(201);

    let runs = server.anna.get(&format!("{RUNS}?limit=1")).await.expect(200);
    let run = runs["runs"][0]["id"].as_str().unwrap().to_owned();
    server.anna.post(&format!("{RUNS}/{run}/cancel"), json!({})).await.expect(200);
    server.anna.post_under("one-more", RUNS, &body).await.expect(201);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_day_of_bytes_is_refused_until_it_ends(pool: PgPool) {
    const MAX: i64 = 1 << 20;
    let server = start_within(pool.clone(), Limits { bytes_per_day: Some(MAX), ..Limits::default() }).await;
    let template = server.shouting_template("never").await;
    let body = |n: usize| json!({"template_id": template, "inputs": {"text": "x".repeat(n)}});
    server.anna.post(RUNS, body(800_000)).await.expect(201);
    let refused = server.anna.post(RUNS, body(800_000)).await;
    let problem = refused.expect(429);
    assert_eq!(problem["code"], "quota_exceeded");
    assert!(problem["detail"].as_str().unwrap().contains("1 MiB"), "{problem}");
    assert!((1..=24 * 3600).contains(&retry_after(&refused)));
    let runs = server.anna.get(RUNS).await.expect(200);
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1, "nothing was stored");
    server.anna.post(RUNS, body(10)).await.expect(201);
    server.ben.post(RUNS, body(800_000)).await.expect(201);
    sqlx::query("UPDATE user_days SET day = day - 1").execute(&pool).await.unwrap();
    server.anna.post(RUNS, body(800_000)).await.expect(201);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_burst_of_one_person_is_refused_over_all_credentials_while_others_are_served(pool: PgPool) {
    // So few that none comes back while the test goes on.
    let server = Server::start_within(pool.clone(), Store::from_pool(pool), Requests::new(Some(1))).await;
    let browser = server.browser(ANNA).await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(server.anna.get("/api/me").await.status);
    }
    let n_served = statuses.iter().filter(|status| **status == StatusCode::OK).count();
    assert!((4..20).contains(&n_served), "{statuses:?}");
    let refused = async |method: Method, path: &str, accept: &str| {
        let headers: HeaderMap = [(header::ACCEPT, accept.parse().unwrap())].into_iter().collect();
        for _ in 0..20 {
            let answer = browser.send(method.clone(), path, headers.clone(), Body::empty()).await;
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                return answer;
            }
        }
        panic!("{path} is never refused");
    };
    let problem = refused(Method::GET, "/api/me", "*/*").await;
    assert_eq!(problem.expect(429)["code"], "too_many_requests");
    assert!(retry_after(&problem) > 0);
    for path in ["/dashboard", "/no/such/page"] {
        let page = refused(Method::GET, path, "text/html").await;
        assert!(page.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"), "{path}");
        assert!(page.text().contains("more slowly") && retry_after(&page) > 0, "{path}: {}", page.text());
    }
    let function = refused(Method::POST, "/_fn/my_runs", "application/json").await;
    assert_eq!(function.expect(429)["code"], "too_many_requests", "in the form that the app reads");
    server.ben.get("/api/me").await.expect(200);
    server.nobody.get("/api/me").await.expect(401);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_token_for_metrics_alone_is_counted_where_it_is_refused_too(pool: PgPool) {
    let server = Server::start_within(pool.clone(), Store::from_pool(pool), Requests::new(Some(1))).await;
    let scraper = server.program(ADMIN, &[Scope::Metrics]).await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(scraper.get("/api/me").await.status);
    }
    assert!(statuses.contains(&StatusCode::FORBIDDEN), "{statuses:?}");
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_takes_the_database_too_long_is_given_up_with_words(pool: PgPool) {
    let options = sqlx::postgres::PgConnectOptions::clone(&pool.connect_options());
    let store = Store::connect_with(options, 4, Some(Duration::from_secs(1))).await.unwrap();
    let server = Server::start_within(pool.clone(), store.clone(), Requests::default()).await;
    let mut holding = pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE workflow_templates").execute(&mut *holding).await.unwrap();
    let given_up = server.admin.get("/api/workflows/templates").await;
    let problem = given_up.expect(503);
    assert_eq!(problem["code"], "unavailable");
    assert!(problem["detail"].as_str().unwrap().contains("too long"), "{problem}");
    assert!(retry_after(&given_up) > 0);
    holding.rollback().await.unwrap();
    server.admin.get("/api/workflows/templates").await.expect(200);
    server.stop().await;
    store.close().await;
}
