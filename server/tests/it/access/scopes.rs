//! The third dimension of the matrix: what an API token has to be made for, endpoint by endpoint.
//! An endpoint that is not listed here fails, and so does one that lets a token in that was made for something else.

use workflow::access::Scope;

use super::{Fixture, Row, told};
use crate::harness::{ADMIN, Server};

/// By what an endpoint may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    /// Without any credential too.
    Anyone,
    /// A session, or a token with this scope.
    Token(Scope),
    /// A session, or a token for metrics or for all that admins do.
    Metrics,
    /// A session alone.
    Session,
    /// An outside worker's token alone, or a secret: no scope helps.
    Worker,
}
use By::{Anyone, Metrics, Session, Worker};
const READ: By = By::Token(Scope::Read);
const RUN: By = By::Token(Scope::Run);
const REVIEW: By = By::Token(Scope::Review);
const ADMINISTER: By = By::Token(Scope::Admin);

#[rustfmt::skip]
const REST: &[(By, &[&str])] = &[
    (READ, &[
        "GET /api/me", "GET /api/me/delegations", "GET /api/tokens", "GET /api/agents/list", "GET /api/live",
        "GET /api/workflows/gallery", "GET /api/workflows/templates", "GET /api/workflows/templates/{template_id}",
        "GET /api/workflows/templates/{template_id}/versions", "GET /api/workflows/waiting", "GET /api/workflows/runs", "GET /api/workflows/runs/totals",
        "GET /api/workflows/runs/{run_id}", "GET /api/workflows/runs/{run_id}/events", "GET /api/workflows/runs/{run_id}/stale",
        "GET /api/workflows/runs/{run_id}/export.zip", "GET /api/workflows/runs/{run_id}/report.html",
        "GET /api/workflows/runs/{run_id}/compare", "GET /api/workflows/runs/{run_id}/live",
        "GET /api/workflows/runs/{run_id}/steps/{step_id}/prompt",
        "GET /api/workflows/runs/{run_id}/steps/{step_id}/attempts/{number}/transcript", "GET /api/workflows/runs/{run_id}/artifacts",
        "GET /api/workflows/runs/{run_id}/absent", "GET /api/workflows/runs/{run_id}/steps/{step_id}/attempts/{number}/logs",
        "GET /api/workflows/runs/{run_id}/artifacts/{artifact_id}", "GET /api/workflows/runs/{run_id}/artifacts/{artifact_id}/lineage",
        "GET /api/inbox", "GET /api/inbox/counts", "GET /api/inbox/history", "GET /api/inbox/gates/{run_id}/{step_id}",
        "POST /api/inbox/previews",
        "GET /api/notices", "GET /api/workflows/runs/{run_id}/shares",
        "GET /api/batches", "GET /api/batches/{batch_id}", "GET /api/batches/{batch_id}/rows", "GET /api/batches/{batch_id}/results.csv",
    ]),
    (RUN, &[
        "POST /api/workflows/runs", "PATCH /api/workflows/runs/{run_id}", "POST /api/workflows/runs/{run_id}/pause",
        "PUT /api/workflows/runs/{run_id}/labels", "POST /api/workflows/runs/change",
        "POST /api/workflows/runs/{run_id}/shares", "DELETE /api/workflows/runs/{run_id}/shares/{share_id}",
        "POST /api/workflows/runs/{run_id}/resume", "POST /api/workflows/runs/{run_id}/cancel", "POST /api/workflows/runs/{run_id}/fork",
        "POST /api/workflows/runs/{run_id}/adopt", "POST /api/workflows/runs/{run_id}/move",
        "GET /api/workflows/runs/{run_id}/steps/{step_id}/skip", "POST /api/workflows/runs/{run_id}/steps/{step_id}/skip",
        "POST /api/workflows/runs/{run_id}/steps/{step_id}/stop", "POST /api/workflows/runs/{run_id}/steps/{step_id}/rerun",
        "POST /api/workflows/runs/{run_id}/steps/{step_id}/trigger",
        "POST /api/workflows/runs/{run_id}/artifacts/{artifact_id}/rollback",
        "POST /api/batches", "POST /api/batches/{batch_id}/pause", "POST /api/batches/{batch_id}/resume",
        "POST /api/batches/{batch_id}/cancel",
    ]),
    (REVIEW, &[
        "POST /api/workflows/runs/{run_id}/steps/{step_id}/continue", "POST /api/workflows/runs/{run_id}/steps/{step_id}/edit",
        "POST /api/workflows/runs/{run_id}/steps/{step_id}/reject", "POST /api/workflows/runs/{run_id}/steps/{step_id}/supply",
        "POST /api/inbox/decide",
        "PUT /api/notices/choices",
    ]),
    (ADMINISTER, &[
        "GET /api/audit", "GET /api/audit/export", "GET /api/users", "POST /api/users", "PATCH /api/users/{user_id}", "GET /api/users/{user_id}/tokens",
        "DELETE /api/users/{user_id}/tokens/{token_id}", "GET /api/agents/{agent_id}", "POST /api/agents", "DELETE /api/agents/{agent_id}", "POST /api/agents/test",
        "GET /api/providers", "POST /api/workflows/templates", "PUT /api/workflows/templates/{template_id}",
        "DELETE /api/workflows/templates/{template_id}", "POST /api/workflows/templates/{template_id}/duplicate",
        "POST /api/workflows/templates/{template_id}/publish", "GET /api/workflows/templates/{template_id}/versions/{version}",
        "GET /api/groups", "POST /api/groups", "PATCH /api/groups/{group_id}", "DELETE /api/groups/{group_id}",
        "GET /api/groups/{group_id}/members", "POST /api/groups/{group_id}/members", "DELETE /api/groups/{group_id}/members/{user_id}",
        "GET /api/workflows/templates/{template_id}/audience", "PUT /api/workflows/templates/{template_id}/audience",
        "GET /api/workflows/stuck", "GET /api/delegations", "DELETE /api/delegations/{delegation_id}",
        "GET /api/workers", "PATCH /api/workers/{session_id}", "GET /api/workers/offers", "POST /api/workers/offers/accept",
        "GET /api/secrets", "PUT /api/secrets/{secret_name}", "PUT /api/secrets/{secret_name}/agents", "DELETE /api/secrets/{secret_name}",
        "GET /api/notices/addresses", "POST /api/notices/addresses", "PATCH /api/notices/addresses/{address_id}",
        "DELETE /api/notices/addresses/{address_id}", "POST /api/notices/addresses/{address_id}/secret",
        "POST /api/notices/addresses/{address_id}/test", "GET /api/notices/deliveries", "POST /api/notices/messages/{notice_id}/resend",
        "GET /api/notices/settings", "PUT /api/notices/settings", "POST /api/notices/settings/test",
        "GET /api/worker-tokens", "DELETE /api/worker-tokens/{token_id}",
        "POST /api/workflows/runs/{run_id}/release",
        "GET /api/workflows/templates/{template_id}/export", "POST /api/workflows/import",
        "POST /api/workflows/templates/{template_id}/try", "GET /api/workflows/templates/{template_id}/seen",
        "GET /api/workflows/templates/{template_id}/pins", "PUT /api/workflows/templates/{template_id}/pins",
        "DELETE /api/workflows/templates/{template_id}/pins",
        "POST /api/workflows/templates/{template_id}/archive", "POST /api/workflows/templates/{template_id}/unarchive",
    ]),
    (Metrics, &["GET /metrics", "GET /api/queues"]),
    (Worker, &[
        "POST /api/worker/v1/sessions", "DELETE /api/worker/v1/sessions/{session_id}", "POST /api/worker/v1/sessions/{session_id}/claim",
        "POST /api/worker/v1/sessions/{session_id}/beat", "POST /api/worker/v1/sessions/{session_id}/complete",
        "POST /api/worker/v1/sessions/{session_id}/tasks/{token}/complete",
        "POST /api/worker/v1/sessions/{session_id}/tasks/{token}/callback", "POST /api/worker/v1/callback",
        "PUT /api/worker/v1/sessions/{session_id}/blobs/{hash}", "GET /api/worker/v1/sessions/{session_id}/blobs/{hash}",
    ]),
    (Anyone, &["GET /api/openapi.json", "GET /api/docs"]),
    (Session, &[
        "POST /api/me/confirm", "POST /api/tokens", "POST /api/worker-tokens", "DELETE /api/tokens/{token_id}",
        "POST /api/me/delegations", "DELETE /api/me/delegations/{delegation_id}",
    ]),
];

#[rustfmt::skip]
const FUNCTIONS: &[(By, &[&str])] = &[
    (Anyone, &["setup_state", "current_user", "create_first_admin", "login", "logout"]),
    (READ, &[
        "list_tokens", "my_delegations", "list_agents", "find", "gallery", "recent_workflows", "get_published", "my_runs", "shared_runs", "template_versions", "get_run",
        "open_run", "whole_run",
        "list_runs", "run_totals", "run_inputs", "run_shares",
        "run_events", "run_log", "compare_runs", "step_prompt", "prompt_fault", "attempt_transcript", "attempt_logs", "get_artifact",
        "artifact_beginning", "artifact_lineage",
        "inbox", "inbox_counts", "inbox_history", "gate_reading", "gate_previews",
        "my_notices", "get_batch", "my_batches", "batch_rows",
    ]),
    (RUN, &[
        "start_run", "skip_needs", "skip_step", "stop_step", "rerun_step", "trigger_step", "rollback_artifact", "set_auto_run",
        "label_run", "change_runs", "share_run", "end_share", "pause_run", "resume_run", "fork_run", "adopt_run", "move_run", "cancel_run",
        "check_batch", "create_batch", "act_on_batch",
    ]),
    (REVIEW, &["continue_step", "edit_step", "reject_step", "supply_step", "decide_many", "choose_notice"]),
    (ADMINISTER, &[
        "list_groups", "create_group", "rename_group", "delete_group", "group_members", "add_member", "remove_member",
        "get_audience", "set_audience", "stuck_gates", "list_delegations", "end_any_delegation",
        "list_users", "audit_log", "find_people", "people_standing", "create_user", "set_user_role", "set_user_disabled", "reset_user_password", "list_user_tokens",
        "revoke_user_token", "get_agent", "catalog_of", "save_agent", "test_agent", "list_providers", "list_templates",
        "get_template", "open_template", "get_version", "create_template", "save_draft", "publish_template", "import_workflow", "workflow_ports",
        "new_template", "duplicate_template", "delete_template", "delete_agent", "archive_template", "try_draft", "last_seen", "list_pins", "set_pin", "remove_pin", "list_workers", "set_worker", "list_offers", "accept_offer", "list_worker_tokens", "revoke_worker_token",
        "list_secrets", "set_secret", "grant_secret", "delete_secret",
        "notice_addresses", "add_notice_address", "change_notice_address", "renew_notice_secret", "delete_notice_address",
        "test_notice_address", "notice_deliveries", "resend_notice", "notice_settings", "set_notice_settings", "test_notice_email",
    ]),
    (Session, &["change_password", "confirm_password", "list_sessions", "revoke_session", "create_token", "revoke_token", "create_worker_token", "delegate_reviews", "end_delegation"]),
];

/// By what it may be used; fails for an endpoint without a row.
pub(super) fn of(method: &str, path: &str) -> By {
    let (table, name) = match path.strip_prefix("/_fn/") {
        Some(function) => (FUNCTIONS, function.to_owned()),
        None => (REST, format!("{method} {path}")),
    };
    let found = table.iter().find(|(_, names)| names.contains(&name.as_str()));
    found.unwrap_or_else(|| panic!("{name} has no scope: decide what a token needs for it")).0
}

/// Asks for everything with a token of an admin for each scope.
pub(super) async fn walk(server: &Server, it: &Fixture, rows: &[Row]) {
    let mut wrong = Vec::new();
    for scope in Scope::ALL {
        let program = server.program(ADMIN, &[scope]).await;
        for (method, path, content, _) in rows {
            let (_, answer) = told(&program, method, &super::filled(path, it), content).await;
            // The description of the interface names all codes, and refuses nobody.
            let is_refused = !answer.starts_with("200");
            let codes = ["insufficient_scope", "session_required"].into_iter();
            let refusal = codes.filter(|_| is_refused).find(|code| answer.contains(code));
            let expected = match of(method, path) {
                Metrics if matches!(scope, Scope::Metrics | Scope::Admin) => None,
                // By itself it opens nothing else, not even what is for everybody.
                _ if scope == Scope::Metrics => Some("insufficient_scope"),
                Anyone | Worker | By::Token(Scope::Read) => None,
                By::Token(wanted) if wanted == scope => None,
                By::Token(_) | Metrics => Some("insufficient_scope"),
                Session => Some("session_required"),
            };
            if refusal != expected {
                wrong.push(format!("{method} {path} with {scope:?}: {refusal:?} instead of {expected:?}: {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
