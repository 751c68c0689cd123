//! What the database holds or does that it should not: a run edited by hand, one that a newer server wrote to, a database that takes no
//! writes, a full disk. Whoever asks is told what is the matter and when to come back; nothing is half done, and everything else goes on.

use axum::body::Body;
use http::{HeaderMap, Method, header};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgConnectOptions};
use uuid::Uuid;

use crate::harness::{ANNA, Answer, Client, RUNS, Server};

/// A run that waits at a gate.
async fn waiting(server: &Server, client: &Client) -> (String, String) {
    let template = server.shouting_template("always").await;
    let run = client.start(&template, "some words").await;
    loop {
        let view = client.get(&format!("{RUNS}/{run}")).await.expect(200);
        if view["steps"].as_array().unwrap().iter().any(|step| step["status"] == "awaiting_review") {
            return (template, run);
        }
        tokio::task::yield_now().await;
    }
}

fn id(run: &str) -> Uuid {
    run.parse().unwrap()
}

async fn n_events(pool: &PgPool, run: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM run_events WHERE run_id = $1").bind(id(run)).fetch_one(pool).await.unwrap()
}

/// Every verb that fits a run at a gate.
fn verbs(run: &str) -> [(Method, String, Value); 5] {
    let of = |path: &str| format!("{RUNS}/{run}{path}");
    [
        (Method::POST, of("/steps/shout/continue"), json!({})),
        (Method::POST, of("/steps/shout/edit"), json!({"artifacts": {"text": "edited"}})),
        (Method::POST, of("/pause"), json!({})),
        (Method::POST, of("/cancel"), json!({})),
        (Method::PATCH, of(""), json!({"auto_run": false})),
    ]
}

/// It may go well in a moment, and says when.
#[track_caller]
fn later(answer: &Answer, what: &str) -> String {
    let problem = answer.problem(503, "unavailable");
    let seconds: u64 = answer.header("retry-after").parse().unwrap_or_else(|_| panic!("{what} does not say when"));
    assert!((1..=60).contains(&seconds), "{what}");
    problem["detail"].as_str().unwrap().to_owned()
}

async fn page(client: &Client, path: &str) -> Answer {
    let headers: HeaderMap = [(header::ACCEPT, "text/html".parse().unwrap())].into_iter().collect();
    client.send(Method::GET, path, headers, Body::empty()).await
}

async fn is_listed(client: &Client, run: &str) -> bool {
    let list = client.get(RUNS).await.expect(200);
    list["runs"].as_array().unwrap().iter().any(|listed| listed["id"] == run)
}

/// Another run, from its start to its end.
async fn others_go_on(client: &Client, template: &str) {
    let other = client.start(template, "other words").await;
    client.post(&format!("{RUNS}/{other}/cancel"), json!({})).await.expect(200);
    assert_eq!(client.settled(&other).await["status"], "cancelled");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_that_a_newer_server_wrote_to_is_said_to_be_so_and_nothing_happens_to_it(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (template, run) = waiting(&server, &server.anna).await;
    let before: (Uuid, i64) = sqlx::query_as("SELECT head, seq FROM workflow_runs WHERE id = $1")
        .bind(id(&run))
        .fetch_one(&pool)
        .await
        .unwrap();
    // As a newer server commits: an event of a kind of its own, and the head that it leads to.
    sqlx::raw_sql(AssertSqlSafe(format!(
        "INSERT INTO run_events (run_id, seq, commit_id, ask_id, event)
        VALUES ('{run}', {0}, '{run}', '{run}', '{{\"seq\": {0}, \"at\": \"2026-01-01T00:00:00Z\", \"kind\": \"run_dreamt\"}}');
        UPDATE workflow_runs SET head = '{run}', seq = {0} WHERE id = '{run}'",
        before.1 + 1
    )))
    .execute(&pool)
    .await
    .unwrap();
    let path = format!("{RUNS}/{run}");
    for client in [&server.anna, &server.admin] {
        let words = later(&client.get(&path).await, "the run");
        assert!(words.contains("newer version of Weft"), "{words}");
    }
    for (method, path, body) in verbs(&run) {
        later(&server.anna.json(method, &path, &body).await, &path);
    }
    server.ben.get(&path).await.problem(404, "not_found");
    let browser = server.browser(ANNA).await;
    assert!(page(&browser, &format!("/runs/{run}")).await.text().contains("newer version of Weft"));
    assert_eq!(n_events(&pool, &run).await, before.1 + 1, "nothing happened to it");
    let aside: Option<String> = sqlx::query_scalar("SELECT quarantine FROM workflow_runs WHERE id = $1")
        .bind(id(&run))
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(aside, None, "newer servers go on with it");
    assert!(is_listed(&server.anna, &run).await);
    others_go_on(&server.anna, &template).await;
    // Without what it does not know, it is this server's as before.
    sqlx::raw_sql(AssertSqlSafe(format!(
        "DELETE FROM run_events WHERE run_id = '{run}' AND seq > {1};
        UPDATE workflow_runs SET head = '{0}', seq = {1} WHERE id = '{run}'",
        before.0, before.1
    )))
    .execute(&pool)
    .await
    .unwrap();
    server.anna.post(&format!("{path}/cancel"), json!({})).await.expect(200);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_that_was_edited_by_hand_is_set_aside_and_only_an_admin_is_told_what_differs(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (template, run) = waiting(&server, &server.anna).await;
    // Whoever knows a run looks at its rows no more, but for one whose log is another.
    sqlx::query("UPDATE workflow_runs SET head = gen_random_uuid() WHERE id = $1")
        .bind(id(&run))
        .execute(&pool)
        .await
        .unwrap();
    let before = n_events(&pool, &run).await;
    let path = format!("{RUNS}/{run}");
    let told = async |client: &Client| {
        let problem = client.get(&path).await.problem(409, "conflict");
        problem["detail"].as_str().unwrap().to_owned()
    };
    let (to_anna, to_admin) = (told(&server.anna).await, told(&server.admin).await);
    assert!(to_anna.contains("set aside") && to_anna.contains("Ask an admin"), "{to_anna}");
    assert!(to_admin.contains("not of the commit that the run ends with"), "{to_admin}");
    assert!(!to_anna.contains("commit"), "{to_anna}");
    server.ben.get(&path).await.problem(404, "not_found");
    for (method, path, body) in verbs(&run) {
        let problem = server.anna.json(method, &path, &body).await.problem(409, "conflict");
        assert!(problem["detail"].as_str().unwrap().contains("set aside"), "{path}: {problem:#}");
    }
    let browser = server.browser(ANNA).await;
    assert!(page(&browser, &format!("/runs/{run}")).await.text().contains("set aside"));
    assert_eq!(n_events(&pool, &run).await, before);
    assert!(is_listed(&server.anna, &run).await);
    others_go_on(&server.anna, &template).await;
    server.stop().await;
}

/// A session of the test's own, which is older than what it sets.
struct Operator(PgConnection);

impl Operator {
    async fn new(pool: &PgPool) -> Self {
        Self(PgConnection::connect_with(&PgConnectOptions::clone(&pool.connect_options())).await.unwrap())
    }

    async fn run(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.0).await.unwrap();
    }

    /// Sessions that are there keep what they began with, so they are ended.
    async fn make_read_only(&mut self) {
        // Apart, so that none begins before it is so.
        self.run(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$",
        )
        .await;
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
        )
        .await;
    }

    async fn make_writable(&mut self) {
        let sql = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database()); END $$";
        self.run(sql).await;
    }
}

/// Asks until no session that ended is left: each is found out once.
async fn until_reads_are_answered(client: &Client, path: &str) {
    loop {
        let answers = futures::future::join_all((0..16).map(|_| client.get(path))).await;
        if answers.iter().all(|answer| answer.status.as_u16() == 200) {
            return;
        }
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn while_the_database_takes_no_writes_it_can_be_looked_at_and_verbs_are_told_to_come_back(pool: PgPool) {
    let mut operator = Operator::new(&pool).await;
    let server = Server::start(pool.clone()).await;
    let (template, run) = waiting(&server, &server.anna).await;
    let path = format!("{RUNS}/{run}");
    let before = server.anna.get(&path).await.expect(200);
    operator.make_read_only().await;
    until_reads_are_answered(&server.anna, &path).await;
    assert_eq!(server.anna.get(&path).await.expect(200), before);
    // Whose last visit could be noted at no time is let in all the same.
    server.cara.get("/api/me").await.expect(200);
    for _ in 0..3 {
        for (method, path, body) in verbs(&run) {
            later(&server.anna.json(method, &path, &body).await, &path);
        }
        later(&server.anna.post(RUNS, json!({"template_id": template, "inputs": {"text": "x"}})).await, "a start");
        later(&server.nobody.get("/readyz").await, "the probe");
    }
    assert!(server.nobody.get("/readyz").await.text().contains("no writes"));
    assert_eq!(server.nobody.get("/healthz").await.status.as_u16(), 200);
    assert_eq!(server.anna.get(&path).await.expect(200), before, "nothing took effect");

    operator.make_writable().await;
    // Sessions of that time still take no writes: each is left once it says so, and nobody has to restart anything.
    let approve = format!("{path}/steps/shout/continue");
    loop {
        let answer = server.anna.post_under("once", &approve, &json!({})).await;
        if answer.status.as_u16() != 503 {
            answer.expect(200);
            break;
        }
    }
    while server.nobody.get("/readyz").await.status.as_u16() != 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.anna.settled(&run).await["status"], "completed");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn on_a_full_disk_verbs_and_starts_are_told_to_come_back_and_have_no_effect(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (template, run) = waiting(&server, &server.anna).await;
    let path = format!("{RUNS}/{run}");
    let before = server.anna.get(&path).await.expect(200);
    sqlx::raw_sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100', MESSAGE = 'could not extend file: No space left on device'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON run_events FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    .execute(&pool)
    .await
    .unwrap();
    let start = json!({"template_id": template, "inputs": {"text": "more words"}});
    for (method, path, body) in verbs(&run) {
        let words = later(&server.anna.json(method, &path, &body).await, &path);
        assert!(!words.contains("device"), "{words}");
    }
    later(&server.anna.post_under("start", RUNS, &start).await, "a start");
    assert_eq!(server.anna.get(&path).await.expect(200), before, "nothing took effect");
    sqlx::query("DROP TRIGGER refuse ON run_events").execute(&pool).await.unwrap();
    // The same, asked again, is done once.
    let first = server.anna.post_under("start", RUNS, &start).await.expect(201);
    assert_eq!(server.anna.post_under("start", RUNS, &start).await.expect(200)["id"], first["id"]);
    server.anna.post(&format!("{path}/steps/shout/continue"), json!({})).await.expect(200);
    assert_eq!(server.anna.settled(&run).await["status"], "completed");
    server.stop().await;
}
