//! A small workflow and its agents, for the tests of what is drawn: A feeds B, beside them C, a list and what joins one.

use serde_json::json;
use workflow::{AgentCatalog, AgentSpec, Definition, StepKey, source::Source};

pub(crate) fn agents() -> AgentCatalog {
    let text = |name: &str| json!({"name": name, "schema": {"type": "string"}, "required": true});
    let list = |name: &str| json!({"name": name, "schema": {"type": "array"}, "required": true});
    let agent = |id: &str, name: &str, inputs: serde_json::Value, outputs: serde_json::Value| -> AgentSpec {
        serde_json::from_value(json!({"id": id, "version": 1, "name": name, "inputs": inputs, "outputs": outputs,
            "config": {"kind": "template", "template": "x"}}))
        .unwrap()
    };
    let out = |name: &str, kind: &str| json!([{"name": name, "schema": {"type": kind}}]);
    AgentCatalog::new([
        agent("echo", "Echo", json!([text("text")]), out("text", "string")),
        agent("shout", "Shout", json!([text("text")]), out("loud", "string")),
        agent("plan", "Plan", json!([]), out("sections", "array")),
        agent("collect", "Collect", json!([list("parts")]), out("count", "integer")),
        agent("join", "Join", json!([text("left"), text("right")]), out("text", "string")),
    ])
}

pub(crate) fn definition() -> Definition {
    Definition::from_value(&json!({"steps": {
        "a": {"agent_id": "echo", "title": "A", "ui": {"x": 0, "y": 0}, "inputs": {"text": {"const": "x"}}},
        "b": {"agent_id": "echo", "title": "B", "depends_on": ["a"], "ui": {"x": 400, "y": 0},
            "inputs": {"text": {"from": "step", "step": "a", "artifact": "text", "path": ""}}},
        "c": {"agent_id": "shout", "title": "C", "ui": {"x": 400, "y": 200}},
        "list": {"agent_id": "plan", "title": "List", "ui": {"x": 0, "y": 200}},
        "parts": {"agent_id": "collect", "title": "Parts", "ui": {"x": 0, "y": 400}}}}))
    .unwrap()
}

/// What a step of these makes.
pub(crate) fn reads(step: &str) -> Source {
    let step = StepKey::from(step);
    let artifact = if step.as_str() == "c" { "loud" } else { "text" };
    super::fitting::whole(&step, artifact)
}
