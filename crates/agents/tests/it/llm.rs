//! The `llm` kind against an OpenAI-shaped endpoint: streaming, usage, structured answers with repair, and every way to fail.

use std::collections::BTreeMap;

use agents::{AgentContext, AgentError, Price, Provider, ProviderKind, Providers, Revision, StepInput, StepOutput};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, body_partial_json, body_string_contains, header, path},
};
use workflow::{status::Reason, view::Usage};

use crate::support::{Then, class, context, endless, input, memory, raw_server, registry, shown};

const KEY: &str = "sk-canary-123";

fn provider(url: &str) -> Provider {
    Provider {
        kind: ProviderKind::OpenAi,
        url: Some(format!("{url}/v1")),
        key: Some(SecretString::from(KEY)),
        model: "small".to_owned(),
        price: None,
    }
}

fn providers(url: &str) -> Providers {
    Providers::new([("local".to_owned(), provider(url))])
}

fn text() -> Value {
    json!([{"name": "answer", "schema": {"type": "string", "format": "markdown"}}])
}

fn object() -> Value {
    json!([{"name": "out", "schema": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}])
}

fn step(outputs: Value) -> StepInput {
    input(
        json!({"kind": "llm", "system": "Be {{ tone }}.", "prompt": "Say {{ word }}"}),
        outputs,
        json!({"tone": "kind", "word": "hi"}),
    )
}

async fn ask(url: &str, outputs: Value) -> Result<StepOutput, AgentError> {
    registry(providers(url)).for_kind("llm").unwrap().run(step(outputs), &context()).await
}

/// A chat stream that says these pieces.
fn stream(pieces: &[&str]) -> ResponseTemplate {
    stream_that_ends(pieces, "stop")
}

fn stream_that_ends(pieces: &[&str], reason: &str) -> ResponseTemplate {
    let pieces = pieces.iter().map(|piece| {
        json!({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": null}]}).to_string()
    });
    let ending = [
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}).to_string(),
        json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}).to_string(),
        "[DONE]".to_owned(),
    ];
    let body: String = pieces.chain(ending).map(|data| ["data: ", &data, "\n\n"].concat()).collect();
    ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")
}

async fn server(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    server
}

#[tokio::test]
async fn an_answer_is_streamed_counted_and_kept() {
    let server = MockServer::start().await;
    Mock::given(path("/v1/chat/completions"))
        .and(header("authorization", format!("Bearer {KEY}")))
        .and(body_partial_json(json!({
            "model": "small", "stream": true, "stream_options": {"include_usage": true},
            "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Say hi"}],
        })))
        .respond_with(stream(&["Hel", "lo ", "there\n"]))
        .expect(1)
        .mount(&server)
        .await;
    let (sender, mut deltas) = mpsc::channel(16);
    let ctx = AgentContext { deltas: Some(sender), ..context() };
    let agent = registry(providers(&server.uri())).for_kind("llm").unwrap();
    let output = agent.run(step(text()), &ctx).await.unwrap();
    assert_eq!(shown(&output), [("answer", "text/markdown", "Hello there")]);
    assert_eq!(
        output.usage,
        Some(Usage {
            model: Some("small".to_owned()),
            prompt_tokens: 7,
            completion_tokens: 3,
            cost_micros: None,
            ..Usage::default()
        })
    );
    drop(ctx);
    let mut streamed = Vec::new();
    while let Some(delta) = deltas.recv().await {
        streamed.push(delta);
    }
    assert_eq!(streamed, ["Hel", "lo ", "there\n"]);
}

#[tokio::test]
async fn an_answer_that_broke_off_is_kept_and_said_to_be_one() {
    let server = server(stream_that_ends(&["Half of"], "length")).await;
    let agent = registry(providers(&server.uri())).for_kind("llm").unwrap();
    let output = agent.run(step(text()), &context()).await.unwrap();
    assert_eq!(shown(&output), [("answer", "text/markdown", "Half of")]);
    assert!(output.usage.unwrap().is_cut);
}

#[tokio::test]
async fn an_override_replaces_the_prompt_and_the_agent_chooses_the_model() {
    let server = MockServer::start().await;
    Mock::given(body_partial_json(json!({
        "model": "qwen3-max", "temperature": 0.5, "max_tokens": 9, "messages": [{"role": "user", "content": "Now hi"}],
    })))
    .respond_with(stream(&["ok"]))
    .expect(1)
    .mount(&server)
    .await;
    let config = json!({"kind": "llm", "prompt": "old", "model": "qwen3-max", "temperature": 0.5, "max_tokens": 9});
    let step = StepInput { prompt: Some("Now {{ word }}".to_owned()), ..input(config, text(), json!({"word": "hi"})) };
    let agent = registry(providers(&server.uri())).for_kind("llm").unwrap();
    assert_eq!(shown(&agent.run(step, &context()).await.unwrap()), [("answer", "text/markdown", "ok")]);
}

#[tokio::test]
async fn a_reader_that_does_not_read_delays_nothing() {
    let server = server(stream(&["a", "b", "c", "d"])).await;
    let (sender, _unread) = mpsc::channel(1);
    let ctx = AgentContext { deltas: Some(sender), ..context() };
    let agent = registry(providers(&server.uri())).for_kind("llm").unwrap();
    assert_eq!(shown(&agent.run(step(text()), &ctx).await.unwrap())[0].2, "abcd");
}

#[tokio::test]
async fn a_structured_answer_is_asked_for_and_checked() {
    let server = MockServer::start().await;
    Mock::given(body_partial_json(json!({
        "response_format": {"type": "json_schema", "json_schema": {"strict": true}},
    })))
    .and(body_string_contains("Answer with JSON only"))
    .respond_with(stream(&["```json\n", "{\"n\": 4", "2}\n```"]))
    .expect(1)
    .mount(&server)
    .await;
    let output = ask(&server.uri(), object()).await.unwrap();
    assert_eq!(shown(&output), [("out", "application/json", r#"{"n": 42}"#)]);
}

#[tokio::test]
async fn several_outputs_are_one_object() {
    let server = server(stream(&[r#"{"score": 0.5, "why": "because"}"#])).await;
    let outputs = json!([
        {"name": "why", "schema": {"type": "string"}}, {"name": "score", "schema": {"type": "number"}},
    ]);
    let output = ask(&server.uri(), outputs).await.unwrap();
    assert_eq!(shown(&output), [("why", "text/plain", "because"), ("score", "application/json", "0.5")]);
}

#[tokio::test]
async fn a_wrong_answer_is_repaired_once_with_the_fault_named() {
    let server = MockServer::start().await;
    Mock::given(body_string_contains("`/n` must be a whole number"))
        .respond_with(stream(&[r#"{"n": 1}"#]))
        .with_priority(1)
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(any()).respond_with(stream(&[r#"{"n": "one"}"#])).expect(1).mount(&server).await;
    let output = ask(&server.uri(), object()).await.unwrap();
    assert_eq!(shown(&output), [("out", "application/json", r#"{"n": 1}"#)]);
    let usage = output.usage.unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (14, 6), "both rounds are paid for");
}

#[tokio::test]
async fn an_answer_that_stays_wrong_is_an_invalid_output() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(stream(&["I would rather not"])).expect(2).mount(&server).await;
    let error = ask(&server.uri(), object()).await.unwrap_err();
    assert_eq!(error.class, Reason::InvalidOutput);
    assert!(error.message.starts_with("The model did not give valid JSON"), "{}", error.message);
}

#[tokio::test]
async fn an_empty_answer_is_an_invalid_output() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(stream(&[" ", "\n"])).expect(1).mount(&server).await;
    let error = ask(&server.uri(), text()).await.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (Reason::InvalidOutput, "The model gave an empty answer"));
}

#[tokio::test]
async fn an_endpoint_without_schemas_is_asked_again_in_words_alone() {
    let server = MockServer::start().await;
    Mock::given(body_string_contains("response_format"))
        .respond_with(
            ResponseTemplate::new(400).set_body_json(json!({"error": {"message": "unknown field: response_format"}})),
        )
        .with_priority(1)
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(any()).respond_with(stream(&[r#"{"n": 1}"#])).expect(1).mount(&server).await;
    assert_eq!(shown(&ask(&server.uri(), object()).await.unwrap())[0].2, r#"{"n": 1}"#);
}

#[tokio::test]
async fn every_refusal_has_its_class_and_no_key() {
    let error = |code: Value| json!({"error": {"message": format!("about {KEY}"), "type": "invalid_request_error", "code": code}});
    let table = [
        (401, error(json!("invalid_api_key")), Reason::Unauthorized),
        (403, json!({}), Reason::Unauthorized),
        (429, error(json!(null)), Reason::RateLimit),
        (400, error(json!("context_length_exceeded")), Reason::ContextLength),
        (400, error(json!("context_length")), Reason::ContextLength),
        (400, json!({"error": {"type": "exceed_context_size_error", "code": 400}}), Reason::ContextLength),
        (413, json!({}), Reason::ContextLength),
        (400, error(json!(null)), Reason::Permanent),
        (404, error(json!("model_not_found")), Reason::Permanent),
        (500, error(json!(null)), Reason::Server),
        (529, json!("overloaded"), Reason::Server),
        (504, json!({}), Reason::Timeout),
    ];
    for (status, body, expected) in table {
        let server = server(ResponseTemplate::new(status).insert_header("retry-after", "2").set_body_json(&body)).await;
        let error = ask(&server.uri(), text()).await.unwrap_err();
        assert_eq!(error.class, expected, "{status} {body}");
        assert_eq!(error.retry_after_ms, Some(2_000), "{status} {body}");
        assert!(!error.message.contains("canary"), "{}", error.message);
    }
}

#[tokio::test]
async fn an_error_inside_the_stream_has_its_class() {
    let table = [
        (json!({"error": {"message": "too long", "code": "context_length"}}), "context_length"),
        (json!({"error": {"message": "busy", "type": "server_error"}}), "server"),
        (json!({"error": {"message": "slower", "code": "rate_limit_exceeded"}}), "rate_limit"),
    ];
    for (error, expected) in table {
        let server =
            server(ResponseTemplate::new(200).set_body_raw(format!("data: {error}\n\n"), "text/event-stream")).await;
        assert_eq!(class(ask(&server.uri(), text()).await), expected, "{error}");
    }
}

#[tokio::test]
async fn a_cut_stream_is_a_fault_of_the_server_and_no_answer() {
    let table = [
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n",
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n",
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n5\r\ndata:",
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<html></html>",
        "",
    ];
    for bytes in table {
        let server = raw_server(bytes, Then::Close).await;
        assert_eq!(class(ask(&server.url, text()).await), "server", "{bytes:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_a_fault_of_the_server() {
    let server = raw_server("", Then::Close).await;
    assert_eq!(class(ask(&server.url, text()).await), "server");
    let error = ask(&server.url, text()).await.unwrap_err();
    assert_eq!(error.class, Reason::Server);
    assert!(error.message.contains("`127.0.0.1` cannot be reached"), "{}", error.message);
}

#[tokio::test]
async fn cancelling_drops_a_slow_stream_at_once() {
    let server = raw_server(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
         data: {\"choices\":[{\"delta\":{\"content\":\"first words\"}}]}\n\n",
        Then::Wait,
    )
    .await;
    let (sender, mut deltas) = mpsc::channel(16);
    let ctx = AgentContext { deltas: Some(sender), ..context() };
    let cancel = ctx.cancel.clone();
    let agent = registry(providers(&server.url)).for_kind("llm").unwrap();
    let running = tokio::spawn(async move { agent.run(step(text()), &ctx).await });
    assert_eq!(deltas.recv().await.as_deref(), Some("first words"));
    cancel.cancel();
    assert_eq!(running.await.unwrap().unwrap_err().class, Reason::Stopped);
    server.client_left.await.expect("the connection closes, so the model stops too");
}

#[tokio::test]
async fn a_rejected_answer_is_shown_with_what_to_change() {
    let table = [
        (
            text(),
            json!({"answer": "Hello"}),
            json!([
                {"role": "system", "content": "Be kind."}, {"role": "user", "content": "Say hi"},
                {"role": "assistant", "content": "Hello"},
            ]),
        ),
        (
            object(),
            json!({"out": {"n": 1}}),
            json!([
                {"role": "system"}, {"role": "user"}, {"role": "assistant", "content": r#"{"n":1}"#},
            ]),
        ),
        // What was rejected is not there any more: the model is asked once, with the feedback.
        (text(), json!({}), json!([{"role": "system", "content": "Be kind."}])),
    ];
    for (outputs, previous, messages) in table {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(stream(&[r#"{"n":2}"#])).expect(1).mount(&server).await;
        let previous: BTreeMap<String, Value> = serde_json::from_value(previous).unwrap();
        let n_expected = messages.as_array().unwrap().len() + 1;
        let revision = Revision { previous, feedback: "Be shorter".to_owned() };
        let agent = registry(providers(&server.uri())).for_kind("llm").unwrap();
        agent.run(StepInput { revision: Some(revision), ..step(outputs) }, &context()).await.unwrap();
        let request = &server.received_requests().await.unwrap()[0];
        let sent: Value = serde_json::from_slice(&request.body).unwrap();
        let sent = sent["messages"].as_array().unwrap();
        assert_eq!(sent.len(), n_expected, "{sent:?}");
        for (found, wanted) in sent.iter().zip(messages.as_array().unwrap()) {
            for (name, value) in wanted.as_object().unwrap() {
                assert_eq!(&found[name], value);
            }
        }
        let last = sent.last().unwrap();
        assert_eq!(last["role"], "user");
        assert!(last["content"].as_str().unwrap().contains("Be shorter"), "{last}");
    }
}

#[tokio::test]
async fn prices_become_the_cost_even_of_an_answer_that_is_refused() {
    let server = server(stream(&["no JSON at all"])).await;
    let priced =
        Provider { price: Some(Price { input: 2.0, output: 10.0, currency: None }), ..provider(&server.uri()) };
    let agent = registry(Providers::new([("p".to_owned(), priced)])).for_kind("llm").unwrap();
    let output = agent.run(step(text()), &context()).await.unwrap();
    assert_eq!(output.usage.unwrap().cost_micros, Some(7 * 2 + 3 * 10));
    // Two rounds, each of which was paid for.
    let error = agent.run(step(object()), &context()).await.unwrap_err();
    let usage = error.usage.unwrap();
    assert_eq!((error.class, usage.prompt_tokens, usage.cost_micros), (Reason::InvalidOutput, 14, Some(88)));
}

#[tokio::test]
async fn an_answer_without_end_is_cut_at_the_cap() {
    let piece = json!({"choices": [{"index": 0, "delta": {"content": "x".repeat(64 * 1024)}, "finish_reason": null}]});
    let frame = ["data: ", &piece.to_string(), "\n\n"].concat();
    let url = endless("text/event-stream", frame.into_bytes(), 100 << 20).await;
    let before = memory("VmRSS");
    assert_eq!(class(ask(&url, text()).await), "output_too_large");
    let grown = memory("VmHWM").saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB");
}

#[tokio::test]
async fn a_missing_provider_says_what_to_set() {
    let key = |key: Option<&str>, url: Option<&str>| Provider {
        key: key.map(SecretString::from),
        url: url.map(str::to_owned),
        ..provider("http://127.0.0.1:1")
    };
    let many = || {
        Providers::new([("a".to_owned(), key(None, Some("http://x"))), ("b".to_owned(), key(None, Some("http://x")))])
    };
    let table = [
        (Providers::default(), "", "WEFT_PROVIDER_DEFAULT_KIND"),
        (Providers::default(), "acme", "No provider is called `acme`: set WEFT_PROVIDER_ACME_KIND"),
        (many(), "", "choose one of a, b"),
        (Providers::new([("acme".to_owned(), key(None, None))]), "", "set WEFT_PROVIDER_ACME_KEY"),
    ];
    for (providers, name, expected) in table {
        let agent = registry(providers).for_kind("llm").unwrap();
        let step = input(json!({"kind": "llm", "prompt": "x", "provider": name}), text(), json!({}));
        let error = agent.run(step, &context()).await.unwrap_err();
        assert_eq!(error.class, Reason::Unauthorized, "{name}");
        assert!(error.message.contains(expected), "{}", error.message);
    }
}

#[tokio::test]
async fn a_provider_that_appears_late_is_used() {
    let server = server(stream(&["hello"])).await;
    let providers = Providers::default();
    let agent = registry(providers.clone()).for_kind("llm").unwrap();
    assert_eq!(class(agent.run(step(text()), &context()).await), "unauthorized");
    providers.insert("local", provider(&server.uri()));
    assert_eq!(shown(&agent.run(step(text()), &context()).await.unwrap())[0].2, "hello");
}

#[tokio::test]
async fn a_prompt_that_cannot_be_rendered_is_never_sent() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(stream(&["x"])).expect(0).mount(&server).await;
    let agent = registry(providers(&server.uri())).for_kind("llm").unwrap();
    for prompt in ["{{ nope }}", "{% set x = word %}{{ x * 10**9 }}"] {
        let step = StepInput { prompt: Some(prompt.to_owned()), ..step(text()) };
        assert_eq!(class(agent.run(step, &context()).await), "template", "{prompt}");
    }
}

#[tokio::test]
async fn unusable_settings_are_permanent() {
    let table = [
        Provider { model: String::new(), ..provider("http://127.0.0.1:1") },
        Provider { url: Some("not a url".to_owned()), ..provider("") },
        Provider { url: Some("ftp://host/".to_owned()), ..provider("") },
    ];
    for provider in table {
        let agent = registry(Providers::new([("p".to_owned(), provider.clone())])).for_kind("llm").unwrap();
        assert_eq!(class(agent.run(step(text()), &context()).await), "permanent", "{provider:?}");
    }
}
