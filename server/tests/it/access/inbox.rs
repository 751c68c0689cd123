//! The rows of the matrix about the inbox. What is decided about many names what nobody was shown, so the gate stays open for the next one.

use serde_json::json;

use super::{
    Content::{Empty, Json},
    Fixture, Row, SIGNED_IN, Sees,
};

pub(super) fn rest(it: &Fixture) -> Vec<Row> {
    vec![
        ("GET", "/api/inbox", Empty, SIGNED_IN),
        ("GET", "/api/inbox/counts", Empty, SIGNED_IN),
        ("GET", "/api/inbox/history", Empty, SIGNED_IN),
        ("GET", "/api/inbox/gates/{run_id}/{step_id}", Empty, Sees),
        ("POST", "/api/inbox/previews", Json(json!({"gates": [it.gate()]})), SIGNED_IN),
        ("POST", "/api/inbox/decide", Json(it.unseen()), SIGNED_IN),
    ]
}

pub(super) fn functions(it: &Fixture) -> Vec<Row> {
    vec![
        ("POST", "/_fn/inbox", Json(json!({"query": {}})), SIGNED_IN),
        ("POST", "/_fn/inbox_counts", Json(json!({"query": {}})), SIGNED_IN),
        ("POST", "/_fn/inbox_history", Json(json!({"query": {}})), SIGNED_IN),
        ("POST", "/_fn/gate_reading", Json(json!({"run": it.run, "step": "shout"})), Sees),
        ("POST", "/_fn/gate_previews", Json(json!({"gates": [it.gate()]})), SIGNED_IN),
        ("POST", "/_fn/decide_many", Json(json!({"decide": it.unseen()})), SIGNED_IN),
    ]
}
