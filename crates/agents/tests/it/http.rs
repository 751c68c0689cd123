//! The `http` kind: what is sent, how answers become outputs, and that no private address is ever dialled.

use std::sync::Arc;

use agents::{AgentError, InMemory, Options, Providers, Registry, StepOutput};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, body_string, header, header_exists, method, path},
};
use workflow::status::Reason;

use crate::support::{RawServer, Then, class, context, endless, input, memory, raw_server, registry, shown};

fn text() -> Value {
    json!([{"name": "body", "schema": {"type": "string"}}])
}

async fn run(mut config: Value, outputs: Value, values: Value) -> Result<StepOutput, AgentError> {
    config["kind"] = json!("http");
    let agent = registry(Providers::default()).for_kind("http").unwrap();
    agent.run(input(config, outputs, values), &context()).await
}

#[tokio::test]
async fn a_post_sends_rendered_parts_and_the_idempotency_key() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/items/a%20b%2F..%2Fc"))
        .and(header("x-topic", "two words"))
        .and(header("content-type", "application/json"))
        .and(header("idempotency-key", "run/step/1"))
        .and(body_string(r#"{"q":"say \"hi\""}"#))
        .respond_with(ResponseTemplate::new(201).set_body_raw(r#"{"b": 1, "a": [true]}"#, "application/json"))
        .expect(1)
        .mount(&server)
        .await;
    let output = run(
        json!({
            "method": "POST", "url": format!("{}/items/{{{{ id }}}}", server.uri()),
            "headers": {"X-Topic": "{{ topic }}"}, "body": r#"{"q":{{ q|tojson }}}"#,
        }),
        json!([{"name": "reply", "schema": {"type": "object"}}, {"name": "status", "schema": {"type": "integer"}}]),
        json!({"id": "a b/../c", "topic": "two words", "q": "say \"hi\""}),
    )
    .await
    .unwrap();
    assert_eq!(
        shown(&output),
        [("reply", "application/json", r#"{"b": 1, "a": [true]}"#), ("status", "application/json", "201")]
    );
}

#[tokio::test]
async fn a_get_gives_the_body_as_text() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_string("héllo")).mount(&server).await;
    let output = run(json!({"url": "{{ url|safe }}"}), text(), json!({"url": server.uri()})).await.unwrap();
    assert_eq!(shown(&output), [("body", "text/plain", "héllo")]);
}

#[tokio::test]
async fn answers_that_do_not_fit_are_refused_by_class() {
    let any_json = json!([{"name": "body", "schema": {"type": "object"}}]);
    let declared = |bytes: Vec<u8>| ResponseTemplate::new(200).set_body_raw(bytes, "text/plain; charset=utf-8");
    let table: [(ResponseTemplate, Value, &str); 10] = [
        (declared(vec![b'a', 0xff]), text(), "invalid_output"),
        (declared(vec![b'a', 0]), text(), "invalid_output"),
        (ResponseTemplate::new(200).set_body_string("no json"), any_json.clone(), "invalid_output"),
        (ResponseTemplate::new(200).set_body_string("[]"), any_json, "invalid_output"),
        (
            ResponseTemplate::new(200).set_body_string("x"),
            json!([{"name": "body", "schema": {"type": "string"}}, {"name": "etag", "schema": {}}]),
            "invalid_output",
        ),
        (ResponseTemplate::new(200).set_body_bytes(vec![b'a'; 16 * 1024 * 1024 + 1]), text(), "output_too_large"),
        (ResponseTemplate::new(404).set_body_string("gone"), text(), "permanent"),
        (ResponseTemplate::new(401), text(), "unauthorized"),
        (ResponseTemplate::new(503), text(), "server"),
        (ResponseTemplate::new(304), text(), "permanent"),
    ];
    for (n, (response, outputs, expected)) in table.into_iter().enumerate() {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(response).mount(&server).await;
        assert_eq!(class(run(json!({"url": server.uri()}), outputs, json!({})).await), expected, "row {n}");
    }
}

#[tokio::test]
async fn a_redirect_may_have_letters_that_are_not_ascii() {
    let server = MockServer::start().await;
    Mock::given(path("/caf%C3%A9"))
        .respond_with(ResponseTemplate::new(200).set_body_string("open"))
        .mount(&server)
        .await;
    let moved = format!("HTTP/1.1 302 Found\r\nlocation: {}/café\r\ncontent-length: 0\r\n\r\n", server.uri());
    let RawServer { url, .. } = raw_server(Box::leak(moved.into()), Then::Close).await;
    let output = run(json!({"url": url}), text(), json!({})).await.unwrap();
    assert_eq!(shown(&output), [("body", "text/plain", "open")]);
}

#[tokio::test]
async fn a_body_compressed_as_nobody_asked_is_told_and_never_kept() {
    for (status, expected) in [
        (200_u16, "The server sent an answer compressed with `br`, which was not asked for"),
        (500, "The server answered 500 Internal Server Error"),
    ] {
        let server = MockServer::start().await;
        let packed = ResponseTemplate::new(status)
            .insert_header("content-encoding", "br")
            .set_body_raw(b"\x0b\x02\x80hello\x03".to_vec(), "text/plain");
        Mock::given(any()).respond_with(packed).mount(&server).await;
        let error = run(json!({"url": server.uri()}), text(), json!({})).await.unwrap_err();
        assert_eq!(error.message, expected);
    }
}

#[tokio::test]
async fn a_body_that_is_not_compressed_as_it_says_is_told() {
    let damaged = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff".to_vec();
    for body in [b"{\"said\": \"plain\"}".to_vec(), b"{}".to_vec(), damaged] {
        let server = MockServer::start().await;
        let mislabelled = ResponseTemplate::new(200)
            .insert_header("content-encoding", "gzip")
            .set_body_raw(body.clone(), "application/json");
        Mock::given(any()).respond_with(mislabelled).mount(&server).await;
        let error = run(json!({"url": server.uri()}), text(), json!({})).await.unwrap_err();
        assert_eq!(error.class, Reason::Server, "{body:?}");
        let says = "says that it is compressed (`Content-Encoding: gzip`), and is not, or not whole";
        assert!(error.message.contains(says), "{body:?}: {}", error.message);
    }
}

#[tokio::test]
async fn too_many_requests_passes_on_how_long_to_wait() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(429).insert_header("retry-after", "3").set_body_string("slow down"))
        .mount(&server)
        .await;
    let error = run(json!({"url": server.uri()}), text(), json!({})).await.unwrap_err();
    assert_eq!((error.class, error.retry_after_ms), (Reason::RateLimit, Some(3_000)));
    assert_eq!(error.message, "The server answered 429 Too Many Requests: slow down");
}

#[tokio::test]
async fn what_a_failing_server_says_is_decoded_and_told_without_tags_and_keys() {
    let server = MockServer::start().await;
    let answers: [(&str, &str, &[u8]); 3] = [
        ("/text", "text/plain; charset=Shift_JIS", b"\x93\xfa\x96\x7b"),
        (
            "/page",
            "text/html; charset=Shift_JIS",
            b"<!DOCTYPE html><html><head><style>p{}</style></head><h1>\x93\xfa\x96\x7b</h1><p>no &lt;b&gt;",
        ),
        ("/echo", "text/html", b"<html><p>key a&amp;b<canary>c, and a&b<canary>c"),
    ];
    for (at, media_type, body) in answers {
        let answer = ResponseTemplate::new(500).set_body_raw(body, media_type);
        Mock::given(path(at)).respond_with(answer).mount(&server).await;
    }
    for (at, expected) in [("/text", "日本"), ("/page", "日本 no <b>"), ("/echo", "key a&b c, and [hidden]")] {
        let config = json!({"url": format!("{}{at}", server.uri()), "headers": {"X-Key": "a&b<canary>c"}});
        let error = run(config, text(), json!({})).await.unwrap_err();
        assert_eq!(error.message, format!("The server answered 500 Internal Server Error: {expected}"));
    }
}

#[tokio::test]
async fn a_choice_ends_where_its_line_does() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string("good\n")).mount(&server).await;
    let choice = json!([{"name": "body", "schema": {"type": "string", "enum": ["good", "bad"]}}]);
    let output = run(json!({"url": server.uri()}), choice, json!({})).await.unwrap();
    assert_eq!(shown(&output), [("body", "text/plain", "good")]);
}

#[tokio::test]
async fn a_body_without_end_is_cut_at_the_cap() {
    let chunk = "4000\r\n".to_owned() + &"x".repeat(0x4000) + "\r\n";
    let endless: &'static str =
        Box::leak(("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned() + &chunk.repeat(1025)).into());
    let RawServer { url, .. } = raw_server(endless, Then::Wait).await;
    assert_eq!(class(run(json!({"url": url}), text(), json!({})).await), "output_too_large");
}

#[tokio::test]
async fn a_body_of_a_hundred_mib_costs_less_memory_than_that() {
    for outputs in [text(), json!([{"name": "body", "schema": {}}])] {
        let url = endless("text/plain", vec![b'7'; 64 * 1024], 100 << 20).await;
        let before = memory("VmRSS");
        assert_eq!(class(run(json!({"url": url}), outputs, json!({})).await), "output_too_large");
        let grown = memory("VmHWM").saturating_sub(before);
        assert!(grown < 64 << 10, "{grown} KiB");
    }
}

#[tokio::test]
async fn an_error_tells_neither_the_address_nor_what_the_headers_held() {
    let server = MockServer::start().await;
    let echo = "denied: Bearer sk-canary-1 / sk-canary-1 for /private-path?key=sk-canary-2, go away";
    Mock::given(any()).respond_with(ResponseTemplate::new(403).set_body_string(echo)).mount(&server).await;
    let config =
        |url: String| json!({"url": url, "headers": {"Authorization": "Bearer sk-canary-1", "X-Key": "{{ key }}"}});
    let values = json!({"key": "sk-canary-3"});
    let answered = run(config(format!("{}/private-path?key=sk-canary-2", server.uri())), text(), values.clone()).await;
    let answered = answered.unwrap_err().message;
    assert!(answered.contains("go away"), "{answered}");
    let closed = run(config("http://127.0.0.1:1/private-path?key=sk-canary-2".into()), text(), values.clone()).await;
    let closed = closed.unwrap_err();
    assert!(closed.message.contains("`http://127.0.0.1`"), "{}", closed.message);
    let malformed = run(config("http://sk-canary-2:x:y/".into()), text(), values).await.unwrap_err().message;
    for message in [answered, closed.message, malformed] {
        assert!(!message.contains("canary"), "{message}");
    }
    let cause = std::error::Error::source(
        &run(config("http://127.0.0.1:1/?key=sk-canary-2".into()), text(), json!({"key": "k"})).await.unwrap_err(),
    )
    .map(|cause| format!("{cause} {cause:?}"));
    assert!(!cause.unwrap().contains("canary"));
}

#[tokio::test]
async fn a_broken_connection_is_a_fault_of_the_server() {
    let RawServer { url, .. } = raw_server("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", Then::Close).await;
    assert_eq!(class(run(json!({"url": url}), text(), json!({})).await), "server");
    // Nobody listens there any more.
    assert_eq!(class(run(json!({"url": url}), text(), json!({})).await), "server");
}

#[tokio::test]
async fn a_slow_answer_is_given_up_when_cancelled() {
    let server = raw_server("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", Then::Wait).await;
    let agent = registry(Providers::default()).for_kind("http").unwrap();
    let ctx = context();
    let input = input(json!({"kind": "http", "url": server.url}), text(), json!({}));
    let cancel = ctx.cancel.clone();
    let running = tokio::spawn(async move { agent.run(input, &ctx).await });
    cancel.cancel();
    assert_eq!(running.await.unwrap().unwrap_err().class, Reason::Stopped);
}

#[tokio::test]
async fn private_addresses_are_refused_however_they_are_written() {
    let agent = Registry::new(Providers::default(), Arc::new(InMemory::default()), Options::default())
        .for_kind("http")
        .unwrap();
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&server).await;
    let port = server.address().port();
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "10.0.0.1",
        "[fd00::1]",
        "[fe80::1]",
        "user:password@127.0.0.1",
    ] {
        let url = format!("http://{host}:{port}/");
        let result = agent.run(input(json!({"kind": "http", "url": url}), text(), json!({})), &context()).await;
        assert_eq!(class(result), "blocked", "{url}");
    }
}

#[tokio::test]
async fn addresses_that_are_no_web_address_are_refused() {
    let table = [
        ("file:///etc/passwd", "blocked"),
        ("ftp://example.com/", "blocked"),
        ("gopher://example.com/", "blocked"),
        ("/relative", "permanent"),
        ("http://", "permanent"),
        ("http://example.com/a/{{ up }}/b", "blocked"),
        ("{{ missing }}", "template"),
    ];
    for (url, expected) in table {
        assert_eq!(class(run(json!({"url": url}), text(), json!({"up": ".."})).await), expected, "{url}");
    }
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused() {
    for target in
        ["http://127.0.0.2/", "http://[::1]/", "http://169.254.169.254/", "http://localhost:1/", "file:///etc"]
    {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(302).insert_header("location", target))
            .expect(1)
            .mount(&server)
            .await;
        let result = class(run(json!({"url": server.uri()}), text(), json!({})).await);
        // The permitted address is what `localhost` resolves to, and nobody listens on port 1.
        let expected = if target.contains("localhost") { "server" } else { "blocked" };
        assert_eq!(result, expected, "{target}");
    }
}

#[tokio::test]
async fn redirects_are_followed_a_few_times_and_keep_keys_at_home() {
    let (home, abroad) = (MockServer::start().await, MockServer::start().await);
    Mock::given(path("/start"))
        .respond_with(ResponseTemplate::new(307).insert_header("location", "/next"))
        .mount(&home)
        .await;
    Mock::given(path("/next"))
        .and(method("POST"))
        .and(header("x-key", "secret"))
        .and(body_string("data"))
        .respond_with(ResponseTemplate::new(303).insert_header("location", format!("{}/there", abroad.uri())))
        .expect(1)
        .mount(&home)
        .await;
    Mock::given(header_exists("x-key")).respond_with(ResponseTemplate::new(500)).expect(0).mount(&abroad).await;
    Mock::given(path("/there"))
        .and(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_string("arrived"))
        .mount(&abroad)
        .await;
    Mock::given(path("/loop"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", "/loop"))
        .expect(6)
        .mount(&home)
        .await;
    let config = |path: &str| json!({"method": "POST", "url": format!("{}{path}", home.uri()), "headers": {"X-Key": "secret"}, "body": "data"});
    assert_eq!(shown(&run(config("/start"), text(), json!({})).await.unwrap()), [("body", "text/plain", "arrived")]);
    let error = run(config("/loop"), text(), json!({})).await.unwrap_err();
    assert_eq!(error.message, "The address was redirected more than 5 times");
}

#[tokio::test]
async fn a_header_cannot_smuggle_another() {
    let error =
        run(json!({"url": "http://127.0.0.1:1/", "headers": {"X-A": "{{ v }}"}}), text(), json!({"v": "a\r\nX-B: b"}))
            .await
            .unwrap_err();
    assert_eq!(error.class, Reason::Permanent);
    assert!(error.message.contains("`X-A`"), "{}", error.message);
}

/// What one call sends: its target and its body.
async fn sent(config: Value, values: Value) -> Result<(String, String, String), AgentError> {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string("ok")).mount(&server).await;
    let mut config = config;
    let url = config["url"].as_str().unwrap_or("/").to_owned();
    config["url"] = json!(format!("{}{url}", server.uri()));
    let result = run(config, text(), values).await;
    let requests = server.received_requests().await.unwrap();
    let result = result.map(|_| {
        let request = &requests[0];
        let target =
            format!("{}{}", request.url.path(), request.url.query().map_or_else(String::new, |q| format!("?{q}")));
        let media_type = request.headers.get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
        (target, media_type, String::from_utf8(request.body.clone()).unwrap())
    });
    assert!(result.is_ok() || requests.is_empty(), "nothing may be sent when a request is refused");
    result
}

#[tokio::test]
async fn a_value_in_a_json_body_stays_a_value() {
    let evil = "say \"hi\",\n\"admin\": true, \\ \u{1}";
    let values = json!({"v": evil, "n": 5, "flag": false, "none": null, "list": ["a\"", 1]});
    let escaped = r#"say \"hi\",\n\"admin\": true, \\ \u0001"#;
    let table = [
        (r#"{"text": "{{ v }}"}"#, format!(r#"{{"text": "{escaped}"}}"#)),
        (r#"{"text": {{ v }}}"#, format!(r#"{{"text": "{escaped}"}}"#)),
        (r#"{"text": {{ v|tojson }}}"#, format!(r#"{{"text": "{escaped}"}}"#)),
        (r#"{"text": "{{ v|safe }}"}"#, format!(r#"{{"text": "{escaped}"}}"#)),
        (
            r#"{"a": {{ n }}, "b": "{{ n }}", "c": {{ flag }}, "d": {{ none }}, "e": "{{ flag }}"}"#,
            r#"{"a": 5, "b": "5", "c": false, "d": null, "e": "false"}"#.to_owned(),
        ),
        (r#"{"list": {{ list }}, "text": "{{ list }}"}"#, r#"{"list": ["a\"",1], "text": "[\"a\\\"\",1]"}"#.to_owned()),
        ("[{% for x in list %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}]", r#"["a\"", 1]"#.to_owned()),
        // Rendered in the sandbox, since it joins.
        (
            r#"{"text": "{{ v ~ n }}", {{ v }}: {{ range(2)|list }}}"#,
            format!(r#"{{"text": "{escaped}5", "{escaped}": [0,1]}}"#),
        ),
    ];
    for (body, expected) in table {
        let (_, media_type, sent) = sent(json!({"method": "POST", "body": body}), values.clone()).await.unwrap();
        assert_eq!((media_type.as_str(), sent.as_str()), ("application/json", expected.as_str()), "{body}");
    }
    for body in [r#"{"a": {{ v|safe }}}"#, r#"{"a": {{ list|safe }}"#, r#"{"a": "\{{ v }}"}"#] {
        let error = sent(json!({"method": "POST", "body": body}), values.clone()).await.unwrap_err();
        assert_eq!(error.class, Reason::Template, "{body}");
    }
}

#[tokio::test]
async fn a_number_in_a_body_keeps_its_spelling() {
    let list = "[1E2,1e2,1e+02,1.0E-7,-0,-0.0,1.10,100000000000000000001,12345678901234567.89,1E400]";
    let values = workflow::json::kept(format!(r#"{{"list":{list},"n":1E2}}"#).as_bytes()).unwrap();
    // The second is rendered in the sandbox, since it joins.
    for (body, expected) in [
        (
            r#"{"list": {{ list }}, "n": {{ n }}, "t": "{{ n }}"}"#,
            format!(r#"{{"list": {list}, "n": 1E2, "t": "1E2"}}"#),
        ),
        (r#"{"list": {{ list }}, "t": "{{ n ~ '!' }}"}"#, format!(r#"{{"list": {list}, "t": "1E2!"}}"#)),
    ] {
        let (_, _, sent) = sent(json!({"method": "POST", "body": body}), values.clone()).await.unwrap();
        assert_eq!(sent, expected, "{body}");
    }
}

#[tokio::test]
async fn a_value_in_another_body_is_encoded_for_it() {
    let values = json!({"v": "a&b=<c> \"d\" 'e'\nf"});
    let table = [
        ("application/x-www-form-urlencoded", "q={{ v }}", "q=a%26b%3D%3Cc%3E%20%22d%22%20%27e%27%0Af"),
        ("text/xml", "<a b=\"{{ v }}\"/>", "<a b=\"a&amp;b=&lt;c&gt; &quot;d&quot; &#39;e&#39;\nf\"/>"),
        ("text/plain", "{{ v }}", "a&b=<c> \"d\" 'e'\nf"),
        (
            "application/x-ndjson",
            "{\"v\": {{ v }}}\n{\"v\": \"{{ v }}\"}\n",
            "{\"v\": \"a&b=<c> \\\"d\\\" 'e'\\nf\"}\n{\"v\": \"a&b=<c> \\\"d\\\" 'e'\\nf\"}\n",
        ),
    ];
    for (content_type, body, expected) in table {
        let config = json!({"method": "POST", "headers": {"Content-Type": content_type}, "body": body});
        let (_, media_type, sent) = sent(config, values.clone()).await.unwrap();
        assert_eq!((media_type.as_str(), sent.as_str()), (content_type, expected));
    }
    let templated = json!({"method": "POST", "headers": {"Content-Type": "{{ v }}"}, "body": "x"});
    assert!(sent(templated, values).await.unwrap_err().message.contains("content type is fixed text"));
}

#[tokio::test]
async fn a_value_in_an_address_leads_nowhere_else() {
    for (value, expected) in [
        ("x", "/p/x?q=x"),
        ("@evil.example", "/p/%40evil.example?q=%40evil.example"),
        ("//evil.example", "/p/%2F%2Fevil.example?q=%2F%2Fevil.example"),
        ("\\evil#f?a=b&c", "/p/%5Cevil%23f%3Fa%3Db%26c?q=%5Cevil%23f%3Fa%3Db%26c"),
        ("a\r\nHost: evil", "/p/a%0D%0AHost%3A%20evil?q=a%0D%0AHost%3A%20evil"),
        ("100% é", "/p/100%25%20%C3%A9?q=100%25%20%C3%A9"),
    ] {
        let (target, _, _) = sent(json!({"url": "/p/{{ v }}?q={{ v }}"}), json!({"v": value})).await.unwrap();
        assert_eq!(target, expected, "{value}");
    }
    for url in [
        "http://{{ v }}/",
        "http://h{{ v }}/",
        "http://h:{{ v }}/",
        "http://{{ v }}@h/",
        "{{ v }}",
        "{{ v|safe }}{{ v }}",
    ] {
        let error = run(json!({ "url": url }), text(), json!({"v": "127.0.0.1"})).await.unwrap_err();
        assert_eq!(error.class, Reason::Template, "{url}");
    }
    let broken =
        run(json!({"url": "http://127.0.0.1:1/{{ v|safe }}"}), text(), json!({"v": "a\nb"})).await.unwrap_err();
    assert_eq!(broken.class, Reason::Blocked);
}

#[tokio::test]
async fn a_header_holds_one_line_of_ascii() {
    for value in ["a\r\nX: y", "a\n", "\rb", "a\0b", "a\u{7f}", "ünïcode"] {
        let config = json!({"headers": {"X-A": "{{ v }}"}});
        let error = sent(config, json!({ "v": value })).await.unwrap_err();
        assert_eq!(error.class, Reason::Permanent, "{value:?}");
        assert!(error.message.contains("`X-A`"), "{}", error.message);
    }
    assert!(sent(json!({"headers": {"X-A": " {{ v }} "}}), json!({"v": "fine\ttoo"})).await.is_ok());
}

#[tokio::test]
async fn answers_of_other_charsets_and_kinds_become_outputs() {
    let server = MockServer::start().await;
    let answers: [(&str, u16, &str, &[u8]); 4] = [
        ("/latin", 200, "text/plain; charset=iso-8859-1", b"caf\xe9"),
        ("/japanese", 200, "text/html; charset=Shift_JIS", b"\x93\xfa\x96\x7b"),
        ("/picture", 200, "image/png", b"\x89PNG\r\n\0"),
        ("/marked", 200, "application/json", b"\xef\xbb\xbf{\"a\":1}"),
    ];
    for (at, status, media_type, body) in answers {
        let answer = ResponseTemplate::new(status).set_body_raw(body, media_type);
        Mock::given(path(at)).respond_with(answer).mount(&server).await;
    }
    Mock::given(path("/none")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let get = async |at: &str, outputs: Value| {
        let output = run(json!({"url": format!("{}{at}", server.uri())}), outputs, json!({})).await.unwrap();
        let first = output.outputs.into_iter().next().unwrap();
        (first.media_type, first.bytes)
    };
    let plain = |text: &str| ("text/plain".to_owned(), text.as_bytes().to_vec());
    assert_eq!(get("/latin", text()).await, plain("café"));
    assert_eq!(get("/japanese", text()).await, plain("日本"));
    assert_eq!(get("/none", text()).await, plain(""));
    assert_eq!(get("/picture", text()).await, ("image/png".to_owned(), b"\x89PNG\r\n\0".to_vec()));
    let any = || json!([{"name": "body", "schema": {}}]);
    assert_eq!(get("/marked", any()).await, ("application/json".to_owned(), b"{\"a\":1}".to_vec()));
    assert_eq!(get("/none", any()).await, ("application/json".to_owned(), b"null".to_vec()));
}
