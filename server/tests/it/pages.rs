//! Pages, probes and the headers around every answer.

use axum::body::Body;
use base64::{Engine, engine::general_purpose::URL_SAFE};
use http::{HeaderMap, HeaderName, Method, header};
use serde_json::{Value, json};
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
        let rest = "'wasm-unsafe-eval'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
        assert!(policy.ends_with(rest), "{policy}");
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

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_sign_in_page_says_nothing_that_an_address_wants_it_to_say(pool: PgPool) {
    let server = Server::start(pool).await;
    let shown = async |error: Value| {
        let error = URL_SAFE.encode(error.to_string());
        page(&server.nobody, &format!("/login?__path=/_fn/login&__err={}", error.replace('=', "%3D"))).await.text()
    };
    let words = "Call 555 0100 to unlock your account";
    for error in [
        json!({"status": 401, "code": "wrong_credentials", "detail": words, "field": null, "problems": [], "id": words}),
        json!({"status": 422, "code": "invalid", "detail": words, "field": "password", "problems": [], "id": words}),
        json!({"status": 422, "code": "invalid", "detail": words, "field": words, "problems": [], "id": null}),
        json!({"status": 422, "code": words, "detail": words}),
        json!(words),
    ] {
        let html = shown(error.clone()).await;
        assert!(html.contains("Sign in"), "{error}");
        // The address itself is repeated nowhere either.
        assert!(!html.contains("555"), "{error}");
    }
    let known = json!({"status": 401, "code": "wrong_credentials", "detail": "x", "problems": []});
    assert!(
        shown(known).await.contains("The email or the password is wrong"),
        "a plain form still says what was wrong"
    );
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_page_is_compressed_but_for_other_sites(pool: PgPool) {
    let server = Server::start(pool).await;
    let anna = server.browser(ANNA).await;
    let coding = async |path: &str, takes: &'static str, site: Option<&'static str>| {
        let headers = [(header::ACCEPT, "text/html"), (header::ACCEPT_ENCODING, takes)]
            .into_iter()
            .chain(site.map(|site| (HeaderName::from_static("sec-fetch-site"), site)));
        let headers = headers.map(|(name, value)| (name, value.parse().unwrap())).collect();
        let answer = anna.send(Method::GET, path, headers, Body::empty()).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}");
        answer.headers.get(header::CONTENT_ENCODING).map(|coding| coding.to_str().unwrap().to_owned())
    };
    for (takes, site, expected) in [
        ("gzip, deflate, br, zstd", Some("none"), Some("br")),
        ("gzip", Some("same-origin"), Some("gzip")),
        ("br", None, Some("br")),
        ("identity", Some("none"), None),
        ("br", Some("cross-site"), None),
        ("br", Some("same-site"), None),
    ] {
        assert_eq!(coding("/dashboard", takes, site).await.as_deref(), expected, "{takes} {site:?}");
    }
    // Answers to programs are as they were.
    assert_eq!(coding("/api/me", "br", Some("none")).await, None);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_a_page_loads_is_kept_for_good_and_nothing_else_is(pool: PgPool) {
    let server = Server::start(pool).await;
    let html = page(&server.nobody, "/login").await.text();
    let mut n_kept = 0;
    for address in html.split('"').filter(|part| part.starts_with('/') && part.contains('.')) {
        let path = address.split('#').next().unwrap();
        let answer = server.nobody.get(path).await;
        // Without a built site there are no files.
        if answer.status.as_u16() == 200 {
            assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
            n_kept += 1;
        }
    }
    let is_built = server.nobody.get("/site.json").await;
    if is_built.status.as_u16() == 200 {
        assert_eq!(is_built.header("cache-control"), "no-cache");
        assert!(n_kept >= 5, "script, program, style, icons and favicon: {n_kept}");
    }
    assert_eq!(page(&server.nobody, "/login").await.header("cache-control"), "no-store");
    for gone in ["/icons.svg", "/pkg/weft.js", "/pkg/weft.css"] {
        assert_ne!(
            server.nobody.get(gone).await.header("cache-control"),
            "public, max-age=31536000, immutable",
            "{gone}"
        );
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_is_there_without_a_script_and_says_what_it_lacks(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let run = server.anna.start(&template, "quiet rain").await;
    server.anna.settled(&run).await;
    let anna = server.browser(ANNA).await;
    let html = page(&anna, &format!("/runs/{run}?step=shout")).await.text();
    // What a script would read is nothing that is seen.
    let seen: String =
        html.split("<script").map(|part| part.split_once("</script>").map_or(part, |(_, rest)| rest)).collect();
    let said = seen.split("<noscript>").nth(1).unwrap().split("</noscript>").next().unwrap();
    assert!(said.contains("This page needs JavaScript"), "{said}");
    assert!(said.contains(&format!("href=\"/api/workflows/runs/{run}/report.html\"")), "{said}");
    assert!(seen.contains("Completed") && seen.contains("QUIET RAIN"), "{seen}");
    assert!(seen.contains("Shout v1") && !seen.contains("shout v1"), "an agent is called by its name: {seen}");
    let other = page(&anna, "/dashboard").await.text();
    assert!(!other.contains("<noscript>"), "pages that work without one say nothing");
    server.stop().await;
}
