//! Attempts that ask a language model, over a scripted provider and the real API: what they wrote stays readable whatever became of
//! them, what nobody counted holds the budget, and what a model refuses is asked of it once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use agents::{AgentContext, Provider, ProviderKind, Providers, Recorder, Refusals, Registry, StepInput};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    response::Response,
    routing::post,
};
use engine::StoredRefusals;
use futures::{StreamExt, stream};
use http::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::harness::{RUNS, Server, step};

/// All requests that came.
pub(crate) type Asked = Arc<Mutex<Vec<Value>>>;

fn said(text: &str) -> String {
    format!("data: {}\n\n", json!({"choices": [{"delta": {"content": text}}]}))
}

const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

fn refuse(parameter: &str) -> Response {
    let error = json!({"error": {"message": format!("Unsupported parameter: '{parameter}'"), "type": "invalid_request_error",
        "param": parameter, "code": "unsupported_parameter"}});
    Response::builder().status(400).body(Body::from(error.to_string())).unwrap()
}

/// Plays what the last message asks for.
async fn play(State(asked): State<Asked>, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let wish = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
    asked.lock().unwrap().push(body.clone());
    let streamed = |text: String| Response::new(Body::from(text));
    match wish.as_str() {
        "hang" => {
            let first = stream::once(async { Ok::<_, std::io::Error>(Bytes::from(said("Take 20 mg, "))) });
            Response::new(Body::from_stream(first.chain(stream::pending())))
        }
        "break off" => streamed(said("Take 20 mg, but never")),
        "words" => streamed(said(&"word ".repeat(60)) + STOP),
        "a day" | "five minutes" => {
            let seconds = if wish == "a day" { "86400" } else { "300" };
            let response = Response::builder().status(StatusCode::TOO_MANY_REQUESTS).header("retry-after", seconds);
            response.body(Body::from("{\"error\":{\"message\":\"slower\"}}")).unwrap()
        }
        "refused" if body.get("max_tokens").is_some() => refuse("max_tokens"),
        "refused" if body.get("temperature").is_some() => refuse("temperature"),
        _ => streamed(said("fine") + STOP),
    }
}

pub(crate) async fn provider(asked: Asked) -> Provider {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let router = Router::new().route("/v1/chat/completions", post(play)).with_state(asked);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Provider { kind: ProviderKind::OpenAi, url: Some(url), key: None, model: "gpt-5-mini".to_owned(), price: None }
}

pub(crate) fn registry(provider: &Provider, pool: &PgPool) -> Arc<Registry> {
    let refusals: Arc<dyn Refusals> = Arc::new(StoredRefusals::new(Store::from_pool(pool.clone())));
    let providers = Providers::new([("default".to_owned(), provider.clone())]);
    Arc::new(Registry::new(providers, refusals, crate::harness::agent_options()))
}

async fn start_server(pool: &PgPool) -> (Server, Provider, Asked) {
    let asked = Asked::default();
    let provider = provider(Arc::clone(&asked)).await;
    let server = Server::start_with(pool.clone(), registry(&provider, pool)).await;
    (server, provider, asked)
}

/// A template of steps that each ask a model for one thing, one after the other.
pub(crate) async fn template(server: &Server, wishes: &[&str], limits: Value) -> String {
    let agent = json!({"id": "model", "name": "Model", "inputs": [{"name": "wish", "schema": {"type": "string"}}],
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "llm", "system": "Be brief.", "prompt": "{{ wish }}", "temperature": 0.2, "max_tokens": 400}});
    assert!(matches!(server.admin.post("/api/agents", agent).await.status.as_u16(), 201 | 409));
    let steps: BTreeMap<String, Value> = wishes
        .iter()
        .enumerate()
        .map(|(n, wish)| {
            let before: Vec<String> = n.checked_sub(1).map(|before| format!("s{before}")).into_iter().collect();
            (format!("s{n}"), json!({"agent_id": "model", "depends_on": before, "inputs": {"wish": {"const": wish}}}))
        })
        .collect();
    server.publish(&wishes.join(", "), json!({"limits": limits, "steps": steps})).await
}

pub(crate) async fn run(server: &Server, template: &str) -> String {
    let started = server.anna.post(RUNS, json!({"template_id": template, "inputs": {}})).await.expect(201);
    started["id"].as_str().unwrap().to_owned()
}

async fn transcript(server: &Server, run: &str, attempt: i64) -> Value {
    let path = format!("{RUNS}/{run}/steps/s0/attempts/{attempt}/transcript");
    // It is written a moment after a person stopped the attempt.
    for _ in 0..100 {
        let found = server.anna.get(&path).await.expect(200);
        if !found["transcript"].is_null() {
            return found["transcript"].clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Value::Null
}

/// Waits until the step of a run is as wanted.
async fn until(server: &Server, run: &str, is_there: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..200 {
        let view = server.anna.get(&format!("{RUNS}/{run}")).await.expect(200);
        if is_there(step(&view, "s0")) {
            return view;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the step never came there");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_a_model_wrote_stays_readable_after_stop_cancel_and_time_out(pool: PgPool) {
    let (server, _, asked) = start_server(&pool).await;
    let template = template(&server, &["hang"], json!({})).await;
    for verb in ["steps/s0/stop", "cancel"] {
        asked.lock().unwrap().clear();
        let run = run(&server, &template).await;
        until(&server, &run, |step| step["status"] == "running" && !asked.lock().unwrap().is_empty()).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.anna.post(&format!("{RUNS}/{run}/{verb}"), json!({})).await.expect(200);
        let transcript = transcript(&server, &run, 1).await;
        let round = &transcript["rounds"][0];
        assert_eq!(round["wrote"], "Take 20 mg, ", "{verb}: {transcript}");
        assert_eq!(round["sent"][0], json!({"role": "system", "text": "Be brief."}), "{verb}");
        assert_eq!(round["sent"][1], json!({"role": "user", "text": "hang"}), "{verb}");
        assert_eq!(round["parameters"]["temperature"], 0.2, "{verb}");
        assert_eq!(transcript["model"], "gpt-5-mini", "{verb}");
        // Whoever may not see the run may not see what was said in it.
        let path = format!("{RUNS}/{run}/steps/s0/attempts/1/transcript");
        server.ben.get(&path).await.problem(404, "not_found");
        server.nobody.get(&path).await.problem(401, "unauthenticated");
    }
    let agent = server.publish(
        "slow",
        json!({"steps": {"s0": {"agent_id": "model", "timeout_s": 1, "retry": {"max": 0},
        "inputs": {"wish": {"const": "hang"}}}}}),
    );
    let run = run(&server, &agent.await).await;
    let failed = server.anna.settled(&run).await;
    assert_eq!(step(&failed, "s0")["reason"], "timeout");
    assert_eq!(transcript(&server, &run, 1).await["rounds"][0]["wrote"], "Take 20 mg, ");
    let usage = &step(&failed, "s0")["attempts"][0]["usage"];
    assert_eq!((&usage["is_estimated"], &usage["completion_tokens"]), (&json!(true), &json!(4)), "{usage}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_answer_that_broke_off_is_tried_again_and_each_try_is_kept(pool: PgPool) {
    let (server, ..) = start_server(&pool).await;
    let definition = json!({"steps": {"s0": {"agent_id": "model", "inputs": {"wish": {"const": "break off"}},
        "retry": {"max": 1, "initial_ms": 1, "max_ms": 1}}}});
    template(&server, &["words"], json!({})).await;
    let id = server.publish("breaks", definition).await;
    let run = run(&server, &id).await;
    let failed = server.anna.settled(&run).await;
    let attempts = step(&failed, "s0")["attempts"].as_array().unwrap();
    assert_eq!((attempts.len(), &attempts[1]["error_class"]), (2, &json!("server")), "{failed:#}");
    for attempt in [1, 2] {
        let wrote = &transcript(&server, &run, attempt).await["rounds"][0]["wrote"];
        assert_eq!(wrote, "Take 20 mg, but never", "{attempt}");
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_budget_holds_where_the_provider_counts_nothing(pool: PgPool) {
    let (server, _, asked) = start_server(&pool).await;
    let limits = json!({"budget": {"tokens": 100, "on_exceed": "pause"}});
    let template = template(&server, &["words", "words", "words"], limits).await;
    let run = run(&server, &template).await;
    let view = server.anna.settled(&run).await;
    assert_eq!((&view["status"], &view["status_reason"]), (&json!("paused"), &json!("budget")), "{view:#}");
    assert_eq!(asked.lock().unwrap().len(), 1, "300 bytes of answer are more than 100 tokens");
    let usage = &step(&view, "s0")["attempts"][0]["usage"];
    // "Be brief." and "words" are 14 bytes, the answer 300.
    let counted = json!({"model": "gpt-5-mini", "prompt_tokens": 5, "completion_tokens": 100, "is_estimated": true});
    assert_eq!(usage, &counted);
    server.stop().await;
}

/// Asks as an attempt does.
async fn ask(registry: &Registry) {
    let spec = json!({"id": "a", "name": "A", "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "llm", "prompt": "refused", "temperature": 0.2, "max_tokens": 400}});
    let spec = Arc::new(serde_json::from_value(spec).unwrap());
    let input = StepInput { spec, prompt: None, values: BTreeMap::new(), revision: None };
    let ctx = AgentContext {
        idempotency_key: "k".to_owned(),
        cancel: CancellationToken::new(),
        deltas: None,
        recorder: Recorder::default(),
        room: agents::Room::default(),
        run: workflow::RunId(uuid::Uuid::nil()),
        step: "s0".into(),
        attempt: 1,
    };
    registry.for_kind("llm").unwrap().run(input, &ctx).await.unwrap();
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_a_model_refuses_is_remembered_by_every_process(pool: PgPool) {
    let (server, provider, asked) = start_server(&pool).await;
    let template = template(&server, &["refused"], json!({})).await;
    let first = run(&server, &template).await;
    let done = server.anna.settled(&first).await;
    assert_eq!(done["status"], "completed", "{done:#}");
    let attempt = &step(&done, "s0")["attempts"][0];
    assert_eq!((&attempt["number"], &attempt["usage"]["left_out"]), (&json!(1), &json!(["temperature"])));
    assert_eq!(asked.lock().unwrap().len(), 3);
    let sent = transcript(&server, &first, 1).await["rounds"][0]["parameters"].clone();
    assert_eq!((&sent["max_completion_tokens"], &sent["temperature"]), (&json!(400), &Value::Null), "{sent}");
    // Another process, which has only the database.
    ask(&registry(&provider, &pool)).await;
    assert_eq!(asked.lock().unwrap().len(), 4, "asked rightly at once");
    // The same provider at another address is another one; what the old one refused is forgotten.
    let moved = Provider { url: provider.url.map(|url| format!("{url}/")), ..provider };
    ask(&registry(&moved, &pool)).await;
    assert_eq!(asked.lock().unwrap().len(), 7);
    let known =
        sqlx::query_scalar::<_, i64>("SELECT count(DISTINCT endpoint) FROM model_refusals").fetch_one(&pool).await;
    assert_eq!(known.unwrap(), 1);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_wish_to_wait_a_day_fails_with_its_date_and_a_shorter_wait_can_be_stopped(pool: PgPool) {
    let (server, ..) = start_server(&pool).await;
    let day = template(&server, &["a day"], json!({})).await;
    let day = run(&server, &day).await;
    let failed = server.anna.settled(&day).await;
    let attempts = step(&failed, "s0")["attempts"].as_array().unwrap();
    let error = attempts[0]["error"].as_str().unwrap();
    assert_eq!((attempts.len(), &step(&failed, "s0")["reason"]), (1, &json!("rate_limit")));
    assert!(
        error.contains("slower; it asks to wait until ") && error.ends_with(" UTC: retry the step then"),
        "{error}"
    );

    let minutes = template(&server, &["five minutes"], json!({})).await;
    let minutes = run(&server, &minutes).await;
    until(&server, &minutes, |step| step["status"] == "ready" && step["attempts"][0]["outcome"] == "failed").await;
    server.anna.post(&format!("{RUNS}/{minutes}/steps/s0/stop"), json!({})).await.expect(200);
    let stopped = server.anna.settled(&minutes).await;
    assert_eq!(stopped["status"], "failed");
    assert_eq!(
        (&step(&stopped, "s0")["status"], &step(&stopped, "s0")["reason"]),
        (&json!("failed"), &json!("stopped"))
    );
    server.stop().await;
}
