//! Pages, probes and the headers around every answer.

use axum::body::Body;
use http::{HeaderMap, Method, header};
use sqlx::PgPool;

use crate::harness::{ADMIN, ANNA, Answer, Client, Server};

async fn page(client: &Client, path: &str) -> Answer {
    let headers: HeaderMap = [(header::ACCEPT, "text/html".parse().unwrap())].into_iter().collect();
    client.send(Method::GET, path, headers, Body::empty()).await
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn every_script_of_a_page_carries_the_nonce_of_its_policy(pool: PgPool) {
    let server = Server::start(pool).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let answer = page(&server.nobody, "/login").await;
        assert_eq!(answer.status.as_u16(), 200);
        let policy = answer.header("content-security-policy").to_owned();
        assert!(policy.starts_with("default-src 'self'; script-src 'self' 'nonce-"), "{policy}");
        assert!(policy.ends_with("'wasm-unsafe-eval'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"));
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let html = answer.text();
        for script in html.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains(&nonce) || tag.contains("src=\"/"), "<script{tag}>");
        }
        assert!(!html.contains(" style=\""), "the policy lets no inline style through");
        seen.push(nonce);
    }
    assert_ne!(seen[0], seen[1]);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn pages_are_for_those_who_are_signed_in_and_admin_pages_for_admins(pool: PgPool) {
    let server = Server::start(pool).await;
    for path in ["/dashboard", "/admin/users", "/account", "/"] {
        let answer = page(&server.nobody, path).await;
        assert!(answer.status.is_redirection(), "{path}: {}", answer.status);
    }
    assert!(page(&server.nobody, "/dashboard").await.header("location").starts_with("/login"));
    let (anna, admin) = (server.browser(ANNA).await, server.browser(ADMIN).await);
    assert_eq!(page(&anna, "/dashboard").await.status.as_u16(), 200);
    assert_eq!(page(&anna, "/admin/users").await.status.as_u16(), 404);
    assert_eq!(page(&admin, "/admin/users").await.status.as_u16(), 200);
    assert_eq!(page(&anna, "/no/such/page").await.status.as_u16(), 404);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn every_answer_carries_the_protecting_headers(pool: PgPool) {
    let server = Server::start(pool).await;
    for path in ["/login", "/api/me", "/api/nothing", "/healthz", "/nothing"] {
        let answer = server.nobody.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_probes_tell_the_process_from_the_database(pool: PgPool) {
    let server = Server::start(pool).await;
    assert_eq!(server.nobody.get("/healthz").await.status.as_u16(), 200);
    assert_eq!(server.nobody.get("/readyz").await.status.as_u16(), 200);
    server.store.close().await;
    assert_eq!(server.nobody.get("/healthz").await.status.as_u16(), 200);
    server.nobody.get("/readyz").await.problem(503, "unavailable");
    let down = server.anna.get("/api/me").await;
    down.problem(503, "unavailable");
    assert_eq!(down.header("retry-after"), "2");
}
