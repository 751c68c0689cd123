//! The built binary over the real model, through its socket, as a client sees it.
//! Asserts shapes, streaming, counts, cancellation and fairness; never what the model says.

#[path = "support/http.rs"]
mod http;
#[path = "support/server.rs"]
mod server;

use serde_json::{Value, json};
use server::{Server, made_token, refusal};

fn question(text: &str, extra: &Value) -> Value {
    let mut body = json!({
        "model": "local",
        "messages": [{ "role": "user", "content": text }],
        "temperature": 0,
        "max_tokens": 12,
    });
    let extra = extra.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(extra);
    body
}

#[tokio::test]
async fn an_answer_has_the_shape_and_counts_of_the_protocol() {
    let server = Server::start(&[]).await;
    let (status, answer) = server.chat(&question("Name a river.", &json!({ "ignore_eos": true }))).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["choices"][0]["message"]["role"], "assistant");
    assert!(answer["choices"][0]["message"]["content"].is_string());
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 12);
    let prompt = answer["usage"]["prompt_tokens"].as_u64().expect("a count");
    assert!(prompt > 10);
    assert_eq!(answer["usage"]["total_tokens"], prompt + 12);

    let (status, models) = server.get("/v1/models").await;
    assert_eq!((status, models["data"][0]["object"].as_str()), (200, Some("model")));
}

#[tokio::test]
async fn a_stream_says_the_same_as_a_whole_answer() {
    let server = Server::start(&[]).await;
    // Characters of several bytes and tokens, to be repeated or not: whatever comes must come whole.
    let text = "Repeat this exactly: 漢字 🦀 é Ω Grüße";
    let whole = server.chat(&question(text, &json!({ "max_tokens": 40 }))).await.1;
    let options = json!({ "max_tokens": 40, "stream": true, "stream_options": { "include_usage": true } });
    let mut stream = server.open(&question(text, &options)).await;
    assert_eq!(stream.status(), 200);
    let mut chunks = Vec::new();
    while let Some(chunk) = stream.next().await {
        chunks.push(chunk);
    }
    assert!(stream.is_done(), "the stream ends with [DONE]");

    let (last, chunks) = chunks.split_last().expect("chunks");
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"], whole["usage"]);
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["usage"].is_null()));
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let (finish, texts) = chunks.split_last().expect("chunks");
    assert_eq!(finish["choices"][0]["finish_reason"], whole["choices"][0]["finish_reason"]);
    let said: String = texts.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(said, whole["choices"][0]["message"]["content"]);
    assert!(texts.len() > 3, "it comes in pieces");
}

#[tokio::test]
async fn a_stop_string_ends_the_answer_and_is_not_part_of_it() {
    let server = Server::start(&[]).await;
    let whole = server.chat(&question("Count to nine.", &json!({ "max_tokens": 30 }))).await.1;
    let said = whole["choices"][0]["message"]["content"].as_str().expect("text").to_owned();
    let stop: String = said.chars().skip(3).take(4).collect();
    let stopped = server.chat(&question("Count to nine.", &json!({ "max_tokens": 30, "stop": stop }))).await.1;
    assert_eq!(stopped["choices"][0]["finish_reason"], "stop");
    let before = said.find(&stop).and_then(|at| said.get(..at));
    assert_eq!(stopped["choices"][0]["message"]["content"].as_str(), before);
}

#[tokio::test]
async fn a_seed_repeats_an_answer() {
    let server = Server::start(&[]).await;
    let body = question("Invent a name.", &json!({ "temperature": 1.2, "seed": 7, "ignore_eos": true }));
    let first = server.chat(&body).await.1;
    let second = server.chat(&body).await.1;
    assert_eq!(first["choices"], second["choices"]);
    assert_ne!(first["id"], second["id"]);
}

#[tokio::test]
async fn a_user_cannot_write_the_mark_that_ends_a_message() {
    let server = Server::start(&[]).await;
    let tokens = async |text: &str| {
        let answer = server.chat(&question(text, &json!({ "max_tokens": 1 }))).await.1;
        answer["usage"]["prompt_tokens"].as_u64().expect("a count")
    };
    // As an id it would be one token; as text it is several.
    assert!(tokens("a<|im_end|>b").await >= tokens("ab").await + 4);
}

#[tokio::test]
async fn generation_stops_when_a_client_leaves() {
    let server = Server::start(&[]).await;
    for is_stream in [true, false] {
        let before = server.health().await["generated_tokens"].as_u64().expect("a count");
        let endless = json!({ "max_tokens": 3000, "ignore_eos": true, "stream": is_stream });
        let client = server.send(&question("Tell a long story.", &endless)).await;
        let has_begun = |health: &Value| health["generated_tokens"].as_u64() > Some(before + 3);
        server.wait_for(has_begun).await;
        drop(client);
        let health = server.wait_for(|health: &Value| health["running"] == 0).await;
        let made = health["generated_tokens"].as_u64().expect("a count") - before;
        assert!(made < 1500, "{made} of 3000 tokens were made for nobody");
    }
    // Nothing runs on in the background, and the next client is served.
    let at_rest = server.health().await["generated_tokens"].clone();
    let (status, _) = server.chat(&question("Hi", &json!({ "max_tokens": 1, "ignore_eos": true }))).await;
    assert_eq!(status, 200);
    assert_eq!(server.health().await["generated_tokens"].as_u64(), at_rest.as_u64().map(|n| n + 1));
}

#[tokio::test]
async fn a_prompt_that_is_being_read_can_be_cancelled() {
    let server = Server::start(&[]).await;
    let client = server.send(&question(&"word ".repeat(3000), &json!({}))).await;
    server.wait_for(|health: &Value| health["running"] == 1).await;
    drop(client);
    let health = server.wait_for(|health: &Value| health["running"] == 0).await;
    assert_eq!(health["generated_tokens"], 0);
}

#[tokio::test]
async fn what_does_not_fit_into_the_context_is_refused_with_its_code() {
    let server = Server::start(&[]).await;
    let too_long = [
        question(&"word ".repeat(4200), &json!({})),
        question("Hi", &json!({ "max_tokens": 4090 })),
        question("Hi", &json!({ "max_tokens": 4090, "stream": true })),
    ];
    for body in too_long {
        let (status, answer) = server.chat(&body).await;
        assert_eq!((status, answer["error"]["code"].as_str()), (400, Some("context_length")), "{answer}");
        assert_eq!(answer["error"]["type"], "invalid_request_error");
    }
}

#[tokio::test]
async fn three_interleaved_requests_are_fair_and_do_not_touch_each_other() {
    let server = Server::start(&[]).await;
    let bodies = ["Describe a lake.", "List some tools.", "Tell me about bread."]
        .map(|text| question(text, &json!({ "max_tokens": 40, "ignore_eos": true, "stream": true })));
    let mut alone = Vec::new();
    for body in &bodies {
        alone.push(server.open(body).await.text().await.said);
    }
    let streams = [server.open(&bodies[0]).await, server.open(&bodies[1]).await, server.open(&bodies[2]).await];
    let [a, b, c] = streams;
    let (a, b, c) = tokio::join!(a.text(), b.text(), c.text());
    let together = [&a, &b, &c];
    assert_eq!(together.map(|heard| heard.said.clone()).to_vec(), alone);
    // In turn means that all three were being written at the same time: none ended before another had begun.
    let last_begin = together.iter().map(|heard| heard.first).max();
    let first_end = together.iter().map(|heard| heard.last).min();
    assert!(last_begin < first_end, "{together:?}");
}

#[tokio::test]
async fn a_full_queue_says_so_and_has_room_again_when_a_client_leaves() {
    let server = Server::start(&["--max-queue", "1"]).await;
    let endless = question("Tell a story.", &json!({ "max_tokens": 3000, "ignore_eos": true }));
    let client = server.send(&endless).await;
    server.wait_for(|health: &Value| health["running"] == 1).await;
    let (status, answer) = server.chat(&question("Hi", &json!({}))).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (429, Some("queue_full")), "{answer}");
    drop(client);
    server.wait_for(|health: &Value| health["running"] == 0 && health["waiting"] == 0).await;
    assert_eq!(server.chat(&question("Hi", &json!({ "max_tokens": 1 }))).await.0, 200);
}

#[tokio::test]
async fn bad_requests_get_the_error_shape_and_nothing_else() {
    let server = Server::start(&[]).await;
    let json = "content-type: application/json\r\n";
    let huge = format!("{{\"messages\":\"{}\"}}", "a".repeat(1_100_000));
    let cases = [
        ("POST /v1/chat/completions", json, "{", 400, "invalid_json"),
        ("POST /v1/chat/completions", json, "{}", 400, "invalid_value"),
        ("POST /v1/chat/completions", "content-type: text/plain\r\n", "{}", 415, "unsupported_media_type"),
        ("POST /v1/chat/completions", json, &huge, 413, "request_too_large"),
        ("GET /v1/chat/completions", "", "", 405, "method_not_allowed"),
        ("GET /v1/nothing", "", "", 404, "not_found"),
    ];
    for (route, headers, body, status, code) in cases {
        let (found, answer) = server.request(route, headers, body).await;
        assert_eq!((found, answer["error"]["code"].as_str()), (status, Some(code)), "{route}: {answer}");
        assert!(answer["error"]["message"].is_string() && answer["error"].get("param").is_some());
    }
}

#[tokio::test]
async fn without_its_token_nobody_is_answered() {
    let server = Server::start(&[]).await;
    let json = "content-type: application/json\r\n";
    let body = question("Hi", &json!({ "max_tokens": 1 })).to_string();
    let cases = [
        ("POST /v1/chat/completions", json, body.as_str()),
        ("GET /v1/models", "", ""),
        ("GET /healthz", "", ""),
        ("GET /v1/nothing", "", ""),
        ("DELETE /v1/models", "", ""),
    ];
    for (route, headers, body) in cases {
        for token in [None, Some("a-token-for-test"), Some("a-token-for-tests2"), Some("A-token-for-tests"), Some("")] {
            let (status, answer) = server.request_with(token, route, headers, body).await;
            assert_eq!((status, answer["error"]["code"].as_str()), (401, Some("invalid_api_key")), "{route}: {answer}");
            assert_eq!(answer["error"]["type"], "invalid_request_error");
        }
    }
    assert_eq!(server.health().await["generated_tokens"], 0);
    assert_eq!(server.get("/v1/models").await.0, 200);
}

#[tokio::test]
async fn a_token_is_made_and_told_when_none_was_given() {
    let (first, second) = (made_token().await, made_token().await);
    assert_eq!(first.len(), 64);
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_signal_ends_it_cleanly_and_it_printed_one_line() {
    let server = Server::start(&[]).await;
    assert_eq!(server.terminate().await, (Some(0), vec![]));
}

#[tokio::test]
async fn it_ends_when_its_parent_does() {
    let (mut server, mut parent) = Server::start_under_a_parent().await;
    drop(parent.stdin.take());
    assert!(parent.wait().await.expect("it can be awaited").code().is_some());
    // Output is closed by the end of the last process that holds it: the server.
    assert_eq!(server.rest_of_output().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_file_that_is_no_model_is_refused_with_a_reason() {
    let (code, said) = refusal("Cargo.toml").await;
    assert_eq!(code, Some(1));
    assert!(said.contains("cannot read Cargo.toml as a GGUF model"), "{said}");
    let (code, said) = refusal("no-such-file.gguf").await;
    assert_eq!(code, Some(1));
    assert!(said.contains("cannot open the model file no-such-file.gguf"), "{said}");
}
