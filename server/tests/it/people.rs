//! Signing in and out, sessions, tokens, first run, and the same-origin check.

use axum::body::Body;
use http::{HeaderMap, Method, header};
use serde_json::json;
use sqlx::PgPool;

use crate::harness::{ADMIN, ANNA, BEN, PASSWORD, Server, form};

const FORM: &str = "application/x-www-form-urlencoded";

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn signing_in_gives_a_cookie_that_signing_out_ends(pool: PgPool) {
    let server = Server::start(pool).await;
    let body = form(&[("email", ANNA), ("password", PASSWORD)]);
    let answer = server.nobody.bytes(Method::POST, "/_fn/login", FORM, body).await;
    assert!(answer.status.is_success() || answer.status.is_redirection(), "{}", answer.text());
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let with = |origin: &str| -> HeaderMap {
        [(header::COOKIE, cookie.parse().unwrap()), (header::ORIGIN, origin.parse().unwrap())].into_iter().collect()
    };
    let me = server.nobody.send(Method::GET, "/api/me", with("http://weft.test"), Body::empty()).await;
    assert_eq!(me.expect(200)["email"], ANNA);
    let out = server.nobody.send(Method::POST, "/_fn/logout", with("http://weft.test"), Body::empty()).await;
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{}", out.text());
    let again = server.nobody.send(Method::GET, "/api/me", with("http://weft.test"), Body::empty()).await;
    again.problem(401, "unauthenticated");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn another_site_cannot_use_the_cookie(pool: PgPool) {
    let server = Server::start(pool).await;
    let anna = server.browser(ANNA).await;
    let from = |name: &'static str, value: &str| -> HeaderMap {
        [(http::HeaderName::from_static(name), value.parse().unwrap())].into_iter().collect()
    };
    let body = || Body::from(json!({"name": "stolen"}).to_string());
    for (name, value) in [
        ("origin", "http://evil.test"),
        ("origin", "http://weft.test:81"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        for (method, path) in
            [(Method::POST, "/api/tokens"), (Method::POST, "/_fn/create_token"), (Method::GET, "/_fn/list_tokens")]
        {
            let answer = anna.send(method, path, from(name, value), body()).await;
            answer.problem(403, "cross_origin");
        }
        let mut socket = from(name, value);
        socket.insert(header::UPGRADE, "websocket".parse().unwrap());
        anna.send(Method::GET, "/api/live", socket, Body::empty()).await.problem(403, "cross_origin");
    }
    anna.send(Method::POST, "/api/tokens", HeaderMap::new(), body()).await.expect(201);
    // A program with a token is no browser.
    server.anna.send(Method::GET, "/api/me", from("origin", "http://evil.test"), Body::empty()).await.expect(200);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_token_works_until_it_is_revoked(pool: PgPool) {
    let server = Server::start(pool).await;
    let anna = server.browser(ANNA).await;
    let created = anna.post("/api/tokens", json!({"name": "script"})).await.expect(201);
    assert_eq!(created["view"]["scopes"], json!(["read"]), "no more than was asked for");
    let bearer = format!("Bearer {}", created["token"].as_str().unwrap());
    let with = || -> HeaderMap { [(header::AUTHORIZATION, bearer.parse().unwrap())].into_iter().collect() };
    let me = server.nobody.send(Method::GET, "/api/me", with(), Body::empty()).await;
    assert_eq!(me.expect(200)["email"], ANNA);
    let id = created["view"]["id"].as_str().unwrap();
    let path = format!("/api/tokens/{id}");
    let ben = server.browser(BEN).await;
    ben.send(Method::DELETE, &path, HeaderMap::new(), Body::empty()).await.problem(404, "not_found");
    server.ben.send(Method::DELETE, &path, HeaderMap::new(), Body::empty()).await.problem(403, "session_required");
    anna.send(Method::DELETE, &path, HeaderMap::new(), Body::empty()).await.expect(204);
    server.nobody.send(Method::GET, "/api/me", with(), Body::empty()).await.problem(401, "unauthenticated");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_credential_that_is_wrong_is_refused_whatever_cookie_is_beside_it(pool: PgPool) {
    let server = Server::start(pool).await;
    let anna = server.browser(ANNA).await;
    let beside = |authorization: &str| -> HeaderMap {
        let mut headers = anna.headers();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        headers
    };
    let ask = async |path: &str, authorization: &str| {
        server.nobody.send(Method::GET, path, beside(authorization), Body::empty()).await
    };
    anna.get("/api/me").await.expect(200);
    for wrong in ["Bearer weft_of_nobody", "Bearer weftw_of_nobody", "Bearer", "weft_of_nobody", "Token x"] {
        for path in ["/api/me", "/api/workflows/runs", "/metrics"] {
            ask(path, wrong).await.problem(401, "unauthenticated");
        }
        let made = server.nobody.send(Method::POST, "/api/workflows/templates", beside(wrong), Body::empty()).await;
        made.problem(401, "unauthenticated");
    }
    // The token is who asks, not the cookie; and what a browser tells a proxy with every request is not for us.
    let ben = format!("Bearer {}", server.ben.token());
    assert_eq!(ask("/api/me", &ben).await.expect(200)["email"], BEN);
    assert_eq!(ask("/api/me", "Basic dTpw").await.expect(200)["email"], ANNA);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn admins_manage_people_and_the_last_admin_stays(pool: PgPool) {
    let server = Server::start(pool).await;
    let users = server.admin.get("/api/users").await.expect(200);
    let id_of = |email: &str| {
        users.as_array().unwrap().iter().find(|user| user["email"] == email).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let patch = async |email: &str, change| {
        server.admin.json(Method::PATCH, &format!("/api/users/{}", id_of(email)), &change).await
    };
    let theirs = format!("/api/users/{}/tokens", id_of(BEN));
    let listed = server.admin.get(&theirs).await.expect(200);
    let token = listed[0]["id"].as_str().unwrap();
    server.ben.get("/api/me").await.expect(200);
    let revoke = server.admin.send(Method::DELETE, &format!("{theirs}/{token}"), HeaderMap::new(), Body::empty()).await;
    revoke.expect(204);
    server.ben.get("/api/me").await.problem(401, "unauthenticated");
    assert_eq!(patch(ANNA, json!({"is_disabled": true})).await.expect(200)["is_disabled"], true);
    server.anna.get("/api/me").await.problem(401, "unauthenticated");
    patch(ADMIN, json!({"role": "user"})).await.problem(409, "conflict");
    patch(ANNA, json!({"role": "user", "is_disabled": false})).await.problem(422, "invalid");
    let weak = json!({"email": "new@example.org", "role": "user", "password": "short"});
    assert_eq!(server.admin.post("/api/users", weak).await.problem(422, "invalid")["field"], "password");
    let role = json!({"email": "new@example.org", "role": "boss", "password": PASSWORD});
    assert_eq!(server.admin.post("/api/users", role).await.problem(422, "invalid")["field"], "role");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_token_is_made_after_the_password_was_given_again(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let anna = server.browser(ANNA).await;
    sqlx::query("UPDATE sessions SET confirmed_at = now() - interval '11 minutes'").execute(&pool).await.unwrap();
    let wanted = json!({"name": "script", "scopes": ["run", "review"], "expires_in_days": 7});
    anna.post("/api/tokens", wanted.clone()).await.problem(403, "confirm_password");
    anna.post("/api/me/confirm", json!({"password": "a wrong password"})).await.problem(422, "invalid");
    anna.post("/api/me/confirm", json!({"password": PASSWORD})).await.expect(204);
    let created = anna.post("/api/tokens", wanted).await.expect(201);
    assert_eq!(created["view"]["scopes"], json!(["read", "run", "review"]));
    server.anna.post("/api/tokens", json!({"name": "another"})).await.problem(403, "session_required");
    let admin = anna.post("/api/tokens", json!({"name": "more", "scopes": ["admin"]})).await;
    assert_eq!(admin.problem(422, "invalid")["field"], "scopes");
    server.stop().await;
}
