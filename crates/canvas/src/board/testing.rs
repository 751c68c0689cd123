//! Runs for tests of what is watched. It must never be part of the product.

use serde_json::{Value, json};
use workflow::{Definition, RunView};

/// A running run with these steps, as an answer of the server holds them; those that are left out have not begun.
pub(crate) fn run_of(definition: &Definition, steps: &Value) -> RunView {
    let id = "00000000-0000-7000-8000-000000000000";
    serde_json::from_value(json!({
        "id": id, "seq": 0, "template_id": id, "template_name": "T", "template_version": 1, "status": "running",
        "status_reason": null, "auto_run": true, "user_id": id, "user_email": "a@example.com", "is_test": false,
        "created_at": "2026-01-01T00:00:00Z", "finished_at": null, "inputs": {}, "overrides": {}, "steps": steps,
        "artifacts": [], "run_definition": definition}))
    .unwrap()
}

/// A step of it, with its last attempt from and to these times of the first minute, "00" to "59".
pub(crate) fn step(key: &str, status: &str, worked: Option<(&str, Option<&str>)>) -> Value {
    let at = |second: &str| format!("2026-01-01T00:00:{second}Z");
    let attempts: Vec<Value> = worked
        .into_iter()
        .map(|(since, until)| {
            json!({"step": key, "number": 1, "generation": 1, "started_at": at(since), "ended_at": until.map(at),
                "outcome": until.map(|_| "succeeded"), "error_class": null, "error": null})
        })
        .collect();
    json!({"key": key, "title": key.to_uppercase(), "agent_id": "x", "agent_version": 1, "kind": "llm", "status": status,
        "reason": null, "generation": 1, "attempts": attempts})
}
