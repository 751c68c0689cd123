//! The rows of the matrix about batches, which are addressed by an id that nobody has. Must start no run.

use serde_json::json;

use super::{
    Content::{Empty, Json},
    Fixture, NONE_OF_THEIRS, NOWHERE, Row, SIGNED_IN,
};

pub(super) fn rest() -> Vec<Row> {
    vec![
        ("GET", "/api/batches", Empty, SIGNED_IN),
        ("POST", "/api/batches", Empty, SIGNED_IN),
        ("GET", "/api/batches/{batch_id}", Empty, NONE_OF_THEIRS),
        ("GET", "/api/batches/{batch_id}/rows", Empty, NONE_OF_THEIRS),
        ("GET", "/api/batches/{batch_id}/results.csv", Empty, NONE_OF_THEIRS),
        ("POST", "/api/batches/{batch_id}/pause", Empty, NONE_OF_THEIRS),
        ("POST", "/api/batches/{batch_id}/resume", Empty, NONE_OF_THEIRS),
        ("POST", "/api/batches/{batch_id}/cancel", Empty, NONE_OF_THEIRS),
    ]
}

pub(super) fn functions(it: &Fixture) -> Vec<Row> {
    // With a column that fits nothing, so nothing is started.
    let check = json!({"template": it.template, "table": "nothing\nx\n"});
    let table = json!({"template": it.template, "name": "", "table": "nothing\nx\n", "key": null});
    vec![
        ("POST", "/_fn/check_batch", Json(check), SIGNED_IN),
        ("POST", "/_fn/create_batch", Json(table), SIGNED_IN),
        ("POST", "/_fn/get_batch", Json(json!({"id": NOWHERE})), NONE_OF_THEIRS),
        ("POST", "/_fn/my_batches", Json(json!({"template": it.template})), SIGNED_IN),
        ("POST", "/_fn/batch_rows", Json(json!({"id": NOWHERE})), NONE_OF_THEIRS),
        ("POST", "/_fn/act_on_batch", Json(json!({"id": NOWHERE, "act": "pause"})), NONE_OF_THEIRS),
    ]
}
