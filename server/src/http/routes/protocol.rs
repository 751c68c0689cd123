//! What outside workers say themselves: docs/workers.md.

use service::worker::wire::{Beaten, Callback, Completed, Outcome, Registered, Tasks};

use super::{Route, WORKER_ALONE, delete, get, post, put};
use crate::http::{
    entry::{SECRET, WORKER, WORKER_CONTENT, WORKER_STREAM},
    worker,
    worker::One,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        post(
            "/api/worker/v1/sessions",
            worker::register,
            WORKER_ALONE,
            "says who it is and what it offers: 201 with the session and how each agent stands",
        )
        .takes(WORKER_CONTENT)
        .gives::<Registered>(201),
        delete("/api/worker/v1/sessions/{session_id}", worker::end, WORKER_ALONE, "ends the session: 204")
            .takes(WORKER),
        post(
            "/api/worker/v1/sessions/{session_id}/claim",
            worker::claim,
            WORKER_ALONE,
            "`{max, wait_ms?}`: up to so many tasks, or 204 where none came in that time",
        )
        .takes(WORKER)
        .gives::<Tasks>(200)
        .nothing(204),
        post(
            "/api/worker/v1/sessions/{session_id}/beat",
            worker::beat,
            WORKER_ALONE,
            "keeps the session and its tasks, and tells what they say of themselves; answers what is to be done \
             with each",
        )
        .takes(WORKER_CONTENT)
        .gives::<Beaten>(200),
        post(
            "/api/worker/v1/sessions/{session_id}/complete",
            worker::complete,
            WORKER_ALONE,
            "`{results, claim?}`: how tasks ended, and what to claim in the same call",
        )
        .takes(WORKER_CONTENT)
        .gives::<Completed>(200),
        post(
            "/api/worker/v1/sessions/{session_id}/tasks/{token}/complete",
            worker::complete_one,
            WORKER_ALONE,
            "how one task ended",
        )
        .takes(WORKER_CONTENT)
        .gives::<One>(200),
        post(
            "/api/worker/v1/sessions/{session_id}/tasks/{token}/callback",
            worker::callback,
            WORKER_ALONE,
            "`{within_s}`: 201 with a secret, for whoever completes the task later",
        )
        .takes(WORKER)
        .gives::<Callback>(201),
        post(
            "/api/worker/v1/callback",
            worker::called_back,
            "whoever has the secret",
            "completes a task, once, with the secret in the header `Weft-Callback`",
        )
        .takes(SECRET)
        .needs_header("Weft-Callback", "The secret.")
        .reads_json::<Outcome>()
        .gives::<One>(200),
        put(
            "/api/worker/v1/sessions/{session_id}/blobs/{hash}",
            worker::put_blob,
            WORKER_ALONE,
            "content of any size, by its SHA-256: 204",
        )
        .takes(WORKER_STREAM)
        .reads(&["application/octet-stream"]),
        get(
            "/api/worker/v1/sessions/{session_id}/blobs/{hash}",
            worker::get_blob,
            WORKER_ALONE,
            "content that this session sent or was handed; a `Range` of bytes is 206",
        )
        .takes(WORKER)
        .file(200, "application/octet-stream")
        .file(206, "application/octet-stream")
        .nothing(416),
    ]
}
