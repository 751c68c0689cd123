//! Answers in the wire format of every kind of provider, for the tests of how they are read.

use agents::{
    AgentError, Provider,
    ProviderKind::{self, Anthropic, Gemini, Ollama, OpenAi, OpenAiResponses},
    Providers, StepOutput,
};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};
use workflow::status::Reason;

use crate::support::{context, input, registry, shown};

pub(crate) const KINDS: [ProviderKind; 5] = [OpenAi, OpenAiResponses, Anthropic, Gemini, Ollama];

/// A text in two pieces, as a kind streams it.
pub(crate) fn pieces(kind: ProviderKind) -> Vec<Value> {
    ["Take 20 mg, ", "but never"]
        .map(|piece| match kind {
            OpenAi => {
                json!({"id": "c-1", "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": null}]})
            }
            OpenAiResponses => json!({"type": "response.output_text.delta", "delta": piece}),
            Anthropic => {
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}})
            }
            Gemini => {
                json!({"candidates": [{"content": {"parts": [{"text": piece}], "role": "model"}, "index": 0}]})
            }
            Ollama => {
                json!({"model": "m", "message": {"role": "assistant", "content": piece}, "done": false})
            }
        })
        .to_vec()
}

/// The pieces and what comes after them, in the framing of the kind.
pub(crate) fn body(kind: ProviderKind, documents: &[Value]) -> String {
    let all = documents.iter().map(Value::to_string);
    if kind == Ollama {
        all.map(|document| document + "\n").collect()
    } else {
        all.map(|document| ["data: ", &document, "\n\n"].concat()).collect()
    }
}

pub(crate) fn streamed(kind: ProviderKind, ending: &[Value]) -> String {
    let mut documents = pieces(kind);
    documents.extend_from_slice(ending);
    body(kind, &documents)
}

pub(crate) async fn answer_in(
    kind: ProviderKind,
    status: u16,
    body: String,
    media_type: &str,
    outputs: Value,
) -> Result<StepOutput, AgentError> {
    answer_of_bytes(kind, status, body.into_bytes(), media_type, outputs).await
}

pub(crate) async fn answer_of_bytes(
    kind: ProviderKind,
    status: u16,
    body: Vec<u8>,
    media_type: &str,
    outputs: Value,
) -> Result<StepOutput, AgentError> {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(status).set_body_raw(body, media_type))
        .expect(1)
        .mount(&server)
        .await;
    // As the makers serve it.
    let version = if kind == Ollama { "" } else { "/v1" };
    let provider = Provider {
        kind,
        url: Some(format!("{}{version}", server.uri())),
        key: Some("sk-canary-1234567".to_owned().into()),
        model: "m".to_owned(),
        price: None,
    };
    let agent = registry(Providers::new([("p".to_owned(), provider)])).for_kind("llm").unwrap();
    let step = input(json!({"kind": "llm", "prompt": "Dose?"}), outputs, json!({}));
    let ctx = context();
    let result = agent.run(step, &ctx).await;
    // Whatever became of it, it is written down what was asked and what came.
    let transcript = ctx.recorder.transcript().unwrap();
    assert_eq!(transcript.rounds[0].sent.last().unwrap().text.lines().next(), Some("Dose?"));
    assert!(!format!("{transcript:?} {result:?}").contains("canary"), "{result:?}");
    if let Err(error) = &result
        && status == 200
        && error.class != Reason::InvalidOutput
    {
        let wrote = &transcript.rounds[0].wrote;
        assert!(wrote.is_empty() || wrote.starts_with("Take 20 mg"), "{wrote}");
    }
    result
}

pub(crate) async fn answer(kind: ProviderKind, body: String) -> Result<StepOutput, AgentError> {
    answer_in(kind, 200, body, "text/event-stream", json!([{"name": "a", "schema": {"type": "string"}}])).await
}

pub(crate) fn told(result: Result<StepOutput, AgentError>) -> String {
    match result {
        Ok(output) => {
            let cut = if output.usage.as_ref().is_some_and(|usage| usage.is_cut) { " (cut)" } else { "" };
            format!("{}{cut}", shown(&output)[0].2)
        }
        Err(error) => format!("{}: {}", error.class, error.message),
    }
}

pub(crate) fn finished(kind: ProviderKind, word: &str) -> Value {
    match kind {
        OpenAi => json!({"choices": [{"index": 0, "delta": {}, "finish_reason": word}]}),
        OpenAiResponses => {
            json!({"type": "response.completed", "response": {"id": "r", "status": word, "output": [{"type": "message", "content": [{"type": "output_text", "text": "Take 20 mg, but never"}]}]}})
        }
        Anthropic => {
            json!({"type": "message_delta", "delta": {"stop_reason": word}, "usage": {"output_tokens": 5}})
        }
        Gemini => json!({"candidates": [{"finishReason": word}]}),
        Ollama => json!({"message": {"content": ""}, "done": true, "done_reason": word}),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "tests write their documents in place")]
pub(crate) fn openai(delta: Value, reason: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
}
