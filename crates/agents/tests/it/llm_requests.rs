//! What is asked, in the wire format of every kind: the author's order, what a model does not take, and where the key may go.

use std::sync::Arc;

use agents::{AgentError, InMemory, Options, Provider, ProviderKind, Providers, Registry, StepInput, StepOutput};
use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{any, header_exists},
};
use workflow::status::Reason;

use crate::support::{class, context, endless, input, memory, shown};

const KEY: &str = "sk-canary-1234567";
const KINDS: [ProviderKind; 5] = [
    ProviderKind::OpenAi,
    ProviderKind::OpenAiResponses,
    ProviderKind::Anthropic,
    ProviderKind::Gemini,
    ProviderKind::Ollama,
];

fn registry(kind: ProviderKind, url: &str, model: &str) -> Registry {
    remembering(kind, url, model, &Arc::new(InMemory::default()))
}

fn remembering(kind: ProviderKind, url: &str, model: &str, memory: &Arc<InMemory>) -> Registry {
    let provider = Provider {
        kind,
        url: Some(url.to_owned()),
        key: Some(SecretString::from(KEY)),
        model: model.to_owned(),
        price: None,
    };
    let memory = Arc::clone(memory) as Arc<dyn agents::Refusals>;
    Registry::new(Providers::new([("p".to_owned(), provider)]), memory, Options::default())
}

fn whole(kind: ProviderKind, text: &str) -> Value {
    match kind {
        ProviderKind::OpenAi => json!({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}),
        ProviderKind::OpenAiResponses => {
            json!({"object": "response", "status": "completed", "output": [{"content": [{"text": text}]}]})
        }
        ProviderKind::Anthropic => {
            json!({"type": "message", "content": [{"type": "text", "text": text}], "stop_reason": "end_turn"})
        }
        ProviderKind::Gemini => {
            json!({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}]})
        }
        ProviderKind::Ollama => json!({"message": {"content": text}, "done": true}),
    }
}

fn step(outputs: Value) -> StepInput {
    let config = json!({"kind": "llm", "system": "S", "prompt": "P", "temperature": 0.2, "max_tokens": 64});
    input(config, outputs, json!({}))
}

fn text() -> Value {
    json!([{"name": "a", "schema": {"type": "string"}}])
}

async fn run(registry: &Registry, step: StepInput) -> Result<StepOutput, AgentError> {
    registry.for_kind("llm").unwrap().run(step, &context()).await
}

async fn bodies(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    requests.iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

#[tokio::test]
async fn each_kind_is_asked_in_its_own_words() {
    let expected = [
        json!({"model": "m", "stream": true, "stream_options": {"include_usage": true}, "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "P"}], "temperature": 0.2, "max_tokens": 64}),
        json!({"model": "m", "stream": true, "store": false, "instructions": "S", "input": [{"role": "user", "content": "P"}], "temperature": 0.2, "max_output_tokens": 64}),
        json!({"model": "m", "stream": true, "max_tokens": 64, "system": "S", "messages": [{"role": "user", "content": "P"}], "temperature": 0.2}),
        json!({"systemInstruction": {"parts": [{"text": "S"}]}, "contents": [{"role": "user", "parts": [{"text": "P"}]}], "generationConfig": {"temperature": 0.2, "maxOutputTokens": 64}}),
        json!({"model": "m", "stream": true, "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "P"}], "options": {"temperature": 0.2, "num_predict": 64}}),
    ];
    let paths = [
        ("/v1/chat/completions", "authorization"),
        ("/v1/responses", "authorization"),
        ("/v1/messages", "x-api-key"),
        ("/v1/models/m:streamGenerateContent", "x-goog-api-key"),
        ("/v1/api/chat", "authorization"),
    ];
    for ((kind, expected), (path, key_header)) in KINDS.into_iter().zip(expected).zip(paths) {
        let server = MockServer::start().await;
        Mock::given(header_exists(key_header))
            .respond_with(ResponseTemplate::new(200).set_body_json(whole(kind, "hi")))
            .mount(&server)
            .await;
        let output = run(&registry(kind, &format!("{}/v1/", server.uri()), "m"), step(text())).await.unwrap();
        assert_eq!(shown(&output)[0].2, "hi");
        let request = &server.received_requests().await.unwrap()[0];
        assert_eq!(request.url.path(), path);
        assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected, "{kind}");
    }
}

#[tokio::test]
async fn a_schema_reaches_the_model_in_the_author_s_order() {
    let outputs = json!([{"name": "a", "schema": {"type": "object", "required": ["reasoning", "answer"], "properties": {
        "reasoning": {"type": "string"}, "answer": {"type": "string"},
    }}}]);
    for kind in KINDS {
        let server = MockServer::start().await;
        let said = whole(kind, r#"{"reasoning":"x","answer":"y"}"#);
        Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(said)).mount(&server).await;
        run(&registry(kind, &server.uri(), "m"), step(outputs.clone())).await.unwrap();
        let body = String::from_utf8(server.received_requests().await.unwrap()[0].body.clone()).unwrap();
        // In the prompt, and in what the provider enforces.
        let places = |name: &str| body.match_indices(&format!("{name}\":")).map(|(place, _)| place).collect::<Vec<_>>();
        let escaped =
            |name: &str| body.match_indices(&format!("{name}\\\":")).map(|(place, _)| place).collect::<Vec<_>>();
        let (reasoning, answer) = (places("\"reasoning"), places("\"answer"));
        assert_eq!((reasoning.len(), answer.len()), (1, 1), "{kind}: {body}");
        assert!(reasoning[0] < answer[0], "{kind}: {body}");
        assert!(escaped("reasoning")[0] < escaped("answer")[0], "{kind}: {body}");
    }
}

#[tokio::test]
async fn bounds_of_numbers_are_said_where_the_protocol_has_them_and_the_model_takes_them() {
    let number = json!({"type": "integer", "minimum": 1, "maximum": 10});
    let outputs = json!([{"name": "a", "schema": {"type": "object", "required": ["n"], "properties": {"n": number}}}]);
    // The prompt has them too, as text in a text.
    let says = |body: &Value| body.to_string().contains(r#""minimum":1"#);
    for kind in KINDS {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200).set_body_json(whole(kind, r#"{"n":5}"#));
        Mock::given(any()).respond_with(answer).mount(&server).await;
        run(&registry(kind, &server.uri(), "m"), step(outputs.clone())).await.unwrap();
        assert_eq!(says(&bodies(&server).await[0]), kind != ProviderKind::Anthropic, "{kind}");
    }

    let server = MockServer::start().await;
    let gateway = move |request: &Request| {
        if says(&serde_json::from_slice(&request.body).unwrap()) {
            let message = "Invalid schema for response_format 'output': In context=('properties', 'n'), 'minimum' is not permitted.";
            let error = json!({"error": {"message": message, "type": "invalid_request_error", "param": "response_format", "code": null}});
            return ResponseTemplate::new(400).set_body_json(error);
        }
        ResponseTemplate::new(200).set_body_json(whole(ProviderKind::OpenAi, r#"{"n":5}"#))
    };
    Mock::given(any()).respond_with(gateway).mount(&server).await;
    let registry = registry(ProviderKind::OpenAi, &server.uri(), "m");
    for n_asked in [2, 3] {
        let output = run(&registry, step(outputs.clone())).await.unwrap();
        assert!(output.usage.unwrap().left_out.is_empty(), "it is held to the rest");
        let sent = bodies(&server).await;
        assert_eq!(sent.len(), n_asked);
        let schema = &sent[n_asked - 1]["response_format"]["json_schema"]["schema"];
        assert_eq!(schema["properties"]["n"], json!({"type": "integer"}));
    }
}

/// Refuses what gpt-5-mini refuses, one at a time, and then answers.
fn gpt_5(request: &Request) -> ResponseTemplate {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let refuse = |message: &str, param: &str, code: &str| {
        let error =
            json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}});
        ResponseTemplate::new(400).set_body_json(error)
    };
    if body.get("max_tokens").is_some() {
        refuse(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            "max_tokens",
            "unsupported_parameter",
        )
    } else if body.get("temperature").is_some_and(|temperature| *temperature != 1) {
        refuse(
            "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
            "temperature",
            "unsupported_value",
        )
    } else if body.get("stream") == Some(&json!(true)) {
        refuse("Your organization must be verified to stream this model.", "stream", "unsupported_value")
    } else {
        ResponseTemplate::new(200).set_body_json(whole(ProviderKind::OpenAi, "hi"))
    }
}

#[tokio::test]
async fn what_a_model_refuses_is_left_out_said_and_remembered_until_the_model_changes() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(gpt_5).mount(&server).await;
    let memory = Arc::new(InMemory::default());
    let gpt = remembering(ProviderKind::OpenAi, &server.uri(), "gpt-5-mini", &memory);
    let output = run(&gpt, step(text())).await.unwrap();
    assert_eq!(output.usage.unwrap().left_out, ["temperature", "stream"]);
    let sent = bodies(&server).await;
    assert_eq!(sent.len(), 4);
    assert_eq!(
        sent[3],
        json!({"model": "gpt-5-mini", "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "P"}], "max_completion_tokens": 64})
    );

    // Asked rightly from then on, by whoever shares the memory.
    let again = remembering(ProviderKind::OpenAi, &server.uri(), "gpt-5-mini", &memory);
    assert_eq!(run(&again, step(text())).await.unwrap().usage.unwrap().left_out, ["temperature", "stream"]);
    assert_eq!(bodies(&server).await.len(), 5);
    // Another model may take it, and so may the same one elsewhere.
    run(&remembering(ProviderKind::OpenAi, &server.uri(), "gpt-6", &memory), step(text())).await.unwrap();
    assert_eq!(bodies(&server).await.len(), 9);
    run(&remembering(ProviderKind::OpenAi, &format!("{}/v2", server.uri()), "gpt-5-mini", &memory), step(text()))
        .await
        .unwrap();
    assert_eq!(bodies(&server).await.len(), 13);
}

#[tokio::test]
async fn a_refusal_that_names_no_parameter_is_not_asked_again() {
    let outputs = json!([{"name": "a", "schema": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}]);
    let error =
        json!({"error": {"message": "invalid request", "type": "invalid_request_error", "param": null, "code": null}});
    for kind in KINDS {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(400).set_body_json(&error))
            .expect(1)
            .mount(&server)
            .await;
        assert_eq!(class(run(&registry(kind, &server.uri(), "m"), step(outputs.clone())).await), "permanent", "{kind}");
    }
}

#[tokio::test]
async fn a_limit_that_only_the_protocol_wants_is_lowered_for_an_old_model() {
    let server = MockServer::start().await;
    let respond = |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        if body["max_tokens"].as_u64() > Some(4096) {
            let message =
                "max_tokens: 32000 > 4096, which is the maximum allowed number of output tokens for claude-3-haiku";
            let error = json!({"type": "error", "error": {"type": "invalid_request_error", "message": message}});
            return ResponseTemplate::new(400).set_body_json(error);
        }
        ResponseTemplate::new(200).set_body_json(whole(ProviderKind::Anthropic, "hi"))
    };
    Mock::given(any()).respond_with(respond).expect(3).mount(&server).await;
    let registry = registry(ProviderKind::Anthropic, &server.uri(), "m");
    let quiet = || input(json!({"kind": "llm", "prompt": "P"}), text(), json!({}));
    let output = run(&registry, quiet()).await.unwrap();
    assert!(output.usage.unwrap().left_out.is_empty(), "the author set no limit");
    run(&registry, quiet()).await.unwrap();
}

#[tokio::test]
async fn a_key_follows_no_redirect() {
    for kind in KINDS {
        let thief = MockServer::start().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(200).set_body_json(whole(kind, "mine")))
            .expect(0)
            .mount(&thief)
            .await;
        for status in [301, 302, 303, 307, 308] {
            let server = MockServer::start().await;
            let location = format!("{}/v2/?key={KEY}", thief.uri().replace("http://", "http://user:password@"));
            let response = ResponseTemplate::new(status).insert_header("location", location.as_str());
            Mock::given(any()).respond_with(response).mount(&server).await;
            let error = run(&registry(kind, &server.uri(), "m"), step(text())).await.unwrap_err();
            assert_eq!(error.class, Reason::Permanent);
            let shown = format!("{} {error:?}", error.message);
            assert!(error.message.contains(&format!("leads on to `{}/v2/`", thief.uri())), "{shown}");
            assert!(!shown.contains("canary") && !shown.contains("password"), "{shown}");
        }
    }
}

#[tokio::test]
async fn an_endless_line_and_an_endless_error_cost_little_memory() {
    let endless_line = endless("text/event-stream", vec![b'x'; 64 * 1024], 400 << 20).await;
    let before = memory("VmRSS");
    assert_eq!(class(run(&registry(ProviderKind::OpenAi, &endless_line, "m"), step(text())).await), "output_too_large");
    let comments = endless("text/event-stream", [b": ", &vec![b'x'; 64 * 1024][..]].concat(), 400 << 20).await;
    assert_eq!(class(run(&registry(ProviderKind::OpenAi, &comments, "m"), step(text())).await), "output_too_large");
    let error = crate::support::endless_with("500 Oops", "text/plain", vec![b'x'; 64 * 1024], 400 << 20).await;
    assert_eq!(class(run(&registry(ProviderKind::OpenAi, &error, "m"), step(text())).await), "server");
    let grown = memory("VmHWM").saturating_sub(before);
    assert!(grown < 96 << 10, "{grown} KiB");
}

#[tokio::test]
async fn a_key_that_is_no_header_is_named_without_being_shown() {
    let provider = Provider {
        kind: ProviderKind::OpenAi,
        url: Some("http://127.0.0.1:1".to_owned()),
        key: Some(SecretString::from("sk-canary\nx")),
        model: "m".to_owned(),
        price: None,
    };
    let registry = crate::support::registry(Providers::new([("p".to_owned(), provider)]));
    let error = run(&registry, step(text())).await.unwrap_err();
    assert_eq!(error.class, Reason::Unauthorized);
    assert!(error.message.contains("line break") && !error.message.contains("canary"), "{}", error.message);
}
