//! Traces as a collector gets them: the tree of a run, what is in it and what is not, and an attempt outside that hangs in it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use agents::{Options, Providers, Registry};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    routing::post,
};
use http::{Request, StatusCode};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message;
use serde_json::{Value, json};
use server::config::Collector;
use sqlx::PgPool;
use tower::ServiceExt;

use crate::{
    harness::{RUNS, Server, agent_options},
    models,
    worker::{accepted, completed, summarize, until, workflow},
};

type Spans = Arc<Mutex<Vec<Span>>>;

async fn take(State(spans): State<Spans>, body: Bytes) -> StatusCode {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    spans.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
    StatusCode::OK
}

fn router(spans: &Spans) -> Router {
    Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(spans))
}

/// A collector on this machine, and what it has got.
async fn collector(wants_content: bool) -> (Collector, Spans) {
    let spans = Spans::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let router = router(&spans);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let endpoint = format!("http://{address}/v1/traces");
    (Collector { endpoint, wants_content, role: "serve", service_name: "weft".to_owned() }, spans)
}

/// All spans of a run, once it is over and told.
async fn of_run(spans: &Spans, run: &str) -> Vec<Span> {
    let trace = hex::decode(run.replace('-', "")).unwrap();
    let of_it =
        || -> Vec<Span> { spans.lock().unwrap().iter().filter(|span| span.trace_id == trace).cloned().collect() };
    until("the run is told", || async { of_it().iter().any(|span| span.name == "run") }).await;
    of_it()
}

/// The only one of that name below another.
fn below<'a>(spans: &'a [Span], parent: &Span, name: &str) -> &'a Span {
    let found: Vec<&Span> =
        spans.iter().filter(|span| span.parent_span_id == parent.span_id && span.name.starts_with(name)).collect();
    assert_eq!(found.len(), 1, "{name} below {}: {spans:#?}", parent.name);
    found[0]
}

fn root(spans: &[Span]) -> &Span {
    let found: Vec<&Span> = spans.iter().filter(|span| span.name == "run").collect();
    assert_eq!(found.len(), 1, "{spans:#?}");
    assert!(found[0].parent_span_id.iter().all(|byte| *byte == 0));
    found[0]
}

/// An attribute in the words of its debug form.
fn attribute(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == key);
    found.map(|attribute| format!("{:?}", attribute.value)).unwrap_or_default()
}

async fn asks_a_model(pool: &PgPool, wants_content: bool) -> (Vec<Span>, Value) {
    let (to, spans) = collector(wants_content).await;
    let provider = models::provider(models::Asked::default()).await;
    let server = Server::start_traced(pool.clone(), models::registry(&provider, pool), to).await;
    let template = models::template(&server, &["words"], json!({})).await;
    let run = models::run(&server, &template).await;
    let view = server.anna.settled(&run).await;
    let spans = of_run(&spans, &run).await;
    server.stop().await;
    (spans, view)
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_is_a_trace_of_its_steps_attempts_and_calls_without_what_was_said(pool: PgPool) {
    let (spans, view) = asks_a_model(&pool, false).await;
    assert_eq!(view["status"], "completed", "{view:#}");
    let run = root(&spans);
    let step = below(&spans, run, "step");
    let attempt = below(&spans, step, "attempt");
    let call = below(&spans, attempt, "chat gpt-5-mini");
    assert_eq!(spans.len(), 4, "{spans:#?}");
    assert!(attribute(run, "weft.run.status").contains("completed"));
    assert!(attribute(step, "weft.step.key").contains("s0") && attribute(step, "weft.agent.id").contains("model"));
    assert!(attribute(attempt, "weft.attempt.outcome").contains("succeeded"));
    assert!(attribute(call, "gen_ai.request.model").contains("gpt-5-mini"));
    assert!(attribute(call, "gen_ai.operation.name").contains("chat"));
    for span in [run, step, attempt, call] {
        assert!(span.start_time_unix_nano > 0 && span.start_time_unix_nano <= span.end_time_unix_nano, "{span:#?}");
    }
    assert!(run.start_time_unix_nano <= attempt.start_time_unix_nano);
    let all = format!("{spans:?}");
    assert!(!all.contains("Be brief.") && !all.contains("word word"), "content was told: {all}");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_request_to_others_is_a_call_by_its_host_and_without_its_path(pool: PgPool) {
    let (to, spans) = collector(false).await;
    // The collector is the other side too: it takes no GET, so the attempt fails.
    let url = format!("{}?key=s3cret", to.endpoint);
    let options = Options { allow_private: vec!["127.0.0.0/8".parse().unwrap()], ..agent_options() };
    let registry = Registry::new(Providers::default(), Arc::new(agents::InMemory::default()), options);
    let server = Server::start_traced(pool, Arc::new(registry), to).await;
    let agent = json!({"id": "page", "name": "Page", "inputs": [], "outputs": [{"name": "body", "schema": {"type": "string"}}],
        "config": {"kind": "http", "url": url}});
    server.admin.post("/api/agents", agent).await.expect(201);
    let steps = json!({"get": {"agent_id": "page", "retry": {"max": 0}}});
    let template = server.publish("Page", json!({"steps": steps})).await;
    let run = models::run(&server, &template).await;
    assert_eq!(server.anna.settled(&run).await["status"], "failed");
    let spans = of_run(&spans, &run).await;
    let attempt = below(&spans, below(&spans, root(&spans), "step"), "attempt");
    let call = below(&spans, attempt, "GET");
    assert!(attribute(call, "server.address").contains("127.0.0.1"));
    assert!(attribute(call, "http.response.status_code").contains("405"), "{call:#?}");
    assert!(
        attribute(attempt, "weft.attempt.outcome").contains("failed") && !attribute(attempt, "error.type").is_empty()
    );
    let all = format!("{spans:?}");
    assert!(!all.contains("s3cret") && !all.contains("/v1/traces"), "what is private was told: {all}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn content_is_told_where_it_is_asked_for(pool: PgPool) {
    let (spans, _) = asks_a_model(&pool, true).await;
    let call = spans.iter().find(|span| span.name.starts_with("chat")).unwrap();
    assert!(attribute(call, "gen_ai.input.messages").contains("Be brief."));
    assert!(attribute(call, "gen_ai.output.messages").contains("word word"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_attempt_outside_is_told_its_span_and_what_its_worker_traces_hangs_there(pool: PgPool) {
    let (to, spans) = collector(false).await;
    let provider = models::provider(models::Asked::default()).await;
    let server = Server::start_traced(pool.clone(), models::registry(&provider, &pool), to).await;
    let worker = accepted(&server, &[summarize()]).await;
    let template = workflow(&server, "summarize", json!({})).await;
    let run = server.anna.start(&template, "x").await;
    let task = worker.one().await;
    let traceparent = task["traceparent"].as_str().unwrap().to_owned();
    let parts: Vec<&str> = traceparent.split('-').collect();
    let [version, trace_id, parent, flags] = parts[..] else { panic!("{traceparent}") };
    assert_eq!((version, flags, trace_id), ("00", "01", &*run.replace('-', "")));
    // As any library for traces does in the worker, before Weft has told anything of the attempt.
    let of_worker = Span {
        trace_id: hex::decode(trace_id).unwrap(),
        span_id: vec![7; 8],
        parent_span_id: hex::decode(parent).unwrap(),
        name: "read the page".to_owned(),
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![of_worker], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    let sent = Request::post("/v1/traces").body(Body::from(body)).unwrap();
    assert_eq!(router(&spans).oneshot(sent).await.unwrap().status(), StatusCode::OK);
    assert_eq!(worker.status_of(completed(&task, "made")).await, "committed");
    let view = server.anna.settled(&run).await;
    assert_eq!(view["status"], "completed", "{view:#}");
    let spans = of_run(&spans, &run).await;
    let step = below(&spans, root(&spans), "step");
    let attempt = below(&spans, step, "attempt");
    below(&spans, attempt, "read the page");
    assert!(attribute(attempt, "weft.worker.build").contains('1'), "{attempt:#?}");
    // What was retried is another span of another generation, and a run that goes on is told again.
    server.anna.post(&format!("{RUNS}/{run}/steps/digest/rerun"), json!({})).await.expect(202);
    let again = worker.one().await;
    assert_ne!(again["traceparent"], task["traceparent"]);
    server.stop().await;
}
