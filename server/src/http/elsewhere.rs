//! Runs of other cells: where a request about one met nothing here, whoever asked, or routed it here, is told which cell its id is of.
//! Must never look whether there is such a run, and never answer anything else than what the id alone says.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode};
use workflow::{RunId, api::ErrorCode};

use super::{AppState, problem::Problem};

/// The number of the cell that a run is of.
pub(super) const CELL: HeaderName = HeaderName::from_static("weft-cell");
const RUNS: &str = "/api/workflows/runs/";

/// The middleware around all routes. Installations that were not given a number know of no others.
pub(super) async fn tell(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let run = run(request.uri().path());
    let response = next.run(request).await;
    if response.status() != StatusCode::NOT_FOUND {
        return response;
    }
    let Some((there, here)) = run.and_then(|run| state.service.elsewhere(run)) else { return response };
    let detail = format!("This is a run of cell {there}, and this is cell {here}. Ask that one.");
    let problem = Problem::new(StatusCode::MISDIRECTED_REQUEST, ErrorCode::NotFound, detail);
    let mut response = problem.into_response();
    response.headers_mut().insert(CELL, HeaderValue::from(there.number()));
    response
}

/// Whether a route is about one run, so that it may answer this.
pub(super) fn may_answer(route: &str) -> bool {
    route.strip_prefix(RUNS).is_some_and(|rest| rest.starts_with("{run_id}"))
}

/// What run an address is about.
fn run(path: &str) -> Option<RunId> {
    path.strip_prefix(RUNS)?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_which_run_it_is_about() {
        let id = "01890a5d-ac96-7011-8000-000000000000";
        for (path, expected) in [
            (format!("/api/workflows/runs/{id}"), Some(id)),
            (format!("/api/workflows/runs/{id}/steps/a/rerun"), Some(id)),
            ("/api/workflows/runs".to_owned(), None),
            ("/api/workflows/runs/delete".to_owned(), None),
            (format!("/api/workflows/templates/{id}"), None),
        ] {
            assert_eq!(run(&path).map(|run| run.to_string()).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn the_routes_that_may_answer_so_are_those_whose_address_says_a_run() {
        let id = "01890a5d-ac96-7011-8000-000000000000";
        for route in crate::http::routes() {
            let address = route.path.replace("{run_id}", id);
            assert_eq!(may_answer(route.path), run(&address).is_some(), "{}", route.path);
        }
    }
}
