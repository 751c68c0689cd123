//! What is told about an agent, field by field, and what the body of a call is.

use serde_json::json;

use super::*;
use crate::{id::SecretName, problem::ProblemCode, template::BodyKind};

fn inputs() -> Vec<InputPort> {
    serde_json::from_value(json!([
        {"name": "text", "schema": {"type": "string"}},
        {"name": "person", "schema": {"type": "object"}},
        {"name": "free"},
    ]))
    .unwrap()
}

#[test]
fn an_http_agent_is_judged_field_by_field() {
    let faults = |config: serde_json::Value| {
        let spec: AgentSpec = serde_json::from_value(json!({
            "id": "a", "name": "A", "inputs": inputs(), "outputs": [{"name": "o"}], "config": config,
        }))
        .unwrap();
        spec.problems().into_iter().map(|problem| problem.field.unwrap_or_default()).collect::<Vec<_>>().join(" ")
    };
    let post = |more: serde_json::Value| {
        let mut config = json!({"kind": "http", "method": "POST", "url": "https://h/"});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let table = [
        (post(json!({"body": r#"{"t": "{{ text }}"}"#})), ""),
        (post(json!({"url": "https://{{ text }}/"})), "config.url"),
        (post(json!({"url": "https://h/{{ nope }}"})), "config.url"),
        (post(json!({"headers": {"X-A": "{{ text }}"}})), ""),
        (post(json!({"headers": {"X-A": "{{ nope }}"}})), "config.headers.X-A"),
        (post(json!({"headers": {"X-A": "é"}})), "config.headers.X-A"),
        (post(json!({"headers": {"X-A": "a\nb"}})), "config.headers.X-A"),
        (post(json!({"headers": {"X {{ text }}": "a"}})), "config.headers.X {{ text }}"),
        (post(json!({"headers": {"Host": "a"}})), "config.headers.Host"),
        (post(json!({"headers": {"X-A": "Bearer ${secret.a}"}})), ""),
        (post(json!({"headers": {"X-A": "${secret.A}"}})), "config.headers.X-A"),
        (post(json!({"headers": {"X-A": "${secret.a}{{ text }}"}})), "config.headers.X-A"),
        (post(json!({"body": "${secret.a}"})), "config.body"),
        (post(json!({"headers": {"x-a": "1", "X-A": "2"}})), "config.headers.x-a"),
        (post(json!({"headers": {"Content-Type": "{{ text }}"}})), "config.headers"),
        (
            post(json!({"headers": {"Content-Type": "multipart/form-data; boundary=x"}, "body": "{{ text }}"})),
            "config.headers",
        ),
        (post(json!({"body": r#"{"t": "{{ text }}}"#})), "config.body"),
        (post(json!({"headers": {"Content-Type": "text/plain"}, "body": r#"{"t": "{{ text }}}"#})), ""),
        (json!({"kind": "llm", "prompt": "x", "system": "{{ nope }}"}), "config.system"),
        (json!({"kind": "llm", "prompt": "{% if nope %}{% endif %}"}), "config.prompt"),
        (json!({"kind": "template", "template": "{{ text"}), "config.template"),
        (json!({"kind": "human", "instructions": "{{ nope }}"}), "config.instructions"),
    ];
    for (config, expected) in table {
        assert_eq!(faults(config.clone()), expected, "{config}");
    }
}

#[test]
fn what_an_agent_names_is_told_with_its_header() {
    let config: HttpConfig = serde_json::from_value(json!({"url": "https://a.example/", "headers": {
        "Authorization": "Bearer ${secret.b}", "X-Other": "${secret.a}${secret.a}", "X-Bad": "${secret.A}", "Accept": "*/*"}}))
    .unwrap();
    let named: Vec<_> = config.secrets().into_iter().collect();
    let expected = [("Authorization", SecretName::from("b")), ("X-Other", SecretName::from("a"))];
    assert_eq!(named, expected);
}

#[test]
fn what_a_body_is_follows_from_its_type_or_its_form() {
    let kind = |content_type: Option<&str>, body: &str| {
        let headers = content_type.map(|value| ("content-TYPE".to_owned(), value.to_owned())).into_iter().collect();
        HttpConfig { headers, body: body.to_owned(), ..HttpConfig::default() }.body_kind(&inputs())
    };
    for (content_type, body, expected) in [
        (Some("application/json"), "{{ text }}", BodyKind::Json),
        (Some("Application/Problem+JSON; charset=utf-8"), "", BodyKind::Json),
        (Some("application/x-ndjson"), "", BodyKind::JsonLines),
        (Some("application/x-www-form-urlencoded"), "{", BodyKind::Form),
        (Some("application/soap+xml"), "", BodyKind::Xml),
        (Some("text/plain"), r#"{"a": 1}"#, BodyKind::Text),
        (None, " {\"a\": {{ text }}}", BodyKind::Json),
        (None, "{% if free %}[1]{% else %}[2]{% endif %}", BodyKind::Json),
        (None, "{{ person }}", BodyKind::Json),
        (None, "{{ text }}", BodyKind::Text),
        (None, "{{ text }}: {", BodyKind::Text),
        (None, "hello", BodyKind::Text),
    ] {
        assert_eq!(kind(content_type, body), Ok(expected), "{content_type:?} {body}");
    }
}

#[test]
fn a_port_has_a_name_of_its_own_and_a_type_that_holds() {
    let spec: AgentSpec = serde_json::from_value(json!({
        "id": "a", "name": "A", "config": {"kind": "template", "template": "x"},
        "inputs": [{"name": "one"}, {"name": "one"}, {"name": "2nd"}],
        "outputs": [{"name": "o", "schema": {"enum": []}}],
    }))
    .unwrap();
    let told: Vec<_> = spec.problems().into_iter().map(|problem| (problem.code, problem.field.unwrap())).collect();
    assert_eq!(
        told,
        [
            (ProblemCode::Duplicate, "inputs.1.name".to_owned()),
            (ProblemCode::InvalidKey, "inputs.2.name".to_owned()),
            (ProblemCode::InvalidValue, "outputs.0.schema.enum".to_owned()),
        ]
    );
}
