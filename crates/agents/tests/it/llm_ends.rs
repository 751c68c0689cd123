//! How answers end, in the wire format of every kind of provider and in the words of those who speak it: complete, broken off,
//! refused, failed in the middle, or not streamed at all.

use agents::{
    Provider,
    ProviderKind::{self, Anthropic, Gemini, Ollama, OpenAi, OpenAiResponses},
    Providers,
};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::{
    llm_wire::{KINDS, answer, answer_in, body, finished, openai, streamed, told},
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

#[tokio::test]
async fn what_stands_where_a_text_belongs_and_is_none_is_shown() {
    let openai = |content: Value| json!({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]});
    let ollama = |content: Value| json!({"message": {"content": content}, "done": true, "done_reason": "stop"});
    let anthropic = |content: Value| json!({"type": "message", "content": content, "stop_reason": "end_turn"});
    let object = json!({"dose": "20 mg"});
    for (kind, document) in
        [(OpenAi, openai(object.clone())), (Ollama, ollama(object.clone())), (Anthropic, anthropic(object))]
    {
        assert_eq!(
            told(answer(kind, body(kind, &[document])).await),
            r#"invalid_output: The provider sent an object where the text of the answer belongs: {"dose":"20 mg"}"#,
            "{kind}"
        );
    }
    let number = told(answer(OpenAi, body(OpenAi, &[openai(json!(20))])).await);
    assert_eq!(number, "invalid_output: The provider sent a number where the text of the answer belongs: 20");
}

#[tokio::test]
async fn a_whole_answer_is_an_answer() {
    let table = [
        (
            OpenAi,
            json!({"id": "x", "choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}),
        ),
        (
            OpenAi,
            json!({"object": "chat.completion", "choices": [{"message": {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "hi"}]}}]}),
        ),
        (
            OpenAiResponses,
            json!({"object": "response", "status": "completed", "error": null, "output": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}, {"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]}),
        ),
        (
            Anthropic,
            json!({"type": "message", "id": "m", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hi"}], "stop_reason": "end_turn", "usage": {"input_tokens": 2, "output_tokens": 1}}),
        ),
        (
            Gemini,
            json!({"candidates": [{"content": {"parts": [{"text": "hm", "thought": true}, {"text": "hi"}]}, "finishReason": "STOP"}]}),
        ),
        (
            Gemini,
            json!([{"candidates": [{"content": {"parts": [{"text": "h"}]}}]}, {"candidates": [{"content": {"parts": [{"text": "i"}]}, "finishReason": "STOP"}]}]),
        ),
        (Ollama, json!({"message": {"content": "hi", "thinking": "hm"}, "done": true, "done_reason": "stop"})),
    ];
    for (kind, document) in table {
        for body in [document.to_string(), format!("{document:#}\n"), format!("data: {document}\n\n")] {
            let text = json!([{"name": "a", "schema": {"type": "string"}}]);
            let result = answer_in(kind, 200, body.clone(), "application/json", text).await;
            assert_eq!(told(result), "hi", "{kind}: {body}");
        }
    }
}

#[tokio::test]
async fn an_error_with_status_200_is_told_in_the_provider_s_words() {
    let html = "<html><head><title>Maintenance</title></head><body>Back soon</body></html>".to_owned();
    let table = [
        (json!({"error": {"message": "No such model: nope", "type": "invalid_request_error", "code": "model_not_found"}}).to_string(), "permanent: The provider stopped with an error: No such model: nope"),
        (json!({"error": {"message": "slower", "code": 429}}).to_string(), "rate_limit: The provider stopped with an error: slower"),
        (json!({"error": "model is loading"}).to_string(), "server: The provider stopped with an error: model is loading"),
        (json!({"detail": "Not here"}).to_string(), "server: The provider stopped with an error: Not here"),
        (html, "server: The provider sent something that is no model's answer: check its kind and its address: Maintenance Back soon"),
        (json!({"status": "fine"}).to_string(), "server: The provider sent something that is no model's answer: check its kind and its address: {\"status\":\"fine\"}"),
        (json!({"errorMessage": "Task timed out"}).to_string(), "server: The provider stopped with an error: Task timed out"),
        (json!({"choices": null, "base_resp": {"status_code": 1004, "status_msg": "login fail"}}).to_string(), "unauthorized: The provider stopped with an error: login fail"),
        (json!("plainly wrong").to_string(), "server: The provider sent something that is no model's answer: check its kind and its address: plainly wrong"),
        (format!("{:#}", json!({"error": {"message": "spread over lines", "code": "invalid_api_key"}})), "unauthorized: The provider stopped with an error: spread over lines"),
    ];
    for kind in KINDS {
        for (body, expected) in &table {
            assert_eq!(told(answer(kind, body.clone()).await), *expected, "{kind}: {body}");
        }
    }
}

#[tokio::test]
async fn the_words_of_an_error_body_are_shown_in_every_shape_without_the_key() {
    let table = [
        (404, json!({"error": {"message": "The model `x` does not exist", "code": "model_not_found"}}).to_string(), "permanent: The provider answered 404 Not Found: The model `x` does not exist"),
        (404, json!({"error": "model \"x\" not found, try pulling it first"}).to_string(), "permanent: The provider answered 404 Not Found: model \"x\" not found, try pulling it first"),
        (404, json!({"detail": "Not Found: /chat"}).to_string(), "permanent: The provider answered 404 Not Found: Not Found: /chat"),
        (422, json!({"detail": [{"loc": ["body", "messages"], "msg": "Field required"}]}).to_string(), "permanent: The provider answered 422 Unprocessable Entity: body.messages: Field required"),
        (502, "upstream is away".to_owned(), "server: The provider answered 502 Bad Gateway: upstream is away"),
        (503, "<html><body><h1>503</h1>Try later</body></html>".to_owned(), "server: The provider answered 503 Service Unavailable: 503 Try later"),
        (404, String::new(), "permanent: The provider answered 404 Not Found"),
        (400, json!({"error": {"message": "The response was filtered", "code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}).to_string(), "refused: The provider refused to answer: The response was filtered"),
        (403, json!({"error": {"code": 403, "message": "flagged", "metadata": {"flagged_input": "x"}}}).to_string(), "refused: The provider refused to answer: flagged"),
        (401, json!({"error": {"message": "Incorrect API key provided: sk-canar****4567."}}).to_string(), "unauthorized: The provider answered 401 Unauthorized: check its key, and that the key may use this model: Incorrect API key provided: [key]"),
        (400, json!({"error": {"message": "about sk-canary-1234567"}}).to_string(), "permanent: The provider answered 400 Bad Request: about [key]"),
    ];
    for kind in KINDS {
        for (status, body, expected) in &table {
            let text = json!([{"name": "a", "schema": {"type": "string"}}]);
            let result = answer_in(kind, *status, body.clone(), "application/json", text).await;
            assert_eq!(told(result), *expected, "{kind}: {body}");
        }
    }
    let text = json!([{"name": "a", "schema": {"type": "string"}}]);
    let long = answer_in(OpenAi, 500, "x".repeat(60_000), "text/plain", text).await.unwrap_err();
    assert!(long.message.chars().count() < 600, "{}", long.message.len());
}

#[tokio::test]
async fn thoughts_are_no_part_of_an_answer() {
    let object = json!([{"name": "a", "schema": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}]);
    let text = json!([{"name": "a", "schema": {"type": "string"}}]);
    let said = |text: &str| {
        let pieces: Vec<Value> =
            text.split_inclusive(' ').map(|piece| json!({"choices": [{"delta": {"content": piece}}]})).collect();
        body(OpenAi, &[pieces, vec![finished(OpenAi, "stop")]].concat())
    };
    let table = [
        ("<think> First a draft:\n```json\n{\"n\":1}\n```\n</think>\n{\"n\":2}", &object, "{\"n\":2}"),
        ("First a draft: {\"n\":1} </think> {\"n\":2}", &object, "{\"n\":2}"),
        ("<thinking>hm</thinking>\n\nHello", &text, "Hello"),
        ("Write <think> before you think, </think> after", &text, "Write <think> before you think, </think> after"),
        ("<think> on and on {\"n\":1}", &object, "invalid_output: The model was still thinking when its answer ended"),
        ("<think> on and on", &text, "invalid_output: The model was still thinking when its answer ended"),
        ("<think> hm </think> ", &text, "invalid_output: The model thought, but gave an empty answer"),
        // A tag in a JSON text is content.
        ("{\"n\":1, \"s\":\"ends with </think> tag\"}", &object, "{\"n\":1, \"s\":\"ends with </think> tag\"}"),
        // The last complete value, whatever stands around it.
        ("```json\n{\"n\":1}\n```\nOr rather:\n```json\n{\"n\":2}\n```\nDone (see [1]).", &object, "{\"n\":2}"),
    ];
    for (answered, outputs, expected) in table {
        let result = answer_in(OpenAi, 200, said(answered), "text/event-stream", outputs.clone()).await;
        assert_eq!(told(result), expected, "{answered}");
    }
}

#[tokio::test]
async fn usage_is_counted_wherever_it_stands_and_estimated_where_it_does_not() {
    let usage = |kind: ProviderKind, ending: Vec<Value>| async move {
        let usage = answer(kind, streamed(kind, &ending)).await.unwrap().usage.unwrap();
        (usage.prompt_tokens, usage.completion_tokens, usage.is_estimated, usage.cost_micros)
    };
    let stop = || finished(OpenAi, "stop");
    let table = vec![
        // Prompt "Dose?" is 5 bytes, the answer 21.
        (OpenAi, vec![stop()], (2, 7, true, None)),
        (OpenAi, vec![stop(), json!({"choices": [], "usage": null})], (2, 7, true, None)),
        (
            OpenAi,
            vec![stop(), json!({"choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0}})],
            (2, 7, true, None),
        ),
        (
            OpenAi,
            vec![stop(), json!({"choices": [], "usage": {"prompt_tokens": -5, "completion_tokens": 1e30}})],
            (2, 7, true, None),
        ),
        (
            OpenAi,
            vec![
                stop(),
                json!({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 4, "cost": 0.000_25}}),
            ],
            (11, 4, false, Some(250)),
        ),
        // A nothing takes no count away; texts are numbers too; and both together are better than a guess.
        (
            OpenAi,
            vec![
                json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}),
                json!({"choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0}}),
            ],
            (7, 3, false, None),
        ),
        (
            OpenAi,
            vec![stop(), json!({"choices": [], "usage": {"prompt_tokens": "11", "completion_tokens": "4"}})],
            (11, 4, false, None),
        ),
        (OpenAi, vec![stop(), json!({"choices": [], "usage": {"total_tokens": 15}})], (2, 13, true, None)),
        // The sum among its parts, as Perplexity tells it; and a text.
        (
            OpenAi,
            vec![
                stop(),
                json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 149, "total_tokens": 156, "cost": {"output_tokens_cost": 0.002, "request_cost": 0.004, "total_cost": 0.006}}}),
            ],
            (7, 149, false, Some(6000)),
        ),
        (
            OpenAi,
            vec![
                stop(),
                json!({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 4, "cost": "0.00025"}}),
            ],
            (11, 4, false, Some(250)),
        ),
        (
            Anthropic,
            vec![
                json!({"type": "message_start", "message": {"usage": {"input_tokens": 11, "output_tokens": 1}}}),
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"input_tokens": 0, "output_tokens": 4}}),
            ],
            (11, 4, false, None),
        ),
        // LiteLLM's proxy: a last chunk that still has a choice.
        (
            OpenAi,
            vec![
                stop(),
                json!({"choices": [{"index": 0, "delta": {}, "finish_reason": null}], "usage": {"prompt_tokens": 11, "completion_tokens": 4}, "_hidden_params": {"response_cost": 0.001}}),
            ],
            (11, 4, false, Some(1000)),
        ),
        (
            OpenAi,
            vec![
                json!({"choices": [{"delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 11, "completion_tokens": 4}}]}),
            ],
            (11, 4, false, None),
        ),
        (
            OpenAi,
            vec![stop(), json!({"choices": [], "x_groq": {"usage": {"prompt_tokens": 11, "completion_tokens": 4}}})],
            (11, 4, false, None),
        ),
        (
            OpenAiResponses,
            vec![
                json!({"type": "response.completed", "response": {"status": "completed", "usage": {"input_tokens": 11, "output_tokens": 4}}}),
            ],
            (11, 4, false, None),
        ),
        (
            Anthropic,
            vec![
                json!({"type": "message_start", "message": {"usage": {"input_tokens": 5, "cache_read_input_tokens": 6, "output_tokens": 1}}}),
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}}),
            ],
            (11, 4, false, None),
        ),
        (
            Gemini,
            vec![
                json!({"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 3, "thoughtsTokenCount": 1}}),
            ],
            (11, 4, false, None),
        ),
        (Ollama, vec![json!({"done": true, "prompt_eval_count": 11, "eval_count": 4})], (11, 4, false, None)),
        // The prompt was in its cache, which it counts as nothing.
        (Ollama, vec![json!({"done": true, "eval_count": 4})], (2, 4, true, None)),
    ];
    for (kind, ending, expected) in table {
        let shown = format!("{kind}: {ending:?}");
        assert_eq!(usage(kind, ending).await, expected, "{shown}");
    }
}
