//! What a worker says, at the sizes and in the shapes that real and hostile ones use: outputs, progress, deltas, logs, registration.

use serde_json::{Value, json};
use sqlx::PgPool;
use workflow::api::RunFrame;

use super::{V1, accepted, completed, registration, summarize, text, token, workflow};
use crate::{
    harness::{RUNS, Server, latest, step},
    live::{connect, follow, text as socket_text},
};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn outputs_that_break_their_schema_fail_the_attempt_with_words(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({"retry": {"max": 0}})).await;
    for (outputs, field) in [
        (json!({}), "outputs.summary"),
        (json!({"summary": {"media_type": "application/json", "value": 7}}), "outputs.summary"),
        (json!({"summary": text("x"), "more": text("y")}), "outputs.more"),
        (json!({"summary": {"media_type": "text/plain"}}), "outputs.summary"),
        (json!({"summary": {"media_type": "application/json"}}), "outputs.summary"),
        (json!({"summary": {"media_type": "plain", "text": "x"}}), "outputs.summary.media_type"),
        (json!({"summary": {"media_type": "text/plain", "blob": "0".repeat(64)}}), "outputs.summary"),
    ] {
        let run = server.anna.start(&template, "x").await;
        let task = worker.one().await;
        let result = json!({"token": task["token"], "outcome": "completed", "outputs": outputs});
        for _ in 0..2 {
            let answer = worker.complete(std::slice::from_ref(&result)).await;
            assert_eq!(answer["results"][0]["status"], "invalid_output", "{outputs}");
            assert_eq!(answer["results"][0]["problems"][0]["field"], field, "{answer:#}");
        }
        let view = server.anna.settled(&run).await;
        assert_eq!(step(&view, "digest")["reason"], "invalid_output", "{outputs}");
        assert!(step(&view, "digest")["attempts"][0]["error"].as_str().unwrap().contains(field));
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_output_of_json_without_its_value_is_no_null_and_null_is_a_value(pool: PgPool) {
    let server = Server::start(pool).await;
    let any =
        json!({"id": "any", "inputs": {"text": {"schema": {"type": "string"}}}, "outputs": {"any": {"schema": {}}}});
    let worker = accepted(&server, &[any]).await;
    let template = workflow(&server, "any", json!({"retry": {"max": 0}})).await;
    let result = |any: Value| json!({"outcome": "completed", "outputs": {"any": any}});
    for (any, status) in [
        (json!({"media_type": "application/json"}), 422),
        (json!({"media_type": "application/json", "value": null}), 200),
    ] {
        let run = server.anna.start(&template, "x").await;
        let task = worker.one().await;
        let path = worker.path(&format!("tasks/{}/complete", task["token"].as_str().unwrap()));
        let answer = worker.client.post(&path, result(any)).await;
        if status == 422 {
            let problem = answer.problem(422, "invalid_output");
            assert_eq!(problem["field"], "outputs.any");
            assert!(problem["detail"].as_str().unwrap().contains("`value`"), "{problem}");
        } else {
            assert_eq!(answer.expect(200)["status"], "committed");
            let view = server.anna.settled(&run).await;
            let id = latest(&view, "digest")["id"].as_str().unwrap();
            let artifact = server.anna.get(&format!("{RUNS}/{run}/artifacts/{id}")).await.expect(200);
            assert_eq!(artifact["content"], Value::Null);
        }
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_failure_has_a_class_that_decides_about_another_try(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({"retry": {"max": 2, "initial_ms": 1, "max_ms": 1}})).await;
    let run = server.anna.start(&template, "x").await;
    let failed = |task: &Value, error: Value| json!({"token": task["token"], "outcome": "failed", "error": error});
    let task = worker.one().await;
    let error = json!({"class": "rate_limit", "message": "slow\u{0} down", "retry_after_ms": 10});
    assert_eq!(worker.status_of(failed(&task, error.clone())).await, "committed");
    assert_eq!(worker.status_of(failed(&task, error)).await, "already");
    let task = worker.one().await;
    assert_eq!(task["attempt"], 2);
    let error = json!({"class": "server", "message": "gone", "no_retry": true});
    assert_eq!(worker.status_of(failed(&task, error)).await, "committed");
    let view = server.anna.settled(&run).await;
    assert_eq!((&view["status"], &step(&view, "digest")["reason"]), (&json!("failed"), &json!("server")));
    let workers = server.admin.get("/api/workers").await.expect(200);
    assert_eq!(workers[0]["last_error"], "gone");
    let bad = json!({"results": [{"token": task["token"], "outcome": "failed", "error": {"class": "tired"}}]});
    worker.client.post(&worker.path("complete"), bad).await.problem(422, "invalid");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn progress_is_never_negative_nor_more_than_all(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    server.anna.start(&template, "x").await;
    let task = worker.one().await;
    for (progress, field) in [
        (json!({"done": -1}), "tasks.0.progress.done"),
        (json!({"done": 3, "total": 2}), "tasks.0.progress.done"),
        (json!({"done": 1, "total": 2, "note": "x".repeat(201)}), "tasks.0.progress.note"),
    ] {
        let beat = json!({"tasks": [{"token": task["token"], "progress": progress}]});
        let problem = worker.client.post(&worker.path("beat"), beat).await.problem(422, "invalid");
        assert_eq!(problem["field"], field);
    }
    let huge = json!({"tasks": [{"token": task["token"], "checkpoint": "x".repeat(17 * 1024)}]});
    worker.client.post(&worker.path("beat"), huge).await.problem(413, "too_large");
    assert_eq!(worker.status_of(completed(&task, "fine")).await, "committed");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_last_lines_of_a_flood_of_logs_are_kept_and_the_others_counted(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    let run = server.anna.start(&template, "x").await;
    let task = worker.one().await;
    let line =
        |n: usize| json!({"at": "2020-01-01T00:00:00Z", "level": "warning", "text": format!("{n} {}", "y".repeat(90))});
    let (rounds, each) = (5, 2_000);
    for round in 0..rounds {
        let lines: Vec<Value> = (0..each).map(|n| line(round * each + n)).collect();
        worker.beat(&[json!({"token": task["token"], "logs": lines})], 0).await;
    }
    let path = format!("{RUNS}/{run}/steps/digest/attempts/1/logs");
    let logs = server.anna.get(&path).await.expect(200);
    let kept = logs["lines"].as_array().unwrap();
    assert_eq!((kept.len(), &logs["n_dropped"]), (1_000, &json!(rounds * each - 1_000)));
    assert!(kept[999]["text"].as_str().unwrap().starts_with(&format!("{} ", rounds * each - 1)));
    // One line of a megabyte is cut, and takes the place of what was there.
    worker.beat(&[json!({"token": task["token"], "logs": [{"text": "z".repeat(1 << 20)}]})], 0).await;
    let logs = server.anna.get(&path).await.expect(200);
    let last = logs["lines"].as_array().unwrap().last().unwrap();
    assert_eq!((last["text"].as_str().unwrap().len(), &last["level"]), (8 * 1024, &json!("info")));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_million_deltas_are_taken_and_hold_no_more_than_they_may(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    let run = server.anna.start(&template, "x").await;
    let task = worker.one().await;
    server.store.watch_run(run.parse().unwrap()).await.unwrap();
    let n = if std::env::var_os("WEFT_LONG").is_some() { 1_000_000 } else { 60_000 };
    let deltas: Vec<Value> = (0..20_000).map(|_| json!({"output": "summary", "text": "word "})).collect();
    for _ in 0..n / deltas.len() {
        let beat = worker.beat(&[json!({"token": task["token"], "deltas": deltas})], 0).await;
        assert_eq!(beat["tasks"][0]["state"], "ok");
    }
    assert_eq!(worker.status_of(completed(&task, "done")).await, "committed");
    assert_eq!(server.anna.settled(&run).await["status"], "completed");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_registration_that_makes_no_sense_is_refused_by_field(pool: PgPool) {
    let server = Server::start(pool).await;
    let (client, _) = token(&server, &["*"]).await;
    let with = |change: fn(&mut Value)| {
        let mut body = registration(&[summarize()]);
        change(&mut body);
        body
    };
    for (body, status, field) in [
        (with(|body| body["protocol"] = json!(2)), 400, ""),
        (with(|body| body["sdk"] = json!({"name": "weft-worker", "version": "0.0.9"})), 400, ""),
        (with(|body| body["slots"] = json!(0)), 422, "slots"),
        (with(|body| body["name"] = json!("")), 422, "name"),
        (with(|body| body["agents"] = json!([])), 422, "agents"),
        (with(|body| body["agents"][0]["id"] = json!("Not An Id")), 422, "agents.0.id"),
        (with(|body| body["agents"][0]["outputs"] = json!({})), 422, "agents.0.outputs"),
        (
            with(|body| body["agents"][0]["inputs"]["text"]["schema"] = json!({"$ref": "http://x"})),
            422,
            "agents[0].inputs.text.schema.$ref",
        ),
        (with(|body| body["agents"][0]["side_effects"] = json!("maybe")), 422, "agents[0].side_effects"),
        (with(|body| body["agents"][0]["timeout_s"] = json!(0)), 422, "agents.0.timeout_s"),
        (with(|body| body["agents"] = json!([body["agents"][0], body["agents"][0]])), 422, "agents.1.id"),
    ] {
        let answer = client.post(&format!("{V1}/sessions"), body.clone()).await.expect(status);
        let told = answer["field"].as_str().unwrap_or_default();
        assert!(told.starts_with(field), "{told} instead of {field}: {answer:#}");
        if status == 400 {
            assert_eq!(answer["code"], "protocol_unsupported");
        }
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_an_attempt_streams_says_and_logs_comes_live_to_who_looks_at_its_run_also_late(pool: PgPool) {
    let server = Server::start(pool).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    let run = server.anna.start(&template, "x").await;
    let task = worker.one().await;
    let address = server.listen().await;
    let path = format!("{RUNS}/{run}/live");
    let beats = tokio::spawn({
        let (worker, token) = (worker.clone(), task["token"].clone());
        async move {
            for n in 0..200 {
                let said = json!({"token": token, "progress": {"done": n, "total": 200, "note": "pages"},
                    "deltas": [{"output": "summary", "text": format!("word{n} ")}], "logs": [{"level": "error", "text": format!("line {n}")}]});
                worker.beat(&[said], 0).await;
                tokio::time::sleep(std::time::Duration::from_millis(40)).await;
            }
        }
    });
    // The second one comes late: of both each hears the text from its beginning.
    for _ in 0..2 {
        let mut socket = connect(address, &path, server.anna.headers()).await.unwrap();
        follow(&mut socket, 0).await;
        let (mut heard, mut has_progress, mut has_line, mut has_absent) = (String::new(), false, false, false);
        while !(heard.contains("word40 ") && has_progress && has_line && has_absent) {
            match serde_json::from_str(&socket_text(&mut socket).await.unwrap()).unwrap() {
                RunFrame::Delta(delta) if usize::try_from(delta.offset) == Ok(heard.len()) => {
                    heard.push_str(&delta.text);
                }
                RunFrame::Delta(delta) if delta.offset == 0 => heard = delta.text,
                RunFrame::Telling(telling) => {
                    has_progress |= telling.progress.is_some_and(|progress| progress.total == 200);
                    has_line |= telling.lines.iter().any(|line| line.text.starts_with("line "));
                }
                RunFrame::Absent { absent } => has_absent |= absent.is_empty(),
                _ => {}
            }
        }
        assert!(heard.starts_with("word0 word1 word2 "), "{heard}");
    }
    beats.abort();
    server.stop().await;
}
