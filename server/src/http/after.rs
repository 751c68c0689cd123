//! What a verb on a run answers: the run as it is then, or less where its client wants that.
//! Must never answer anything that is older than what the verb came to.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use service::{
    OpContext,
    runs::{self, Done},
};
use workflow::{RunId, RunView};

use super::{extract::Prefer, problem::Result};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

pub(super) enum After {
    Run(Box<RunView>),
    Brief(Brief),
}

/// A run of thousands of steps is megabytes, and who works on it in a loop wants to know that it was done.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = RunBrief)]
pub(super) struct Brief {
    id: RunId,
    /// Of the last event that came of it.
    seq: i64,
}

pub(super) async fn after(ctx: &OpContext, prefer: Prefer, done: &Done) -> Result<After> {
    Ok(match prefer {
        Prefer::Representation => After::Run(Box::new(runs::view_after(ctx, done).await?)),
        Prefer::Minimal => After::Brief(Brief { id: done.run, seq: done.seq }),
    })
}

impl IntoResponse for After {
    fn into_response(self) -> Response {
        match self {
            Self::Run(run) => Json(run).into_response(),
            Self::Brief(brief) => {
                let applied = HeaderValue::from_static("return=minimal");
                ([(PREFERENCE_APPLIED, applied)], Json(brief)).into_response()
            }
        }
    }
}
