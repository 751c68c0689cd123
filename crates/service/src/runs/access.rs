//! Who may do what on one run: its owner and admins everything, whoever is asked at an open gate that gate alone, and who sees it by a
//! group, or because it is shared with them, nothing but look. What gates that bind keep even from an owner is decided with the verb.
//! Must answer alike for a run that is missing and one that is nobody's business of the asker.

use std::collections::BTreeSet;

use workflow::{
    RunId, StepKey,
    access::Actor,
    run::{State, state::Step},
    verbs::Verb,
};

use super::refusals;
use crate::{Error, OpContext, Result};

/// What a viewer may do with a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// Every verb that the gates leave to its owner, or to an admin.
    Full,
    /// Somebody who is asked, or has the reviews of somebody who is: the open gates of these steps, and to look.
    Gates(BTreeSet<StepKey>),
    /// A group of theirs sees all runs of the workflow, or the run is shared with them: to look, and nothing else.
    Look,
}

/// Whether the viewer may look at a run that is nothing else to them. Only asked where it is not: it is a question to the database.
pub(crate) async fn may_look(ctx: &OpContext, run: RunId) -> Result<bool> {
    Ok(ctx.store().run_is_shared(run, ctx.user()?.id).await?)
}

/// What somebody may do with the run by what it says of itself; none where they may look at most. With `may_look` it is the twin of what
/// the store asks in every read of runs.
pub(crate) fn of(state: &State, viewer: &Actor) -> Option<Access> {
    if viewer.may_run(state.birth.user_id) {
        return Some(Access::Full);
    }
    let asks = |step: &&Step| step.review().is_some_and(|review| state.asks(review, viewer));
    let gates: BTreeSet<StepKey> = state.steps().filter(asks).map(|step| step.key.clone()).collect();
    (!gates.is_empty()).then_some(Access::Gates(gates))
}

/// Passes if every verb is theirs: owner and admins.
pub(crate) fn steer(access: Option<&Access>) -> Result<()> {
    match access {
        Some(Access::Full) => Ok(()),
        Some(Access::Gates(_) | Access::Look) => Err(Error::Forbidden),
        None => Err(Error::NotFound),
    }
}

/// Passes if deciding at the step's gate is theirs: owner, admins, and whoever the open gate asks.
/// True if it is theirs only at the gate, which may have closed by the time the verb is decided.
/// `was_answered`: what they decided there once, they may be told again under its key.
pub(crate) fn decide(state: &State, access: Option<&Access>, key: &StepKey, was_answered: bool) -> Result<bool> {
    match access {
        Some(Access::Full) => Ok(false),
        Some(Access::Gates(open)) if open.contains(key) => Ok(true),
        _ if was_answered => Ok(true),
        Some(Access::Gates(_) | Access::Look) => Err(refusals::not_asked(state, Verb::Continue, key)),
        // Their gate has closed.
        None => Err(Error::NotFound),
    }
}
