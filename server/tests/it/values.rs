//! Values over the whole path: what is given comes out with the same digits and signs and the same order of keys, equal values are equal, null
//! stands for nothing given, and a key twice is refused before anything is stored.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::harness::{RUNS, Server, TEMPLATES, latest, status_of, step};

/// In no order of its own, with numbers that floating point, JSONB or `serde_json` would write otherwise.
const ODD: &str = r#"{"zeta":100000000000000000001,"b":[12345678901234567.89,1.10,1E2,1e2,1e+02,1.0E-7,-0,-0.0,1E400],"aa":{"y":1.50,"x":null,"n":[{"m":-0,"l":1E2}]},"a":7}"#;

fn value(text: &str) -> Value {
    workflow::json::parse(text, workflow::json::Bounds::VALUE).unwrap()
}

/// An agent whose `template` is given a `value`, and whose output may be anything.
async fn echo(server: &Server, id: &str, template: &str) {
    let agent = json!({
        "id": id, "name": id, "inputs": [{"name": "value"}], "outputs": [{"name": "value"}],
        "config": {"kind": "template", "template": template}
    });
    server.admin.post("/api/agents", agent).await.expect(201);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn digits_and_order_survive_from_input_to_download(pool: PgPool) {
    let server = Server::start(pool).await;
    echo(&server, "echo", "{{ value }}").await;
    let definition = format!(
        r#"{{"inputs":{{"value":{{}},"other":{{"default":{ODD}}}}},"steps":{{
            "given":{{"agent_id":"echo","inputs":{{"value":{{"from":"run","key":"value"}}}}}},
            "fallback":{{"agent_id":"echo","inputs":{{"value":{{"from":"run","key":"other"}}}}}},
            "literal":{{"agent_id":"echo","inputs":{{"value":{{"const":{ODD}}}}}}},
            "after":{{"agent_id":"echo","depends_on":["given"],"inputs":{{"value":{{"from":"step","step":"given","artifact":"value"}}}}}},
            "each":{{"agent_id":"echo","depends_on":["given"],"map":{{"over":{{"from":"step","step":"given","artifact":"value","path":"/b"}}}},
                "inputs":{{"value":{{"from":"item"}}}}}},
            "broken":{{"agent_id":"echo","on_error":"default","default_output":{{"value":{ODD}}},"retry":{{"max":0}},
                "prompt":"{{{{ value.nothing }}}}","inputs":{{"value":{{"const":1}}}}}}}}}}"#
    );
    let template = server.publish("Echo", value(&definition)).await;
    let draft = server.admin.get(&format!("{TEMPLATES}/{template}")).await.expect(200);
    assert_eq!(draft["definition"]["steps"]["literal"]["inputs"]["value"]["const"].to_string(), ODD);
    assert_eq!(draft["definition"]["inputs"]["other"]["default"].to_string(), ODD);
    assert_eq!(
        (&draft["definition"]["inputs"]["value"]["order"], &draft["definition"]["inputs"]["other"]["order"]),
        (&Value::Null, &json!(1))
    );
    assert_eq!(draft["has_unpublished_changes"], false);

    let body = format!(r#"{{"template_id":"{template}","inputs":{{"value":{ODD}}}}}"#);
    let started = server.anna.bytes(http::Method::POST, RUNS, "application/json", body).await.expect(201);
    let run = started["id"].as_str().unwrap();
    let view = server.anna.settled(run).await;
    assert_eq!(view["status"], "completed", "{view:#}");
    assert_eq!(view["inputs"]["value"].to_string(), ODD);
    assert_eq!(view["run_definition"]["steps"]["literal"]["inputs"]["value"]["const"].to_string(), ODD);
    for key in ["given", "fallback", "literal", "after", "broken"] {
        let id = latest(&view, key)["id"].as_str().unwrap().to_owned();
        let path = format!("{RUNS}/{run}/artifacts/{id}");
        assert_eq!(server.anna.get(&path).await.expect(200)["content"].to_string(), ODD, "{key}");
        let file = server.anna.get(&format!("{path}?download")).await;
        assert_eq!(file.text(), ODD, "{key}");
        assert_eq!(file.header("content-type"), "application/json; charset=utf-8");
    }
    let id = latest(&view, "each")["id"].as_str().unwrap().to_owned();
    let file = server.anna.get(&format!("{RUNS}/{run}/artifacts/{id}?download")).await;
    let list = "[12345678901234567.89,1.10,1E2,1e2,1e+02,1.0E-7,-0,-0.0,1E400]";
    assert_eq!(file.text(), list, "the items and their list");

    // What a person writes instead.
    let other = ODD.replace("1E2", "10E1");
    let path = format!("{RUNS}/{run}/steps/given/edit");
    let body = format!(r#"{{"artifacts":{{"value":{other}}}}}"#);
    let view = server.anna.bytes(http::Method::POST, &path, "application/json", body).await.expect(200);
    let id = latest(&view, "given")["id"].as_str().unwrap().to_owned();
    assert_eq!(server.anna.get(&format!("{RUNS}/{run}/artifacts/{id}?download")).await.text(), other);

    // What a person sets for a port, in the view, in the events and in what the step makes of it.
    let body = format!(r#"{{"inputs":{{"value":{ODD}}}}}"#);
    let path = format!("{RUNS}/{run}/steps/literal/trigger");
    server.anna.bytes(http::Method::POST, &path, "application/json", body).await.expect(202);
    let view = server.anna.settled(run).await;
    assert_eq!(view["overrides"]["literal"]["inputs"]["value"].to_string(), ODD);
    let events = server.anna.get(&format!("{RUNS}/{run}/events")).await;
    assert!(
        events.text().contains(&format!(r#""overrides":{{"literal":{{"inputs":{{"value":{ODD}}}}}}}"#)),
        "{}",
        events.text()
    );
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_number_alone_keeps_its_spelling_and_is_equal_to_its_value(pool: PgPool) {
    let server = Server::start(pool).await;
    echo(&server, "echo", "{{ value }}").await;
    let words = json!({
        "id": "words", "name": "words", "inputs": [{"name": "value"}],
        "outputs": [{"name": "value", "schema": {"type": "string"}}],
        "config": {"kind": "template", "template": "n = {{ value }}"}
    });
    server.admin.post("/api/agents", words).await.expect(201);
    let table = [
        ("1E2", "100"),
        ("1e2", "1e+2"),
        ("1e+02", "100.0"),
        ("-0", "0"),
        ("-0.0", "-0"),
        ("1.10", "1.1"),
        ("100000000000000000001", "1.00000000000000000001e20"),
        ("12345678901234567.89", "1234567890123456789E-2"),
        ("1E400", "10e399"),
    ];
    for (n, same) in table {
        let definition = format!(
            r#"{{"inputs":{{"n":{{"schema":{{"enum":[{same},"x"]}}}}}},"steps":{{
                "given":{{"agent_id":"echo","inputs":{{"value":{{"from":"run","key":"n"}}}}}},
                "told":{{"agent_id":"words","depends_on":["given"],"inputs":{{"value":{{"from":"step","step":"given","artifact":"value"}}}},
                    "when":{{"eq":[{{"from":"step","step":"given","artifact":"value"}},{{"const":{same}}}]}}}},
                "literal":{{"agent_id":"words","inputs":{{"value":{{"const":{n}}}}}}}}}}}"#
        );
        let template = server.publish(n, value(&definition)).await;
        let body = format!(r#"{{"template_id":"{template}","inputs":{{"n":{n}}}}}"#);
        let started = server.anna.bytes(http::Method::POST, RUNS, "application/json", body).await.expect(201);
        let run = started["id"].as_str().unwrap();
        let view = server.anna.settled(run).await;
        assert_eq!(view["inputs"]["n"].to_string(), n);
        for (key, expected) in [("given", n.to_owned()), ("told", format!("n = {n}")), ("literal", format!("n = {n}"))]
        {
            assert_eq!(status_of(&view, key), "completed", "{key} of {n}: {view:#}");
            let id = latest(&view, key)["id"].as_str().unwrap().to_owned();
            let file = server.anna.get(&format!("{RUNS}/{run}/artifacts/{id}?download")).await;
            assert_eq!(file.text(), expected, "{key}");
        }
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn equal_values_are_equal_to_who_consumes_them(pool: PgPool) {
    let server = Server::start(pool).await;
    echo(&server, "echo", "{{ value }}").await;
    let definition = json!({"inputs": {"n": {"schema": {"enum": [value("1.10"), 100]}}, "list": {}}, "steps": {
        "made": {"agent_id": "echo", "inputs": {"value": {"from": "run", "key": "n"}}},
        "used": {"agent_id": "echo", "depends_on": ["made"], "inputs": {"value": {"from": "step", "step": "made", "artifact": "value"}}},
        "equal": {"agent_id": "echo", "depends_on": ["made"], "when": {"eq": [{"from": "step", "step": "made", "artifact": "value"}, {"const": value("11e-1")}]},
            "inputs": {"value": {"const": 1}}}}});
    let template = server.publish("Equal", definition).await;
    let body = format!(r#"{{"template_id":"{template}","inputs":{{"n":1.1}}}}"#);
    let started = server.anna.bytes(http::Method::POST, RUNS, "application/json", body).await.expect(201);
    let run = started["id"].as_str().unwrap();
    let view = server.anna.settled(run).await;
    assert_eq!((status_of(&view, "used"), status_of(&view, "equal")), ("completed", "completed"), "{view:#}");

    // Another spelling of the same number makes nothing stale; another number does.
    for (text, is_stale) in [("1.10", false), ("110e-2", false), ("0.11E1", false), ("1.2", true)] {
        let body = format!(r#"{{"artifacts":{{"value":{text}}}}}"#);
        let path = format!("{RUNS}/{run}/steps/made/edit");
        let view = server.anna.bytes(http::Method::POST, &path, "application/json", body).await.expect(200);
        assert_eq!(latest(&view, "made")["origin"], "human_edit");
        let stale = server.anna.get(&format!("{RUNS}/{run}/stale")).await.expect(200);
        assert_eq!(stale.get("used").is_some(), is_stale, "{text}: {stale:#}");
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn null_for_an_input_is_its_default(pool: PgPool) {
    let server = Server::start(pool).await;
    echo(&server, "echo", "{{ value }}").await;
    let definition = json!({"inputs": {"tone": {"schema": {"type": "string"}, "default": "plain"}}, "steps": {
        "say": {"agent_id": "echo", "inputs": {"value": {"from": "run", "key": "tone"}},
            "when": {"eq": [{"from": "run", "key": "tone"}, {"const": "plain"}]}, "prompt": "\"{{ value }}\""}}});
    let template = server.publish("Tone", definition).await;
    for inputs in [json!({}), json!({"tone": null})] {
        let body = json!({"template_id": template, "inputs": inputs});
        let run = server.anna.post(RUNS, body).await.expect(201)["id"].as_str().unwrap().to_owned();
        let view = server.anna.settled(&run).await;
        assert_eq!(step(&view, "say")["status"], "completed", "{view:#}");
        let id = latest(&view, "say")["id"].as_str().unwrap().to_owned();
        let shown = server.anna.get(&format!("{RUNS}/{run}/artifacts/{id}")).await.expect(200);
        assert_eq!(shown["content"], "plain");
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_key_twice_is_refused_with_its_place_and_stores_nothing(pool: PgPool) {
    let server = Server::start(pool).await;
    let body = r#"{"name":"Twice","definition":{"steps":{"draft":{"agent_id":"a"},"draft":{"agent_id":"b"}}}}"#;
    let refused = server.admin.bytes(http::Method::POST, TEMPLATES, "application/json", body).await;
    assert_eq!(refused.problem(422, "invalid")["field"], "definition.steps.draft");
    let body = r#"{"name":"Twice","definition":{"steps":{"draft":{"agent_id":"a","title":"A","title":"B"}}}}"#;
    let refused = server.admin.bytes(http::Method::POST, TEMPLATES, "application/json", body).await;
    assert_eq!(refused.problem(422, "invalid")["field"], "definition.steps.draft.title");
    let names = server.admin.get(TEMPLATES).await.text();
    assert!(!names.contains("Twice"), "{names}");
    server.stop().await;
}
