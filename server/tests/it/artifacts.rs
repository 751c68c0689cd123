//! Artifacts over REST: with their content, and as files that no browser runs.

use axum::{body::Body, response::Response};
use http::Request;
use http_body_util::BodyExt;
use sqlx::PgPool;
use tower::ServiceExt;

use crate::harness::{Client, Server};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_artifact_is_read_and_saved_as_a_file(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let run = server.anna.start(&template, "<script>alert(1)</script>").await;
    let view = server.anna.settled(&run).await;
    let artifact = &view["artifacts"][0];
    let path = format!("/api/workflows/runs/{run}/artifacts/{}", artifact["id"].as_str().unwrap());
    let shown = server.anna.get(&path).await.expect(200);
    assert_eq!(shown["content"], "<SCRIPT>ALERT(1)</SCRIPT>");
    assert_eq!(shown["content_hash"], artifact["content_hash"]);
    for field in ["name", "version", "is_latest", "media_type", "size", "producing_step_id"] {
        assert_eq!(shown[field], artifact[field], "{field}");
    }

    let file = server.anna.get(&format!("{path}?download")).await;
    assert_eq!(file.text(), "<SCRIPT>ALERT(1)</SCRIPT>");
    assert!(file.header("content-disposition").starts_with("attachment; filename=\"again-text-v1."));
    assert!(file.header("content-security-policy").starts_with("sandbox"));
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    assert_eq!(file.header("content-type"), "text/plain; charset=utf-8");

    // Its id under another run is nowhere.
    let other = server.anna.start(&template, "x").await;
    let elsewhere = format!("/api/workflows/runs/{other}/artifacts/{}", artifact["id"].as_str().unwrap());
    server.anna.get(&elsewhere).await.problem(404, "not_found");
    server.stop().await;
}

/// An answer of which nothing is taken yet.
async fn begun(server: &Server, client: &Client, path: &str) -> Response {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    *request.headers_mut() = client.headers();
    server.router.clone().oneshot(request).await.unwrap()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn answers_that_nobody_takes_hold_no_more_than_a_person_s_share(pool: PgPool) {
    const SIZE: u64 = 8 * 1024 * 1024;
    let server = Server::start(pool.clone()).await;
    let template = server.shouting_template("never").await;
    let mut paths = Vec::new();
    for client in [&server.anna, &server.ben] {
        let run = client.start(&template, "x").await;
        let view = client.settled(&run).await;
        let id = view["artifacts"][0]["id"].as_str().unwrap().to_owned();
        paths.push(format!("/api/workflows/runs/{run}/artifacts/{id}?download"));
    }
    sqlx::query("UPDATE artifacts SET content = convert_to(repeat('x', $1), 'UTF8'), size = $1")
        .bind(i32::try_from(SIZE).unwrap())
        .execute(&pool)
        .await
        .unwrap();
    let mut untaken = Vec::new();
    let refused = loop {
        let response = begun(&server, &server.anna, &paths[0]).await;
        if response.status() != 200 {
            break response;
        }
        assert_eq!(hyper::body::Body::size_hint(response.body()).exact(), Some(SIZE), "its length is told");
        untaken.push(response);
        assert!(untaken.len() < 20, "it is never refused");
    };
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(untaken.len(), 7, "of 64 MiB, and each takes 16 until it is made");
    // Others have their own share, and what was taken or given up is room again.
    let theirs = begun(&server, &server.ben, &paths[1]).await;
    assert_eq!(theirs.into_body().collect().await.unwrap().to_bytes().len() as u64, SIZE);
    let taken = untaken.pop().unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(taken.len() as u64, SIZE);
    assert_eq!(begun(&server, &server.anna, &paths[0]).await.status(), 200);
    drop(untaken);
    server.stop().await;
}
