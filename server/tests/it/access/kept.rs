//! The rows of the matrix about what admins keep: secrets for agents, and where people are told what. Must lead nowhere that answers.

use serde_json::json;

use super::{
    ADMINS,
    Content::{Empty, Form, Json},
    MISSING_TO_ADMINS, NOWHERE, Row, SIGNED_IN,
};

pub(super) fn rest() -> Vec<Row> {
    let mut rows = secrets();
    rows.extend(notices());
    rows
}

pub(super) fn functions() -> Vec<Row> {
    let mut rows = functions_of_secrets();
    rows.extend(functions_of_notices());
    rows
}

/// What admins keep for agents, and nobody reads.
fn secrets() -> Vec<Row> {
    let set = json!({"value": "a-long-enough-value", "hosts": ["a.example"]});
    vec![
        ("GET", "/api/secrets", Empty, ADMINS),
        ("PUT", "/api/secrets/{secret_name}", Json(set), ADMINS),
        ("PUT", "/api/secrets/{secret_name}/agents", Json(json!({"agents": []})), ADMINS),
        ("DELETE", "/api/secrets/{secret_name}", Empty, ADMINS),
    ]
}

fn functions_of_secrets() -> Vec<Row> {
    let set = json!({"name": "key", "secret": {"value": "a-long-enough-value", "hosts": ["a.example"]}});
    vec![
        ("POST", "/_fn/list_secrets", Json(json!({})), ADMINS),
        ("POST", "/_fn/set_secret", Json(set), ADMINS),
        ("POST", "/_fn/grant_secret", Json(json!({"name": "key", "grant": {"agents": []}})), ADMINS),
        ("POST", "/_fn/delete_secret", Json(json!({"name": "key"})), ADMINS),
    ]
}

/// What I am told where, and what admins keep for that.
fn notices() -> Vec<Row> {
    let address = json!({"name": "Room", "kind": "slack", "url": "https://hooks.example.org/x"});
    let settings = json!({"host": "", "from": "", "expect_revision": 0});
    vec![
        ("GET", "/api/notices", Empty, SIGNED_IN),
        ("PUT", "/api/notices/choices", Json(json!({"when": "hourly"})), SIGNED_IN),
        ("GET", "/api/notices/addresses", Empty, ADMINS),
        ("POST", "/api/notices/addresses", Json(address), ADMINS),
        ("PATCH", "/api/notices/addresses/{address_id}", Json(json!({"name": "Hall"})), MISSING_TO_ADMINS),
        ("DELETE", "/api/notices/addresses/{address_id}", Empty, MISSING_TO_ADMINS),
        ("POST", "/api/notices/addresses/{address_id}/secret", Empty, MISSING_TO_ADMINS),
        ("POST", "/api/notices/addresses/{address_id}/test", Empty, MISSING_TO_ADMINS),
        ("GET", "/api/notices/deliveries", Empty, ADMINS),
        ("POST", "/api/notices/messages/{notice_id}/resend", Empty, MISSING_TO_ADMINS),
        ("GET", "/api/notices/settings", Empty, ADMINS),
        ("PUT", "/api/notices/settings", Json(settings), ADMINS),
        ("POST", "/api/notices/settings/test", Empty, ADMINS),
    ]
}

fn functions_of_notices() -> Vec<Row> {
    let address = json!({"address": {"name": "Hall", "kind": "slack", "url": "https://hooks.example.org/x"}});
    let settings = json!({"settings": {"host": "", "from": "", "expect_revision": 0}});
    let nowhere = || Json(json!({"id": NOWHERE}));
    vec![
        ("POST", "/_fn/my_notices", Form(&[]), SIGNED_IN),
        ("POST", "/_fn/choose_notice", Json(json!({"choice": {"when": "hourly"}})), SIGNED_IN),
        ("POST", "/_fn/notice_addresses", Form(&[]), ADMINS),
        ("POST", "/_fn/add_notice_address", Json(address), ADMINS),
        (
            "POST",
            "/_fn/change_notice_address",
            Json(json!({"id": NOWHERE, "change": {"name": "Hall"}})),
            MISSING_TO_ADMINS,
        ),
        ("POST", "/_fn/renew_notice_secret", nowhere(), MISSING_TO_ADMINS),
        ("POST", "/_fn/delete_notice_address", nowhere(), MISSING_TO_ADMINS),
        ("POST", "/_fn/test_notice_address", nowhere(), MISSING_TO_ADMINS),
        ("POST", "/_fn/notice_deliveries", Json(json!({"query": {}})), ADMINS),
        ("POST", "/_fn/resend_notice", nowhere(), MISSING_TO_ADMINS),
        ("POST", "/_fn/notice_settings", Form(&[]), ADMINS),
        ("POST", "/_fn/set_notice_settings", Json(settings), ADMINS),
        ("POST", "/_fn/test_notice_email", Form(&[]), ADMINS),
    ]
}
