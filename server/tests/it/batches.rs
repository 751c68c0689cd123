//! Batches over HTTP: every row of a table is started once, by whoever uploaded it, however often it comes and whatever happens meanwhile.

use std::time::{Duration, Instant};

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};
use server::http::Requests;
use sqlx::PgPool;
use store::{Store, quotas::Limits};

use crate::harness::{ANNA, Answer, Client, RUNS, Server};

const BATCHES: &str = "/api/batches";

async fn upload(client: &Client, template: &str, table: &str) -> Answer {
    let path = format!("{BATCHES}?template_id={template}&name=topics.csv");
    client.bytes(Method::POST, &path, "text/csv", table.to_owned()).await
}

fn id_of(batch: &Value) -> String {
    batch["id"].as_str().unwrap().to_owned()
}

/// The batch, once it is as it should be.
async fn once(client: &Client, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let batch = client.get(&format!("{BATCHES}/{id}")).await.expect(200);
        if is_so(&batch) {
            return batch;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "it stays {batch:#}");
        tokio::task::yield_now().await;
    }
}

async fn rows(client: &Client, id: &str) -> Vec<Value> {
    client.get(&format!("{BATCHES}/{id}/rows")).await.expect(200).as_array().unwrap().clone()
}

async fn n_runs(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM workflow_runs").fetch_one(pool).await.unwrap()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn every_row_is_started_once_and_its_results_are_a_table_without_formulas(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let template = server.shouting_template("never").await;
    let table = "\u{feff}TEXT\r\nhi\r\n\"=a;\"\"b\"\"\"\r\n";
    let made = upload(&server.anna, &template, table).await.expect(201);
    assert_eq!((&made["name"], &made["owner"], &made["n_rows"]), (&json!("topics.csv"), &json!(ANNA), &json!(2)));
    let id = id_of(&made);
    let done = once(&server.anna, &id, |batch| batch["state"] == "done" && batch["n_over"] == 2).await;
    assert_eq!((&done["n_started"], &done["n_waiting"], &done["n_refused"]), (&json!(2), &json!(0), &json!(0)));

    let again = upload(&server.anna, &template, table).await.expect(200);
    assert_eq!(id_of(&again), id, "the same table is the same batch");
    assert_eq!(n_runs(&pool).await, 2);
    // What spreadsheets call Unicode text.
    let saved: Vec<u8> = "\u{feff}TEXT\r\n\"größer, 漢字\"\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let path = format!("{BATCHES}?template_id={template}&dry_run=true");
    let would = server.anna.bytes(Method::POST, &path, "text/csv", saved).await.expect(200);
    assert_eq!((&would["first"], &would["n_faults"]), (&json!([["größer, 漢字"]]), &json!(0)));

    let file = server.anna.get(&format!("{BATCHES}/{id}/results.csv")).await;
    assert_eq!(file.status, 200);
    let rows = rows(&server.anna, &id).await;
    let run = |n: usize| rows[n]["run_id"].as_str().unwrap().to_owned();
    let expected = format!(
        "\u{feff}row,state,status,run,reason,text,again.text\r\n\
         1,started,completed,http://weft.test/runs/{},,hi,HI\r\n\
         2,started,completed,http://weft.test/runs/{},,\"'=a;\"\"b\"\"\",\"'=A;\"\"B\"\"\"\r\n",
        run(0),
        run(1)
    );
    assert_eq!(file.text(), expected);

    for path in [id.clone(), format!("{id}/rows"), format!("{id}/results.csv")] {
        server.ben.get(&format!("{BATCHES}/{path}")).await.expect(404);
        assert_eq!(server.admin.get(&format!("{BATCHES}/{path}")).await.status, 200);
    }
    assert_eq!(server.ben.get(BATCHES).await.expect(200), json!([]));
    let mine = server.anna.get(&format!("{BATCHES}?template_id={template}")).await.expect(200);
    assert_eq!(mine.as_array().unwrap().len(), 1);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_table_that_came_under_a_key_is_known_again_without_one(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let template = server.shouting_template("never").await;
    let table = "text\nhi\n";
    let path = format!("{BATCHES}?template_id={template}");
    let under = async |key: &'static str| {
        let headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static("text/csv")),
            (HeaderName::from_static("idempotency-key"), HeaderValue::from_static(key)),
        ]);
        server.anna.send(Method::POST, &path, headers, Body::from(table)).await
    };
    let first = id_of(&under("mine").await.expect(201));
    assert_eq!(id_of(&under("mine").await.expect(200)), first);
    // A client that lost its key, or a person who uploads the file by hand after a script did.
    assert_eq!(id_of(&upload(&server.anna, &template, table).await.expect(200)), first);
    let told = server.anna.bytes(Method::POST, &format!("{path}&dry_run=true"), "text/csv", table).await.expect(200);
    assert_eq!(told["earlier"], json!(first));
    // Whoever means it says so, and nobody else's table is it.
    let second = id_of(&under("once-more").await.expect(201));
    assert_ne!(second, first);
    assert_eq!(id_of(&upload(&server.anna, &template, table).await.expect(200)), first);
    assert_ne!(id_of(&upload(&server.ben, &template, table).await.expect(201)), first);
    for id in [&first, &second] {
        once(&server.anna, id, |batch| batch["state"] == "done" && batch["n_over"] == 1).await;
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_row_that_was_started_before_a_crash_is_found_and_not_started_again(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let template = server.shouting_template("never").await;
    let id = id_of(&upload(&server.anna, &template, "text\na\nb\nc\n").await.expect(201));
    once(&server.anna, &id, |batch| batch["state"] == "done").await;
    let before = rows(&server.anna, &id).await;
    // As if the process had died between the start of two rows and the notes of them, and another one still had the batch.
    let undo = "UPDATE batch_rows SET state = 'waiting', run_id = NULL WHERE n > 1";
    sqlx::query(undo).execute(&pool).await.unwrap();
    let reopen = "UPDATE batches SET state = 'running', ended_at = NULL, leased_until = now() + interval '1 second', n_started = 1";
    sqlx::query(reopen).execute(&pool).await.unwrap();
    once(&server.anna, &id, |batch| batch["state"] == "done").await;
    let runs = |rows: &[Value]| rows.iter().map(|row| row["run_id"].clone()).collect::<Vec<_>>();
    assert_eq!(runs(&rows(&server.anna, &id).await), runs(&before));
    assert_eq!(n_runs(&pool).await, 3);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_quota_slows_a_batch_and_loses_no_row(pool: PgPool) {
    let limits = Limits { running_runs: Some(1), ..Limits::default() };
    let store = Store::from_pool(pool.clone()).within(limits);
    let server = Server::start_within(pool.clone(), store, Requests::default()).await;
    // A gate keeps every run under way.
    let template = server.shouting_template("always").await;
    let id = id_of(&upload(&server.anna, &template, "text\na\nb\n").await.expect(201));
    let waits = once(&server.anna, &id, |batch| batch["n_started"] == 1 && !batch["reason"].is_null()).await;
    assert_eq!((&waits["state"], &waits["n_waiting"]), (&json!("running"), &json!(1)));
    assert!(waits["reason"].as_str().unwrap().contains("under way"), "{waits}");
    let run = rows(&server.anna, &id).await[0]["run_id"].as_str().unwrap().to_owned();
    server.anna.post(&format!("{RUNS}/{run}/cancel"), json!({})).await.expect(200);
    let done = once(&server.anna, &id, |batch| batch["state"] == "done").await;
    assert_eq!((&done["n_started"], &done["reason"]), (&json!(2), &Value::Null));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_is_disabled_starts_no_further_row_until_they_are_back(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let template = server.shouting_template("never").await;
    let id = id_of(&upload(&server.anna, &template, "text\na\n").await.expect(201));
    once(&server.anna, &id, |batch| batch["state"] == "done").await;
    sqlx::query("UPDATE users SET disabled_at = now() WHERE email = $1").bind(ANNA).execute(&pool).await.unwrap();
    sqlx::query("UPDATE batch_rows SET state = 'waiting', run_id = NULL").execute(&pool).await.unwrap();
    sqlx::query("UPDATE batches SET state = 'running', ended_at = NULL, n_started = 0").execute(&pool).await.unwrap();
    let stopped = once(&server.admin, &id, |batch| batch["state"] == "stopped").await;
    assert!(stopped["reason"].as_str().unwrap().contains("sign in"), "{stopped}");
    assert_eq!(n_runs(&pool).await, 1);
    sqlx::query("UPDATE users SET disabled_at = NULL").execute(&pool).await.unwrap();
    server.anna.post(&format!("{BATCHES}/{id}/resume"), json!({})).await.expect(200);
    once(&server.anna, &id, |batch| batch["state"] == "done").await;
    assert_eq!(n_runs(&pool).await, 1);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_table_with_faults_starts_nothing_and_says_where_they_are(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let template = server.shouting_template("never").await;
    let refused = upload(&server.anna, &template, "text,other\na,1\n,2\n").await;
    let problem = refused.problem(422, "invalid");
    let fields: Vec<_> = problem["problems"].as_array().unwrap().iter().map(|one| one["field"].clone()).collect();
    assert_eq!(fields, [json!("columns.other"), json!("rows.2.text")]);
    let path = format!("{BATCHES}?template_id={template}&dry_run=true");
    let check = server.anna.bytes(Method::POST, &path, "text/csv", "text;other\na;1\n;2\n").await.expect(200);
    assert_eq!((&check["n_faults"], &check["n_rows"], &check["separator"]), (&json!(2), &json!(2), &json!(";")));
    let long = format!("text\n{}", "a\n".repeat(1_000_000));
    assert_eq!(upload(&server.anna, &template, &long).await.problem(413, "too_large")["field"], "file");
    server.anna.post(BATCHES, json!({})).await.problem(400, "malformed");
    assert_eq!(server.anna.get(BATCHES).await.expect(200), json!([]));
    assert_eq!(n_runs(&pool).await, 0);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_batch_is_paused_goes_on_and_is_cancelled_for_good(pool: PgPool) {
    let limits = Limits { running_runs: Some(1), ..Limits::default() };
    let store = Store::from_pool(pool.clone()).within(limits);
    let server = Server::start_within(pool.clone(), store, Requests::default()).await;
    let template = server.shouting_template("always").await;
    let id = id_of(&upload(&server.anna, &template, "text\na\nb\nc\n").await.expect(201));
    once(&server.anna, &id, |batch| batch["n_started"] == 1 && !batch["reason"].is_null()).await;
    let act = async |act: &str| server.anna.post(&format!("{BATCHES}/{id}/{act}"), json!({})).await;
    server.ben.post(&format!("{BATCHES}/{id}/pause"), json!({})).await.expect(404);
    assert_eq!(act("pause").await.expect(200)["state"], "paused");
    act("pause").await.problem(409, "conflict");
    assert_eq!(act("resume").await.expect(200)["state"], "running");
    assert_eq!(act("cancel").await.expect(200)["state"], "cancelled");
    act("resume").await.problem(409, "conflict");
    let over = server.anna.get(&format!("{BATCHES}/{id}")).await.expect(200);
    assert_eq!((&over["n_started"], &over["n_waiting"]), (&json!(1), &json!(2)), "what was not begun is told as such");
    assert_eq!(n_runs(&pool).await, 1);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_runs_take_is_told_once_there_are_five(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let template = server.shouting_template("never").await;
    let path = format!("/api/workflows/templates/{template}");
    let id = id_of(&upload(&server.anna, &template, "text\na\nb\nc\nd\n").await.expect(201));
    once(&server.anna, &id, |batch| batch["n_over"] == 4).await;
    assert_eq!(server.ben.get(&path).await.expect(200)["estimate"], Value::Null);
    let run = server.anna.start(&template, "e").await;
    server.anna.settled(&run).await;
    let took = "UPDATE workflow_runs SET created_at = finished_at - make_interval(secs => r.n)
        FROM (SELECT id, row_number() OVER (ORDER BY created_at, id) AS n FROM workflow_runs) r WHERE r.id = workflow_runs.id";
    sqlx::query(took).execute(&pool).await.unwrap();
    let estimate = server.ben.get(&path).await.expect(200)["estimate"].clone();
    assert_eq!(
        (&estimate["n_runs"], &estimate["median_ms"], &estimate["p90_ms"]),
        (&json!(5), &json!(3000), &json!(5000))
    );
    server.stop().await;
}
