//! The words for a verb that the state refused.
//! What happened is decided in the store, under the run's lock; only its telling is here.

use store::verbs::{Conflict, VerbOutcome};

use crate::{Error, Result};

/// Passes what was done; `by_status` says why the status refuses it.
pub(crate) fn refused(outcome: &VerbOutcome, by_status: impl FnOnce() -> String) -> Result<()> {
    let detail = match outcome {
        VerbOutcome::Done | VerbOutcome::Unchanged => return Ok(()),
        VerbOutcome::NotFound => return Err(Error::NotFound),
        VerbOutcome::Conflict(Conflict::Status(_)) => by_status(),
        VerbOutcome::Conflict(Conflict::Generation) => {
            "Somebody was faster: the step has started again since you looked. See what is there now.".to_owned()
        }
        VerbOutcome::Conflict(Conflict::Digest) => {
            "Something newer is there than what you looked at. Look at it, then decide.".to_owned()
        }
    };
    Err(Error::Conflict(detail))
}
