//! Every REST route and live socket, in one table: the router is built from it, and so is the access matrix of the tests,
//! so that no endpoint can exist without a row there. All are for those who are signed in; most take 64 KiB.

use axum::{
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
};
use http::Method;

use super::{
    AppState, agents, artifacts, audit, batches, delegations,
    entry::{
        CONTENT, EXCHANGE, Entry, NOTHING, SECRET, SMALL, SOCKET, TABLE, TEXT, WORKER, WORKER_CONTENT, WORKER_STREAM,
    },
    exchange, export, groups, inbox, metrics, notices, people, runs, secrets, sharing, steps, templates, trying,
    worker, workers,
};
use crate::live;

pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub entry: Entry,
    pub(super) handler: MethodRouter<AppState>,
}

/// In reading order: who am I, people, agents, templates, runs, steps, artifacts, live, groups and delegations, the inbox, notices, batches,
/// figures, workers outside.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        get("/api/me", people::me),
        post("/api/me/confirm", people::confirm),
        get("/api/users", people::list),
        post("/api/users", people::create),
        patch("/api/users/{user_id}", people::update),
        get("/api/users/{user_id}/tokens", people::tokens_of),
        delete("/api/users/{user_id}/tokens/{token_id}", people::revoke_token_of),
        get("/api/tokens", people::list_tokens),
        post("/api/tokens", people::create_token),
        delete("/api/tokens/{token_id}", people::revoke_token),
        get("/api/audit", audit::list),
        get("/api/audit/export", audit::export),
        get("/api/agents/list", agents::list),
        get("/api/agents/{agent_id}", agents::get),
        post("/api/agents", agents::save).takes(CONTENT),
        delete("/api/agents/{agent_id}", agents::delete),
        post("/api/agents/test", agents::test).takes(CONTENT),
        get("/api/providers", agents::providers),
        get("/api/secrets", secrets::list),
        put("/api/secrets/{secret_name}", secrets::set),
        put("/api/secrets/{secret_name}/agents", secrets::grant),
        delete("/api/secrets/{secret_name}", secrets::delete),
        get("/api/workflows/gallery", templates::gallery),
        get("/api/workflows/templates", templates::list),
        post("/api/workflows/templates", templates::create).takes(CONTENT),
        get("/api/workflows/templates/{template_id}", templates::get),
        put("/api/workflows/templates/{template_id}", templates::update).takes(CONTENT),
        delete("/api/workflows/templates/{template_id}", templates::delete),
        post("/api/workflows/templates/{template_id}/duplicate", templates::duplicate),
        post("/api/workflows/templates/{template_id}/publish", templates::publish).takes(TEXT),
        get("/api/workflows/templates/{template_id}/export", exchange::export),
        post("/api/workflows/import", exchange::import).takes(EXCHANGE),
        get("/api/workflows/templates/{template_id}/versions", templates::versions),
        get("/api/workflows/templates/{template_id}/versions/{version}", templates::version),
        post("/api/workflows/templates/{template_id}/try", trying::start).takes(CONTENT),
        get("/api/workflows/templates/{template_id}/seen", trying::seen),
        get("/api/workflows/templates/{template_id}/pins", trying::pins),
        put("/api/workflows/templates/{template_id}/pins", trying::set_pin).takes(CONTENT),
        delete("/api/workflows/templates/{template_id}/pins", trying::remove_pin),
        post("/api/workflows/templates/{template_id}/archive", templates::archive),
        post("/api/workflows/templates/{template_id}/unarchive", templates::unarchive),
        get("/api/workflows/templates/{template_id}/audience", templates::audience),
        put("/api/workflows/templates/{template_id}/audience", templates::set_audience),
        get("/api/workflows/waiting", runs::waiting),
        get("/api/workflows/stuck", runs::stuck),
        get("/api/workflows/runs", runs::list),
        post("/api/workflows/runs", runs::start).takes(CONTENT),
        post("/api/workflows/runs/change", runs::change),
        get("/api/workflows/runs/totals", runs::totals),
        get("/api/workflows/runs/{run_id}", runs::get),
        patch("/api/workflows/runs/{run_id}", runs::patch),
        put("/api/workflows/runs/{run_id}/labels", runs::label),
        post("/api/workflows/runs/{run_id}/pause", runs::pause),
        post("/api/workflows/runs/{run_id}/resume", runs::resume),
        post("/api/workflows/runs/{run_id}/cancel", runs::cancel),
        post("/api/workflows/runs/{run_id}/release", runs::release),
        post("/api/workflows/runs/{run_id}/fork", runs::fork),
        post("/api/workflows/runs/{run_id}/adopt", runs::adopt).takes(TEXT),
        post("/api/workflows/runs/{run_id}/move", runs::move_to),
        get("/api/workflows/runs/{run_id}/compare", runs::compare),
        get("/api/workflows/runs/{run_id}/stale", runs::stale),
        get("/api/workflows/runs/{run_id}/events", runs::events),
        get("/api/workflows/runs/{run_id}/export.zip", export::archive),
        get("/api/workflows/runs/{run_id}/report.html", export::report),
        get("/api/workflows/runs/{run_id}/steps/{step_id}/prompt", steps::prompt),
        get("/api/workflows/runs/{run_id}/steps/{step_id}/attempts/{number}/transcript", steps::transcript),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/trigger", steps::trigger).takes(CONTENT),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/continue", steps::approve),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/edit", steps::edit).takes(CONTENT),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/reject", steps::reject).takes(TEXT),
        get("/api/workflows/runs/{run_id}/steps/{step_id}/skip", steps::skip_needs),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/skip", steps::skip).takes(CONTENT),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/supply", steps::supply).takes(CONTENT),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/stop", steps::stop),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/rerun", steps::rerun).takes(CONTENT),
        get("/api/workflows/runs/{run_id}/artifacts", artifacts::list),
        get("/api/workflows/runs/{run_id}/artifacts/{artifact_id}", artifacts::get),
        get("/api/workflows/runs/{run_id}/artifacts/{artifact_id}/lineage", artifacts::lineage),
        post("/api/workflows/runs/{run_id}/artifacts/{artifact_id}/rollback", artifacts::rollback),
        get("/api/workflows/runs/{run_id}/absent", workers::absent),
        get("/api/workflows/runs/{run_id}/steps/{step_id}/attempts/{number}/logs", workers::logs),
        get("/api/workers", workers::list),
        patch("/api/workers/{session_id}", workers::set),
        get("/api/workers/offers", workers::offers),
        post("/api/workers/offers/accept", workers::accept),
        get("/api/worker-tokens", workers::list_tokens),
        post("/api/worker-tokens", workers::create_token),
        delete("/api/worker-tokens/{token_id}", workers::revoke_token),
        get("/api/workflows/runs/{run_id}/live", live::run_socket).takes(SOCKET),
        get("/api/live", live::my_socket).takes(SOCKET),
    ];
    routes.extend(companies());
    routes.extend(reviews());
    routes.extend(telling());
    routes.extend(many());
    routes.extend(figures());
    routes.extend(outside());
    routes
}

/// The inbox: gates of all runs.
fn reviews() -> Vec<Route> {
    vec![
        get("/api/inbox", inbox::list),
        get("/api/inbox/counts", inbox::counts),
        get("/api/inbox/history", inbox::history),
        get("/api/inbox/gates/{run_id}/{step_id}", inbox::reading),
        post("/api/inbox/previews", inbox::previews),
        post("/api/inbox/decide", inbox::decide).takes(TEXT),
    ]
}

/// Who is asked with others, in whose place, and who looks on.
fn companies() -> Vec<Route> {
    vec![
        get("/api/groups", groups::list),
        post("/api/groups", groups::create),
        patch("/api/groups/{group_id}", groups::rename),
        delete("/api/groups/{group_id}", groups::delete),
        get("/api/groups/{group_id}/members", groups::members),
        post("/api/groups/{group_id}/members", groups::add_member),
        delete("/api/groups/{group_id}/members/{user_id}", groups::remove_member),
        get("/api/me/delegations", delegations::mine),
        post("/api/me/delegations", delegations::create),
        delete("/api/me/delegations/{delegation_id}", delegations::end),
        get("/api/delegations", delegations::list),
        delete("/api/delegations/{delegation_id}", delegations::end_any),
        get("/api/workflows/runs/{run_id}/shares", sharing::list),
        post("/api/workflows/runs/{run_id}/shares", sharing::create),
        delete("/api/workflows/runs/{run_id}/shares/{share_id}", sharing::end),
    ]
}

/// What tells people that a gate asks them.
fn telling() -> Vec<Route> {
    vec![
        get("/api/notices", notices::mine),
        put("/api/notices/choices", notices::choose),
        get("/api/notices/addresses", notices::addresses),
        post("/api/notices/addresses", notices::add_address),
        patch("/api/notices/addresses/{address_id}", notices::change_address),
        delete("/api/notices/addresses/{address_id}", notices::delete_address),
        post("/api/notices/addresses/{address_id}/secret", notices::renew_secret),
        post("/api/notices/addresses/{address_id}/test", notices::test_address),
        get("/api/notices/deliveries", notices::deliveries),
        post("/api/notices/messages/{notice_id}/resend", notices::resend),
        get("/api/notices/settings", notices::settings),
        put("/api/notices/settings", notices::set_settings),
        post("/api/notices/settings/test", notices::test_email),
    ]
}

/// Many runs from one table.
fn many() -> Vec<Route> {
    vec![
        get("/api/batches", batches::list),
        post("/api/batches", batches::create).takes(TABLE),
        get("/api/batches/{batch_id}", batches::get),
        get("/api/batches/{batch_id}/rows", batches::rows),
        get("/api/batches/{batch_id}/results.csv", batches::results),
        post("/api/batches/{batch_id}/pause", batches::pause),
        post("/api/batches/{batch_id}/resume", batches::resume),
        post("/api/batches/{batch_id}/cancel", batches::cancel),
    ]
}

/// What those read who keep the server running and scale its workers.
fn figures() -> Vec<Route> {
    vec![get("/metrics", metrics::scrape), get("/api/queues", workers::queues)]
}

/// The protocol of workers outside.
fn outside() -> Vec<Route> {
    vec![
        post("/api/worker/v1/sessions", worker::register).takes(WORKER_CONTENT),
        delete("/api/worker/v1/sessions/{session_id}", worker::end).takes(WORKER),
        post("/api/worker/v1/sessions/{session_id}/claim", worker::claim).takes(WORKER),
        post("/api/worker/v1/sessions/{session_id}/beat", worker::beat).takes(WORKER_CONTENT),
        post("/api/worker/v1/sessions/{session_id}/complete", worker::complete).takes(WORKER_CONTENT),
        post("/api/worker/v1/sessions/{session_id}/tasks/{token}/complete", worker::complete_one).takes(WORKER_CONTENT),
        post("/api/worker/v1/sessions/{session_id}/tasks/{token}/callback", worker::callback).takes(WORKER),
        post("/api/worker/v1/callback", worker::called_back).takes(SECRET),
        put("/api/worker/v1/sessions/{session_id}/blobs/{hash}", worker::put_blob).takes(WORKER_STREAM),
        get("/api/worker/v1/sessions/{session_id}/blobs/{hash}", worker::get_blob).takes(WORKER),
    ]
}

impl Route {
    fn new<H: Handler<T, AppState>, T: 'static>(
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        entry: Entry,
        handler: H,
    ) -> Self {
        Self { method, path, entry, handler: on(filter, handler) }
    }

    fn takes(mut self, entry: Entry) -> Self {
        self.entry = entry;
        self
    }
}

fn get<H: Handler<T, AppState>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route::new(Method::GET, MethodFilter::GET, path, NOTHING, handler)
}

fn post<H: Handler<T, AppState>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route::new(Method::POST, MethodFilter::POST, path, SMALL, handler)
}

fn put<H: Handler<T, AppState>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route::new(Method::PUT, MethodFilter::PUT, path, SMALL, handler)
}

fn patch<H: Handler<T, AppState>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route::new(Method::PATCH, MethodFilter::PATCH, path, SMALL, handler)
}

fn delete<H: Handler<T, AppState>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route::new(Method::DELETE, MethodFilter::DELETE, path, NOTHING, handler)
}
