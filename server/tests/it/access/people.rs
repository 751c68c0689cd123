//! The rows of the matrix about accounts, sessions, tokens and the audit log. Must change nobody whom the other rows are asked as.

use serde_json::json;

use super::{
    ADMINS,
    Content::{Empty, Form, Json},
    EVERYBODY, Fixed, Fixture, Forbidden, Missing, NONE_OF_THEIRS, NOWHERE, Row, SIGNED_IN, SignIn,
};
use crate::harness::ANNA;

pub(super) fn rest() -> Vec<Row> {
    vec![
        ("GET", "/api/me", Empty, SIGNED_IN),
        ("POST", "/api/me/confirm", Json(json!({"password": "wrong wrong wrong"})), SIGNED_IN),
        ("GET", "/api/users", Empty, ADMINS),
        (
            "POST",
            "/api/users",
            Json(json!({"email": "c@example.org", "role": "user", "password": "a b c d e f g h"})),
            ADMINS,
        ),
        ("PATCH", "/api/users/{user_id}", Json(json!({"role": "user"})), ADMINS),
        ("GET", "/api/users/{user_id}/tokens", Empty, ADMINS),
        (
            "DELETE",
            "/api/users/{user_id}/tokens/{token_id}",
            Empty,
            Fixed([SignIn, Forbidden, Forbidden, Forbidden, Missing]),
        ),
        ("GET", "/api/audit", Empty, ADMINS),
        ("GET", "/api/audit/export", Empty, ADMINS),
        ("GET", "/api/tokens", Empty, SIGNED_IN),
        ("POST", "/api/tokens", Json(json!({"name": "t"})), SIGNED_IN),
        ("DELETE", "/api/tokens/{token_id}", Empty, NONE_OF_THEIRS),
    ]
}

pub(super) fn functions(it: &Fixture) -> Vec<Row> {
    vec![
        ("POST", "/_fn/setup_state", Form(&[]), EVERYBODY),
        ("POST", "/_fn/current_user", Form(&[]), EVERYBODY),
        // Refused by the state of the server, not by who asks.
        (
            "POST",
            "/_fn/create_first_admin",
            Form(&[("email", "x@example.org"), ("password", "a b c d e f g h"), ("token", "")]),
            EVERYBODY,
        ),
        ("POST", "/_fn/logout", Form(&[]), EVERYBODY),
        ("POST", "/_fn/change_password", Json(json!({"current": "wrong wrong wrong", "new": "x"})), SIGNED_IN),
        ("POST", "/_fn/list_sessions", Json(json!({})), SIGNED_IN),
        ("POST", "/_fn/revoke_session", Json(json!({"id": "none"})), NONE_OF_THEIRS),
        ("POST", "/_fn/list_tokens", Json(json!({})), SIGNED_IN),
        ("POST", "/_fn/create_token", Json(json!({"token": {"name": "t"}})), SIGNED_IN),
        ("POST", "/_fn/confirm_password", Json(json!({"password": "wrong wrong wrong"})), SIGNED_IN),
        ("POST", "/_fn/audit_log", Json(json!({"filter": {}})), ADMINS),
        ("POST", "/_fn/list_user_tokens", Json(json!({"id": it.user})), ADMINS),
        (
            "POST",
            "/_fn/revoke_user_token",
            Json(json!({"id": it.user, "token": NOWHERE})),
            Fixed([SignIn, Forbidden, Forbidden, Forbidden, Missing]),
        ),
        ("POST", "/_fn/revoke_token", Json(json!({"id": NOWHERE})), NONE_OF_THEIRS),
        ("POST", "/_fn/list_users", Json(json!({})), ADMINS),
        ("POST", "/_fn/find_people", Json(json!({"text": "a"})), ADMINS),
        ("POST", "/_fn/people_standing", Json(json!({"named": {"emails": [ANNA]}})), ADMINS),
        (
            "POST",
            "/_fn/create_user",
            Json(json!({"email": "d@example.org", "role": "user", "password": "a b c d e f g h"})),
            ADMINS,
        ),
        ("POST", "/_fn/set_user_role", Json(json!({"id": it.user, "role": "user"})), ADMINS),
        ("POST", "/_fn/set_user_disabled", Json(json!({"id": it.user, "is_disabled": false})), ADMINS),
        ("POST", "/_fn/reset_user_password", Json(json!({"id": it.user, "password": "short"})), ADMINS),
    ]
}
