//! The verbs of a person on one step, each with what it says.
//! Must never send by itself, and never without the key that makes a second try harmless.

use workflow::{ArtifactId, RunId, StepKey, api as wire};

use crate::{
    api::{self, Done},
    error::AppError,
};

/// A verb about a step with what it says.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::pages) enum Ask {
    Trigger(wire::TriggerStep),
    Continue(wire::ContinueStep),
    Edit(wire::EditStep),
    Reject(wire::RejectStep),
    Skip(wire::SkipStep),
    Supply(wire::SupplyStep),
    Stop(wire::StopStep),
    Rerun(wire::RerunStep),
    Rollback(ArtifactId, wire::RollbackArtifact),
}

impl Ask {
    pub(in crate::pages) async fn send(self, run: RunId, step: StepKey, key: Option<String>) -> Result<Done, AppError> {
        match self {
            Self::Trigger(ask) => api::trigger_step(run, step, ask, key).await,
            Self::Continue(ask) => api::continue_step(run, step, ask, key).await,
            Self::Edit(ask) => api::edit_step(run, step, ask, key).await,
            Self::Reject(ask) => api::reject_step(run, step, ask, key).await,
            Self::Skip(ask) => api::skip_step(run, step, ask, key).await,
            Self::Supply(ask) => api::supply_step(run, step, ask, key).await,
            Self::Stop(ask) => api::stop_step(run, step, ask, key).await,
            Self::Rollback(id, ask) => api::rollback_artifact(run, id, ask, key).await,
            Self::Rerun(ask) => api::rerun_step(run, step, ask, key).await,
        }
    }
}
