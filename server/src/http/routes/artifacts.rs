//! Versions of what steps made.

use workflow::api::ArtifactView;

use super::{ASKED, OWNER, Route, get, post};
use crate::http::artifacts;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "/api/workflows/runs/{run_id}/artifacts",
            artifacts::list,
            ASKED,
            "`?step=&name=&after=&limit=`: `{artifacts, next}`, all versions",
        ),
        get(
            "/api/workflows/runs/{run_id}/artifacts/{artifact_id}",
            artifacts::get,
            ASKED,
            "one with its content; `?download` for the bytes as they were given, text with its charset",
        )
        .gives::<ArtifactView>(200)
        .file(200, "*/*"),
        get(
            "/api/workflows/runs/{run_id}/artifacts/{artifact_id}/lineage",
            artifacts::lineage,
            ASKED,
            "everything it was made from, back to the inputs of the run",
        ),
        post(
            "/api/workflows/runs/{run_id}/artifacts/{artifact_id}/rollback",
            artifacts::rollback,
            OWNER,
            "`{expect_generation?}` makes that version the latest again",
        ),
    ]
}
