//! Every REST route and live socket, in one table: the router is built from it, and so is the access matrix of the tests,
//! so that no endpoint can exist without a row there.

use axum::{
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
};
use http::Method;

use super::{AppState, agents, artifacts, people, runs, steps, templates};
use crate::live;

pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub(super) handler: MethodRouter<AppState>,
}

/// In reading order: who am I, people, agents, templates, runs, steps, artifacts, live.
pub fn routes() -> Vec<Route> {
    vec![
        get("/api/me", people::me),
        get("/api/users", people::list),
        post("/api/users", people::create),
        patch("/api/users/{user_id}", people::update),
        get("/api/tokens", people::list_tokens),
        post("/api/tokens", people::create_token),
        delete("/api/tokens/{token_id}", people::revoke_token),
        get("/api/agents/list", agents::list),
        get("/api/agents/{agent_id}", agents::get),
        post("/api/agents", agents::save),
        post("/api/agents/test", agents::test),
        get("/api/providers", agents::providers),
        get("/api/workflows/gallery", templates::gallery),
        get("/api/workflows/templates", templates::list),
        post("/api/workflows/templates", templates::create),
        get("/api/workflows/templates/{template_id}", templates::get),
        put("/api/workflows/templates/{template_id}", templates::update),
        post("/api/workflows/templates/{template_id}/publish", templates::publish),
        get("/api/workflows/templates/{template_id}/versions", templates::versions),
        get("/api/workflows/templates/{template_id}/versions/{version}", templates::version),
        post("/api/workflows/templates/{template_id}/archive", templates::archive),
        post("/api/workflows/templates/{template_id}/unarchive", templates::unarchive),
        get("/api/workflows/waiting", runs::waiting),
        get("/api/workflows/runs", runs::list),
        post("/api/workflows/runs", runs::start),
        get("/api/workflows/runs/{run_id}", runs::get),
        patch("/api/workflows/runs/{run_id}", runs::patch),
        post("/api/workflows/runs/{run_id}/pause", runs::pause),
        post("/api/workflows/runs/{run_id}/resume", runs::resume),
        post("/api/workflows/runs/{run_id}/cancel", runs::cancel),
        post("/api/workflows/runs/{run_id}/fork", runs::fork),
        post("/api/workflows/runs/{run_id}/adopt", runs::adopt),
        post("/api/workflows/runs/{run_id}/move", runs::move_to),
        get("/api/workflows/runs/{run_id}/compare", runs::compare),
        get("/api/workflows/runs/{run_id}/stale", runs::stale),
        get("/api/workflows/runs/{run_id}/events", runs::events),
        get("/api/workflows/runs/{run_id}/steps/{step_id}/prompt", steps::prompt),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/trigger", steps::trigger),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/continue", steps::approve),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/edit", steps::edit),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/reject", steps::reject),
        get("/api/workflows/runs/{run_id}/steps/{step_id}/skip", steps::skip_needs),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/skip", steps::skip),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/supply", steps::supply),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/stop", steps::stop),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/rerun", steps::rerun),
        get("/api/workflows/runs/{run_id}/artifacts", artifacts::list),
        get("/api/workflows/runs/{run_id}/artifacts/{artifact_id}", artifacts::get),
        get("/api/workflows/runs/{run_id}/artifacts/{artifact_id}/lineage", artifacts::lineage),
        post("/api/workflows/runs/{run_id}/artifacts/{artifact_id}/rollback", artifacts::rollback),
        get("/api/workflows/runs/{run_id}/live", live::run_socket),
        get("/api/live", live::my_socket),
    ]
}

fn get<H: Handler<T, AppState>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route { method: Method::GET, path, handler: on(MethodFilter::GET, handler) }
}

fn post<H: Handler<T, AppState>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route { method: Method::POST, path, handler: on(MethodFilter::POST, handler) }
}

fn put<H: Handler<T, AppState>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route { method: Method::PUT, path, handler: on(MethodFilter::PUT, handler) }
}

fn patch<H: Handler<T, AppState>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route { method: Method::PATCH, path, handler: on(MethodFilter::PATCH, handler) }
}

fn delete<H: Handler<T, AppState>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route { method: Method::DELETE, path, handler: on(MethodFilter::DELETE, handler) }
}
