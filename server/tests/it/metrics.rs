//! What a scrape tells after work was done, and that a token for it opens nothing else.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;
use server::metrics;
use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;
use workflow::access::Scope;

use crate::{
    harness::{ADMIN, ANNA, Client, Server},
    worker::{accepted, completed, summarize, until, workflow},
};

/// A scrape, once it has a line that begins so.
async fn scrape_with(client: &Client, begins: &str) -> String {
    let has = |text: &str| text.lines().any(|line| line.starts_with(begins));
    until(&format!("a scrape tells `{begins}`"), || async { has(&client.get("/metrics").await.text()) }).await;
    client.get("/metrics").await.text()
}

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|told| told == line), "`{line}` is not in\n{text}");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_scrape_tells_what_was_done_and_what_waits_and_names_no_run(pool: PgPool) {
    let server = Server::start(pool).await;
    let scraper = server.program(ADMIN, &[Scope::Metrics]).await;
    let before = scraper.get("/metrics").await;
    assert_eq!(before.status, 200);
    assert!(before.header("content-type").starts_with("application/openmetrics-text; version=1.0.0"));
    for line in [
        r#"weft_steps_ready{queue="template",agent="none"} 0.0"#,
        r#"weft_reviews_waiting{workflow="none"} 0.0"#,
        r#"weft_worker_slots{workers="inside"} 64.0"#,
        "weft_steps_running 0.0",
        "weft_live_sockets 0.0",
        "weft_database_up 1.0",
        "weft_claim_seconds_count 0",
    ] {
        has(&before.text(), line);
    }
    let template = server.shouting_template("never").await;
    let run = server.anna.start(&template, "hi").await;
    assert_eq!(server.anna.settled(&run).await["status"], "completed");
    let text = scrape_with(&scraper, r#"weft_runs_total{status="completed"} 1"#).await;
    has(&text, r#"weft_attempts_total{agent="shout",outcome="succeeded",class="none"} 2"#);
    has(&text, "weft_claim_seconds_count 2");
    assert!(text.ends_with("# EOF\n"), "{text}");
    let gate = server.shouting_template("always").await;
    let waiting = server.anna.start(&gate, "hi").await;
    server.anna.settled(&waiting).await;
    let text = scrape_with(&scraper, r#"weft_reviews_waiting{workflow="shouting"#).await;
    let docs = include_str!("../../../docs/metrics.md");
    for told in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = told.split_once(' ').unwrap();
        let named = if kind == "counter" { format!("`{name}_total`") } else { format!("`{name}`") };
        assert!(docs.contains(&named), "docs/metrics.md does not tell of {named}");
    }
    assert!(!text.contains(&run) && !text.contains(&waiting), "no label has a run's id:\n{text}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_outside_workers_do_and_use_is_counted_and_their_queues_are_told(pool: PgPool) {
    let server = Server::start(pool).await;
    let scraper = server.program(ADMIN, &[Scope::Metrics]).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    server.anna.start(&template, "one").await;
    server.anna.start(&template, "two").await;
    let task = worker.one().await;
    let text = scrape_with(&scraper, r#"weft_steps_ready{queue="worker",agent="summarize"} 1"#).await;
    has(&text, r#"weft_workers{agent="summarize"} 2.0"#);
    has(&text, r#"weft_worker_slots{workers="outside"} 16.0"#);
    has(&text, r#"weft_worker_slots_used{workers="outside"} 1.0"#);
    has(&text, "weft_steps_running 1.0");
    let mut result = completed(&task, "made");
    result["usage"] = json!({"model": "gpt-5", "prompt_tokens": 12, "completion_tokens": 40, "cost_micros": 130});
    assert_eq!(worker.status_of(result).await, "committed");
    let text = scrape_with(&scraper, r#"weft_attempts_total{agent="summarize",outcome="succeeded""#).await;
    for line in [
        r#"weft_tokens_total{model="gpt-5",kind="prompt"} 12"#,
        r#"weft_tokens_total{model="gpt-5",kind="completion"} 40"#,
        r#"weft_cost_micros_total{currency="none"} 130"#,
    ] {
        has(&text, line);
    }
    let next = worker.one().await;
    let failure = json!({"class": "rate_limit", "message": "slower", "no_retry": true});
    let failed = json!({"token": next["token"], "outcome": "failed", "error": failure});
    assert_eq!(worker.status_of(failed).await, "committed");
    scrape_with(&scraper, r#"weft_attempts_total{agent="summarize",outcome="failed",class="rate_limit"} 1"#).await;
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_token_for_metrics_opens_two_addresses_and_pages_and_sockets_are_none_of_them(pool: PgPool) {
    let server = Server::start(pool).await;
    let scraper = server.program(ADMIN, &[Scope::Metrics]).await;
    let zero = json!({"queued": 0, "running": 0, "oldest_s": 0, "workers": 0, "slots_free": 0});
    let queues = scraper.get("/api/queues?agents=summarize").await.expect(200);
    assert_eq!(queues, json!({"summarize": zero}), "KEDA needs zeros");
    for path in ["/", "/dashboard", "/api/me", "/api/live", "/api/workers", "/api/audit", "/api/nothing", "/metrics/x"]
    {
        let problem = scraper.get(path).await.problem(403, "insufficient_scope");
        assert!(problem["detail"].as_str().unwrap().contains("`read`"), "{path}: {problem}");
    }
    scraper.post("/_fn/current_user", json!({})).await.problem(403, "insufficient_scope");
    let audit = server.admin.get("/api/audit?action=access.refused").await.expect(200);
    assert!(!audit["entries"].as_array().unwrap().is_empty(), "what it was refused is noted");
    server.anna.get("/metrics").await.problem(403, "forbidden");
    server.nobody.get("/metrics").await.problem(401, "unauthenticated");
    server.program(ADMIN, &[Scope::Run]).await.get("/metrics").await.problem(403, "insufficient_scope");
    assert_eq!(server.browser(ADMIN).await.get("/metrics").await.status, 200);
    assert_eq!(server.browser(ANNA).await.get("/metrics").await.status, 403);
    server.stop().await;
}

/// What a listener answers to a request by hand.
async fn asked(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: weft\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_listener_of_its_own_tells_metrics_to_everybody_and_nothing_else(pool: PgPool) {
    let server = Server::start(pool).await;
    let listener = metrics::open("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.address().unwrap();
    assert!(metrics::open(address).await.unwrap_err().to_string().contains("WEFT_METRICS_ADDR"));
    let stop = CancellationToken::new();
    let serving = listener.serve(server.metrics.clone(), stop.clone());
    let told = asked(address, "/metrics").await;
    assert!(told.starts_with("HTTP/1.1 200") && told.contains("weft_database_up 1.0"), "{told}");
    assert!(asked(address, "/healthz").await.starts_with("HTTP/1.1 200"));
    for path in ["/", "/api/queues", "/api/me", "/login"] {
        assert!(asked(address, path).await.starts_with("HTTP/1.1 404"), "{path}");
    }
    stop.cancel();
    serving.await.unwrap();
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn whoever_hangs_up_and_asks_again_makes_it_look_once(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    // The others wait for the table that is held.
    let apart = PgPool::connect_with(PgConnectOptions::clone(&pool.connect_options())).await.unwrap();
    let looks = async || -> i64 {
        let waiting = r#"SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%"oldest_s!"%FROM steps s%'"#;
        sqlx::query_scalar(waiting).fetch_one(&apart).await.unwrap()
    };
    let mut held = apart.begin().await.unwrap();
    sqlx::query("LOCK TABLE steps IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    for _ in 0..5 {
        // Nobody waits for the answer.
        let _ = tokio::time::timeout(Duration::from_millis(20), server.metrics.tell()).await;
    }
    until("a look waits", || async { looks().await > 0 }).await;
    assert_eq!(looks().await, 1);
    // Longer than anybody waits for it: it is told as a database that does not answer, and not looked at again.
    let told = server.metrics.tell().await.unwrap();
    has(&told, "weft_database_up 0.0");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    has(&server.metrics.tell().await.unwrap(), "weft_database_up 0.0");
    assert_eq!(looks().await, 1);
    held.rollback().await.unwrap();
    server.stop().await;
}
