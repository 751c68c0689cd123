//! What models do not take: known in the words of those who refuse it, remembered only where that was what was wrong.

use std::sync::Arc;

use agents::{AgentError, InMemory, Options, Provider, ProviderKind, Providers, Registry, StepOutput};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use crate::support::{class, context, input, shown};

fn registry(kind: ProviderKind, url: &str, memory: &Arc<InMemory>) -> Registry {
    let provider = Provider { kind, url: Some(url.to_owned()), key: None, model: "m".to_owned(), price: None };
    let memory = Arc::clone(memory) as Arc<dyn agents::Refusals>;
    Registry::new(Providers::new([("p".to_owned(), provider)]), memory, Options::default())
}

async fn ask(registry: &Registry, prompt: &str, outputs: Value) -> Result<StepOutput, AgentError> {
    let config =
        json!({"kind": "llm", "system": "Be brief.", "prompt": prompt, "temperature": 0.2, "max_tokens": 4096});
    registry.for_kind("llm").unwrap().run(input(config, outputs, json!({})), &context()).await
}

fn text() -> Value {
    json!([{"name": "a", "schema": {"type": "string"}}])
}

fn object() -> Value {
    json!([{"name": "a", "schema": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}])
}

fn hi(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}))
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

async fn bodies(server: &MockServer) -> Vec<Value> {
    server.received_requests().await.unwrap().iter().map(body).collect()
}

/// A server that answers an error as long as a request has a field.
async fn refusing(field: &'static str, status: u16, error: Value) -> MockServer {
    let server = MockServer::start().await;
    let respond = move |request: &Request| {
        if body(request).get(field).is_some() {
            ResponseTemplate::new(status).set_body_json(&error)
        } else {
            hi(r#"{"n":1}"#)
        }
    };
    Mock::given(any()).respond_with(respond).mount(&server).await;
    server
}

#[tokio::test]
async fn a_refusal_is_known_in_the_words_and_status_of_whoever_passes_it_on() {
    let table = [
        (
            "temperature",
            400,
            json!({"error": {"message": "UnsupportedParamsError: no temperature", "type": "None", "param": "None", "code": "400"}}),
        ),
        (
            "temperature",
            500,
            json!({"error": {"message": "litellm.APIError: temperature is not supported", "code": "500"}}),
        ),
        (
            "temperature",
            404,
            json!({"error": {"message": "No endpoints found that support the requested parameters: temperature", "code": 404}}),
        ),
        ("response_format", 404, json!({"error": {"message": "No endpoints found that support response_format"}})),
        ("response_format", 500, json!({"error": "invalid JSON schema in format"})),
        (
            "response_format",
            500,
            json!({"error": {"message": "JSON schema conversion failed: Unrecognized schema", "code": 500}}),
        ),
        ("response_format", 400, json!({"error": {"message": "Failed to parse grammar", "code": 400}})),
        ("stream", 501, json!({"error": {"message": "Streaming is not supported"}})),
        (
            "temperature",
            400,
            json!({"error": {"message": "Bad Request", "cause": "{\"error\":{\"message\":\"no\",\"param\":\"temperature\"}}"}}),
        ),
    ];
    for (field, status, error) in table {
        let server = refusing(field, status, error.clone()).await;
        let memory = Arc::new(InMemory::default());
        let first = ask(&registry(ProviderKind::OpenAi, &server.uri(), &memory), "P", object()).await.unwrap();
        assert_eq!(first.usage.unwrap().left_out, [field], "{error}");
        ask(&registry(ProviderKind::OpenAi, &server.uri(), &memory), "P", object()).await.unwrap();
        assert_eq!(bodies(&server).await.len(), 3, "it is remembered: {error}");
    }
}

#[tokio::test]
async fn what_an_error_quotes_of_the_request_is_no_refusal_and_nothing_is_remembered_in_vain() {
    let prompt = "At what temperature does water boil?";
    let table = [
        json!({"detail": [{"loc": ["body", "messages"], "msg": "bad", "input": {"temperature": 0.2}}]}),
        json!({"error": {"message": "[{'loc': ('body', 'messages'), 'msg': 'bad', 'input': {'model': 'm', 'temperature': 0.2}}]"}}),
        json!({"error": {"message": format!("flagged: {prompt}")}}),
    ];
    for error in table {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(400).set_body_json(&error)).mount(&server).await;
        let memory = Arc::new(InMemory::default());
        let result = ask(&registry(ProviderKind::OpenAi, &server.uri(), &memory), prompt, text()).await;
        assert_eq!(class(result), "permanent");
        assert_eq!(bodies(&server).await.len(), 1, "{error}");
    }
    // It fails whatever is left out: none of that was wrong.
    let server = MockServer::start().await;
    let error = json!({"error": {"message": "invalid: temperature, or max_tokens, or stream_options"}});
    Mock::given(any()).respond_with(ResponseTemplate::new(400).set_body_json(&error)).mount(&server).await;
    let memory = Arc::new(InMemory::default());
    let asked = registry(ProviderKind::OpenAi, &server.uri(), &memory);
    for _ in 0..2 {
        assert_eq!(class(ask(&asked, "P", text()).await), "permanent");
    }
    let sent = bodies(&server).await;
    let again = &sent[sent.len() / 2];
    assert!(again.get("temperature").is_some() && again.get("max_tokens").is_some(), "{again}");
}

#[tokio::test]
async fn a_limit_that_is_too_large_for_one_prompt_is_sent_with_the_next() {
    let server = MockServer::start().await;
    let respond = |request: &Request| {
        let body = body(request);
        let has_limit = body.get("max_tokens").or_else(|| body.get("max_completion_tokens")).is_some();
        let is_long = body.to_string().contains("long");
        if has_limit && is_long {
            let message = "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context length is 4096 tokens and your request has 4000 input tokens";
            let error =
                json!({"error": {"message": message, "type": "BadRequestError", "param": "max_tokens", "code": 400}});
            return ResponseTemplate::new(400).set_body_json(error);
        }
        hi("ok")
    };
    Mock::given(any()).respond_with(respond).mount(&server).await;
    let memory = Arc::new(InMemory::default());
    let asked = registry(ProviderKind::OpenAi, &server.uri(), &memory);
    let long = ask(&asked, "long", text()).await.unwrap();
    assert_eq!(long.usage.unwrap().left_out, ["max_tokens"]);
    assert!(ask(&asked, "short", text()).await.unwrap().usage.unwrap().left_out.is_empty());
    let sent = bodies(&server).await;
    assert_eq!(sent.len(), 3);
    assert_eq!(sent[2]["max_tokens"], 4096);
}

#[tokio::test]
async fn a_value_that_is_refused_keeps_no_other_from_being_sent() {
    let server = MockServer::start().await;
    let respond = |request: &Request| {
        if body(request).get("temperature") == Some(&json!(0.2)) {
            let error = json!({"error": {"message": "temperature 0.2 is invalid: use 1", "param": "temperature", "code": "invalid_value"}});
            return ResponseTemplate::new(400).set_body_json(error);
        }
        hi("ok")
    };
    Mock::given(any()).respond_with(respond).mount(&server).await;
    let memory = Arc::new(InMemory::default());
    let asked = registry(ProviderKind::OpenAi, &server.uri(), &memory);
    assert_eq!(ask(&asked, "P", text()).await.unwrap().usage.unwrap().left_out, ["temperature"]);
    let config = json!({"kind": "llm", "prompt": "P", "temperature": 1.0});
    let other = asked.for_kind("llm").unwrap().run(input(config, text(), json!({})), &context()).await.unwrap();
    assert!(other.usage.unwrap().left_out.is_empty());
    let sent = bodies(&server).await;
    assert_eq!((sent.len(), &sent[2]["temperature"]), (3, &json!(1.0)));
}

#[tokio::test]
async fn a_system_prompt_that_is_refused_stands_in_front_of_the_prompt() {
    let table = [
        (ProviderKind::OpenAi, json!({"error": {"message": "System role not supported"}})),
        (
            ProviderKind::OpenAi,
            json!({"error": {"message": "Unsupported value: 'messages[0].role' does not support 'system' with this model.", "param": "messages[0].role", "code": "unsupported_value"}}),
        ),
        (ProviderKind::Ollama, json!({"error": "System role not supported"})),
        (
            ProviderKind::Gemini,
            json!({"error": {"code": 400, "message": "Developer instruction is not enabled for models/gemma-3", "status": "INVALID_ARGUMENT"}}),
        ),
        (ProviderKind::OpenAiResponses, json!({"error": {"message": "bad", "param": "instructions"}})),
        (ProviderKind::Anthropic, json!({"type": "error", "error": {"message": "system prompts are not supported"}})),
    ];
    for (kind, error) in table {
        let server = MockServer::start().await;
        let respond = move |request: &Request| {
            let body = body(request);
            let is_apart = ["system", "instructions", "systemInstruction"].iter().any(|name| body.get(*name).is_some())
                || body.to_string().contains(r#""role":"system""#);
            if is_apart { ResponseTemplate::new(400).set_body_json(&error) } else { whole(kind) }
        };
        Mock::given(any()).respond_with(respond).mount(&server).await;
        let memory = Arc::new(InMemory::default());
        let output = ask(&registry(kind, &server.uri(), &memory), "Hello", text()).await.unwrap();
        assert_eq!(shown(&output)[0].2, "hi", "{kind}");
        assert_eq!(output.usage.unwrap().left_out, ["system_role"], "{kind}");
        assert!(bodies(&server).await[1].to_string().contains(r"Be brief.\n\nHello"), "{kind}");
        ask(&registry(kind, &server.uri(), &memory), "Hello", text()).await.unwrap();
        assert_eq!(bodies(&server).await.len(), 3, "{kind}: it is remembered");
    }
}

fn whole(kind: ProviderKind) -> ResponseTemplate {
    let document = match kind {
        ProviderKind::OpenAi => return hi("hi"),
        ProviderKind::OpenAiResponses => {
            json!({"object": "response", "status": "completed", "output": [{"content": [{"text": "hi"}]}]})
        }
        ProviderKind::Anthropic => json!({"type": "message", "content": "hi", "stop_reason": "end_turn"}),
        ProviderKind::Gemini => {
            json!({"candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}]})
        }
        ProviderKind::Ollama => json!({"message": {"content": "hi"}, "done": true}),
    };
    ResponseTemplate::new(200).set_body_json(document)
}

#[tokio::test]
async fn a_protocol_without_streams_to_ask_for_leaves_nothing_out() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(whole(ProviderKind::Gemini)).mount(&server).await;
    let asked = registry(ProviderKind::Gemini, &server.uri(), &Arc::new(InMemory::default()));
    assert!(ask(&asked, "P", text()).await.unwrap().usage.unwrap().left_out.is_empty());
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_a_wrong_key_is_not() {
    let table = [
        (499, json!({"error": {"code": 499, "status": "CANCELLED", "message": "x"}}), "server"),
        (409, json!({"error": {"code": 409, "status": "ABORTED", "message": "x"}}), "server"),
        (498, json!({"error": {"message": "x", "code": "capacity_exceeded"}}), "rate_limit"),
        (425, json!({}), "server"),
        (424, json!({"error": "x"}), "server"),
        (400, json!({"__type": "ThrottlingException", "message": "Rate exceeded"}), "rate_limit"),
        (
            400,
            json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "x", "details": [{"reason": "API_KEY_INVALID"}]}}),
            "unauthorized",
        ),
        (404, json!({"error": {"message": "x"}}), "permanent"),
    ];
    for (status, error, expected) in table {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(status).set_body_json(&error)).mount(&server).await;
        let asked = registry(ProviderKind::OpenAi, &server.uri(), &Arc::new(InMemory::default()));
        assert_eq!(class(ask(&asked, "P", text()).await), expected, "{status} {error}");
    }
}
