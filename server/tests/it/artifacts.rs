//! Artifacts over REST: with their content, and as files that no browser runs.

use sqlx::PgPool;

use crate::harness::Server;

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
