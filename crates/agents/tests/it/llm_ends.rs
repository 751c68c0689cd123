//! How answers end, in the wire format of every kind of provider and in the words of those who speak it: complete, broken off,
//! refused, or failed in the middle.

use agents::{
    Provider,
    ProviderKind::{self, Anthropic, Gemini, Ollama, OpenAi, OpenAiResponses},
    Providers,
};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::{
    llm_wire::{KINDS, answer, body, finished, openai, streamed, told},
    support::{context, input, registry},
};

#[tokio::test]
async fn an_answer_that_closes_without_a_finish_reason_is_cut_off_in_every_wire_format() {
    for kind in KINDS {
        let whole = streamed(kind, &[]);
        // After a whole frame, in the middle of one, and before the first.
        for length in [whole.len(), whole.len() - 20, 0] {
            let result = answer(kind, whole[..length].to_owned()).await;
            assert_eq!(told(result), "server: The model's answer broke off before it was complete", "{kind} {length}");
        }
    }
}

#[tokio::test]
async fn what_came_before_an_end_that_never_came_is_kept() {
    for kind in KINDS {
        let server = MockServer::start().await;
        let response = ResponseTemplate::new(200).set_body_raw(streamed(kind, &[]), "text/event-stream");
        Mock::given(any()).respond_with(response.insert_header("x-request-id", "req-7")).mount(&server).await;
        let provider = Provider { kind, url: Some(server.uri()), key: None, model: "m".to_owned(), price: None };
        let agent = registry(Providers::new([("p".to_owned(), provider)])).for_kind("llm").unwrap();
        let ctx = context();
        let config = json!({"kind": "llm", "system": "Be brief.", "prompt": "Dose?", "temperature": 0.5});
        let step = input(config, json!([{"name": "a", "schema": {"type": "string"}}]), json!({}));
        let usage = agent.run(step, &ctx).await.unwrap_err().usage.unwrap();
        assert!(usage.is_estimated && usage.prompt_tokens == 5 && usage.completion_tokens == 7, "{usage:?}");
        let round = &ctx.recorder.transcript().unwrap().rounds[0];
        assert_eq!(round.wrote, "Take 20 mg, but never", "{kind}");
        assert_eq!((round.request_id.as_deref(), round.finish_reason.as_deref()), (Some("req-7"), None));
        let sent: Vec<(&str, &str)> = round.sent.iter().map(|said| (said.role.as_str(), said.text.as_str())).collect();
        assert_eq!(sent, [("system", "Be brief."), ("user", "Dose?")]);
        let parameters = Value::Object(round.parameters.clone()).to_string();
        assert!(parameters.contains("\"temperature\":0.5") && !parameters.contains("Dose"), "{parameters}");
    }
}

type Ends = Vec<(ProviderKind, Vec<Value>, &'static str)>;

async fn check(table: Ends) {
    for (kind, ending, expected) in table {
        let body = streamed(kind, &ending);
        let result = answer(kind, body.clone()).await;
        assert_eq!(told(result), expected, "{kind}: {body}");
    }
}

fn incomplete(reason: &str) -> Value {
    let details = json!({"reason": reason});
    json!({"type": "response.incomplete", "response": {"status": "incomplete", "incomplete_details": details}})
}

#[tokio::test]
async fn a_complete_and_a_cut_answer_are_told_apart_in_each_provider_s_own_words() {
    let complete = "Take 20 mg, but never";
    let cut = "Take 20 mg, but never (cut)";
    let table: Ends = vec![
        // Complete, without `[DONE]` too.
        (OpenAi, vec![finished(OpenAi, "stop")], complete),
        (OpenAi, vec![finished(OpenAi, "eos")], complete),
        (
            OpenAi,
            vec![
                openai(json!({"content": null, "role": "assistant", "reasoning_content": null}), json!("")),
                finished(OpenAi, "stop"),
            ],
            complete,
        ),
        (OpenAi, vec![finished(OpenAi, "stop"), json!({"choices": [], "usage": null})], complete),
        (OpenAiResponses, vec![finished(OpenAiResponses, "completed")], complete),
        (Anthropic, vec![finished(Anthropic, "end_turn")], complete),
        (
            Anthropic,
            vec![json!({"type": "ping"}), finished(Anthropic, "stop_sequence"), json!({"type": "message_stop"})],
            complete,
        ),
        (Gemini, vec![finished(Gemini, "STOP")], complete),
        (Ollama, vec![finished(Ollama, "stop")], complete),
        (Ollama, vec![json!({"done": true})], complete),
        // At the longest answer.
        (OpenAi, vec![finished(OpenAi, "length")], cut),
        (OpenAiResponses, vec![incomplete("max_output_tokens")], cut),
        (Anthropic, vec![finished(Anthropic, "max_tokens")], cut),
        (Anthropic, vec![finished(Anthropic, "model_context_window_exceeded")], cut),
        (Gemini, vec![finished(Gemini, "MAX_TOKENS")], cut),
        (Ollama, vec![finished(Ollama, "length")], cut),
    ];
    check(table).await;
}

#[tokio::test]
async fn a_refusal_has_a_class_of_its_own_in_each_provider_s_own_words() {
    let table: Ends = vec![
        (OpenAi, vec![finished(OpenAi, "content_filter")], "refused: The model refused to answer: content filter"),
        (
            OpenAi,
            vec![
                json!({"choices": [{"delta": {}, "finish_reason": "content_filter", "content_filter_results": {"violence": {"filtered": true, "severity": "high"}, "hate": {"filtered": false}}}]}),
            ],
            "refused: The model refused to answer: content filter: violence",
        ),
        (
            OpenAi,
            vec![
                openai(json!({"refusal": "I can't "}), Value::Null),
                openai(json!({"refusal": "help with that."}), json!("stop")),
            ],
            "refused: The model refused to answer: I can't help with that.",
        ),
        (
            OpenAi,
            vec![json!({"error": {"message": "flagged", "code": "content_filter"}})],
            "refused: The provider refused to answer: flagged",
        ),
        (OpenAiResponses, vec![incomplete("content_filter")], "refused: The model refused to answer: content filter"),
        (
            OpenAiResponses,
            vec![
                json!({"type": "response.refusal.delta", "delta": "I won't."}),
                finished(OpenAiResponses, "completed"),
            ],
            "refused: The model refused to answer: I won't.",
        ),
        (Anthropic, vec![finished(Anthropic, "refusal")], "refused: The model refused to answer: refusal"),
        (
            Anthropic,
            vec![
                json!({"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": {"category": "bio", "explanation": "about pathogens"}}}),
            ],
            "refused: The model refused to answer: refusal: about pathogens",
        ),
        (Gemini, vec![finished(Gemini, "SAFETY")], "refused: The model refused to answer: safety"),
        (
            Gemini,
            vec![
                json!({"candidates": [{"finishReason": "SAFETY", "safetyRatings": [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "blocked": true}, {"category": "HARM_CATEGORY_HARASSMENT"}]}]}),
            ],
            "refused: The model refused to answer: safety: dangerous content",
        ),
        (Gemini, vec![finished(Gemini, "RECITATION")], "refused: The model refused to answer: recitation"),
        (
            Gemini,
            vec![finished(Gemini, "PROHIBITED_CONTENT")],
            "refused: The model refused to answer: prohibited content",
        ),
        (Gemini, vec![finished(Gemini, "BLOCKLIST")], "refused: The model refused to answer: blocklist"),
        (Gemini, vec![finished(Gemini, "SPII")], "refused: The model refused to answer: spii"),
        (Gemini, vec![finished(Gemini, "LANGUAGE")], "refused: The model refused to answer: language"),
        (
            Gemini,
            vec![finished(Gemini, "STOP"), finished(Gemini, "SAFETY")],
            "refused: The model refused to answer: safety",
        ),
        (
            Gemini,
            vec![
                json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 9}}),
            ],
            "refused: The model refused to answer: prohibited content",
        ),
    ];
    check(table).await;
}

#[tokio::test]
async fn an_error_in_mid_stream_has_the_provider_s_words_and_class() {
    let table: Ends = vec![
        (
            OpenAi,
            vec![json!({"error": {"message": "GPU fell off", "type": "server_error"}})],
            "server: The provider stopped with an error: GPU fell off",
        ),
        (
            OpenAi,
            vec![
                json!({"error": {"code": 429, "message": "slower"}, "choices": [{"delta": {}, "finish_reason": "error"}]}),
            ],
            "rate_limit: The provider stopped with an error: slower",
        ),
        (
            OpenAi,
            vec![json!({"object": "error", "message": "too long", "code": "context_length_exceeded"})],
            "context_length: The prompt is longer than the model takes: too long",
        ),
        (OpenAi, vec![finished(OpenAi, "error")], "server: The provider broke the answer off: error"),
        (
            OpenAi,
            vec![finished(OpenAi, "insufficient_system_resource")],
            "server: The provider broke the answer off: insufficient system resource",
        ),
        (
            OpenAiResponses,
            vec![
                json!({"type": "response.failed", "response": {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow down"}}}),
            ],
            "rate_limit: The provider stopped with an error: slow down",
        ),
        (
            OpenAiResponses,
            vec![json!({"type": "error", "code": "server_error", "message": "oops", "param": null})],
            "server: The provider stopped with an error: oops",
        ),
        (
            Anthropic,
            vec![json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})],
            "server: The provider stopped with an error: Overloaded",
        ),
        (Anthropic, vec![finished(Anthropic, "pause_turn")], "server: The provider broke the answer off: pause turn"),
        (
            Gemini,
            vec![json!({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}})],
            "server: The provider stopped with an error: The model is overloaded.",
        ),
        (Gemini, vec![finished(Gemini, "OTHER")], "server: The provider broke the answer off: other"),
        (
            Ollama,
            vec![json!({"error": "an error was encountered while running the model"})],
            "server: The provider stopped with an error: an error was encountered while running the model",
        ),
    ];
    check(table).await;
}

#[tokio::test]
async fn an_answer_without_a_word_says_why() {
    let tool =
        json!({"choices": [{"delta": {"tool_calls": [{"function": {"name": "f"}}]}, "finish_reason": "tool_calls"}]});
    let only_thought = [
        json!({"choices": [{"delta": {"reasoning_content": "Let me see."}, "finish_reason": null}]}),
        json!({"choices": [{"delta": {}, "finish_reason": "length"}]}),
    ];
    let azure = [
        json!({"choices": [], "prompt_filter_results": []}),
        json!({"choices": [{"delta": {}, "finish_reason": "content_filter"}]}),
    ];
    let broke_off = "it broke off at the longest answer that the agent allows: raise that, or ask for less";
    let table = [
        (
            body(OpenAi, &[tool]),
            "invalid_output: The model wanted to call a tool instead of answering, but this agent has none".to_owned(),
        ),
        (
            body(OpenAi, &only_thought),
            format!("invalid_output: The model thought, but gave an empty answer; {broke_off}"),
        ),
        (body(OpenAi, &azure), "refused: The model refused to answer: content filter".to_owned()),
    ];
    for (body, expected) in table {
        assert_eq!(told(answer(OpenAi, body).await), expected);
    }
}
