//! Answers of providers and gateways as people reported them elsewhere: the bytes are theirs, as far as they gave them.

use agents::{
    Provider,
    ProviderKind::{self, Anthropic, Gemini, Ollama, OpenAi, OpenAiResponses},
    Providers,
};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::{
    llm_wire::{answer_in, body, finished, openai, streamed, told},
    support::{context, input, registry},
};

const CUT_OFF: &str = "server: The model's answer broke off before it was complete";
const TOOL: &str = "invalid_output: The model wanted to call a tool instead of answering, but this agent has none";

fn text() -> Value {
    json!([{"name": "a", "schema": {"type": "string"}}])
}

async fn told_of(kind: ProviderKind, body: String) -> String {
    told(answer_in(kind, 200, body, "text/event-stream", text()).await)
}

fn stop() -> String {
    body(OpenAi, &[finished(OpenAi, "stop")])
}

#[tokio::test]
async fn a_stream_is_read_however_its_lines_are_broken() {
    let begin = r#"{"id":"chatcmpl-Blugot","object":"chat.completion.chunk","created":1750759030,"model":"gpt-4.1-2025-04-14","choices":[{"delta":{"content":"Take 20 mg"},"index":0,"finish_reason":null,"logprobs":null}],"content":"Take","lastOne":false}"#;
    let end = r#"{"id":"chatcmpl-Blugot","object":"chat.completion.chunk","choices":[{"delta":{},"index":0,"finish_reason":"stop"}]}"#;
    let pretty = |document: &str| format!("{:#}", serde_json::from_str::<Value>(document).unwrap());
    let table = [
        // rig, 534: each document stands below its name.
        format!("data:\n {begin}\n\ndata:\n {end}\n\n"),
        // micronaut-core, 2586: only the first line of a document has a name.
        format!("data: {}\n\ndata: {}\n\ndata: [DONE]\n\n", pretty(begin), pretty(end)),
        // eventsource-parser, 31: no blank line parts two events.
        format!("data: {begin}\ndata: {end}\n\n"),
        // huggingface_hub, 4536, and mistral-vibe, 793: no space in front of the mark, or some behind it.
        format!("data:{begin}\n\ndata:[DONE]\n\n"),
        format!("data: {begin}\r\n\r\ndata: [DONE] \r\n\r\n"),
        // openclaw, 97474: a name too many.
        format!("data: data: {begin}\n\ndata: data: {end}\n\n"),
    ];
    for stream in table {
        assert_eq!(told_of(OpenAi, stream.clone()).await, "Take 20 mg", "{stream}");
        // openclaw, 96497: gateways call their streams JSON.
        let mislabelled = answer_in(OpenAi, 200, stream.clone(), "application/json", text()).await;
        assert_eq!(told(mislabelled), "Take 20 mg", "{stream}");
    }
}

#[tokio::test]
async fn what_broke_in_a_stream_is_told_in_the_words_that_came() {
    // sub2api, 1471: an error within the event that broke off.
    let error =
        r#"{"type":"error","sequence_number":0,"error":{"type":"upstream_error","message":"stream_read_error"}}"#;
    let broken = format!("data: {{\"type\":\"response.completed\",\"response\":{{\"id\ndata: {error}\n\n");
    let stream = streamed(OpenAiResponses, &[]) + "event: response.completed\n" + &broken;
    let expected = "server: The provider stopped with an error: stream_read_error";
    assert_eq!(told_of(OpenAiResponses, stream).await, expected);
    // opencode, 8282: one document within another.
    let garbled = r#"data: {"id":"20260114043705","choices":[{"index":0,"delta":{"role":"adata: {"id":"20260114043919","choices":[{"index":0,"delta":{"reasoning_content":"Now"}}]}"#;
    let said = told_of(OpenAi, streamed(OpenAi, &[]) + garbled + "\n\n").await;
    assert!(said.starts_with(&format!("{CUT_OFF}: {{\"id\"")), "{said}");
    // litellm, 8448: an error beside an answer that says nothing.
    let both = json!({
        "id": "gen-1", "choices": [{"finish_reason": "stop", "index": 0, "message": {"content": null, "role": "assistant"}}],
        "error": {"message": "Provider returned error", "code": 429, "metadata": {"raw": "error code: 1015", "provider_name": "Kluster"}},
    });
    let expected = "rate_limit: The provider stopped with an error: Provider returned error: error code: 1015";
    assert_eq!(told_of(OpenAi, both.to_string()).await, expected);
    // llmgateway, 1994: no reason where the answer was filtered.
    let filtered = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "stop_reason": null,
        "content": [{"type": "text", "text": "Take 20 mg"}], "usage": {"input_tokens": 3, "output_tokens": 4},
    });
    assert_eq!(told_of(Anthropic, filtered.to_string()).await, CUT_OFF);
}

#[tokio::test]
async fn a_thought_in_any_shape_is_no_part_of_the_answer() {
    let delta = |delta: Value| openai(delta, Value::Null);
    let table = [
        // ai-gateway, 1222: an object.
        (json!({"role": "assistant", "reasoning_content": {"text": "I nee"}}), "Take 20 mg"),
        // chatlas, 397, and appkit, 559: a part of the content, with its text or with a summary.
        (
            json!({"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "I nee"}]}]}),
            "Take 20 mg",
        ),
        (json!({"content": [{"type": "reasoning", "text": "I nee"}]}), "Take 20 mg"),
        (
            json!({"content": [{"type": "reasoning", "summary": []}, {"type": "text", "text": "So: ", "thinking": null}]}),
            "So: Take 20 mg",
        ),
        // oh-my-pi, 2996, and ollama by way of odysseus, 591.
        (json!({"content": null, "reasoning_content": "I nee"}), "Take 20 mg"),
        (json!({"content": "", "reasoning": "I nee"}), "Take 20 mg"),
    ];
    for (first, expected) in table {
        let said = body(OpenAi, &[delta(first.clone()), delta(json!({"content": "Take 20 mg"}))]);
        assert_eq!(told_of(OpenAi, said + &stop()).await, expected, "{first}");
        if expected == "Take 20 mg" {
            let silent = told_of(OpenAi, body(OpenAi, &[delta(first.clone())]) + &stop()).await;
            assert_eq!(silent, "invalid_output: The model thought, but gave an empty answer", "{first}");
        }
    }
    // litellm, 20737: many pieces of a thought.
    let thought =
        |piece: &str| json!({"message": {"role": "assistant", "content": "", "thinking": piece}, "done": false});
    let said = [
        vec![thought("Okay"), thought(","), thought(" the"), thought(" user")],
        vec![json!({"message": {"role": "assistant", "content": "Take 20 mg"}, "done": false})],
        vec![finished(Ollama, "stop")],
    ];
    assert_eq!(told_of(Ollama, body(Ollama, &said.concat())).await, "Take 20 mg");
}

#[tokio::test]
async fn a_call_of_a_tool_is_told_whatever_the_end_is_called() {
    let call = json!([{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": {"city": "Paris"}}}]);
    let table = [
        // symfony/ai, 2543.
        (
            OpenAi,
            vec![json!({"choices": [{"message": {"content": null, "tool_calls": call}, "finish_reason": "stop"}]})],
        ),
        // openclaw, 98575: there is no reason at all.
        (OpenAi, vec![openai(json!({"tool_calls": call}), Value::Null)]),
        (OpenAi, vec![openai(json!({"function_call": {"name": "f", "arguments": "{}"}}), json!("stop"))]),
        (
            Anthropic,
            vec![
                json!({"type": "content_block_start", "content_block": {"type": "tool_use", "id": "t", "name": "f"}}),
                finished(Anthropic, "end_turn"),
            ],
        ),
        (
            Gemini,
            vec![
                json!({"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {}}}]}, "finishReason": "STOP"}]}),
            ],
        ),
        (Ollama, vec![json!({"message": {"content": "", "tool_calls": call}, "done": true, "done_reason": "stop"})]),
    ];
    for (kind, documents) in table {
        let said = body(kind, &documents) + if kind == OpenAi { "data: [DONE]\n\n" } else { "" };
        assert_eq!(told_of(kind, said).await, TOOL, "{kind}: {documents:?}");
    }
    // vllm, 53255, in streams: an empty list of them is none.
    let said = body(OpenAi, &[openai(json!({"content": "Take 20 mg", "tool_calls": []}), Value::Null)]) + &stop();
    assert_eq!(told_of(OpenAi, said).await, "Take 20 mg");
}

#[tokio::test]
async fn chunks_that_say_nothing_end_nothing() {
    let said = || openai(json!({"content": "Take 20 mg"}), json!(" "));
    let table = [
        // cc-switch, 5093: an empty reason, and a blank one.
        (OpenAi, vec![openai(json!({"content": ""}), json!("")), said(), finished(OpenAi, "stop")]),
        // mentat, 429: what Azure's filter found comes first.
        (
            OpenAi,
            vec![
                json!({"id":"","choices":[],"created":0,"model":"","object":"","system_fingerprint":null,"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}),
                said(),
                json!({"choices":[{"content_filter_offsets":{"check_offset":3},"content_filter_results":{"hate":{"filtered":false}},"finish_reason":null,"index":0}]}),
                finished(OpenAi, "stop"),
            ],
        ),
        // req_llm, 638, and litellm, 29167: a candidate without parts, and one without anything.
        (
            Gemini,
            vec![
                json!({"candidates": [{"content": {"parts": [{"text": "Take 20 mg"}], "role": "model"}}]}),
                json!({"candidates": [{"groundingMetadata": {}, "index": 0}]}),
                json!({"candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 3}}),
            ],
        ),
    ];
    for (kind, documents) in table {
        assert_eq!(told_of(kind, body(kind, &documents)).await, "Take 20 mg", "{kind}: {documents:?}");
    }
}

#[tokio::test]
async fn json_is_found_in_what_models_write_around_it() {
    let object = || json!([{"name": "a", "schema": {"type": "object"}}]);
    let table = [
        // dify, 42451 and 41958.
        ("```json\n{\"a\": 1}\n```\nSee [docs] for more.", "{\"a\": 1}"),
        (
            "{\"action\": \"Final\", \"input\": \"done\"}\n\nReferences: [1]",
            "{\"action\": \"Final\", \"input\": \"done\"}",
        ),
        ("Result: {\"a\": 1}. Note [1].", "{\"a\": 1}"),
        ("{\"code\": \"use `print` function\"}", "{\"code\": \"use `print` function\"}"),
        ("Here is `the` result: {\"a\": 1}", "{\"a\": 1}"),
        // langchain, 40292 and 35530.
        ("```JSON\n{\"a\": 1}\n```", "{\"a\": 1}"),
        ("<think>{\"a\": 0}?</think>```json\n{\"a\": 1}\n```", "{\"a\": 1}"),
        // pydantic-ai, 3475: the fence never ends.
        ("```json\n{\"a\": 1}", "{\"a\": 1}"),
        // n8n, 21174 and 26925: a fence in a text, and digits beyond a float's.
        (
            r###"{"message": "## Example\n```bash\n--set a=b\n```\n"}"###,
            r###"{"message": "## Example\n```bash\n--set a=b\n```\n"}"###,
        ),
        ("{\"p_id\": 7615917337495251231}", "{\"p_id\": 7615917337495251231}"),
    ];
    for (wrote, expected) in table {
        let said = body(OpenAi, &[openai(json!({"content": wrote}), Value::Null)]) + &stop();
        let result = answer_in(OpenAi, 200, said, "text/event-stream", object()).await;
        assert_eq!(told(result), expected, "{wrote}");
    }
}

#[tokio::test]
async fn a_base_that_lacks_its_version_is_told_with_what_to_try() {
    for (end, advice) in [("", true), ("/v1", false)] {
        let server = MockServer::start().await;
        let nothing = ResponseTemplate::new(404).set_body_json(json!({"detail": "Not Found"}));
        Mock::given(any()).respond_with(nothing).mount(&server).await;
        let url = Some(format!("{}{end}", server.uri()));
        let provider = Provider { kind: OpenAi, url, key: None, model: "m".to_owned(), price: None };
        let agent = registry(Providers::new([("p".to_owned(), provider)])).for_kind("llm").unwrap();
        let step = input(json!({"kind": "llm", "prompt": "Dose?"}), text(), json!({}));
        let advice =
            if advice { format!(": should its address be wrong, try `{}/v1`", server.uri()) } else { String::new() };
        let expected = format!("permanent: The provider answered 404 Not Found{advice}: Not Found");
        assert_eq!(told(agent.run(step, &context()).await), expected);
    }
}

#[tokio::test]
async fn a_whole_address_and_an_unwanted_compression_are_known() {
    // SillyTavern, 6007: what stands between compresses as it likes.
    for (compression, expected) in [
        (None, "Take 20 mg".to_owned()),
        (
            Some("zstd"),
            "server: The provider sent an answer compressed with `zstd`, which was not asked for: check what stands between"
                .to_owned(),
        ),
    ] {
        let server = MockServer::start().await;
        let stream = body(OpenAi, &[openai(json!({"content": "Take 20 mg"}), Value::Null)]) + &stop();
        let response = ResponseTemplate::new(200).set_body_raw(stream, "text/event-stream");
        let response = match compression {
            Some(name) => response.insert_header("content-encoding", name),
            None => response,
        };
        Mock::given(any()).respond_with(response).mount(&server).await;
        // MoneyPrinterTurbo, 57, and opencodex, 1582: the address as the provider shows it.
        let url = format!("{}/v1/chat/completions", server.uri());
        let provider = Provider { kind: OpenAi, url: Some(url), key: None, model: "m".to_owned(), price: None };
        let agent = registry(Providers::new([("p".to_owned(), provider)])).for_kind("llm").unwrap();
        let step = input(json!({"kind": "llm", "prompt": "Dose?"}), text(), json!({}));
        assert_eq!(told(agent.run(step, &context()).await), expected);
        let asked = server.received_requests().await.unwrap();
        assert_eq!(asked[0].url.path(), "/v1/chat/completions");
    }
}
