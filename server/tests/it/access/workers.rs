//! The rows of the matrix about outside workers: what admins do about them, and the protocol that they speak, which is no person's.

use serde_json::json;

use super::{
    ADMINS,
    Content::{Empty, Json},
    Fixed, Forbidden, MISSING_TO_ADMINS, Missing, NO_PERSON, NOWHERE, Row, SignIn,
};

pub(super) fn rest() -> Vec<Row> {
    vec![
        ("GET", "/api/workers", Empty, ADMINS),
        ("PATCH", "/api/workers/{session_id}", Json(json!({"state": "paused"})), MISSING_TO_ADMINS),
        ("GET", "/api/workers/offers", Empty, ADMINS),
        (
            "POST",
            "/api/workers/offers/accept",
            Json(json!({"agent_id": "none", "hash": "0".repeat(64)})),
            MISSING_TO_ADMINS,
        ),
        ("GET", "/metrics", Empty, ADMINS),
        ("GET", "/api/queues", Empty, ADMINS),
        ("GET", "/api/worker-tokens", Empty, ADMINS),
        ("POST", "/api/worker-tokens", Json(json!({"name": "t", "agents": ["a"]})), ADMINS),
        ("DELETE", "/api/worker-tokens/{token_id}", Empty, MISSING_TO_ADMINS),
        // The protocol of outside workers: no person's, whoever they are.
        ("POST", "/api/worker/v1/sessions", Json(json!({})), NO_PERSON),
        ("DELETE", "/api/worker/v1/sessions/{session_id}", Empty, NO_PERSON),
        ("POST", "/api/worker/v1/sessions/{session_id}/claim", Json(json!({})), NO_PERSON),
        ("POST", "/api/worker/v1/sessions/{session_id}/beat", Json(json!({})), NO_PERSON),
        ("POST", "/api/worker/v1/sessions/{session_id}/complete", Json(json!({})), NO_PERSON),
        ("POST", "/api/worker/v1/sessions/{session_id}/tasks/{token}/complete", Json(json!({})), NO_PERSON),
        ("POST", "/api/worker/v1/sessions/{session_id}/tasks/{token}/callback", Json(json!({})), NO_PERSON),
        // Only a secret opens it.
        ("POST", "/api/worker/v1/callback", Json(json!({})), Fixed([Missing; 5])),
        ("PUT", "/api/worker/v1/sessions/{session_id}/blobs/{hash}", Empty, NO_PERSON),
        ("GET", "/api/worker/v1/sessions/{session_id}/blobs/{hash}", Empty, NO_PERSON),
    ]
}

pub(super) fn functions() -> Vec<Row> {
    let unknown = || Fixed([SignIn, Forbidden, Forbidden, Forbidden, Missing]);
    let offer = json!({"offer": {"agent_id": "nobody", "hash": "0".repeat(64)}});
    vec![
        ("POST", "/_fn/list_workers", Json(json!({})), ADMINS),
        ("POST", "/_fn/set_worker", Json(json!({"id": NOWHERE, "state": "paused"})), unknown()),
        ("POST", "/_fn/list_offers", Json(json!({})), ADMINS),
        ("POST", "/_fn/accept_offer", Json(offer), unknown()),
        ("POST", "/_fn/list_worker_tokens", Json(json!({})), ADMINS),
        ("POST", "/_fn/create_worker_token", Json(json!({"token": {"name": "w", "agents": ["w-*"]}})), ADMINS),
        ("POST", "/_fn/revoke_worker_token", Json(json!({"id": NOWHERE})), unknown()),
    ]
}
