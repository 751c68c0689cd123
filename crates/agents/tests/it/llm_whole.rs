//! Answers and errors that come whole, not streamed, and what in an answer is no part of it: thoughts, and what is no text.

use agents::ProviderKind::{Anthropic, Gemini, Ollama, OpenAi, OpenAiResponses};
use serde_json::{Value, json};

use crate::llm_wire::{KINDS, answer, answer_in, body, finished, told};

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
