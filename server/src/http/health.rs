//! For those who keep the server running: does the process live, and should it be sent requests.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use workflow::api::ErrorCode;

use super::{AppState, problem::Problem};

/// Whether this process wants requests; it does not while it starts and from the moment it is told to stop.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    pub fn set(&self, is_ready: bool) {
        self.0.store(is_ready, Ordering::Release);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the schema is up to date (it is before the server says it is ready), and the database answers and takes writes.
pub(super) async fn readyz(State(state): State<AppState>) -> Response {
    if !state.readiness.get() {
        return unavailable("The server is starting or stopping. Try again in a moment.");
    }
    match state.store.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(store::Error::ReadOnly) => {
            tracing::warn!("not ready: the database takes no writes");
            unavailable("The database takes no writes at the moment, so nothing can be changed. Try again in a moment.")
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "not ready: the database does not answer");
            unavailable("The database does not answer. Try again in a moment.")
        }
    }
}

fn unavailable(detail: &str) -> Response {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, detail).into_response()
}
