//! Streams as they really come: said twice, broken in the middle, with marks that are none, with silence and with noise between.

use std::time::{Duration, Instant};

use agents::{
    Provider,
    ProviderKind::{self, Anthropic, Gemini, Ollama, OpenAi, OpenAiResponses},
    Providers,
};
use serde_json::{Value, json};

use crate::{
    llm_wire::{KINDS, answer_in, answer_of_bytes, body, finished, openai, pieces, told},
    support::{Then, context, input, paced, raw_server, registry},
};

fn text() -> Value {
    json!([{"name": "a", "schema": {"type": "string"}}])
}

async fn told_of(kind: ProviderKind, body: String) -> String {
    told(answer_in(kind, 200, body, "text/event-stream", text()).await)
}

async fn told_by(kind: ProviderKind, url: &str) -> String {
    let provider = Provider { kind, url: Some(url.to_owned()), key: None, model: "m".to_owned(), price: None };
    let agent = registry(Providers::new([("p".to_owned(), provider)])).for_kind("llm").unwrap();
    let step = input(json!({"kind": "llm", "prompt": "Dose?"}), text(), json!({}));
    told(agent.run(step, &context()).await)
}

fn said(piece: &str) -> Value {
    openai(json!({"content": piece}), Value::Null)
}

fn gemini(piece: &str, reason: Option<&str>) -> Value {
    json!({"candidates": [{"content": {"parts": [{"text": piece}]}, "finishReason": reason}]})
}

const CUT_OFF: &str = "server: The model's answer broke off before it was complete";
const TOOL: &str = "invalid_output: The model wanted to call a tool instead of answering, but this agent has none";

/// The last word of a kind, and what comes after it.
fn ended(kind: ProviderKind) -> Value {
    let word = match kind {
        OpenAi | Ollama => "stop",
        OpenAiResponses => "completed",
        Anthropic => "end_turn",
        Gemini => "STOP",
    };
    finished(kind, word)
}

#[tokio::test]
async fn a_character_in_two_halves_is_one_in_every_wire_format() {
    for kind in KINDS {
        let said = body(kind, &pieces(kind));
        let end = body(kind, &[ended(kind)]);
        let split = said.replace("20 mg, ", r"20 mg \ud83d").replace("but never", r"\ude00, but");
        assert_eq!(told_of(kind, format!("{split}{end}")).await, "Take 20 mg 😀, but", "{kind}");
        let alone = said.replace("but never", r"but \ud83d");
        assert_eq!(told_of(kind, format!("{alone}{end}")).await, "Take 20 mg, but \u{FFFD}", "{kind}");
    }
}

#[tokio::test]
async fn an_answer_in_another_charset_is_read_as_it_declares() {
    let (before, after) = (r#"{"choices":[{"message":{"content":""#, r#""},"finish_reason":"stop"}]}"#);
    let latin = [before.as_bytes(), b"caf\xe9 \x80", after.as_bytes()].concat();
    for media_type in ["application/json; charset=iso-8859-1", "application/json;charset=\"Windows-1252\""] {
        assert_eq!(
            told(answer_of_bytes(OpenAi, 200, latin.clone(), media_type, text()).await),
            "café €",
            "{media_type}"
        );
    }
    let utf8 = [before, "café €", after].concat().into_bytes();
    for media_type in ["application/json", "application/json; charset=utf-8", "application/json; charset=klingon"] {
        assert_eq!(
            told(answer_of_bytes(OpenAi, 200, utf8.clone(), media_type, text()).await),
            "café €",
            "{media_type}"
        );
    }
    let refused = b"{\"error\":{\"message\":\"cl\xe9 inconnue\"}}".to_vec();
    let refused = told(answer_of_bytes(OpenAi, 401, refused, "application/json; charset=latin1", text()).await);
    assert!(refused.contains("clé inconnue"), "{refused}");
}

#[tokio::test]
async fn what_is_said_twice_counts_once() {
    let stop = || finished(OpenAi, "stop");
    let together = |piece: &str| json!({"choices": [{"index": 0, "text": piece, "delta": {"content": piece}}]});
    let item = json!({"type": "message", "content": [{"type": "output_text", "text": "Take 20 mg"}]});
    let table = [
        (OpenAi, vec![together("Take"), together(" 20 mg"), stop()], "Take 20 mg"),
        (
            OpenAi,
            vec![
                said("Take"),
                said(" 20 mg"),
                json!({"object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "Take 20 mg"}}]}),
            ],
            "Take 20 mg",
        ),
        (
            OpenAi,
            vec![
                said("Take 20 mg"),
                json!({"choices": [{"index": 1, "delta": {"content": "Other"}, "finish_reason": "stop"}]}),
                stop(),
            ],
            "Take 20 mg",
        ),
        (
            OpenAi,
            vec![json!({"choices": [
                {"index": 1, "message": {"content": "Other"}, "finish_reason": "stop"},
                {"index": 0, "message": {"content": "Take 20 mg"}, "finish_reason": "stop"},
            ]})],
            "Take 20 mg",
        ),
        (
            OpenAi,
            vec![json!({"choices": [{"delta": {}, "message": {"content": "Take 20 mg"}, "finish_reason": "stop"}]})],
            "Take 20 mg",
        ),
        (Anthropic, vec![json!({"type": "message", "content": "Take 20 mg", "stop_reason": "end_turn"})], "Take 20 mg"),
        // What a model repeats is no cumulation.
        (OpenAi, vec![said("na"), said("na na"), stop()], "nana na"),
        // Only in parts that are whole, or at the end.
        (
            OpenAiResponses,
            vec![
                json!({"type": "response.reasoning_text.delta", "delta": "hm"}),
                json!({"type": "response.completed", "response": {"status": "completed", "output": [item]}}),
            ],
            "Take 20 mg",
        ),
        (
            OpenAiResponses,
            vec![
                json!({"type": "response.output_text.done", "text": "Take "}),
                json!({"type": "response.output_text.done", "text": "20 mg"}),
                json!({"type": "response.output_item.done", "item": item}),
                json!({"type": "response.completed", "response": {"output": [item]}}),
            ],
            "Take 20 mg",
        ),
        (
            OpenAiResponses,
            vec![
                json!({"type": "response.output_item.done", "item": item}),
                json!({"type": "response.completed", "response": {}}),
            ],
            "Take 20 mg",
        ),
        (
            OpenAiResponses,
            vec![
                json!({"type": "response.output_text.delta", "delta": "Take 20 mg"}),
                json!({"type": "response.output_text.done", "text": "Take 20 mg"}),
                json!({"type": "response.output_item.done", "item": item}),
                json!({"type": "response.completed", "response": {"status": "completed", "output": [item]}}),
            ],
            "Take 20 mg",
        ),
        (
            OpenAiResponses,
            vec![
                json!({"type": "response.completed", "response": {"status": "completed", "output": [{"type": "message", "content": [{"type": "refusal", "refusal": "Take care."}]}]}}),
            ],
            "refused: The model refused to answer: Take care.",
        ),
    ];
    for (kind, documents, expected) in table {
        let body = body(kind, &documents);
        assert_eq!(told_of_any(kind, &body).await, expected, "{kind}: {body}");
    }
}

/// Where what was written need not be the usual text.
async fn told_of_any(kind: ProviderKind, body: &str) -> String {
    let server = wiremock::MockServer::start().await;
    let response = wiremock::ResponseTemplate::new(200).set_body_raw(body, "text/event-stream");
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(response).mount(&server).await;
    told_by(kind, &server.uri()).await
}

#[tokio::test]
async fn a_word_that_does_not_mean_complete_completes_nothing() {
    let broke_off = |word: &str| format!("server: The provider broke the answer off: {word}");
    let refused = |word: &str| format!("refused: The model refused to answer: {word}");
    let cut = || "Take 20 mg, but never (cut)".to_owned();
    let complete = || "Take 20 mg, but never".to_owned();
    let table = [
        (OpenAi, "SAFETY", refused("safety")),
        (OpenAi, "content_filter: SAFETY", refused("content filter: safety")),
        (OpenAi, "MAX_TOKENS", cut()),
        (OpenAi, "LENGTH", cut()),
        (OpenAi, "STOP", complete()),
        (OpenAi, "server_error", broke_off("server error")),
        (OpenAi, "unknown", broke_off("unknown")),
        (
            OpenAi,
            "context_length_exceeded",
            "context_length: The provider broke the answer off: context length exceeded".to_owned(),
        ),
        (OpenAi, "malformed_function_call", TOOL.to_owned()),
        (OpenAi, "tool_calls", TOOL.to_owned()),
        (Anthropic, "content_filtered", refused("content filtered")),
        (Anthropic, "guardrail_intervened", refused("guardrail intervened")),
        (Anthropic, "error", broke_off("error")),
        (Anthropic, "length", cut()),
        (Anthropic, "MAX_TOKENS", cut()),
        (Anthropic, "tool_use", TOOL.to_owned()),
        (Gemini, "stop", complete()),
        (Gemini, "max_tokens", cut()),
        (Gemini, "safety", refused("safety")),
        (Gemini, "MALFORMED_FUNCTION_CALL", TOOL.to_owned()),
        (Ollama, "unload", broke_off("unload")),
        (Ollama, "LENGTH", cut()),
    ];
    for (kind, word, expected) in table {
        let body = crate::llm_wire::streamed(kind, &[finished(kind, word)]);
        assert_eq!(told_of(kind, body).await, expected, "{kind}: {word}");
    }
}

#[tokio::test]
async fn half_an_answer_completes_nothing() {
    let table = [
        // A piece that calls itself a message, without an end.
        (OpenAi, body(OpenAi, &[json!({"choices": [{"index": 0, "message": {"content": "Take 20 mg"}}]})]), CUT_OFF),
        // The next piece broke off, so the end that was told was none.
        (Gemini, body(Gemini, &[gemini("Take 20 mg", Some("STOP"))]) + "data: {\"candidates\": [{\"cont", CUT_OFF),
        (
            OpenAi,
            body(OpenAi, &[openai(json!({"content": "Take 20 mg"}), json!("stop"))]) + "data: {\"choices\": [{\"de",
            CUT_OFF,
        ),
        (Gemini, body(Gemini, &[gemini("Take ", Some("STOP")), gemini("20 mg", None)]), CUT_OFF),
        // It is told with every piece, up to the end.
        (Gemini, body(Gemini, &[gemini("Take ", Some("STOP")), gemini("20 mg", Some("STOP"))]), "Take 20 mg"),
        // Only the count of tokens is missing.
        (
            OpenAi,
            body(OpenAi, &[said("Take 20 mg"), finished(OpenAi, "stop")]) + "data: {\"usage\": {\"pro",
            "Take 20 mg",
        ),
        // A list that breaks off: what came of it is kept.
        (Gemini, format!("[{},\n{{\"cand", gemini("Take 20 mg", None)), CUT_OFF),
        // The provider's own word for the end, without a reason.
        (OpenAi, body(OpenAi, &[said("Take 20 mg")]) + "data: [DONE]\n\n", "Take 20 mg"),
        (
            Anthropic,
            body(
                Anthropic,
                &[
                    json!({"type": "content_block_delta", "delta": {"text": "Take 20 mg"}}),
                    json!({"type": "message_delta", "delta": {"stop_reason": null}}),
                    json!({"type": "message_stop"}),
                ],
            ),
            "Take 20 mg",
        ),
        (OpenAi, "data: [DONE]\n\n".to_owned(), CUT_OFF),
        // What was said in place of the rest.
        (
            OpenAi,
            body(OpenAi, &[said("Take 20 mg")]) + "data: upstream is away\n\n",
            "server: The model's answer broke off before it was complete: upstream is away",
        ),
    ];
    for (kind, body, expected) in table {
        assert_eq!(told_of(kind, body.clone()).await, expected, "{kind}: {body}");
    }
}

#[tokio::test]
async fn what_came_of_a_list_that_broke_off_is_kept() {
    let server = wiremock::MockServer::start().await;
    let list = format!("[{},\n{},\n{{\"cand", gemini("Take ", None), gemini("20 mg", None));
    let response = wiremock::ResponseTemplate::new(200).set_body_raw(list, "application/json");
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(response).mount(&server).await;
    let provider = Provider { kind: Gemini, url: Some(server.uri()), key: None, model: "m".to_owned(), price: None };
    let agent = registry(Providers::new([("p".to_owned(), provider)])).for_kind("llm").unwrap();
    let ctx = context();
    let result = agent.run(input(json!({"kind": "llm", "prompt": "Dose?"}), text(), json!({})), &ctx).await;
    assert_eq!(told(result), CUT_OFF);
    assert_eq!(ctx.recorder.transcript().unwrap().rounds[0].wrote, "Take 20 mg");
}

#[tokio::test]
async fn noise_in_a_stream_loses_nothing() {
    let stop = || body(OpenAi, &[finished(OpenAi, "stop")]);
    let begin = || body(OpenAi, &[said("Take 20 mg")]);
    let table = [
        format!("{}{}data: [DONE]\n\ndata: <garbage>{{\n\n", begin(), stop()),
        format!("{}{}data: {{garbage\n\n", begin(), stop()),
        format!("{}data: ping\n\ndata: [HEARTBEAT]\n\n{}", begin(), stop()),
        format!("OK\n\n{}{}", begin(), stop()),
        format!("{}data: {}", begin(), stop()),
        format!("data: {{\"error\":{{}},{}{}", &begin()[7..], stop()),
        format!("data: {{\"error\":{{\"message\":\"\",\"code\":null}},{}{}", &begin()[7..], stop()),
        format!("data: {{\"logprobs\":NaN,\"deep\":{}{},{}{}", "[".repeat(300), "]".repeat(300), &begin()[7..], stop()),
    ];
    for body in table {
        assert_eq!(told_of(OpenAi, body.clone()).await, "Take 20 mg", "{body}");
    }
    let half = "data: {\"choices\":[{\"delta\":{\"content\":\"Take 20 mg A\\ud83d\"}}]}\n\n";
    assert_eq!(told_of(OpenAi, format!("{half}{}", stop())).await, "Take 20 mg A\u{FFFD}");
    let errors = [
        json!({"x_groq": {"error": "over capacity"}, "choices": [{"index": 0, "delta": {}}]}).to_string(),
        json!({"error": {"message": "over capacity"}}).to_string(),
    ];
    for (error, name) in errors.iter().zip(["data: ", ""]) {
        let told = told_of(OpenAi, format!("{}{name}{error}\n\n", begin())).await;
        assert_eq!(told, "server: The provider stopped with an error: over capacity");
    }
}

#[tokio::test]
async fn silence_and_keepalives_behind_an_end_are_waited_for_as_long_as_is_right() {
    // One that tells the end with every piece goes on after a while.
    let late = async {
        let first = body(Gemini, &[gemini("Take ", Some("STOP"))]);
        let second = body(Gemini, &[gemini("20 mg", Some("STOP"))]);
        let url = paced(vec![(0, first), (11_000, second), (0, String::new())]).await;
        assert_eq!(told_by(Gemini, &url).await, "Take 20 mg");
    };
    // One that tells the end in place of each piece of a thought goes on when it has thought.
    let early = async {
        let blank = || json!({"candidates": [{"content": {"role": "model", "parts": []}, "finishReason": "STOP"}]});
        let first = body(Gemini, &[blank(), blank()]);
        let rest = body(Gemini, &[gemini("Take 20 mg", None), blank()]);
        let url = paced(vec![(0, first), (11_000, rest), (0, String::new())]).await;
        assert_eq!(told_by(Gemini, &url).await, "Take 20 mg");
    };
    // Keepalives are no words.
    let noisy = async {
        let end = body(OpenAi, &[said("Take 20 mg"), finished(OpenAi, "stop")]);
        let pings = std::iter::repeat_n((1_000, ": ping\n\n".to_owned()), 60);
        let url = paced(std::iter::once((0, end)).chain(pings).collect()).await;
        let began = Instant::now();
        assert_eq!(told_by(OpenAi, &url).await, "Take 20 mg");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    };
    // It broke within the next piece.
    let broken = async {
        let server = raw_server(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n\
             data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]},\"finishReason\":\"STOP\"}]}\n\n\
             data: {\"candidates\":[{\"cont",
            Then::Close,
        )
        .await;
        let told = told_by(Gemini, &server.url).await;
        assert!(told.starts_with("server: The connection to"), "{told}");
    };
    tokio::join!(late, early, noisy, broken);
}
