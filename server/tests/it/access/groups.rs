//! The rows of the matrix about who stands for whom: groups, for whom a workflow is, and who decides in whose place. No group and no
//! delegation has the id that is asked for, so that nobody's rights are others afterwards.

use serde_json::{Value, json};

use super::{
    ADMINS,
    Content::{Empty, Form, Json},
    Fixture, MISSING_TO_ADMINS, NONE_OF_THEIRS, NOWHERE, Row, SIGNED_IN,
};
use crate::harness::BEN;

pub(super) fn rest() -> Vec<Row> {
    let mut rows = groups();
    rows.extend(delegations());
    rows
}

pub(super) fn functions(it: &Fixture) -> Vec<Row> {
    let mut rows = functions_of_groups(it);
    rows.extend(functions_of_delegations());
    rows
}

/// Groups of people, and for whom a workflow is.
fn groups() -> Vec<Row> {
    vec![
        ("GET", "/api/groups", Empty, ADMINS),
        ("POST", "/api/groups", Json(json!({"id": "Legal", "name": "Legal"})), ADMINS),
        ("PATCH", "/api/groups/{group_id}", Json(json!({"name": "Legal"})), MISSING_TO_ADMINS),
        ("DELETE", "/api/groups/{group_id}", Empty, MISSING_TO_ADMINS),
        ("GET", "/api/groups/{group_id}/members", Empty, MISSING_TO_ADMINS),
        ("POST", "/api/groups/{group_id}/members", Json(json!({"email": BEN})), MISSING_TO_ADMINS),
        ("DELETE", "/api/groups/{group_id}/members/{user_id}", Empty, MISSING_TO_ADMINS),
        ("GET", "/api/workflows/templates/{template_id}/audience", Empty, ADMINS),
        ("PUT", "/api/workflows/templates/{template_id}/audience", Json(json!({"groups": []})), ADMINS),
        ("GET", "/api/workflows/stuck", Empty, ADMINS),
    ]
}

fn delegations() -> Vec<Row> {
    vec![
        ("GET", "/api/me/delegations", Empty, SIGNED_IN),
        ("POST", "/api/me/delegations", Json(in_vain()), SIGNED_IN),
        ("DELETE", "/api/me/delegations/{delegation_id}", Empty, NONE_OF_THEIRS),
        ("GET", "/api/delegations", Empty, ADMINS),
        ("DELETE", "/api/delegations/{delegation_id}", Empty, MISSING_TO_ADMINS),
    ]
}

fn functions_of_groups(it: &Fixture) -> Vec<Row> {
    let audience = json!({"id": it.template, "audience": {"groups": []}});
    vec![
        ("POST", "/_fn/list_groups", Json(json!({})), ADMINS),
        ("POST", "/_fn/create_group", Json(json!({"group": {"id": "Legal", "name": "Legal"}})), ADMINS),
        ("POST", "/_fn/rename_group", Json(json!({"id": "nobodys", "name": "Legal"})), MISSING_TO_ADMINS),
        ("POST", "/_fn/delete_group", Json(json!({"id": "nobodys"})), MISSING_TO_ADMINS),
        ("POST", "/_fn/group_members", Json(json!({"id": "nobodys"})), MISSING_TO_ADMINS),
        ("POST", "/_fn/add_member", Json(json!({"id": "nobodys", "email": BEN})), MISSING_TO_ADMINS),
        ("POST", "/_fn/remove_member", Json(json!({"id": "nobodys", "user": it.user})), MISSING_TO_ADMINS),
        ("POST", "/_fn/get_audience", Json(json!({"id": it.template})), ADMINS),
        ("POST", "/_fn/set_audience", Json(audience), ADMINS),
        ("POST", "/_fn/stuck_gates", Form(&[]), ADMINS),
        ("POST", "/_fn/shared_runs", Json(json!({})), SIGNED_IN),
    ]
}

fn functions_of_delegations() -> Vec<Row> {
    vec![
        ("POST", "/_fn/my_delegations", Form(&[]), SIGNED_IN),
        ("POST", "/_fn/delegate_reviews", Json(json!({"wanted": in_vain()})), SIGNED_IN),
        ("POST", "/_fn/end_delegation", Json(json!({"id": NOWHERE})), NONE_OF_THEIRS),
        ("POST", "/_fn/list_delegations", Json(json!({})), ADMINS),
        ("POST", "/_fn/end_any_delegation", Json(json!({"id": NOWHERE})), MISSING_TO_ADMINS),
    ]
}

/// To nobody.
fn in_vain() -> Value {
    json!({"delegate": "nobody@example.org", "from_day": "2026-01-01", "to_day": "2026-01-02"})
}
